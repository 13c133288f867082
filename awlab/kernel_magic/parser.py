"""The words behind ``%awe``: one argparse tree for parsing, help and completion."""

from __future__ import annotations

import argparse
import shlex
from typing import NoReturn

from IPython.core.error import UsageError

from awlab.kernel_magic.verbs import VERBS

__all__ = ["make_parser", "parse"]


class _Parser(argparse.ArgumentParser):
    """Raises where argparse would end the kernel."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"%awe: {message}; see %awe help")

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        raise UsageError(message or "%awe: see %awe help")


def make_parser() -> argparse.ArgumentParser:
    """Make the argparse tree, one sub-command per verb."""
    parser = _Parser(prog="%awe", add_help=False, allow_abbrev=False)
    commands = parser.add_subparsers(dest="verb", parser_class=_Parser)
    for name, verb in VERBS.items():
        sub = commands.add_parser(name, add_help=False, allow_abbrev=False)
        verb.arguments(sub)
    return parser


def parse(line: str) -> argparse.Namespace:
    """Parse a line.

    Raises
    ------
    UsageError
        If the line is not understood.
    """
    try:
        words = shlex.split(line)
    except ValueError as exc:
        raise UsageError(f"%awe: {exc}; close the quotes") from None
    return make_parser().parse_args(words or ["help"])
