"""A span of time from year, quarter, month or week, and an axis to draw it on."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import numpy as np

from awlab.backend.quality import span_of

__all__ = ["Axis", "span_of"]

# Steps between ticks, the finest first; the first that gives few enough is taken.
_STEPS = (
    ("h", 1), ("h", 3), ("h", 6), ("h", 12), ("D", 1), ("D", 2), ("D", 7), ("M", 1), ("M", 2),
    ("M", 3), ("M", 6), ("M", 12), ("M", 24), ("M", 60), ("M", 120), ("M", 600),
)  # fmt: skip
_TICKS = 8
_MARGIN = 0.02


class Axis:
    """An axis of time on which 0 is its beginning and 1 its end.

    Parameters
    ----------
    start, end : datetime
        What is shown, UTC.
    """

    def __init__(self, start: datetime, end: datetime) -> None:
        self.start, self.end = start, max(end, start + timedelta(seconds=1))

    @classmethod
    def around(cls, spans: list[tuple[datetime, datetime]]) -> Axis:
        """Return an axis that shows all spans, with a margin."""
        if not spans:
            today = datetime.combine(date.today(), datetime.min.time())
            return cls(today - timedelta(days=365), today)
        start, end = min(s for s, _ in spans), max(e for _, e in spans)
        margin = max((end - start) * _MARGIN, timedelta(hours=1))
        return cls(start - margin, end + margin)

    def at(self, time: datetime) -> float:
        """Return where a time is, cut at both ends."""
        place = (time - self.start) / (self.end - self.start)
        return round(min(1.0, max(0.0, place)), 5)

    def ticks(self) -> list[dict[str, Any]]:
        """Return round times with their places and labels."""
        for unit, step in _STEPS:
            times = self._round_times(unit, step)
            if len(times) <= _TICKS:
                break
        wanted = "%H:%M" if unit == "h" else "%d %b" if unit == "D" else "%b %Y"
        label = "%Y" if unit == "M" and step >= 12 else wanted
        # Midnight tells the day, the first of the ticks the year.
        found = [
            {"at": self.at(time), "label": f"{time:{'%d %b' if _is_day(unit, time) else label}}"}
            for time in times
        ]
        if found and unit != "M":
            found[0]["label"] = f"{found[0]['label']} {times[0]:%Y}"
        return found

    def _round_times(self, unit: str, step: int) -> list[datetime]:
        ends = np.array([self.start, self.end], dtype="datetime64[us]")
        first, last = ends.astype(f"datetime64[{unit}]").astype(np.int64).tolist()
        numbers = np.arange(-(-first // step) * step, last + 1, step)[: _TICKS + 2]
        times = numbers.astype(f"datetime64[{unit}]").astype("datetime64[us]").tolist()
        return [time for time in times if self.start <= time <= self.end]


def _is_day(unit: str, time: datetime) -> bool:
    return unit == "h" and time.hour == 0
