"""What was asked for in the address of a page: words of strangers, each checked before use."""

from __future__ import annotations

import os
import time
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
    from voila.utils import get_query_string

    for _ in range(_TRIES):
        found = get_query_string()
        if found is not None or os.environ.get("VOILA_PREHEAT") != "True":
            return str(found or "")
        time.sleep(_PAUSE)
    return ""
