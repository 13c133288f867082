"""The simulated history: what it says happened is in its numbers, and it is honest about files."""

from __future__ import annotations

import numpy as np
import pytest

from awlab.backend.datamodel import RawBiasFrame, RawScienceFrame
from awlab.backend.demo import make_history
from awlab.backend.demo.history_archive import READOUT
from awlab.backend.doctor import examine
from awlab.backend.errors import FileMissing, TargetError
from awlab.backend.process import what_if
from awlab.backend.quality import calibration_plan, calibration_timeline
from awlab.backend.targets import (
    AstrometricParameters,
    AtmosphericExtinction,
    BiasFrame,
    ColdPixelMap,
    DomeFlatFrame,
    GainLinearity,
    HotPixelMap,
    MasterFlatFrame,
    PhotometricParameters,
    ReadNoise,
    ReducedScienceFrame,
    TwilightFlatFrame,
)

TARGETS = [
    ReadNoise,
    BiasFrame,
    HotPixelMap,
    GainLinearity,
    DomeFlatFrame,
    TwilightFlatFrame,
    ColdPixelMap,
    MasterFlatFrame,
    AtmosphericExtinction,
    PhotometricParameters,
    ReducedScienceFrame,
    AstrometricParameters,
]
_MADE_UP = ("object_id", "creation_date", "creator", "project", "privileges", "quality_flags")


@pytest.fixture(scope="module")
def home(new_home, connected_to):
    """A home of its own: what others left in theirs would be selected here."""
    folder = new_home()
    with connected_to(folder):
        yield folder


@pytest.fixture(scope="module")
def history(home):
    return make_history(9_000, seed=3, chips=2)


def mine(cls):
    raw = cls.raw.readout if "raw" in cls._attributes else cls.readout
    return raw == READOUT


def test_it_has_the_size_asked_for_and_equal_seeds_are_equal(history):
    assert 0.8 * 9_000 < history.objects < 1.2 * 9_000
    assert sum(history.classes.values()) == history.objects
    assert all(mine(cls).count() == history.classes[cls.__name__] for cls in TARGETS)
    with pytest.raises(TargetError, match="already"):
        make_history(9_000)
    with pytest.raises(TargetError, match="nights"):
        make_history(100)


@pytest.mark.parametrize("cls", TARGETS, ids=lambda cls: cls.__name__)
def test_the_flags_are_those_that_verify_would_raise(history, cls):
    flagged = list((mine(cls) & (cls.quality_flags != 0))[:20])
    for item in [*flagged, *mine(cls)[:40]]:
        values = {name: getattr(item, name) for name in cls._attributes if name not in _MADE_UP}
        again = cls(**{name: value for name, value in values.items() if value is not None})
        again.verify()
        assert int(again.quality_flags) == int(item.quality_flags), again.quality_flags


def test_nothing_of_it_has_a_file_and_that_is_no_fault(history):
    report = examine()
    assert report.is_clean, str(report)
    frame = mine(BiasFrame)[0]
    assert not frame.is_on_dataserver()
    with pytest.raises(FileMissing, match="registered without a file"):
        frame.retrieve()
    assert (BiasFrame.files() & mine(BiasFrame)).count() == 0


def test_the_planner_agrees_with_its_lineage(history):
    """What a campaign made anew outdates the products of the old ones, and nothing else does."""
    assert ReadNoise.outdated(mine(ReadNoise)) == []
    # Where the night's own read noise was flagged, that of an earlier run served.
    late = "read_noise: the validity of the ReadNoise used does not cover the time any more"
    assert all(whys == [late] for _, whys in BiasFrame.outdated(mine(BiasFrame)))
    reasons = [why for _, whys in HotPixelMap.outdated(mine(HotPixelMap)) for why in whys]
    assert reasons
    newer = "bias: a newer BiasFrame applies now (made 2003-02-10"
    nights = {
        item.night[:4]
        for item, whys in HotPixelMap.outdated(mine(HotPixelMap))
        if any(why.startswith(newer) for why in whys)
    }
    assert nights == {"2001", "2002"}


def test_previous_objects_are_the_night_before(history):
    series = list((mine(ReadNoise) & (ReadNoise.chip.name == "ccd50")).order_by("creation_date"))
    assert series[0].prev is None
    assert [item.prev for item in series[1:]] == series[:-1]
    assert "read_noise" in series[5].compare()


def test_the_timeline_has_every_state(history):
    states = calibration_timeline(MasterFlatFrame, instrument="WFI").counts()
    assert {"used", "partly eclipsed", "eclipsed", "invalid"} <= set(states)
    bad = history.truth.invalidated["stray light in the dome"]
    assert states["invalid"] == len(bad) > 0
    first = next(b for b in calibration_timeline(MasterFlatFrame) if b.id == int(bad[0]))
    reason = MasterFlatFrame(object_id=first.object_id).history()[0].reason
    assert reason == "stray light in the dome"


def test_what_if_a_flat_were_bad(history):
    flat = mine(MasterFlatFrame) & (MasterFlatFrame.night < "2004-01-01")
    flat = flat.valid().max("night")
    used = ReducedScienceFrame.flat == flat
    found = what_if(flat, is_valid=0)
    lost = {item.object_id for item, _ in found.outdated if isinstance(item, ReducedScienceFrame)}
    assert {item.object_id for item in used} <= lost


def test_real_frames_are_never_calibrated_with_it(history):
    """Its read-out mode is its own: a frame of the same chip and night has no calibrations yet."""
    from awlab.backend.datamodel import Chip

    raw = mine(RawScienceFrame)[0]
    assert RawBiasFrame.select(chip="ccd50", date=raw.night).count() == 3
    chip = (Chip.name == "ccd50")[0]
    candidates = BiasFrame.select(chip="ccd50") & (BiasFrame.readout == "")
    assert chip is not None
    assert candidates.count() == 0


def test_the_calibration_plan_has_objects(history):
    plan = {entry.class_name: entry for entry in calibration_plan()}
    assert {cls.__name__ for cls in TARGETS} <= set(plan)


def test_every_quantity_varies(history):
    for cls, path in ((ReadNoise, "read_noise"), (PhotometricParameters, "zeropoint")):
        assert np.std(mine(cls).columns(path)[path]) > 0
