"""``%awe help``: the verbs, or one of them in full.

``%awe get --help`` is the same as ``%awe help get``; TAB completes verbs, classes and values.

Examples: ``%awe help``, ``%awe help get``.
Python: ``help(BiasFrame.get)``.
"""

from __future__ import annotations

import argparse
from typing import Any

from awlab.backend.errors import QueryError

_MORE = (
    ("%%awe sql", "free SQL in a cell of its own"),
    ("%awe --traceback", "where the last error came from"),
    ("%awe --version", "version of awlab"),
)


def arguments(parser: argparse.ArgumentParser) -> None:
    """Take a verb, or none."""
    parser.add_argument("topic", nargs="?", metavar="VERB")


def run(options: argparse.Namespace, _shell: Any) -> None:
    """Print the documentation of a verb, or the first line of each."""
    parsers = options.parsers
    if options.topic:
        if options.topic not in parsers:
            raise QueryError(f"no verb {options.topic!r}", f"there are {', '.join(parsers)}")
        print(parsers[options.topic].format_help().replace("``", ""))
        return
    rows = [(f"%awe {name}", _summary(parser)) for name, parser in parsers.items()]
    width = max(len(name) for name, _ in (*rows, *_MORE))
    print("\n".join(f"{name:<{width}}  {text}" for name, text in (*rows, *_MORE)))
    print("\nMore on a verb: %awe help get. TAB completes.")


def _summary(parser: argparse.ArgumentParser) -> str:
    first = str(parser.description).splitlines()[0]
    return first.partition(": ")[2].rstrip(".").replace("``", "")
