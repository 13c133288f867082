"""Contract, section 6: what is outdated, and what is made again, on a real database."""

from __future__ import annotations

from datetime import datetime

import pytest

from awlab.backend.database import class_named, current_database
from awlab.backend.datamodel import (
    RawBiasFrame,
    RawDarkFrame,
    RawScienceFrame,
)
from awlab.backend.errors import NoValidCalibration
from awlab.backend.process import Pars

FIRST, SECOND = "2000-04-28", "2000-04-30"
# Declared beside the night in conftest.py.
TargetBias, TargetFlat = class_named("TargetBias"), class_named("TargetFlat")
TargetDark, TargetFrame = class_named("TargetDark"), class_named("TargetFrame")


def newer(item, name=None):
    """The sentence that says that an object applies now."""
    return f"a newer {name or type(item).__name__} applies now (made {item.creation_date:%F %T})"


def test_everything_is_made_once_and_found_again(night):
    assert [frame.raw for frame in night.frames] == night.raws
    assert {frame.bias for frame in night.frames} == {night.bias}
    assert [frame.dark for frame in night.frames] == [None, None]
    assert night.bias.prev is None
    assert night.bias.timestamp_start == datetime(2000, 4, 28, 12)
    assert night.bias.timestamp_end == datetime(2000, 5, 5, 12)
    assert TargetFrame.get(raw=night.raws) == night.frames
    assert night.get(TargetBias) == night.bias
    assert TargetFrame.exist(raw=night.raws)
    assert TargetFrame.uptodate(raw=night.raws)
    assert all(frame.uptodate() for frame in night.frames)


def test_newer_bias(night):
    night.take(RawBiasFrame, SECOND, 100.0, 2)
    assert night.stale() == {}  # what applies is good enough
    bias = night.get(TargetBias, SECOND)
    assert bias.prev == night.bias
    assert night.stale() == {f"TargetFrame {SECOND}": [f"bias: {newer(bias)}"]}
    again = TargetFrame.get(raw=night.raws)
    assert again[0] == night.frames[0]
    assert (again[1].bias, again[1].flat, again[1].prev) == (bias, night.flat, night.frames[1])
    assert TargetFrame.get(raw=night.raws) == again


def test_invalidated_flat(night):
    night.flat.set_valid(0, "a lamp was off")
    why = "flat: the TargetFlat used was invalidated"
    found = night.stale()
    assert found[f"TargetFrame {FIRST}"] == [why]
    assert found[f"TargetFrame {SECOND}"][0] == why
    assert night.flat.uptodate().reasons == ["was invalidated"]
    night.flat.set_valid(1, "it was on")
    assert night.stale() == {}


def test_shortened_validity(night):
    night.bias.set_timestamps("2000-04-28T12:00", "2000-04-29T12:00", "the electronics changed")
    gone = "bias: the validity of the TargetBias used does not cover the time any more"
    assert night.frames[0].uptodate()
    assert night.frames[1].uptodate().reasons[0] == gone
    assert set(night.stale()) == {f"TargetFrame {SECOND}"}
    with pytest.raises(NoValidCalibration, match="0 RawBiasFrame of night 2000-04-30, 2 needed"):
        TargetFrame.get(raw=night.raws[1])


def test_changed_parameter_then_eclipsed_and_uneclipsed(night):
    pars = Pars(TargetFrame)
    pars.TargetBias.process_params.OFFSET = 5.0
    own = "OFFSET is 0.0, asked for 5.0"
    asked = TargetBias.uptodate(date=FIRST, chip=night.chip)
    assert asked
    plan = TargetFrame.plan(raw=night.raws[0], pars=pars)
    work = {node.cls.__name__: node.reasons for node in plan.work}
    through = f"bias: TargetBias is outdated: {own}"
    assert work == {
        "TargetBias": [own],
        "TargetFlat": [through],
        "TargetFrame": [through, f"flat: TargetFlat is outdated: {through}"],
    }
    other = night.get(TargetBias, pars=pars)
    assert other.level == night.bias.level + 5.0
    # The new one is the newest: it eclipses the old one for everybody.
    mine = f"bias: {newer(other)}"
    both = [mine, f"flat: TargetFlat is outdated: {mine}"]
    assert night.stale() == {
        f"TargetFlat {FIRST}": [mine],
        f"TargetFrame {FIRST}": both,
        f"TargetFrame {SECOND}": both,
    }
    other.set_valid(0, "it was a try")
    assert night.stale() == {}


def test_a_parameter_back_at_its_default_is_asked_for_as_well(night):
    pars = Pars(TargetBias)
    pars.TargetBias.process_params.OFFSET = 5.0
    pars.TargetBias.process_params.OFFSET = 5.0
    other = night.get(TargetBias, pars=pars)
    pars.TargetBias.process_params.OFFSET = 0.0
    back = night.get(TargetBias, pars=pars)
    assert (other.level - 5.0, other.prev, back.prev) == (back.level, night.bias, other)


