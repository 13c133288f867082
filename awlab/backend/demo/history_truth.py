"""What happens in the simulated history: drifts, jumps and bad epochs, each with its size.

The same list makes the numbers and tells a test, or a reader, what there is to be found.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

__all__ = ["EVENTS", "HistoryEvent", "HistoryTruth", "effect_of"]

_YEAR = 365.25  # [d]
_SOUTH = ("ccd54", "ccd55", "ccd56", "ccd57")
_CONTROLLER, _WARM_UP = "2002-05-10", "2003-11-15"
_FIRST_COAT, _SECOND_COAT = "2002-09-01", "2004-10-01"


@dataclass(frozen=True, slots=True)
class HistoryEvent:
    """Something that happens to one quantity.

    Attributes
    ----------
    kind : str
        ``drift`` (size per year), ``jump`` (from ``start`` on) or ``bad epoch`` (until ``end``).
    class_name, path : str
        The quantity: ``PhotometricParameters``, ``zeropoint``.
    size : float
        In the unit of the quantity; of a drift per year.
    why : str
        What happened at the telescope.
    start, end : str
        First night and, of a bad epoch, the first one after it; empty for the whole history.
    chips, filters : tuple of str
        Which are affected; empty for all.
    """

    kind: str
    class_name: str
    path: str
    size: float
    why: str
    start: str = ""
    end: str = ""
    chips: tuple[str, ...] = ()
    filters: tuple[str, ...] = ()


EVENTS: tuple[HistoryEvent, ...] = (
    HistoryEvent("jump", "RawBiasFrame", "imstat.mean", 12.0, "controller exchanged", _CONTROLLER),
    HistoryEvent("drift", "RawBiasFrame", "imstat.mean", 1.5, "the electronics age"),
    HistoryEvent("jump", "ReadNoise", "read_noise", -0.25, "controller exchanged", _CONTROLLER),
    HistoryEvent(
        "bad epoch", "ReadNoise", "read_noise", 1.5, "pick-up noise of the dome drive",
        "2003-07-01", "2003-09-01", _SOUTH,
    ),
    HistoryEvent("jump", "GainLinearity", "gain", -0.12, "controller exchanged", _CONTROLLER),
    HistoryEvent("drift", "HotPixelMap", "count", 120.0, "radiation damage"),
    HistoryEvent("jump", "HotPixelMap", "count", -200.0, "warmed up and cooled down", _WARM_UP),
    HistoryEvent("drift", "DomeFlatFrame", "level", -900.0, "the lamp ages"),
    HistoryEvent("jump", "DomeFlatFrame", "level", 3000.0, "lamp exchanged", "2003-03-01"),
    HistoryEvent(
        "bad epoch", "MasterFlatFrame", "imstat.stdev", 0.03, "stray light in the dome",
        "2004-06-01", "2004-08-01", (), ("#843",),
    ),
    HistoryEvent("drift", "PhotometricParameters", "zeropoint", -0.08, "dust on the mirror"),
    HistoryEvent(
        "jump", "PhotometricParameters", "zeropoint", 0.16, "mirror aluminised", _FIRST_COAT
    ),
    HistoryEvent(
        "jump", "PhotometricParameters", "zeropoint", 0.18, "mirror aluminised", _SECOND_COAT
    ),
    HistoryEvent(
        "bad epoch", "AtmosphericExtinction", "extinction", 0.15, "ash of a volcano",
        "2004-01-20", "2004-04-01",
    ),
    HistoryEvent(
        "bad epoch", "AstrometricParameters", "SEEING", 0.9, "the focus encoder slipped",
        "2001-09-01", "2001-11-01",
    ),
)  # fmt: skip


@dataclass(frozen=True)
class HistoryTruth:
    """What is true of a simulated history.

    Attributes
    ----------
    nights : ndarray of datetime64[D], shape (n,)
        Observing nights.
    events : tuple of HistoryEvent
        Drifts, jumps and bad epochs.
    cloudy : ndarray of datetime64[D]
        Nights that were not photometric: their zeropoints are too small.
    campaigns : dict
        Days on which a class was made anew, by class name.
    invalidated : dict
        Row numbers of what was invalidated, by reason.
    """

    nights: NDArray[np.datetime64]
    events: tuple[HistoryEvent, ...]
    cloudy: NDArray[np.datetime64]
    campaigns: dict[str, str] = field(default_factory=dict)
    invalidated: dict[str, NDArray[np.int64]] = field(default_factory=dict)

    def of(self, class_name: str, path: str, kind: str = "") -> list[HistoryEvent]:
        """Return what happens to a quantity, in order of time; of one kind if it is named."""
        found = [
            event
            for event in self.events
            if (event.class_name, event.path) == (class_name, path) and kind in ("", event.kind)
        ]
        return sorted(found, key=lambda event: event.start)


def effect_of(
    events: Sequence[HistoryEvent],
    nights: NDArray[np.datetime64],
    chips: NDArray[np.str_],
    filters: NDArray[np.str_] | None,
) -> NDArray[np.float64]:
    """Return what events add to a quantity, in its unit.

    Parameters
    ----------
    events : sequence of HistoryEvent
        Events of that quantity.
    nights : ndarray of datetime64[D], shape (n,)
        Night of each object.
    chips, filters : ndarray of str, shape (n,)
        Chip and filter of each object; no filters where the class has none.
    """
    total = np.zeros(len(nights))
    for event in events:
        if event.kind == "drift":
            total += event.size * (nights - nights.min()) / np.timedelta64(1, "D") / _YEAR
            continue
        hit = nights >= np.datetime64(event.start)
        if event.end:
            hit &= nights < np.datetime64(event.end)
        if event.chips:
            hit &= np.isin(chips, event.chips)
        if event.filters and filters is not None:
            hit &= np.isin(filters, event.filters)
        total += event.size * hit
    return total
