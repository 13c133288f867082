"""A plan asks the database the same number of statements, however many targets it has."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pytest

from awlab.backend.database import register_bulk
from awlab.backend.datamodel import (
    Chip,
    Filter,
    Instrument,
    RawBiasFrame,
    RawDomeFlatFrame,
    RawScienceFrame,
)
from awlab.backend.targets import BiasFrame, ReducedScienceFrame

SMALL, LARGE, MADE_SMALL, MADE_LARGE = (f"2001-05-0{i}" for i in range(1, 5))
CHIPS, BANDS = 8, 2


def take(camera, chips, bands, cls, night, count):
    """Register raw frames of a night, spread over chips and filters."""
    which = np.arange(count)
    start = datetime.fromisoformat(f"{night}T22:00:00")
    times = np.array([start + timedelta(seconds=int(i)) for i in which], dtype="datetime64[us]")
    columns = {
        "instrument": camera,
        "chip": chips[which % CHIPS],
        "night": [night] * count,
        "DATE_OBS": times,
        "filename": [f"{cls.__name__}.{night}.{i}.fits" for i in which],
        "NAXIS1": np.full(count, 100),
        "NAXIS2": np.full(count, 100),
    }
    if "filter" in cls._attributes:
        columns["filter"] = bands[which // CHIPS % BANDS]
    return register_bulk(cls, columns)


@pytest.fixture(scope="module")
def registry(database):
    """Nights of 10 and of 1,000 science frames, twice: with nothing made, and all reduced."""
    camera = Instrument(name="SCAM", timezone=0.0).commit()
    chips = np.array([Chip(instrument=camera, name=f"s{i}").commit()._id for i in range(CHIPS)])
    bands = np.array([Filter(instrument=camera, name=f"#S{i}").commit()._id for i in range(BANDS)])
    for night, count in ((SMALL, 10), (LARGE, 1000), (MADE_SMALL, 10), (MADE_LARGE, 1000)):
        take(camera, chips, bands, RawBiasFrame, night, 5 * CHIPS)
        take(camera, chips, bands, RawDomeFlatFrame, night, 5 * CHIPS * BANDS)
        raws = take(camera, chips, bands, RawScienceFrame, night, count)
        if night in (MADE_SMALL, MADE_LARGE):
            noon = np.datetime64(f"{night}T12:00:00", "us")
            bias = register_bulk(
                BiasFrame,
                {
                    "instrument": camera, "chip": chips, "night": [night] * CHIPS,
                    "timestamp_start": np.full(CHIPS, noon),
                    "timestamp_end": np.full(CHIPS, noon + np.timedelta64(7, "D")),
                },
            )  # fmt: skip
            register_bulk(ReducedScienceFrame, {"raw": raws, "bias": bias[np.arange(count) % 8]})
    return database


@pytest.mark.parametrize(
    ("few", "many", "state"),
    [(SMALL, LARGE, "to be built"), (MADE_SMALL, MADE_LARGE, "outdated")],
)
def test_a_thousand_targets_cost_the_statements_of_ten(registry, few, many, state):
    asked, counts = [], []
    for night in (few, few, many):  # the first plan of a process also reads the catalogue
        before = registry.statements
        plan = ReducedScienceFrame.plan(instrument="SCAM", date=night)
        asked.append(registry.statements - before)
        counts.append(plan.counts()["ReducedScienceFrame"])
    assert counts[1:] == [{state: 10}, {state: 1000}]
    print(f"{asked[1]} statements for 10 and {asked[2]} for 1,000 targets ({state})")
    assert asked[1] == asked[2] <= 40


def test_so_does_the_staleness_of_a_whole_class(registry):
    asked, found = [], []
    for night in (MADE_SMALL, MADE_SMALL, MADE_LARGE):
        before = registry.statements
        outdated = ReducedScienceFrame.outdated(ReducedScienceFrame.raw.night == night)
        asked.append(registry.statements - before)
        found.append(len(outdated))
    assert found[1:] == [10, 1000]
    print(f"{asked[1]} statements for 10 and {asked[2]} for 1,000 objects")
    assert asked[1] == asked[2] <= 40


def test_and_calibrations_of_all_chips_and_filters(registry):
    from awlab.backend.targets import DomeFlatFrame

    asked, counts = [], []
    for key in ({"chip": "s0", "filter": "#S0"}, {"chip": "s0", "filter": "#S0"}, {}):
        whole = {"chip": "*", "filter": "*"} | key
        before = registry.statements
        plan = DomeFlatFrame.plan(instrument="SCAM", date=LARGE, **whole)
        asked.append(registry.statements - before)
        counts.append(len(plan.roots))
    assert counts == [1, 1, CHIPS * BANDS]
    assert asked[1] == asked[2]
