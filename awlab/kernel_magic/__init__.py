"""``%awe`` at the prompt: verbs, completion, short errors, and the Awe kernel."""

from awlab.kernel_magic.extension import load, unload

__all__ = ["load", "unload"]
