"""A user's mistake is one line and a hint; the rest on demand."""

from __future__ import annotations

import traceback
from typing import Any

from awlab.backend.errors import AwlabError

__all__ = ["ShortError", "install", "last_traceback", "remove"]

_last: list[str] = []


class ShortError(Exception):
    """An error that shows itself in one line."""

    def __init__(self, cause: AwlabError) -> None:
        super().__init__(str(cause))
        self.cause = cause
        _remember(cause)

    def _render_traceback_(self) -> list[str]:
        return lines_of(self.cause)


def lines_of(error: AwlabError) -> list[str]:
    """Return what the user sees of an error."""
    found = [f"{type(error).__name__}: {error.message}"]
    return [*found, f"  -> {error.hint}"] if error.hint else found


def _remember(error: BaseException) -> None:
    _last[:] = traceback.format_exception(error)


def last_traceback() -> str:
    """Return where the last error came from."""
    return "".join(_last) or "no error yet"


def _show(shell: Any, kind: Any, error: Any, trace: Any, tb_offset: Any = None) -> list[str]:
    _remember(error)
    lines = lines_of(error)
    shell._showtraceback(kind, str(error), lines)
    return lines


def install(shell: Any) -> None:
    """Show awlab's errors short in this shell."""
    shell.set_custom_exc((AwlabError,), _show)


def remove(shell: Any) -> None:
    """Show all errors as IPython does."""
    shell.set_custom_exc((), None)
