"""Load and unload the extension; nothing of it stays behind."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from IPython.core.completer import SimpleCompletion, context_matcher

from awlab.kernel_magic import boolean_words, short_errors
from awlab.kernel_magic.completer import complete
from awlab.kernel_magic.magics import AweMagics

__all__ = ["load", "unload"]


@context_matcher()
def awe_matcher(context: Any) -> Any:
    """Complete what stands behind ``%awe``."""
    line = context.line_with_cursor[: context.cursor_position]
    _, found, rest = line.rpartition("%awe ")
    if not found:
        return {"completions": []}
    options = complete("awe " + rest)
    token = rest.split(" ")[-1]
    return {
        "completions": [SimpleCompletion(text=text, type="awe") for text in options],
        "matched_fragment": token,
        "suppress": bool(options),
    }


def load(shell: Any) -> None:
    """Register magics, completion and short errors in a shell."""
    import_module("awlab.backend.targets")
    shell.register_magics(AweMagics)
    shell.Completer.custom_matchers.append(awe_matcher)
    short_errors.install(shell)


def unload(shell: Any) -> None:
    """Take all of it away again."""
    for kind in ("line", "cell"):
        shell.magics_manager.magics[kind].pop("awe", None)
    if awe_matcher in shell.Completer.custom_matchers:
        shell.Completer.custom_matchers.remove(awe_matcher)
    short_errors.remove(shell)
    boolean_words.remove(shell)
