"""Contract, section 6: a plan reads well, however many targets it has."""

from __future__ import annotations

import pytest

from awlab.backend.database import class_named
from awlab.backend.datamodel import RawBiasFrame, RawScienceFrame
from awlab.backend.errors import TargetError

TargetFrame = class_named("TargetFrame")
FIRST = "2000-04-28"


def test_many_alike_are_counted_and_what_is_well_is_not_unfolded(night):
    night.take(RawScienceFrame, FIRST, 700.0, 12)
    text = str(TargetFrame.plan(instrument="TCAM", chip=night.chip.name, date=FIRST))
    lines = text.splitlines()
    assert sum(line.startswith("TargetFrame") for line in lines) == 2, "one in each state"
    assert "11 more TargetFrame: 11 to be built" in lines
    assert not any("RawBiasFrame" in line for line in lines), "the bias is up to date"
    assert lines[-1].startswith("16 targets: ") and lines[-1].endswith("s of work")


def test_what_is_to_be_made_again_is_unfolded_down_to_the_reason(night):
    night.take(RawBiasFrame, FIRST, 100.0)
    text = str(TargetFrame.plan(raw=night.raws))
    assert "raw_bias: 4 RawBiasFrame" in text
    assert "outdated (raw_bias: 1 new)" in text
    done = str(TargetFrame.plan(raw=night.raws, depth=0))
    assert "s of work" not in done and "null" not in done.replace("dark: ", "")


def test_a_long_plan_says_how_much_is_not_shown(night):
    plan = TargetFrame.plan(raw=night.raws)
    (*shown, last) = plan.lines(3)
    assert len(shown) == 3 and last.startswith("... ") and last.endswith("counts them")


def test_a_key_that_fits_nothing_says_what_there_is(night):
    chip = night.chip.name
    with pytest.raises(TargetError, match="no RawScienceFrame fits chip='tcd'") as caught:
        TargetFrame.plan(chip="tcd", date=FIRST)
    assert "no science frame has chip 'tcd'; there are tcd" in caught.value.hint
    with pytest.raises(TargetError) as caught:
        TargetFrame.plan(chip=chip, filter="#841")
    assert "no science frame has filter '#841'; there are #T" in caught.value.hint
    with pytest.raises(TargetError) as caught:
        TargetFrame.plan(chip=chip, object="M 31")
    # Frames of other tests that share the database may have an object.
    assert caught.value.hint == "ingest the night, or check the key" or (
        "no science frame has object 'M 31'; there are " in caught.value.hint
    )
