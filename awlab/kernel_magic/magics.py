"""``%awe`` and ``%%awe``: dispatch only."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from IPython.core.magic import Magics, line_cell_magic, magics_class, no_var_expand

from awlab.backend.errors import AwlabError
from awlab.kernel_magic.parser import parse
from awlab.kernel_magic.short_errors import last_traceback, shorten
from awlab.kernel_magic.verbs import VERBS

__all__ = ["AweMagics"]


@magics_class
class AweMagics(Magics):
    """The magics of awlab."""

    @no_var_expand
    @line_cell_magic
    def awe(self, line: str, cell: str | None = None) -> Any:
        """Run a verb: see ``%awe help``."""
        if line.strip() == "--traceback" and cell is None:
            print(last_traceback())
            return None
        if line.strip() == "--version" and cell is None:
            print(f"awlab {version('awlab')}")
            return None
        options = parse(line, cell)
        try:
            return VERBS[options.verb].run(options, self.shell)
        except AwlabError as exc:
            shorten(exc)
            raise
