"""Tab completion behind ``%awe``, from the same argparse tree that parses the line."""

from __future__ import annotations

import argparse
import re
from typing import Any

from IPython.core.completer import SimpleCompletion, context_matcher

from awlab.kernel_magic.parser import TEXT_VERBS, make_parsers
from awlab.kernel_magic.suggestions import suggest, suggest_sql

__all__ = ["complete", "install", "remove"]

# At the start of a line, or after the name that the answer is given to.
_LINE = re.compile(r"^\s*(?:[\w., \[\]'\"]+=\s*)?%awe\s+(?P<words>.*)$")
_CELL = re.compile(r"^%%awe\s+(?P<words>.*)$")
_SQL = re.compile(r"^\s*%%awe\s+sql\b")


def complete(words: str, variables: dict[str, Any]) -> list[str]:
    """Return what may stand at the end of the words behind ``%awe``.

    Parameters
    ----------
    words : str
        What is typed so far, behind ``%awe``.
    variables : dict
        The user's variables.
    """
    before = re.split(r"\s+", words.lstrip())
    last = before.pop()
    parsers = make_parsers()
    if not before:
        return [name for name in (*parsers, "--traceback", "--version") if name.startswith(last)]
    verb, *before = before
    if verb not in parsers:
        return []
    if last.startswith("-"):
        options = parsers[verb]._option_string_actions
        return [name for name in options if name.startswith(last) and name not in before]
    action = _action(parsers[verb], before)
    if action is None:
        return []
    if action.metavar == "VERB":
        return [name for name in parsers if name.startswith(last)]
    return suggest(action, _plain(parsers[verb], before), last, variables)


def _action(parser: argparse.ArgumentParser, before: list[str]) -> argparse.Action | None:
    """Return the argument that the next word is for."""
    if before:
        option = parser._option_string_actions.get(before[-1])
        if option is not None and option.nargs != 0:
            return option
    places = parser._get_positional_actions()
    taken = len(_plain(parser, before))
    if taken < len(places):
        return places[taken]
    return places[-1] if places and places[-1].nargs in ("*", "+") else None


def _plain(parser: argparse.ArgumentParser, before: list[str]) -> list[str]:
    """Leave out options and their values."""
    found: list[str] = []
    is_value = False
    for word in before:
        option = parser._option_string_actions.get(word)
        if option is None and not is_value:
            found.append(word)
        is_value = option is not None and option.nargs != 0
    return found


def _options(context: Any, variables: dict[str, Any]) -> tuple[list[str], str]:
    """Return what fits, and the fragment that it replaces."""
    text = context.text_until_cursor
    if context.cursor_line > 0 and _SQL.match(context.full_text):
        token = re.search(r"\w*$", text)
        fragment = token[0] if token else ""
        return suggest_sql(context.full_text, fragment), fragment
    found = _CELL.match(text) if context.cursor_line == 0 else None
    if found and " " not in found["words"]:
        words = found["words"]
        return [name for name in TEXT_VERBS if name.startswith(words)], words
    found = found or _LINE.match(text)
    if found is None:
        return [], ""
    words = found["words"]
    return complete(words, variables), re.split(r"\s+", words)[-1]


def _matcher(shell: Any) -> Any:
    """Make what IPython asks at every TAB."""

    @context_matcher(identifier="awlab", priority=100)
    def awe_matcher(context: Any) -> Any:
        try:
            options, token = _options(context, shell.user_ns)
        # Completion must never be in the way: whatever goes wrong, there are no suggestions.
        except Exception:
            options, token = [], ""
        return {
            "completions": [SimpleCompletion(text=option, type="awe") for option in options],
            "matched_fragment": token,
            "suppress": bool(options),
        }

    return awe_matcher


def install(shell: Any) -> None:
    """Complete what stands behind ``%awe`` in this shell."""
    if not _installed(shell):
        shell.Completer.custom_matchers.append(_matcher(shell))


def remove(shell: Any) -> None:
    """Complete nothing of awlab's any more."""
    for matcher in _installed(shell):
        shell.Completer.custom_matchers.remove(matcher)


def _installed(shell: Any) -> list[Any]:
    return [
        matcher
        for matcher in shell.Completer.custom_matchers
        if getattr(matcher, "matcher_identifier", "") == "awlab"
    ]
