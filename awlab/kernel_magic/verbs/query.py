"""``%awe query``: objects of a class by key, or a Python expression.

Examples: ``%awe query BiasFrame chip=ccd50``, ``%awe query BiasFrame.imstat.mean > 3``.
Python: ``BiasFrame.select(chip='ccd50')``.
"""

from __future__ import annotations

import argparse
from typing import Any

from awlab.backend.database import Query
from awlab.backend.errors import QueryError
from awlab.kernel_magic.verbs.words import key_of, named_class


def arguments(parser: argparse.ArgumentParser) -> None:
    """Take a class and a key, or an expression."""
    parser.add_argument("words", nargs="+")


def run(options: argparse.Namespace, shell: Any) -> Query:
    """Return the query; the notebook shows its first page."""
    first = options.words[0]
    if first.isidentifier() and all("=" in word and "==" not in word for word in options.words[1:]):
        found: Query = named_class(first).select(**key_of(options.words[1:]))
        return found
    result = shell.ev(" ".join(options.words))
    if not isinstance(result, Query):
        raise QueryError(
            f"{' '.join(options.words)} is not a query", "compare an attribute of a class"
        )
    return result
