"""``%awe`` at the prompt: verbs, completion, short errors, displays, and the Awe kernel."""

from __future__ import annotations

from awlab.kernel_magic.extension import load, unload

__all__ = ["load", "unload"]
