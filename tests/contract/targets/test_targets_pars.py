"""Contract, sections 6 and 7: parameters by class or by name, and dry runs everywhere."""

from __future__ import annotations

from importlib import import_module

import pytest

from awlab.backend.database import class_named
from awlab.backend.datamodel import Chip, RawScienceFrame
from awlab.backend.errors import QueryError, TargetError, UnknownAttribute
from awlab.backend.process import Pars, Plan, lpu
from awlab.backend.process.process_params import asked_parameters

TargetFrame = class_named("TargetFrame")
FIRST = "2000-04-28"


def test_a_class_is_a_class_or_its_name(home):
    by_name = Pars("TargetBias", instrument="TCAM", chip="tcd001")
    assert repr(by_name).splitlines()[0] == "instrument TCAM, chip tcd001"
    by_name.TargetBias.process_params.OFFSET = 5.0
    assert by_name.get() == {"TargetBias.process_params.OFFSET": 5.0}
    assert repr(Pars(class_named("TargetBias"))) == repr(Pars("TargetBias"))


def test_a_sequence_has_the_parameters_of_all_its_classes(home):
    assert dir(Pars("TargetBias > TargetFrame")) == dir(Pars("TargetFrame"))


@pytest.mark.parametrize("wrong", ["Nothing", Chip, "Chip", 3])
def test_what_is_not_made_has_no_parameters(home, wrong):
    with pytest.raises(TargetError):
        Pars(wrong)
    with pytest.raises(TargetError):
        lpu.run(wrong)


def test_an_unknown_parameter_has_near_ones(home):
    with pytest.raises(UnknownAttribute, match="did you mean OFFSET"):
        _ = Pars("TargetBias").TargetBias.process_params.OFSET
    with pytest.raises(UnknownAttribute, match="it has OFFSET, CLIP"):
        asked_parameters({"TargetBias.process_params.QQQQ": 1})


def test_a_wrong_key(home):
    with pytest.raises(QueryError, match="'date'"):
        Pars("TargetBias", date=FIRST)


def test_what_a_target_cannot_be_made_from(night):
    with pytest.raises(TargetError, match=r"not a RawScienceFrame .give a RawScienceFrame"):
        TargetFrame.plan(raw=night.bias)
    with pytest.raises(TargetError, match=r"not committed .commit it first"):
        TargetFrame.plan(raw=RawScienceFrame())


def test_an_overscan_method_holds_for_all_that_a_target_is_made_from():
    import_module("awlab.backend.targets")  # declares the classes that are named here
    asked = asked_parameters({"ReducedScienceFrame.process_params.OVERSCAN_CORRECTION": 0})
    knowing = {"BiasFrame", "DarkFrame", "DomeFlatFrame", "TwilightFlatFrame", "GainLinearity"}
    assert knowing | {"ReducedScienceFrame"} <= set(asked)
    assert all(parameters == {"OVERSCAN_CORRECTION": 0} for parameters in asked.values())
    own = {"BiasFrame.process_params.OVERSCAN_CORRECTION": 10}
    assert set(asked_parameters(own)) == {"BiasFrame"}
    both = own | {"DomeFlatFrame.process_params.OVERSCAN_CORRECTION": 2}
    assert asked_parameters(both)["BiasFrame"] == {"OVERSCAN_CORRECTION": 10}
    assert asked_parameters({"BiasFrame.process_params.SIGMA_CLIP": 4.0}) == {
        "BiasFrame": {"SIGMA_CLIP": 4.0}
    }


def test_commit_false_makes_nothing(night):
    night.take(RawScienceFrame, FIRST, 700.0, 2)
    key = {"instrument": "TCAM", "chip": night.chip.name, "date": FIRST, "commit": False}
    before = TargetFrame.select(chip=night.chip.name).count(), len(lpu.jobs(1000))
    planned = lpu.run("TargetFrame", **key)
    assert isinstance(planned, Plan)
    assert len(planned.work) == 2
    assert len(TargetFrame.get(**key).work) == len(TargetFrame.plan(**key).work) == 2
    assert not TargetFrame.exist(**key)
    assert not TargetFrame.uptodate(**key)
    assert (TargetFrame.select(chip=night.chip.name).count(), len(lpu.jobs(1000))) == before
