"""The picture of CalTS without a widget: bars as text in a terminal, as HTML elsewhere."""

from __future__ import annotations

import html
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from awlab.backend.quality import Bar, CalibrationTimeline
from awlab.kernel_magic.display import styled

__all__ = ["BarPicture"]

_WIDTH = 56
_SIGNS = {"used": "=", "eclipsed": "-", "flagged": "!", "invalid": "x"}
_TONES = {"used": "#009e73", "eclipsed": "#808080", "flagged": "#e69f00", "invalid": "#d55e00"}
_MEANING = "= used, - eclipsed, ! flagged, x invalid"


class BarPicture:
    """Validities from left to right, the newest creation on top.

    Parameters
    ----------
    timeline : CalibrationTimeline
        What is shown.
    rows : int
        At most so many bars; the newest ones.
    """

    def __init__(self, timeline: CalibrationTimeline, rows: int) -> None:
        self.timeline = timeline
        self.bars = timeline.bars[::-1][:rows]
        self.start, self.end = _extent(timeline, self.bars)

    def __len__(self) -> int:
        return len(self.timeline)

    def _place(self, moment: datetime) -> float:
        """Return where a moment lies between the ends, 0 to 1."""
        part = (moment - self.start) / (self.end - self.start)
        return min(max(part, 0.0), 1.0)

    def _title(self) -> str:
        cls = self.timeline.cls
        number = getattr(cls, "REQUIREMENT", "")
        counts = ", ".join(f"{n:,} {state}" for state, n in sorted(self.timeline.counts().items()))
        return f"{number} {cls.__name__}: {counts or 'none'}".strip()

    def _foot(self) -> str:
        hidden = len(self.timeline) - len(self.bars)
        more = f"; the newest {len(self.bars)} are shown" if hidden else ""
        return f"Total calibration files: {len(self.timeline):,}{more}"

    def __str__(self) -> str:
        if not self.bars:
            return f"{self._title()}\n{self._foot()}"
        labels = [_label(bar) for bar in self.bars]
        width = max(map(len, labels))
        begin, end = f"{self.start:%Y-%m-%d}", f"{self.end:%Y-%m-%d}"
        head = f"{'':{width}}  {begin}{end:>{_WIDTH - len(begin)}}  validity, state, created"
        lines = [
            f"{label:{width}}  {self._drawn(bar)}  {_told(bar)}"
            for label, bar in zip(labels, self.bars, strict=True)
        ]
        return "\n".join([self._title(), head, *lines, f"{_MEANING}; times are UTC", self._foot()])

    def _drawn(self, bar: Bar) -> str:
        cells = [" "] * _WIDTH
        for start, end, kind in _pieces(bar):
            first = min(int(self._place(start) * _WIDTH), _WIDTH - 1)
            last = max(int(self._place(end) * _WIDTH), first + 1)
            cells[first:last] = _SIGNS[kind] * (last - first)
        return "".join(cells[:_WIDTH])

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        rows = "".join(self._row(bar) for bar in self.bars)
        head = "".join(f"<th>{name}</th>" for name in ("", "validity", "state", "created", "flags"))
        axis = f"{self.start:%Y-%m-%d} – {self.end:%Y-%m-%d}"
        return (
            f"<table class='awlab-table'><caption>{html.escape(self._title())}</caption>"
            f"<thead><tr>{head}<th style='min-width:24em'>{axis}</th></tr></thead>"
            f"<tbody>{rows}</tbody></table><div>{html.escape(self._foot())}</div>"
        )

    def _row(self, bar: Bar) -> str:
        cells = [_label(bar), _span(bar), bar.state, f"{bar.creation_date:%Y-%m-%d %H:%M}",
                 ", ".join(bar.flags)]  # fmt: skip
        pieces = "".join(
            f"<rect x='{1000 * self._place(start):.1f}' y='2' height='8' fill='{_TONES[kind]}'"
            f" width='{max(1000 * (self._place(end) - self._place(start)), 2):.1f}'>"
            f"<title>{kind}</title></rect>"
            for start, end, kind in _pieces(bar)
        )
        picture = (
            "<svg viewBox='0 0 1000 12' preserveAspectRatio='none' role='img' width='100%'"
            f" height='12' aria-label='{html.escape(bar.state)}'>{pieces}</svg>"
        )
        texts = "".join(f"<td class='awlab-text'>{html.escape(cell)}</td>" for cell in cells)
        return f"<tr>{texts}<td>{picture}</td></tr>"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        return {"text/plain": str(self), "text/html": styled(self._repr_html_())}


def _extent(timeline: CalibrationTimeline, bars: Sequence[Bar]) -> tuple[datetime, datetime]:
    start = timeline.start or min((bar.start for bar in bars), default=datetime(2000, 1, 1))
    end = timeline.end or max((bar.end for bar in bars), default=datetime(2000, 1, 2))
    return (start, end) if start < end else (start, datetime.max)


def _pieces(bar: Bar) -> list[tuple[datetime, datetime, str]]:
    if not bar.is_good:
        return [(bar.start, bar.end, bar.state)]
    eclipsed = [(start, end, "eclipsed") for start, end in bar.eclipsed]
    return eclipsed + [(start, end, "used") for start, end in bar.used]


def _label(bar: Bar) -> str:
    return " ".join(filter(None, (bar.chip, bar.filter)))


def _span(bar: Bar) -> str:
    return f"{bar.start:%Y-%m-%d %H:%M} – {bar.end:%Y-%m-%d %H:%M}"


def _told(bar: Bar) -> str:
    flags = f" ({', '.join(bar.flags)})" if bar.flags else ""
    return f"{_span(bar)}  {bar.state}{flags}  {bar.creation_date:%Y-%m-%d}"
