"""A session pasted with its prompts, as on the slides of Astro-WISE: ``Awe> q = ...``.

IPython takes away ``>>>`` and ``In [1]:`` by itself. A line of a session that ends in an operator
goes on in the next one, which the prompt of Astro-WISE allowed and Python does not.
"""

from __future__ import annotations

import re
from typing import Any

__all__ = ["install", "remove", "without_prompts"]

_PROMPT = re.compile(r"^\s*[Aa]we>[ \t]?", re.MULTILINE)
_GOES_ON = re.compile(r"(\b(and|or|not)|[&|~])\s*$")


def without_prompts(lines: list[str]) -> list[str]:
    """Return the lines of a cell without prompts; a cell that has none is left as it is.

    Parameters
    ----------
    lines : list of str
        Lines with their ends.
    """
    if not any(_PROMPT.match(line) for line in lines):
        return lines
    found: list[str] = []
    for line in lines:
        text = _PROMPT.sub("", line)
        before = found[-1] if found else ""
        if text.strip() and _GOES_ON.search(before) and not before.lstrip().startswith("#"):
            found[-1] = f"{before.rstrip()} {text.lstrip()}"
        elif text.strip() or not _GOES_ON.search(before):
            found.append(text)
    return found


def install(shell: Any) -> None:
    """Understand pasted sessions in this shell."""
    if without_prompts not in shell.input_transformers_cleanup:
        shell.input_transformers_cleanup.append(without_prompts)


def remove(shell: Any) -> None:
    """Take cells as they are."""
    if without_prompts in shell.input_transformers_cleanup:
        shell.input_transformers_cleanup.remove(without_prompts)
