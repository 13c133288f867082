"""Load and unload the extension; nothing of it stays behind."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from awlab.kernel_magic import boolean_words, completer, display, pasted_prompt, short_errors
from awlab.kernel_magic.config import PromptConfig, prompt
from awlab.kernel_magic.magics import AweMagics

__all__ = ["load", "unload"]


def load(shell: Any) -> None:
    """Register magics, completion, displays and short errors in a shell."""
    # Verbs and completion name classes: all of them must be known.
    import_module("awlab.backend.targets")
    shell.register_magics(AweMagics)
    completer.install(shell)
    display.install(shell)
    short_errors.install(shell)
    pasted_prompt.install(shell)


def unload(shell: Any) -> None:
    """Take all of it away again."""
    for kind in ("line", "cell"):
        shell.magics_manager.magics[kind].pop("awe", None)
    shell.magics_manager.registry.pop("AweMagics", None)
    completer.remove(shell)
    display.remove(shell)
    short_errors.remove(shell)
    pasted_prompt.remove(shell)
    boolean_words.remove(shell)
    for name, value in PromptConfig().as_dict().items():
        setattr(prompt, name, value)
