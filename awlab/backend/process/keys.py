"""What a target is asked by: plain, hashable values that the planner compares."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

__all__ = [
    "Candidate",
    "Group",
    "Pointing",
    "RawRecord",
    "Reference",
    "Request",
    "Selection",
    "preferred",
]


class Group(NamedTuple):
    """What a calibration is for: row numbers of instrument, chip and filter (0 none), read-out."""

    instrument: int
    chip: int
    filter: int
    readout: str

    def without_filter(self) -> Group:
        """The same without a filter."""
        return self._replace(filter=0)


class Pointing(NamedTuple):
    """Where a frame is on the sky [deg], and how large its pixels are; 0 unknown [arcsec]."""

    ra: float
    dec: float
    scale: float = 0.0


class RawRecord(NamedTuple):
    """A raw frame as the planner sees it."""

    id: int
    group: Group
    night: str
    time: datetime
    object: str = ""
    purpose: str = ""
    position: Pointing | None = None


def preferred(records: Sequence[RawRecord], purposes: Sequence[str]) -> Sequence[RawRecord]:
    """Return the raw frames taken for one of the purposes; all where none was."""
    return [record for record in records if record.purpose in purposes] or records


class Selection(NamedTuple):
    """Which raw frames a product of many is made from; 0 and empty mean any."""

    instrument: int
    filter: int = 0
    chip: int = 0
    object: str = ""
    night: str = ""


class Reference(NamedTuple):
    """A reference catalogue: where on the sky it is [deg], and how far it reaches [deg]."""

    id: int
    name: str
    ra: float
    dec: float
    radius: float


class Request(NamedTuple):
    """One wish for an object of a class.

    ``raw`` names the raw frame of a science product; ``given`` the objects that a target of a
    user's own class is made from; ``own_night`` is set where the calibration *of a night* is asked
    for and not the one valid at a time; ``forced`` is the row number of one certain object.
    ``selection`` names the raw frames of a product of many, ``grid`` the pixel grid of the sky that
    a product shall have, ``position`` where on the sky it is [deg].
    """

    group: Group
    night: str
    time: datetime | None
    raw: int = 0
    overscan: int | None = None
    own_night: bool = False
    given: tuple[tuple[str, tuple[int, ...]], ...] = ()
    forced: int = 0
    selection: Selection | None = None
    grid: str = ""
    position: Pointing | None = None


class Candidate(NamedTuple):
    """An existing object of a target class, as the planner sees it.

    ``said`` is what it says itself about why it is no good.
    """

    id: int
    group: Group
    night: str
    raw: int
    start: datetime
    end: datetime
    creation: datetime
    is_valid: int
    flags: int
    is_default: bool
    overscan: int | None
    params: dict[str, Any]
    content: str
    code: str
    links: dict[str, int]
    lists: dict[str, tuple[int, ...]]
    favourite: bool = False
    time: datetime | None = None
    selection: Selection | None = None
    grid: str = ""
    position: Pointing | None = None
    said: str = ""

    @property
    def is_selectable(self) -> bool:
        """True if others may be calibrated with it."""
        return self.is_valid > 0 and self.flags == 0

    def covers(self, time: datetime | None) -> bool:
        """Tell whether its validity covers a time."""
        return time is not None and self.start <= time < self.end
