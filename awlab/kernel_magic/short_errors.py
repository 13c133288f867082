"""A user's mistake is one line and a hint; the rest on demand."""

from __future__ import annotations

import linecache
import traceback
from typing import Any

from awlab.backend.errors import AwlabError
from awlab.kernel_magic.config import prompt

__all__ = ["install", "last_traceback", "lines_of", "remove", "shorten"]

_last: list[str] = []


def lines_of(error: AwlabError) -> list[str]:
    """Return what the user sees of an error."""
    # One line, whatever a value or the database put into the message.
    found = [f"{type(error).__name__}: {' '.join(error.message.split())}"]
    return [*found, f"  -> {' '.join(error.hint.split())}"] if error.hint else found


def shorten(error: AwlabError) -> None:
    """Make an error that comes from a verb show itself in one line, and remember the rest."""
    _remember(error)
    if prompt.short_errors:
        error._render_traceback_ = lambda: lines_of(error)  # type: ignore[attr-defined]


def last_traceback() -> str:
    """Return where the last error came from."""
    return "".join(_last) or "no error yet"


def _remember(error: BaseException) -> None:
    _last[:] = traceback.format_exception(error)


def _where(trace: Any) -> list[str]:
    """Name the line of the cell, if the cell has several."""
    cells = [
        frame for frame in traceback.extract_tb(trace) if _is_cell(frame.filename) and frame.lineno
    ]
    if not cells or len(linecache.getlines(cells[0].filename)) < 2:
        return []
    return [f"  in line {cells[0].lineno}: {(cells[0].line or '').strip()}"]


def _is_cell(filename: str) -> bool:
    # IPython and ipykernel keep the sources of cells in linecache without a file behind them.
    return "ipython-input" in filename or "ipykernel_" in filename


def _show(shell: Any, kind: Any, error: Any, trace: Any, tb_offset: Any = None) -> list[str]:
    _remember(error)
    if not prompt.short_errors:
        lines = shell.InteractiveTB.structured_traceback(kind, error, trace, tb_offset=tb_offset)
    elif hasattr(error, "_render_traceback_"):
        lines = error._render_traceback_()
    else:
        lines = [*lines_of(error), *_where(trace)]
    shell._showtraceback(kind, error, lines)
    return list(lines)


def install(shell: Any) -> None:
    """Show awlab's errors short in this shell; a handler that somebody else set stays."""
    if not shell.custom_exceptions:
        shell.set_custom_exc((AwlabError,), _show)


def remove(shell: Any) -> None:
    """Show all errors as IPython does."""
    if shell.custom_exceptions == (AwlabError,):
        shell.set_custom_exc((), None)
    _last.clear()
