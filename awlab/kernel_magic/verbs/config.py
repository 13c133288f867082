"""``%awe config``: how this prompt behaves.

``boolean_words``: and, or, not combine queries in cells (on in the Awe kernel). ``short_errors``: a
mistake is one line and a hint. ``rows``: rows on a page of a query.

Examples: ``%awe config``, ``%awe config boolean_words off``, ``%awe config rows 50``.
Python: ``awlab.kernel_magic.config.prompt``; it concerns the prompt only.
"""

from __future__ import annotations

import argparse
from typing import Any

from IPython.core.error import UsageError

from awlab.kernel_magic import boolean_words
from awlab.kernel_magic.config import prompt
from awlab.kernel_magic.display import Table, show

_MEANINGS = {
    "boolean_words": "and, or, not between queries in cells",
    "short_errors": "a mistake is one line and a hint",
    "rows": "rows on a page of a query",
}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Take a name and a value."""
    parser.add_argument("--quiet", action="store_true", help="show nothing")
    parser.add_argument("words", nargs="*", metavar="SETTING")


def run(options: argparse.Namespace, shell: Any) -> None:
    """Change what is named, then show all."""
    if len(options.words) not in (0, 2):
        raise UsageError("%awe config takes a name and a value: %awe config rows 50")
    if options.words:
        prompt.change(*options.words)
        (boolean_words.install if prompt.boolean_words else boolean_words.remove)(shell)
    if not options.quiet:
        values = prompt.as_dict().items()
        rows = [(name, _said(value), _MEANINGS[name]) for name, value in values]
        show(Table(["setting", "value", "meaning"], rows))


def _said(value: Any) -> str:
    return {True: "on", False: "off"}[value] if isinstance(value, bool) else str(value)
