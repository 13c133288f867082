"""Whether a target is up to date, and why not."""

from __future__ import annotations

import html

__all__ = ["UpToDate"]


class UpToDate:
    """Whether a target is up to date; true or false, and why not.

    Attributes
    ----------
    reasons : list of str
        Why it is outdated; empty if it is up to date.
    """

    def __init__(self, reasons: list[str], state: str) -> None:
        self.reasons = reasons
        self.state = state

    def __bool__(self) -> bool:
        return self.state == "up to date"

    def __repr__(self) -> str:
        why = f": {'; '.join(self.reasons)}" if self.reasons else ""
        return f"<{self.state}{why}>"

    def __str__(self) -> str:
        return "\n  ".join([self.state, *self.reasons])

    def _repr_html_(self) -> str:
        word, reasons = self.state, "".join(f"<li>{html.escape(why)}</li>" for why in self.reasons)
        state = f"<b class='awlab-state awlab-{word.replace(' ', '-')}'>{word}</b>"
        return f"<div class='awlab-uptodate'>{state}{reasons and f'<ul>{reasons}</ul>'}</div>"
