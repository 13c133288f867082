"""Contract, section 6: keys, process parameters, and targets of users."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pytest

from awlab.backend.database import class_named, held_advisory_locks, persistent
from awlab.backend.datamodel import (
    RawBiasFrame,
    RawScienceFrame,
)
from awlab.backend.errors import MakeFailed, TargetError, UnknownAttribute
from awlab.backend.process import ProcessTarget

FIRST, SECOND = "2000-04-28", "2000-04-30"
# Declared beside the night in conftest.py.
TargetBias, TargetFlat = class_named("TargetBias"), class_named("TargetFlat")
TargetDark, TargetFrame = class_named("TargetDark"), class_named("TargetFrame")


def test_keys_as_lists_and_wildcards(new_night):
    nights = [new_night() for _ in range(3)]
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
