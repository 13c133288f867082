"""One line of a doctor's report."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Finding"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, what was found, and what to do.

    Attributes
    ----------
    what : str
        What was examined.
    is_well : bool
        True if nothing needs to be done.
    text : str
        What was found.
    advice : str
        What to do; empty if all is well.
    """

    what: str
    is_well: bool
    text: str
    advice: str = ""

    def __str__(self) -> str:
        mark = "ok  " if self.is_well else "SEE "
        advice = f"\n                    -> {self.advice}" if self.advice else ""
        return f"{mark}{self.what:<16}{self.text}{advice}"
