"""The books of the simulated history: nights, keys of objects, and registering them in bulk.

Objects have values and lineage, and no file: an archive of which only the database was kept.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from awlab.backend.database import register_bulk
from awlab.backend.demo.history_truth import EVENTS, effect_of
from awlab.backend.process import code_version, parameter_class

__all__ = ["READOUT", "Archive", "Key", "Made", "choose_nights", "limit_of"]

#: Read-out mode of the history. Frames of different modes do not mix: no calibration without
#: pixels is ever chosen for a real frame of the same instrument.
READOUT = "simulated history"
_NOON = np.timedelta64(16, "h")  # local noon at La Silla, UTC
_RUNS = 60
_LEAST_PER_RUN = 2

Say = Callable[[str], None]


def choose_nights(count: int, start: str, years: float) -> NDArray[Any]:
    """Return observing nights in runs, one run a month where there are enough of them.

    Parameters
    ----------
    count : int
        Number of nights.
    start : str
        First night.
    years : float
        Length of the history.
    """
    runs = max(2, min(_RUNS, count // _LEAST_PER_RUN))
    first = np.linspace(0, years * 365.25, runs, endpoint=False)
    sizes = np.diff(np.linspace(0, count, runs + 1).round().astype(int))
    days = np.concatenate(
        [round(day) + np.arange(size) for day, size in zip(first, sizes, strict=True)]
    )
    return np.datetime64(start) + np.unique(days).astype("timedelta64[D]")


@dataclass(frozen=True, eq=False)
class Key:
    """What the objects of a class are for; one entry per object, in order of creation.

    Attributes
    ----------
    night, chip, filter : ndarray of int64, shape (n,)
        Places in the lists of the archive; filter is None where the class has none.
    version : ndarray of int64, shape (n,)
        0 for what was made after the night, 1 for what a campaign made later.
    created : ndarray of datetime64[us], shape (n,)
        Date of creation, ascending.
    """

    night: NDArray[Any]
    chip: NDArray[Any]
    filter: NDArray[Any] | None
    version: NDArray[Any]
    created: NDArray[Any]

    def __len__(self) -> int:
        return len(self.night)

    def previous(self) -> NDArray[Any]:
        """Return the place of the previous object of the same chip and filter, -1 for none."""
        band = self.filter if self.filter is not None else np.zeros_like(self.chip)
        series = self.chip * 1000 + band
        order = np.argsort(series, kind="stable")
        follows = series[order][1:] == series[order][:-1]
        found = np.full(len(self), -1)
        found[order[1:][follows]] = order[:-1][follows]
        return found


@dataclass(frozen=True, eq=False)
class Made:
    """Objects of a class that are registered.

    Attributes
    ----------
    key : Key
        What they are for.
    ids : ndarray of int64, shape (n,)
        Row numbers.
    flags : ndarray of int64, shape (n,)
        Their quality flags.
    values : dict
        What was registered, by attribute path.
    """

    key: Key
    ids: NDArray[Any]
    flags: NDArray[Any]
    values: dict[str, Any]

    def places_for(self, other: Key) -> NDArray[Any]:
        """Return which object was used for each of others: the last good one up to that night."""
        own = self.key.filter if self.key.filter is not None else np.zeros_like(self.key.chip)
        table = np.full([1 + int(part.max()) for part in (self.key.night, self.key.chip, own)], -1)
        good = (self.key.version == 0) & (self.flags == 0)
        table[self.key.night[good], self.key.chip[good], own[good]] = np.flatnonzero(good)
        table = np.maximum.accumulate(table, axis=0)
        band = 0 if self.key.filter is None else other.filter
        found: NDArray[Any] = table[other.night, other.chip, band]
        return found

    def used_by(self, other: Key) -> NDArray[Any]:
        """Return the row number of the object used for each of others; 0 for none."""
        places = self.places_for(other)
        return np.where(places >= 0, self.ids[places], 0)


@dataclass
class Archive:
    """Registers the objects of the history, class by class.

    Attributes
    ----------
    instrument, chips, filters : DBObject and lists of them
        Equipment.
    nights : ndarray of datetime64[D], shape (n,)
        Observing nights.
    random : Generator
        Source of all noise.
    campaigns : dict
        By class name: day on which nights of some years were made anew, and these years.
    """

    instrument: Any
    chips: list[Any]
    filters: list[Any]
    nights: NDArray[Any]
    random: np.random.Generator
    campaigns: dict[str, tuple[str, tuple[int, ...]]]
    made: dict[str, Made] = field(default_factory=dict)
    say: Say = print

    @property
    def count(self) -> int:
        """Number of objects registered so far."""
        return sum(len(made.ids) for made in self.made.values())

    # -- keys ------------------------------------------------------------------------------

    def key_of(self, cls: Any, delay: float) -> Key:
        """Return the key of one object per night and chip (and filter, if the class has one).

        Parameters
        ----------
        cls : type
            Their class.
        delay : float
            When they are made, counted from the noon before the night [h].
        """
        bands = len(self.filters) if "filter" in cls._attributes else 1
        slots = np.arange(len(self.nights) * len(self.chips) * bands)
        night, rest = np.divmod(slots, len(self.chips) * bands)
        chip, band = np.divmod(rest, bands)
        seconds = (delay * 3600 + rest).astype("timedelta64[s]")
        created = self.noon(night) + seconds
        version = np.zeros_like(slots)
        day, years = self.campaigns.get(cls.__name__, ("", ()))
        again = np.flatnonzero(
            np.isin(self.nights[night].astype("M8[Y]").astype(int) + 1970, years)
        )
        if len(again):
            later = np.datetime64(day, "us") + np.arange(len(again)).astype("timedelta64[s]")
            night, chip, band = (np.append(v, v[again]) for v in (night, chip, band))
            version = np.append(version, np.ones_like(again))
            created = np.append(created, later)
        order = np.argsort(created, kind="stable")
        has_filter = "filter" in cls._attributes
        return Key(
            night[order], chip[order], band[order] if has_filter else None,
            version[order], created[order],
        )  # fmt: skip

    def noon(self, night: NDArray[Any]) -> NDArray[Any]:
        """Return the beginning of nights, UTC."""
        begin: NDArray[Any] = self.nights[night].astype("datetime64[us]") + _NOON
        return begin

    def effect(self, class_name: str, path: str, key: Key) -> NDArray[Any]:
        """Return what drifts, jumps and bad epochs add to a quantity."""
        events = [e for e in EVENTS if (e.class_name, e.path) == (class_name, path)]
        chips = np.array([chip.name for chip in self.chips])[key.chip]
        names = np.array([band.name for band in self.filters])
        return effect_of(
            events, self.nights[key.night], chips, None if key.filter is None else names[key.filter]
        )

    def noise(self, sigma: float, key: Key) -> NDArray[Any]:
        """Return normal noise, one number per object."""
        return self.random.normal(0.0, sigma, len(key))

    def rarely(self, part: float, key: Key) -> NDArray[Any]:
        """Return True for a part of the objects, chosen at random."""
        return self.random.random(len(key)) < part

    def season(self, key: Key) -> NDArray[Any]:
        """Return the sine of the time of the year, 0 at its beginning."""
        day = (self.nights[key.night] - self.nights[0]) / np.timedelta64(1, "D")
        phase: NDArray[Any] = np.sin(2 * np.pi * day / 365.25)
        return phase

    # -- registering -----------------------------------------------------------------------

    def add(
        self, cls: Any, key: Key, values: dict[str, Any], lists: dict[str, Any] | None = None
    ) -> Made:
        """Register objects of a target class with their bookkeeping.

        Parameters
        ----------
        cls : type
            Their class.
        key : Key
            What they are for.
        values : dict
            By attribute path; ``quality_flags`` among them, or none is set.
        lists : dict, optional
            By attribute the row numbers of the members, shape (n, k).
        """
        digest = self.random.integers(0, 2**63, len(key))
        before = key.previous()
        columns: dict[str, Any] = {
            "process_params": _parameters(cls),
            "process_status": 1,
            "code_version": code_version(cls),
            "content_hash": [f"{number:016x}" for number in digest.tolist()],
            "prev": np.where(before >= 0, -(before + 1), 0),
            "creation_date": key.created,
        }
        if getattr(cls, "_is_calibration", False):
            start = self.noon(key.night)
            length = np.timedelta64(round(limit_of(cls, "VALID_NIGHTS") * 24), "h")
            columns |= {"timestamp_start": start, "timestamp_end": start + length}
        return self.add_plain(cls, key, columns | values, lists)

    def add_plain(
        self, cls: Any, key: Key, values: dict[str, Any], lists: dict[str, Any] | None = None
    ) -> Made:
        """Register objects of any class: their key, and the values given."""
        columns: dict[str, Any] = {"creation_date": key.created} | values
        known = cls._attributes
        columns["instrument"] = self.instrument
        columns["chip"] = np.array([chip._id for chip in self.chips])[key.chip]
        if "readout" in known:
            columns["readout"] = READOUT
        if "night" in known:
            columns["night"] = self.nights[key.night].astype(str)
        if key.filter is not None:
            columns["filter"] = np.array([band._id for band in self.filters])[key.filter]
        columns = {name: v for name, v in columns.items() if name.partition(".")[0] in known}
        members = {name: _flattened(ids) for name, ids in (lists or {}).items()}
        ids = register_bulk(cls, columns, members)
        flags = np.broadcast_to(columns.get("quality_flags", 0), len(ids))
        found = self.made[cls.__name__] = Made(key, ids, flags, values)
        self.say(f"  {len(ids):7,} {cls.__name__}")
        return found


def _parameters(cls: Any) -> Any:
    """Return the documented defaults of a class as the object they are kept in."""
    parameters = parameter_class(cls)
    return parameters().commit() if parameters is not None else None


def _flattened(ids: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    return np.arange(len(ids) + 1) * ids.shape[1], ids.ravel()


def limit_of(cls: Any, name: str) -> float:
    """Return the documented default of a process parameter of a target class."""
    return float(parameter_class(cls)._attributes[name].default)
