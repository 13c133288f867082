"""Keys as they are typed on a command line: ``chip=ccd50 BiasFrame.process_params.CLIP=4.0``."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any, NamedTuple

from awlab.backend.errors import TargetError

__all__ = ["KeyWords", "read_key_words"]


class KeyWords(NamedTuple):
    """What stands behind the class of a target: its key, parameters, and whether it is made."""

    key: dict[str, str]
    pars: dict[str, Any]
    commit: bool


def read_key_words(words: Sequence[str]) -> KeyWords:
    """Read the words behind the class of a target.

    Parameters
    ----------
    words : sequence of str
        One ``name=value`` each; a name with dots is a process parameter, and ``commit=False`` asks
        for a dry run.

    Raises
    ------
    TargetError
        If a word is not of that form, or a name comes twice.
    """
    found: dict[str, str] = {}
    for word in words:
        name, sign, value = word.partition("=")
        if not sign or not all(part.isidentifier() for part in name.split(".")):
            raise TargetError(f"{word!r} is not name=value", "for instance chip=ccd50")
        if name in found:
            raise TargetError(f"{name} is given twice", "give every name once")
        found[name] = value
    commit = found.pop("commit", "True")
    if commit not in ("True", "False"):
        raise TargetError(f"commit={commit} is neither True nor False", "False is a dry run")
    pars = {name: _value(text) for name, text in found.items() if "." in name}
    key = {name: text for name, text in found.items() if "." not in name}
    return KeyWords(key, pars, commit == "True")


def _value(text: str) -> Any:
    """Return the Python value that a text is, the text itself where it is none."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text
