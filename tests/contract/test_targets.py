"""Contract, section 6: targets on a real database, from raw frames of a few pixels."""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta
from typing import ClassVar

import numpy as np
import pytest

from awlab.backend.database import current_database, held_advisory_locks, persistent
from awlab.backend.datamodel import (
    Chip,
    Filter,
    Instrument,
    RawBiasFrame,
    RawDarkFrame,
    RawDomeFlatFrame,
    RawScienceFrame,
)
from awlab.backend.dataserver import read_image, write_image
from awlab.backend.errors import MakeFailed, NoValidCalibration, TargetError, UnknownAttribute
from awlab.backend.process import (
    Calibration,
    FilteredCalibration,
    Pars,
    ProcessParameters,
    ProcessTarget,
)

FIRST, SECOND = "2000-04-28", "2000-04-30"
_numbers = itertools.count(1)


class TargetBiasParameters(ProcessParameters):
    """Parameters of the bias of the contract."""

    OFFSET = persistent("Added to the level [ADU]", float, 0.0)
    CLIP = persistent("Clipping, which changes nothing here", float, 3.0)


def levels(frames):
    """Mean levels of raw frames."""
    return [float(read_image(frame.retrieve())[0].mean()) for frame in frames]


class TargetBias(Calibration):
    """Level of the biases of a night."""

    MINIMUM: ClassVar[dict[str, int]] = {"raw_bias": 2}
    raw_bias = persistent("Raw biases", RawBiasFrame, [])
    process_params = persistent("Parameters", TargetBiasParameters)
    level = persistent("Level [ADU]", float)

    def make(self):
        self.level = float(np.mean(levels(self.raw_bias))) + self.process_params.OFFSET


class TargetDark(Calibration):
    """Level of the darks of a night."""

    MINIMUM: ClassVar[dict[str, int]] = {"raw_dark": 2}
    raw_dark = persistent("Raw darks", RawDarkFrame, [])
    bias = persistent("Bias", TargetBias)
    level = persistent("Level [ADU]", float)

    def make(self):
        self.level = float(np.mean(levels(self.raw_dark))) - self.bias.level


class TargetFlat(FilteredCalibration):
    """Level of the domes of a night."""

    raw_dome = persistent("Raw domes", RawDomeFlatFrame, [])
    bias = persistent("Bias", TargetBias)
    level = persistent("Level [ADU]", float)

    def make(self):
        self.level = float(np.mean(levels(self.raw_dome))) - self.bias.level


class TargetFrame(ProcessTarget):
    """Level of one science frame."""

    raw = persistent("Raw frame", RawScienceFrame)
    bias = persistent("Bias", TargetBias)
    dark = persistent("Dark", TargetDark, optional=True)
    flat = persistent("Flat", TargetFlat)
    level = persistent("Level", float)

    def make(self):
        dark = self.dark.level if self.dark else 0.0
        self.level = (levels([self.raw])[0] - self.bias.level - dark) / self.flat.level


class Night:
    """One chip of its own, and what was taken with it."""

    def __init__(self, folder, camera):
        number = next(_numbers)
        self.folder, self.camera = folder, camera
        self.chip = Chip(instrument=camera, name=f"tcd{number:03d}").commit()
        self.band = Filter(instrument=camera, name=f"#T{number}").commit()
        self.moment = datetime(2000, 4, 28, 20)

    def take(self, cls, night, level, count=1):
        """Take raw frames of one level; noise makes every file another."""
        found = []
        for _ in range(count):
            self.moment += timedelta(seconds=1)
            path = self.folder / f"{self.chip.name}-{next(_numbers)}.fits"
            write_image(path, np.full((4, 4), level + next(_numbers) % 7, dtype=np.float32), {})
            more = {"filter": self.band} if "filter" in cls._attributes else {}
            frame = cls(
                path, instrument=self.camera, chip=self.chip, night=night, NAXIS1=4, NAXIS2=4,
                DATE_OBS=datetime.fromisoformat(f"{night}T23:00:00"), **more,
            )  # fmt: skip
            found.append(frame.store().commit())
        return found

    def get(self, cls, night=FIRST, **more):
        """Pull a calibration."""
        key = {"filter": self.band.name} if issubclass(cls, FilteredCalibration) else {}
        return cls.get(instrument="TCAM", chip=self.chip.name, date=night, **key, **more)

    def stale(self):
        """Why objects of this chip are outdated, by class and night."""
        found = {}
        for cls in (TargetBias, TargetDark, TargetFlat):
            for item, reasons in cls.outdated((cls.chip == self.chip) & (cls.is_valid > 0)):
                found[f"{cls.__name__} {item.night}"] = reasons
        for item, reasons in TargetFrame.outdated(TargetFrame.raw.chip == self.chip):
            found[f"TargetFrame {item.raw.night}"] = reasons
        return found


