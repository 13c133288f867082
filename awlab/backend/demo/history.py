"""Five years of calibrations without pixels: what trends, timelines and benchmarks look at.

Values, validities, flags, verdicts and lineage of eight chips and three filters, in a read-out
mode of their own: nothing real is ever calibrated with them. No object has a file.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from awlab.backend.database import Query, WithIds, amend
from awlab.backend.datamodel import RawScienceFrame
from awlab.backend.demo.history_archive import READOUT, Archive, Made, Say, choose_nights
from awlab.backend.demo.history_detector import RAWS, add_detector, add_flats
from awlab.backend.demo.history_sky import add_photometry, add_science
from awlab.backend.demo.history_truth import EVENTS, HistoryTruth
from awlab.backend.errors import TargetError
from awlab.backend.ingest import Equipment, builtin_instruments
from awlab.backend.targets import MasterFlatFrame, ReadNoise

__all__ = ["HistorySummary", "make_history"]

_INSTRUMENT, _FILTERS = "WFI", ("#842", "#843", "#844")
_START, _YEARS = "2001-01-01", 5.0
_CAMPAIGNS = {
    "BiasFrame": ("2003-02-10", (2001, 2002)),
    "MasterFlatFrame": ("2005-02-10", (2004,)),
}
_CLOUDY = 0.05
_LEAST_NIGHTS = 8
# Per night and chip, and per filter as well.
_PER_CHIP, _PER_FILTER = RAWS + 4, 2 * RAWS + 9


@dataclass(frozen=True)
class HistorySummary:
    """What was made.

    Attributes
    ----------
    objects : int
        Number of objects.
    classes : dict
        The same by class.
    seconds : float
        How long it took.
    truth : HistoryTruth
        When what happened.
    """

    objects: int
    classes: dict[str, int]
    seconds: float
    truth: HistoryTruth

    def __str__(self) -> str:
        nights = self.truth.nights
        rate = self.objects / self.seconds
        bad = sum(len(ids) for ids in self.truth.invalidated.values())
        return "\n".join(
            [
                f"history          {_INSTRUMENT}, {len(nights)} nights from {nights[0]} on",
                f"objects          {self.objects:,}, none with a file",
                f"classes          {len(self.classes)}",
                f"invalidated      {bad:,}",
                f"time             {self.seconds:.1f} s, {rate:,.0f} objects/s",
            ]
        )


def make_history(
    objects: int = 20_000, *, seed: int = 1, chips: int = 8, say: Say | None = None
) -> HistorySummary:
    """Register a simulated calibration history of five years, 2001 to 2005, of WFI.

    Parameters
    ----------
    objects : int
        About how many objects; they decide the number of nights.
    seed : int
        Equal seeds give equal histories.
    chips : int
        How many of the eight chips: fewer chips have more nights.
    say : callable, optional
        Is told what is registered, one line per class.

    Returns
    -------
    HistorySummary
        Counts, time, and the truth: when what happened.

    Raises
    ------
    TargetError
        If there is a history already, or it would be too short.
    """
    filters, chips = len(_FILTERS), min(max(chips, 1), 8)
    count = round(objects / (chips * (_PER_CHIP + filters * _PER_FILTER)))
    if count < _LEAST_NIGHTS:
        raise TargetError(
            f"a history of {objects} objects has {count} nights of {chips} chips",
            "ask for more objects, or fewer chips",
        )
    if (RawScienceFrame.readout == READOUT).exists():
        raise TargetError(
            "there is a simulated history in this database already", "use another AWLAB_HOME"
        )
    started = time.perf_counter()
    random = np.random.default_rng(seed)
    archive = _archive(random, choose_nights(count, _START, _YEARS), chips, say or (lambda _: None))
    cloudy = random.random(len(archive.nights)) < _CLOUDY
    add_detector(archive)
    add_flats(archive)
    add_photometry(archive, cloudy)
    add_science(archive)
    truth = HistoryTruth(
        archive.nights,
        EVENTS,
        archive.nights[cloudy],
        {name: day for name, (day, _) in _CAMPAIGNS.items()},
        _invalidate(archive),
    )
    classes = {name: len(made.ids) for name, made in archive.made.items()}
    return HistorySummary(archive.count, classes, time.perf_counter() - started, truth)


def _archive(random: np.random.Generator, nights: NDArray[Any], chips: int, say: Say) -> Archive:
    definition = builtin_instruments()[_INSTRUMENT]
    equipment = Equipment()
    camera = equipment.instrument(definition, _INSTRUMENT)
    names = [chip.name for chip in definition.chips[:chips]]
    detectors = [equipment.chip(definition, camera, name) for name in names]
    bands = [equipment.filter(definition, camera, name) for name in _FILTERS]
    equipment.commit()
    return Archive(camera, detectors, bands, nights, random, _CAMPAIGNS, say=say)


def _invalidate(archive: Archive) -> dict[str, NDArray[Any]]:
    """Invalidate what people found to be bad, each with a reason."""
    found = {}
    for cls, path in ((ReadNoise, "read_noise"), (MasterFlatFrame, "imstat.stdev")):
        made = archive.made[cls.__name__]
        event = next(
            e
            for e in EVENTS
            if e.class_name == cls.__name__ and (e.path, e.kind) == (path, "bad epoch")
        )
        found[event.why] = _invalidated(
            cls, made, archive.effect(cls.__name__, path, made.key), event
        )
    return found


def _invalidated(cls: Any, made: Made, effect: NDArray[Any], event: Any) -> NDArray[Any]:
    ids: NDArray[Any] = made.ids[(effect >= event.size) & (made.key.version == 0)]
    bad = list(Query(cls, WithIds(tuple(ids.tolist())))) if len(ids) else []
    if bad:
        amend(bad, {"is_valid": 0}, event.why)
    return ids
