"""``%awe sql``: free SQL for reading, within the context.

One statement in a read-only transaction. Classes are tables, attributes columns, statistics columns
such as imstat_mean; a link holds the id of the object linked to. You see the objects that your
context sees. Names without quotes may be written in any case.

Examples: ``rows = %awe sql SELECT count(*) FROM BiasFrame``,
``%%awe sql --limit 100 --into rows`` with the statement in the lines below it.
Python: ``awlab.backend.database.run_sql('...')``.
"""

from __future__ import annotations

import argparse
from typing import Any

from awlab.backend.database import run_sql
from awlab.backend.errors import QueryError
from awlab.kernel_magic.display import Table

TAKES_TEXT = True
_SHOWN = 1000


def arguments(parser: argparse.ArgumentParser) -> None:
    """Take a limit and a name for the answer."""
    parser.add_argument("--limit", type=int, default=_SHOWN, metavar="ROWS", help="rows at most")
    parser.add_argument("--into", metavar="NAME", help="variable that gets the rows")
    parser.add_argument("statement", nargs="*", metavar="SQL")


def run(options: argparse.Namespace, shell: Any) -> Table | None:
    """Return the rows as a table; ``.rows``, ``.columns`` and ``.table()`` give them on."""
    if options.into is not None and not options.into.isidentifier():
        raise QueryError(f"{options.into!r} is not a name for a variable", "--into rows")
    columns, rows = run_sql(options.text, options.limit + 1)
    cut = len(rows) > options.limit
    count = f"{len(rows):,} row{'' if len(rows) == 1 else 's'}"
    caption = f"the first {options.limit:,} rows; --limit says how many" if cut else count
    found = Table(columns, rows[: options.limit], caption)
    if options.into is None:
        return found
    shell.user_ns[options.into] = found
    return None