def test_identical_remake(night):
    again = night.get(TargetBias, pars={"TargetBias.process_params.CLIP": 5.0})
    assert again != night.bias
    assert again.content_hash == night.bias.content_hash
    assert night.stale() == {}
    assert TargetFrame.get(raw=night.raws) == night.frames


def test_what_a_remade_input_does_not_change_is_not_made_again(night):
    """The answer is the same whether somebody asks before the input was made again or after."""
    pars = {"TargetBias.process_params.CLIP": 5.0}
    plan = TargetFrame.plan(raw=night.raws[0], pars=pars)
    assert {node.cls.__name__ for node in plan.work} == {"TargetBias", "TargetFlat", "TargetFrame"}
    assert plan.run() == [night.frames[0]]
    assert len(TargetBias.chip == night.chip) == 2
    assert TargetFrame.get(raw=night.raws[0], pars=pars) == night.frames[0]
    night.bias.set_valid(0, "a light was on")
    assert TargetFrame.get(raw=night.raws[0]) != night.frames[0]


def test_optional_input_appears_and_disappears(night):
    night.take(RawDarkFrame, FIRST, 103.0, 2)
    assert night.stale() == {
        f"TargetFrame {FIRST}": ["dark: an optional TargetDark can be made now"]
    }
    frame = TargetFrame.get(raw=night.raws[0])
    assert frame.dark.level == pytest.approx(3.0, abs=7.0)
    available = ["dark: an optional TargetDark is available now"]
    assert night.frames[1].uptodate().reasons == available
    for raw in frame.dark.raw_dark:
        raw.set_valid(0, "light leak")
    frame.dark.set_valid(0, "light leak")
    assert frame.uptodate().reasons == ["dark: the TargetDark used was invalidated"]
    assert night.frames[1].uptodate()


def test_raw_frame_added_and_invalidated(night):
    (raw,) = night.take(RawBiasFrame, FIRST, 100.0)
    mine = "bias: TargetBias is outdated: raw_bias: 1 new"
    both = [mine, f"flat: TargetFlat is outdated: {mine}"]
    assert night.stale() == {
        f"TargetBias {FIRST}": ["raw_bias: 1 new"],
        f"TargetFlat {FIRST}": [mine],
        f"TargetFrame {FIRST}": both,
        f"TargetFrame {SECOND}": both,
    }
    raw.set_valid(0, "not a bias")
    assert night.stale() == {}
    night.raw_bias[0].set_valid(0, "not a bias either")
    assert night.stale()[f"TargetBias {FIRST}"] == ["raw_bias: 1 no longer good"]
    again = TargetFrame.get(raw=night.raws)
    assert set(again[0].bias.raw_bias) == set(night.raw_bias[1:])
    assert {frame.flat for frame in again} == {again[0].flat} != {night.flat}
    assert TargetFrame.get(raw=night.raws) == again


def test_whole_class_staleness_is_a_constant_number_of_statements(night):
    def statements(count):
        night.take(RawScienceFrame, FIRST, 700.0, count)
        key = {"instrument": "TCAM", "chip": night.chip.name, "date": FIRST}
        TargetFrame.get(**key)
        night.take(RawBiasFrame, FIRST, 100.0)
        before = current_database().statements
        found = TargetFrame.outdated(TargetFrame.raw.chip == night.chip)
        return len(found), current_database().statements - before

    few, many = statements(1), statements(40)
    assert few[0] <= 3
    assert many[0] > 40
    assert few[1] == many[1]


def test_what_was_committed_under_an_older_number_is_not_made_again(night):
    """Numbers are given out before commits end: the newest one seen does not part old from new."""
    night.take(RawBiasFrame, FIRST, 100.0)
    plan = TargetFrame.plan(raw=night.raws)
    made = TargetFrame.get(raw=night.raws)  # by another process, committed after the plan
    plan.horizon = 10**12
    assert plan.run() == made
    assert TargetBias.select(chip=night.chip).count() == 2
    # What the plan has seen, and found wanting, is made again.
    pars = {"TargetBias.process_params.OFFSET": 5.0}
    other = night.get(TargetBias, pars=pars)
    back = night.get(TargetBias, pars={"TargetBias.process_params.OFFSET": 0.0})
    assert back not in (made[0].bias, other)


def test_the_plan_is_what_runs(night):
    night.take(RawBiasFrame, FIRST, 104.0)
    plan = TargetFrame.get(raw=night.raws, commit=False)
    names = [node.cls.__name__ for node in plan.work]
    assert names == ["TargetBias", "TargetFlat", "TargetFrame", "TargetFrame"]
    assert TargetFrame.get(raw=night.raws, commit=False).counts() == plan.counts()
    text = str(plan)
    assert "raw_bias: 4 RawBiasFrame" in text
    assert f"dark: TargetDark {night.chip.name} {FIRST}: null" in text
    made = plan.run()
    assert [frame.prev for frame in made] == night.frames
    assert TargetFrame.plan(raw=night.raws).is_up_to_date
