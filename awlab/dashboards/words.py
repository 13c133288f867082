"""What was asked for in the address of a page: words of strangers, each checked before use."""

from __future__ import annotations

import asyncio
import json
import os
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qsl, urlencode

from awlab.backend.database import DBObject, class_named
from awlab.backend.errors import QueryError

__all__ = ["Words", "address", "asked_text"]

_MOST = 30
_LONGEST = 200
# A page that waits for its reader connects again so often, with a pause in between [s]: the
# connection does not survive a machine that slept.
_TRIES = 20
_PAUSE = 0.5
_PATIENCE = 5.0


class Words:
    """The words behind the question mark of an address.

    Parameters
    ----------
    text : str
        For instance ``class=BiasFrame&y=imstat.mean``.

    Raises
    ------
    QueryError
        If there are too many of them.
    """

    def __init__(self, text: str) -> None:
        try:
            pairs = parse_qsl(text, max_num_fields=_MOST, errors="replace")
        except ValueError as exc:
            raise QueryError("the address has too many words", f"at most {_MOST}") from exc
        self._values = dict(pairs)

    def text(self, name: str, default: str = "") -> str:
        """Return a word as it was typed, or the default.

        Parameters
        ----------
        name : str
            Name of the word.
        default : str
            What it is if nobody asked.

        Raises
        ------
        QueryError
            If it is too long or holds something that cannot be printed.
        """
        value = self._values.get(name) or default
        if len(value) > _LONGEST or not value.isprintable():
            raise QueryError(f"{name} in the address is no sensible text", "start from a link")
        return value

    def cls(self, name: str, default: str) -> Any:
        """Return the persistent class that a word names.

        Raises
        ------
        QueryError
            If there is no such class.
        """
        value = self.text(name, default)
        found = class_named(value)
        if found is None:
            raise QueryError(f"there is no class {value!r}", f"for instance {default}")
        return found

    def object(self, name: str = "object") -> Any:
        """Return the object whose object_id a word is; None if nobody asked.

        Raises
        ------
        ObjectNotFound
            If there is none, or it may not be seen.
        """
        value = self.text(name)
        return DBObject(object_id=value) if value else None


def address(page: str, **words: str) -> str:
    """Return the address of a dashboard, relative to the others.

    Parameters
    ----------
    page : str
        Name of its notebook, without ending.
    **words : str
        What to ask it for; empty ones are left out.
    """
    text = urlencode({name: value for name, value in words.items() if value})
    return f"{page}.ipynb?{text}" if text else f"{page}.ipynb"


def asked_text() -> str:
    """Return what stands behind the question mark; a page made beforehand waits for its reader."""
    if os.environ.get("VOILA_PREHEAT") == "True":
        for _ in range(_TRIES):
            if _met_reader():
                break
            time.sleep(_PAUSE)
    return os.environ.get("QUERY_STRING", "")


def _met_reader() -> bool:
    """Wait until the server gives this page to somebody, and take over what was asked.

    What ``voila.utils.get_query_string`` does; importing that brings the whole server into the
    kernel of every page: 40 MB, and more than a second.
    """
    from tornado.websocket import websocket_connect

    get = os.environ.get
    base = get("VOILA_WS_BASE_URL", get("VOILA_SERVER_URL", "/"))
    host = f"{get('VOILA_APP_IP', '127.0.0.1')}:{get('VOILA_APP_PORT', '8866')}"
    kernel = get("VOILA_KERNEL_ID", "")
    url = f"{get('VOILA_WS_PROTOCOL', 'ws')}://{host}{base}voila/query/{kernel}"

    async def hear() -> str | bytes | None:
        line = await websocket_connect(url, connect_timeout=_PATIENCE)
        return await line.read_message()

    # The thread that runs the cells has a loop of its own already.
    with ThreadPoolExecutor(1) as pool:
        try:
            told = pool.submit(lambda: asyncio.run(hear())).result()
        except OSError:  # nobody answers: TimeoutError and ConnectionError are among them
            return False
    if told is None:  # the line was cut
        return False
    os.environ.update({str(name): str(value) for name, value in json.loads(told).items()})
    return True
