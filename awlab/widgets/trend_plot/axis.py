"""From values to places on an axis and back: times, logarithms, ticks, and what is typed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from awlab.backend.database import as_datetime
from awlab.backend.errors import AwlabError, QueryError

__all__ = ["PlotAxis"]

_SECONDS = np.timedelta64(1, "s") / np.timedelta64(1, "us")
_STEPS = [
    0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600,
    43200,
]  # fmt: skip
_DAY = 86_400.0


@dataclass(frozen=True)
class PlotAxis:
    """One axis of a plot.

    Attributes
    ----------
    path : str
        Attribute shown.
    unit : str
        Its unit, empty for none.
    origin : datetime or None
        Times are seconds since then; None for numbers.
    log : bool
        Whether places are decimal logarithms.
    """

    path: str
    unit: str = ""
    origin: datetime | None = None
    log: bool = False

    @property
    def label(self) -> str:
        """What stands beside the axis."""
        if self.origin is not None:
            return f"{self.path} [UTC]"
        return f"{self.path} [{self.unit}]" if self.unit else self.path

    def places(self, values: Any) -> NDArray[Any]:
        """Return values as places; NaN where there is none.

        Parameters
        ----------
        values : array_like, shape (n,)
            Numbers or times, masked where missing.
        """
        data = np.ma.getdata(values)
        if self.origin is not None:
            start = np.datetime64(self.origin, "us")
            found = (data.astype("datetime64[us]") - start).astype(np.int64) / _SECONDS
        else:
            found = np.array(data, dtype=np.float64)
        found[np.ma.getmaskarray(values)] = np.nan
        if self.log:
            found = np.log10(np.where(found > 0, found, np.nan))
        found[~np.isfinite(found)] = np.nan
        return found

    def value(self, place: float) -> Any:
        """Return the value at a place: a number, or a time."""
        number = 10.0**place if self.log else float(place)
        return number if self.origin is None else self.origin + timedelta(seconds=number)

    def text(self, place: float, span: float = 0.0) -> str:
        """Return the value at a place as text that can be read back.

        Parameters
        ----------
        place : float
            Where.
        span : float
            Length of the axis, which says how many digits matter.
        """
        value = self.value(place)
        if not isinstance(value, datetime):
            return f"{value:.6g}"
        return f"{value:%Y-%m-%d}" if span > 20 * _DAY else f"{value:%Y-%m-%d %H:%M:%S}"

    def typed(self, place: float) -> Any:
        """Return the value at a place as one would type it: a number, or a time as text."""
        value = self.value(place)
        return self.text(place) if isinstance(value, datetime) else float(f"{value:.8g}")

    def place_of(self, text: str) -> float:
        """Read what was typed.

        Raises
        ------
        QueryError
            If it is not a value of this axis.
        """
        try:
            if self.origin is not None:
                return (as_datetime(text) - self.origin).total_seconds()
            number = float(text)
        except (AwlabError, ValueError):
            kind = "a number" if self.origin is None else "a date such as 2000-04-28 or with time"
            raise QueryError(f"{self.path}: {text!r} is not {kind}") from None
        if not np.isfinite(number) or (self.log and number <= 0):
            raise QueryError(f"{self.path}: {text!r} has no place on this axis")
        return float(np.log10(number)) if self.log else number

    def ticks(self, low: float, high: float) -> tuple[list[float], dict[str, str]]:
        """Return places and texts of the ticks.

        Parameters
        ----------
        low, high : float
            Ends of the axis.
        """
        if self.origin is not None:
            return self._time_ticks(low, high)
        if not self.log:
            return _round_ticks(low, high)
        whole = np.arange(np.ceil(low), np.floor(high) + 1)
        if len(whole) < 2:
            whole = np.linspace(low, high, 5)[1:-1]
        whole = whole[:: max(1, len(whole) // 6)]
        return whole.tolist(), {_key(v): f"{10.0**v:.3g}" for v in whole.tolist()}

    def _time_ticks(self, low: float, high: float) -> tuple[list[float], dict[str, str]]:
        assert self.origin is not None
        rough = (high - low) / 6
        step: float = next((s for s in _STEPS if s >= rough), 0)
        if not step:
            days = rough / _DAY
            size = 10.0 ** np.floor(np.log10(days))
            step = _DAY * max(1.0, size * next(k for k in (1, 2, 5, 10) if k * size >= days))
        found = (np.arange(np.ceil(low / step), np.floor(high / step) + 1) * step).tolist()
        found = [round(place, 1) for place in found]
        form = "%Y-%m-%d" if step >= _DAY else "%H:%M\n%Y-%m-%d" if step >= 60 else "%H:%M:%S"
        texts = {}
        for i, place in enumerate(found):
            moment = self.origin + timedelta(seconds=place)
            first, _, day = form.partition("\n")
            # Hours suffice; the day is told where it begins, and at the first tick.
            told = f"{moment:%m-%d} {moment:{first}}" if day and i == 0 else f"{moment:{first}}"
            texts[_key(place)] = f"{told}.{moment:%f}"[:-5] if step < 1 else told
        return found, texts


def _round_ticks(low: float, high: float) -> tuple[list[float], dict[str, str]]:
    """Multiples of 1, 2 or 5 times a power of ten."""
    rough = (high - low) / 6
    size = 10.0 ** np.floor(np.log10(rough))
    step = size * next(k for k in (1, 2, 5, 10) if k * size >= rough * (1 - 1e-9))
    numbers = np.arange(np.ceil(low / step), np.floor(high / step) + 1)
    digits = max(0, -int(np.floor(np.log10(step))))
    places = [round(float(n * step), digits) + 0.0 for n in numbers]  # no minus before zero
    return places, {_key(place): f"{place:.{max(digits, 0)}f}" for place in places}


def _key(place: float) -> str:
    """Spell a number as JavaScript does, which looks tick labels up by their text."""
    return str(int(place)) if float(place).is_integer() else repr(float(place))
