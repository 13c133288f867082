"""How the prompt behaves: what ``%awe config`` changes, for the life of the kernel."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from awlab.backend.errors import QueryError

__all__ = ["PromptConfig", "prompt"]

_MOST_ROWS = 1000


@dataclass
class PromptConfig:
    """The settings of one prompt; a kernel has one.

    Attributes
    ----------
    boolean_words : bool
        Whether ``and``, ``or`` and ``not`` combine queries.
    short_errors : bool
        Whether a user's mistake is shown as one line and a hint.
    rows : int
        Rows on a page of a query.
    """

    boolean_words: bool = False
    short_errors: bool = True
    rows: int = 20

    def as_dict(self) -> dict[str, Any]:
        """Return the settings by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def change(self, name: str, text: str) -> None:
        """Change one setting to a value written as text.

        Raises
        ------
        QueryError
            If there is no such setting or the value does not fit.
        """
        known = self.as_dict()
        if name not in known:
            raise QueryError(f"no setting {name!r}", f"there are {', '.join(known)}")
        if isinstance(known[name], bool):
            if text not in ("on", "off"):
                raise QueryError(f"{name} is on or off, not {text!r}", f"%awe config {name} on")
            setattr(self, name, text == "on")
        elif text.isascii() and text.isdigit() and 0 < int(text) <= _MOST_ROWS:
            setattr(self, name, int(text))
        else:
            raise QueryError(f"{name} is 1 to {_MOST_ROWS}, not {text!r}", f"%awe config {name} 20")


#: The settings of this kernel.
prompt = PromptConfig()
