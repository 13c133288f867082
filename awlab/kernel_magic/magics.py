"""``%awe`` and ``%%awe``: dispatch only."""

from __future__ import annotations

from typing import Any

from IPython.core.error import UsageError
from IPython.core.magic import Magics, line_cell_magic, magics_class, no_var_expand

from awlab.backend.database import run_sql
from awlab.backend.errors import AwlabError
from awlab.kernel_magic.parser import parse
from awlab.kernel_magic.short_errors import ShortError, last_traceback
from awlab.kernel_magic.verbs import VERBS

__all__ = ["AweMagics"]


@magics_class
class AweMagics(Magics):
    """The magics of awlab."""

    @no_var_expand
    @line_cell_magic
    def awe(self, line: str, cell: str | None = None) -> Any:
        """Run a verb: see ``%awe help``."""
        if line.strip() == "--traceback":
            print(last_traceback())
            return None
        try:
            if cell is not None:
                return _cell(line, cell)
            options = parse(line)
            return VERBS[options.verb].run(options, self.shell)
        except AwlabError as exc:
            raise ShortError(exc) from None


def _cell(line: str, cell: str) -> Any:
    if line.strip() != "sql":
        raise UsageError("%%awe takes sql: %%awe sql")
    from astropy.table import Table

    names, rows = run_sql(cell)
    return Table(rows=rows, names=names) if rows else Table(names=names)
