"""The calibration timeline equals the selection of calibrations, moment by moment."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise

import numpy as np
import pytest

from awlab.backend.database import commit_objects, context, persistent
from awlab.backend.datamodel import Chip, Filter, Flag, Instrument, RawBiasFrame
from awlab.backend.errors import QueryError
from awlab.backend.process import FilteredCalibration
from awlab.backend.quality import calibration_plan, calibration_timeline

ZERO = datetime(2000, 1, 1)


class TimelineFlat(FilteredCalibration):
    """A flat without pixels."""

    REQUIREMENT = "542"
    FLAGS = (Flag(16, "ODD", "looks odd"),)
    level = persistent("Level [ADU]", float)


@pytest.fixture(scope="module")
def flats(home):
    rng = np.random.default_rng(4)
    instrument = Instrument(name="TimelineCam")
    chips = [Chip(instrument=instrument, name=f"t{n}") for n in range(2)]
    bands = [Filter(instrument=instrument, name=name) for name in ("B", "V")]
    made = []
    for n in range(120):
        start = ZERO + timedelta(days=float(rng.integers(0, 300)))
        made.append(
            TimelineFlat(
                instrument=instrument,
                chip=chips[n % 2],
                filter=bands[n // 2 % 2],
                timestamp_start=start,
                timestamp_end=start + timedelta(days=float(rng.integers(1, 60))),
                creation_date=ZERO + timedelta(days=400 + float(rng.permutation(120)[0])),
                is_valid=int(rng.random() > 0.1),
                quality_flags=(1 << 16) * int(rng.random() < 0.1),
                level=float(n),
            )
        )
    commit_objects(made)
    return made


def chosen(flats, chip, band, moment):
    """The newest good one that covers a moment: the rule, word for word."""
    fitting = [
        f
        for f in flats
        if f.chip.name == chip
        and f.filter.name == band
        and f.is_valid > 0
        and f.quality_flags == 0
        and f.timestamp_start <= moment < f.timestamp_end
    ]
    return max(fitting, key=lambda f: (f.creation_date, f._id)).object_id if fitting else None


def test_what_is_used_at_any_moment_is_what_the_selection_would_choose(flats):
    timeline = calibration_timeline(TimelineFlat, instrument="TimelineCam")
    assert len(timeline) == 120
    rng = np.random.default_rng(5)
    for _ in range(300):
        chip, band = f"t{rng.integers(0, 2)}", str(rng.choice(["B", "V"]))
        moment = ZERO + timedelta(days=float(rng.uniform(-5, 365)))
        used = [
            bar.object_id
            for bar in timeline
            if bar.chip == chip
            and bar.filter == band
            and any(start <= moment < end for start, end in bar.used)
        ]
        expected = chosen(flats, chip, band, moment)
        assert used == ([expected] if expected else [])


def test_every_bar_is_used_eclipsed_flagged_or_invalid_and_its_parts_make_the_whole(flats):
    timeline = calibration_timeline(TimelineFlat, chip="t0", filter="B")
    assert 0 < len(timeline) < 120 and sum(timeline.counts().values()) == len(timeline)
    for bar in timeline:
        parts = sorted([*bar.used, *bar.eclipsed])
        assert parts[0][0] == bar.start and parts[-1][1] == bar.end
        assert all(a[1] == b[0] for a, b in pairwise(parts))
        assert bar.state in {"used", "partly eclipsed", "eclipsed", "flagged", "invalid"}
        assert bar.flags == (["ODD"] if bar.quality_flags else [])
    made = [bar.creation_date for bar in timeline]
    assert made == sorted(made)


def test_a_span_of_time_and_only_good_data(flats):
    some = calibration_timeline(TimelineFlat, start="2000-03-01", end="2000-03-08", only_good=True)
    assert 0 < len(some) < 120
    first, last = datetime(2000, 3, 1), datetime(2000, 3, 8)
    assert all(bar.end > first and bar.start < last and bar.is_good for bar in some)
    assert "Total calibration files" in str(some)
    assert len(calibration_timeline(TimelineFlat, start="2030-01-01")) == 0


def test_a_favourite_wins(flats):
    timeline = calibration_timeline(TimelineFlat)
    loser = next(bar for bar in timeline if bar.state == "eclipsed")
    context.favourite(TimelineFlat(object_id=loser.object_id))
    again = {bar.object_id: bar for bar in calibration_timeline(TimelineFlat)}
    assert again[loser.object_id].favourite and again[loser.object_id].state == "used"


def test_a_default_serves_where_nothing_derived_applies(home):
    instrument = Instrument(name="DefaultCam")
    key = {
        "instrument": instrument,
        "chip": Chip(instrument=instrument, name="d0"),
        "filter": Filter(instrument=instrument, name="B"),
    }

    def take(first, last, **words):
        span = {
            "timestamp_start": ZERO + timedelta(days=first),
            "timestamp_end": ZERO + timedelta(days=last),
        }
        return TimelineFlat(**key, **span, **words)

    first, last = take(-3000, 3000, origin="default"), take(-3000, 3000, origin="default")
    fast = [take(10, 20, readout="fast"), take(30, 40, readout="fast")]
    slow = [take(15, 35, readout="slow")]
    flagged = [take(50, 60, readout="fast", quality_flags=1 << 16)]
    commit_objects([first, last, *fast, *slow, *flagged])
    bars = {bar.object_id: bar for bar in calibration_timeline(TimelineFlat, chip="d0")}
    days = [((s - ZERO).days, (e - ZERO).days) for s, e in bars[last.object_id].used]
    # where both modes are covered it is not needed
    assert days == [(-3000, 15), (20, 30), (35, 3000)]
    assert bars[last.object_id].state == "partly eclipsed"
    assert bars[first.object_id].state == "eclipsed"  # another default is newer
    assert all(bars[one.object_id].state == "used" for one in (*fast, *slow))
    alone = take(0, 1, origin="default")
    alone.chip = Chip(instrument=instrument, name="d1")
    alone.commit()
    (bar,) = calibration_timeline(TimelineFlat, chip="d1")
    assert bar.state == "used"


def test_two_statements_however_many_there_are(flats, database):
    before = database.statements
    calibration_timeline(TimelineFlat, chip="t0")
    few = database.statements - before
    calibration_timeline(TimelineFlat)
    assert database.statements - before == 2 * few and few <= 2


def test_what_has_no_validity_has_no_timeline(home):
    with pytest.raises(QueryError, match="RawBiasFrame has no validity"):
        calibration_timeline(RawBiasFrame)


def test_the_plan_is_in_order_and_has_titles(home):
    import awlab.backend.targets  # noqa: F401 - makes the classes known

    plan = calibration_plan()
    numbers = [entry.requirement for entry in plan]
    assert numbers == sorted(numbers)
    titles = {entry.class_name: entry.title for entry in plan}
    assert titles["BiasFrame"] == "Master bias" and titles["ReadNoise"] == "Readout noise"
    # The menu of CalTS, one after another.
    menu = ["521", "522", "523", "535", "541", "542", "543", "544", "545", "546", "548", "548F"]
    menu += ["563", "565", "631"]
    own = [entry for entry in plan if entry.cls.__module__.startswith("awlab.")]
    assert [entry.requirement for entry in own if entry.requirement in menu] == menu
    assert len({entry.title for entry in own}) == len(own)
    entries = {entry.class_name: entry for entry in plan}
    assert entries["BiasFrame"].by_chip and not entries["BiasFrame"].by_filter
    assert entries["DomeFlatFrame"].by_filter
    assert "ReducedScienceFrame" not in {
        e.class_name for e in calibration_plan(calibrations_only=True)
    }
