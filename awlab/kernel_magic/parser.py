"""The words behind ``%awe``: one argparse tree for parsing, help and completion."""

from __future__ import annotations

import argparse
import re
import shlex
from difflib import get_close_matches
from typing import NoReturn

from IPython.core.error import UsageError

from awlab.kernel_magic.verbs import VERBS

__all__ = ["TEXT_VERBS", "make_parsers", "parse"]

#: Verbs that take the rest of the line, or a cell, as it was typed.
TEXT_VERBS = tuple(name for name, verb in VERBS.items() if hasattr(verb, "TAKES_TEXT"))


class _Parser(argparse.ArgumentParser):
    """Raises where argparse would end the kernel."""

    def error(self, message: str) -> NoReturn:
        verb = self.prog.rpartition(" ")[2]
        raise UsageError(f"{self.prog}: {message}; see %awe help {verb}")

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        raise UsageError(message or f"{self.prog}: see %awe help")


def make_parsers() -> dict[str, argparse.ArgumentParser]:
    """Make the parser of every verb; its description is the documentation of the verb."""
    parsers: dict[str, argparse.ArgumentParser] = {}
    for name, verb in VERBS.items():
        parser = _Parser(
            prog=f"%awe {name}",
            description=verb.__doc__,
            add_help=False,
            allow_abbrev=False,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        parser.set_defaults(verb=name)
        verb.arguments(parser)
        parsers[name] = parser
    parsers["help"].set_defaults(parsers=parsers)
    return parsers


def parse(line: str, cell: str | None = None) -> argparse.Namespace:
    """Parse a line, or a whole cell.

    Parameters
    ----------
    line : str
        What stands behind ``%awe``.
    cell : str, optional
        What stands below it.

    Raises
    ------
    UsageError
        If it is not understood.
    """
    name, _, rest = line.strip().partition(" ")
    parsers = make_parsers()
    name = name or "help"
    if name not in parsers:
        near = get_close_matches(name, parsers, n=2)
        hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(parsers)}"
        raise UsageError(f"%awe: no verb {name!r}; {hint}")
    takes_text = name in TEXT_VERBS
    if cell is not None and not takes_text:
        raise UsageError(f"%%awe {name} takes no cell; %%awe {' and %%awe '.join(TEXT_VERBS)} do")
    words = rest.split() if takes_text else _split(name, rest)
    # In a text such a word may mean something else, unless it comes first.
    if {"--help", "-h"} & set(words[:1] if takes_text else words):
        return parsers["help"].parse_args([name])
    return _parse_text(parsers[name], rest, cell) if takes_text else parsers[name].parse_args(words)


def _split(name: str, rest: str) -> list[str]:
    try:
        return shlex.split(rest)
    except ValueError:
        raise UsageError(f"%awe {name}: a quote is not closed") from None


def _parse_text(parser: argparse.ArgumentParser, rest: str, cell: str | None) -> argparse.Namespace:
    """Take options from the front and leave the text as it was typed: quotes mean something."""
    options: list[str] = []
    known = parser._option_string_actions
    while match := re.match(r"\s*(--[a-z-]+)(?:[= ]+(\S+))?", rest):
        action = known.get(match[1])
        if action is None:
            break
        takes_value = action.nargs != 0 and match[2] is not None
        options += [match[1], match[2]] if takes_value else [match[1]]
        rest = rest[match.end(2 if takes_value else 1) :]
    found = parser.parse_args(options)
    found.text = (rest if cell is None else f"{rest}\n{cell}").strip()
    if not found.text:
        parser.error("there is nothing to run")
    return found
