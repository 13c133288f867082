"""``%awe config``: how the prompt behaves.

Examples: ``%awe config``, ``%awe config boolean_words off``.
Python: none; it concerns the prompt only.
"""

from __future__ import annotations

import argparse
from typing import Any

from awlab.backend.errors import QueryError
from awlab.kernel_magic import boolean_words


def arguments(parser: argparse.ArgumentParser) -> None:
    """Take a name and on or off."""
    parser.add_argument("name", nargs="?", choices=["boolean_words"])
    parser.add_argument("value", nargs="?", choices=["on", "off"])


def run(options: argparse.Namespace, shell: Any) -> None:
    """Change what is named, then show it."""
    if options.name and not options.value:
        raise QueryError(f"%awe config {options.name}: on or off?")
    if options.value == "on":
        boolean_words.install(shell)
    elif options.value == "off":
        boolean_words.remove(shell)
    state = "on" if boolean_words.is_installed(shell) else "off"
    print(f"boolean_words {state}: and, or, not between queries")
