"""What every widget is made of: its room's view, and messages that are asked and answered.

A view asks with ``{op, req, ...}`` and gets ``{req, ...}`` back, or ``{req, failure: "one line"}``.
Only methods marked with `answers` can be asked for. Large arrays travel as binary buffers.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import anywidget
import traitlets

from awlab.backend.errors import AwlabError
from awlab.widgets.theme import part, states_as_script, style_sheet

__all__ = ["AwlabWidget", "answers", "one_line"]

_log = logging.getLogger("awlab.widgets")
# Between two messages of a widget to its view [s]: ten per second, whatever happens here.
_PAUSE = 0.1

_Method = TypeVar("_Method", bound=Callable[..., Any])


def answers(method: _Method) -> _Method:
    """Mark a method that a view may ask for by its name; it returns a dictionary.

    With buffers it returns the pair of dictionary and list of buffers.
    """
    method._answers = True  # type: ignore[attr-defined]
    return method


def one_line(exc: Exception) -> str:
    """Say in one line what went wrong; what nobody foresaw gets an id that is also in the log."""
    if isinstance(exc, AwlabError):
        return " ".join(str(exc).split())
    number = uuid.uuid4().hex[:8]
    _log.error("error %s", number, exc_info=exc)
    return f"Something unforeseen went wrong ({type(exc).__name__}); error {number} in the log"


class AwlabWidget(anywidget.AnyWidget):
    """A widget whose script and style are ``view.js`` and ``view.css`` of its room.

    Attributes
    ----------
    failure : str
        One line about what went wrong last, shown by the view; empty if nothing did.
    """

    PARTS: ClassVar[tuple[str, ...]] = ()

    failure = traitlets.Unicode("").tag(sync=True)

    def __init_subclass__(cls, **keywords: Any) -> None:
        room = Path(str(sys.modules[cls.__module__].__file__)).parent
        # add_traits() derives a class of its own for every instance, with these as traits.
        if "_esm" not in vars(cls) and (room / "view.js").is_file():
            scripts = [part("wire.js"), *(part(f"{name}.js") for name in cls.PARTS)]
            view = (room / "view.js").read_text(encoding="utf-8")
            style = (room / "view.css").read_text(encoding="utf-8")
            cls._esm = "\n".join([states_as_script(), *scripts, view])
            cls._css = "\n".join([style_sheet(cls.PARTS), style])
        super().__init_subclass__(**keywords)

    def __init__(self, **keywords: Any) -> None:
        super().__init__(**keywords)
        self._waiting: dict[str, dict[str, Any]] = {}
        self._last_push = 0.0
        self.on_msg(self._hear)

    # -- being asked -----------------------------------------------------------------------

    def _hear(self, _: Any, content: Any, __: Any) -> None:
        """Answer a message of a view; whatever it holds, the kernel goes on."""
        if not isinstance(content, dict) or "req" not in content:
            return
        words = {str(name): value for name, value in content.items()}
        number, op = words.pop("req"), str(words.pop("op", ""))
        try:
            found = self.answer(op, words)
        except Exception as exc:
            self.send({"req": number, "failure": one_line(exc)})
            return
        reply, buffers = found if isinstance(found, tuple) else (found, [])
        self.send({"req": number, **(reply or {})}, buffers)

    def answer(self, op: str, words: dict[str, Any]) -> Any:
        """Run the method that a message asks for.

        Parameters
        ----------
        op : str
            Name of a method marked with `answers`.
        words : dict
            Its arguments, as they came from the browser.

        Raises
        ------
        AwlabError
            If there is no such method, or the method says no.
        """
        method = getattr(type(self), op, None) if op.isidentifier() else None
        if method is None or not getattr(method, "_answers", False):
            raise AwlabError(f"{type(self).__name__} does not answer {op!r}")
        return method(self, **words)

    # -- telling ---------------------------------------------------------------------------

    def push(self, op: str, **content: Any) -> None:
        """Tell the views something; of what comes faster than ten a second the newest is sent.

        Parameters
        ----------
        op : str
            What it is about; a newer message replaces a waiting one of the same ``op``.
        **content
            Plain data.
        """
        rest = self._last_push + _PAUSE - time.monotonic()
        if rest <= 0 and not self._waiting:
            self._last_push = time.monotonic()
            self.send({"op": op, **content})
            return
        idle = not self._waiting
        self._waiting[op] = content
        if idle:
            try:
                asyncio.get_running_loop().call_later(max(rest, 0.0), self.flush)
            except RuntimeError:
                self.flush()

    def flush(self) -> None:
        """Send what waits."""
        self._last_push = time.monotonic()
        waiting, self._waiting = self._waiting, {}
        for op, content in waiting.items():
            self.send({"op": op, **content})

    def fail(self, exc: Exception) -> None:
        """Show one line about an error."""
        self.failure = one_line(exc)