@pytest.fixture(scope="module")
def camera(home):
    """A camera in Greenwich."""
    return Instrument(name="TCAM", timezone=0.0).commit()


@pytest.fixture
def night(tmp_path, camera):
    """Biases and domes of one night, a science frame of it and one of two nights later; reduced."""
    night = Night(tmp_path, camera)
    night.raw_bias = night.take(RawBiasFrame, FIRST, 100.0, 3)
    night.take(RawDomeFlatFrame, FIRST, 20100.0, 3)
    night.raws = [night.take(RawScienceFrame, when, 700.0)[0] for when in (FIRST, SECOND)]
    night.frames = [TargetFrame.get(raw=raw) for raw in night.raws]
    night.bias, night.flat = night.frames[0].bias, night.frames[0].flat
    assert night.stale() == {}
    return night


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


def test_keys_as_lists_and_wildcards(tmp_path, camera):
    nights = [Night(tmp_path, camera) for _ in range(3)]
    for one in nights[:2]:
        one.take(RawBiasFrame, FIRST, 100.0, 2)
    names = [one.chip.name for one in nights]
    found = TargetBias.get(instrument="TCAM", chip=names[:2], date=FIRST)
    assert [bias.chip.name for bias in found] == names[:2]
    some = TargetBias.get(instrument="TCAM", chip=names[0][:-1] + "*", date=FIRST)
    assert set(found) <= set(some)
    assert nights[2].chip not in {bias.chip for bias in some}
    assert TargetBias.get(chip=nights[0].chip, date=FIRST) == found[0]
    assert TargetBias.get(chip=[nights[0].chip], date=FIRST) == found[:1]
    assert not TargetBias.exist(instrument="TCAM", chip=names[2], date=FIRST)
    assert not TargetBias.exist(instrument="TCAM", chip=names, date=FIRST)
    assert not TargetBias.exist(chip=nights[0].chip, date=SECOND)  # one applies, none is of it
    with pytest.raises(TargetError, match="no chip 'nowhere'"):
        TargetBias.get(instrument="TCAM", chip=[names[0], "nowhere"], date=FIRST)
    with pytest.raises(TargetError, match=r"TargetBias: chip is missing \(give chip="):
        TargetBias.get(date=FIRST)
    with pytest.raises(TargetError, match="has no key 'chips'"):
        TargetBias.get(chips=names, date=FIRST)


def test_pars_refuse_what_does_not_exist(night):
    with pytest.raises(UnknownAttribute, match="TargetBias has no process parameter 'CLOP'"):
        night.get(TargetBias, pars={"TargetBias.process_params.CLOP": 1.0})
    with pytest.raises(ValueError, match="no target 'TargetNone'"):
        night.get(TargetBias, pars={"TargetNone.process_params.CLIP": 1.0})
    with pytest.raises(TypeError, match=r"CLIP.*'much'"):
        night.get(TargetBias, pars={"TargetBias.process_params.CLIP": "much"})


# -- targets of users ----------------------------------------------------------------------


class Contrast(ProcessTarget):
    """Made from objects that the key names: a target, a calibration, raw frames."""

    frame = persistent("The frame measured", TargetFrame)
    bias = persistent("Bias to compare with", TargetBias, optional=True)
    inputs = persistent("Comparison frames", RawScienceFrame, [])
    value = persistent("Contrast", float)
    trouble: ClassVar[list[BaseException]] = []

    def make(self):
        if self.trouble:
            raise self.trouble[0]
        bias = self.bias.level if self.bias else 0.0
        self.value = self.frame.level + len(self.inputs) + bias


def test_a_users_target_is_made_from_what_its_key_names(night):
    one = Contrast.get(frame=night.frames[0])
    assert (one.bias, list(one.inputs)) == (None, [])
    assert Contrast.get(frame=night.frames[0]) == one
    more = Contrast.get(frame=night.frames[0], bias=night.bias, inputs=night.raws)
    assert more.value == pytest.approx(one.value + 2 + night.bias.level)
    assert list(more.inputs) == night.raws
    assert set(more.upstream().objects(TargetBias)) == {night.bias}
    assert more.uptodate()
    assert one.uptodate()
    night.frames[0].bias.set_valid(0, "bad")
    assert more.uptodate().reasons[0].startswith("frame: TargetFrame is outdated: bias: ")
    with pytest.raises(TargetError, match="frame is missing"):
        Contrast.get(bias=night.bias)


class Loose(ProcessTarget):
    """Everything may be absent."""

    frame = persistent("A frame", TargetFrame, optional=True)
    inputs = persistent("Frames", RawScienceFrame, [])


def test_a_key_that_names_nothing_is_one_sentence(night):
    with pytest.raises(TargetError, match=r"Loose: nothing to make it from is named"):
        Loose.get()
    with pytest.raises(TargetError, match=r"Loose: nothing to make it from is named"):
        Loose.get(inputs=[])


TROUBLES = [
    RuntimeError("no lamp"), KeyError("EXPTIME"), ZeroDivisionError("division by zero"),
    np.linalg.LinAlgError("Singular matrix"), MemoryError(), AssertionError(), SystemExit(3),
    StopIteration(), RecursionError("too deep"), ValueError("first line\nsecond line"),
    TargetError("the pixels are odd", "look at them"),
]  # fmt: skip


@pytest.mark.parametrize("trouble", TROUBLES, ids=lambda e: type(e).__name__)
def test_whatever_make_raises_is_one_sentence_and_nothing_stays(night, monkeypatch, trouble):
    key = {"frame": night.frames[0], "inputs": night.raws}
    monkeypatch.setattr(Contrast, "trouble", [trouble])
    with pytest.raises(MakeFailed) as caught:
        Contrast.get(**key)
    said = caught.value
    assert said.message.startswith("Contrast given: ")
    assert "\n" not in str(said)
    assert said.hint
    assert said.__cause__ is trouble
    assert not Contrast.frame.in_([night.frames[0]]).exists()
    assert held_advisory_locks() == []
    monkeypatch.undo()
    assert Contrast.get(**key).value is not None


def test_where_many_are_asked_for_one_failure_does_not_stop_the_others(night, monkeypatch):
    raws = night.take(RawScienceFrame, FIRST, 700.0, 5)
    make = TargetFrame.make

    def fails_once(self):
        if self.raw == raws[1]:
            raise RuntimeError("a satellite")
        make(self)

    monkeypatch.setattr(TargetFrame, "make", fails_once)
    with pytest.raises(MakeFailed, match=r"raised RuntimeError: a satellite; 1 of 5 targets"):
        TargetFrame.get(raw=raws)
    made = {frame.raw for frame in TargetFrame.raw.in_(raws)}
    assert made == set(raws) - {raws[1]}


def test_a_class_without_make_says_so(night):
    bare = type(ProcessTarget)(
        "Bare", (ProcessTarget,), {"__module__": "__main__", "frame": persistent("F", TargetFrame)}
    )
    with pytest.raises(MakeFailed, match="Bare does not say how it is made"):
        bare.get(frame=night.frames[0])


def test_the_plan_is_what_runs(night):
    night.take(RawBiasFrame, FIRST, 100.0)
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
