"""A solution of all frames of a field, and the frames that take it where they are asked to."""

from __future__ import annotations

from typing import ClassVar

import pytest

from awlab.backend.database import persistent
from awlab.backend.datamodel import Filter, Flag, Instrument, RawScienceFrame, night_middle
from awlab.backend.process import ProcessParameters, ProcessTarget
from awlab.backend.process.dependencies import class_order, dependencies_of
from awlab.backend.process.keys import Group, RawRecord, Request, Selection

FIRST, SECOND = "2000-04-28", "2000-04-30"
CAMERA, CHIP, BAND = 1, 2, 3
FIELD = Selection(CAMERA, BAND, 0, "M 31")


class FieldFrame(ProcessTarget):
    """What is made of one raw frame."""

    FATAL: ClassVar[tuple[str, ...]] = ("NO_STARS",)
    FLAGS: ClassVar[tuple[Flag, ...]] = (Flag(16, "NO_STARS", "nothing to see"),)
    raw = persistent("Raw frame", RawScienceFrame)


class FieldWhole(ProcessTarget):
    """What is made of all frames of a field."""

    _is_selection = True
    _is_field_solution = True
    FATAL: ClassVar[tuple[str, ...]] = ("NO_SOLUTION",)
    FLAGS: ClassVar[tuple[Flag, ...]] = (Flag(16, "NO_SOLUTION", "they share nothing"),)
    frames = persistent("Frames", FieldFrame, [])
    instrument = persistent("Instrument", Instrument)
    filter = persistent("Filter", Filter)
    OBJECT = persistent("Object", str, "")
    chosen_by = persistent("key or frames", str, "")


class FieldProductParameters(ProcessParameters):
    """Parameters of the product."""

    SOLUTION = persistent("local or global", str, "local")


class FieldProduct(ProcessTarget):
    """A frame that takes the solution of its field if it is asked to."""

    ONLY_WITH: ClassVar[dict[str, tuple[str, tuple[str, ...]]]] = {
        "whole": ("SOLUTION", ("global",))
    }
    raw = persistent("Raw frame", RawScienceFrame)
    frame = persistent("Frame", FieldFrame)
    whole = persistent("Solution of the field", FieldWhole, optional=True)
    process_params = persistent("Parameters", FieldProductParameters)


def record(number, night, name="M 31"):
    return RawRecord(number, Group(CAMERA, CHIP, BAND, ""), night, night_middle(night, 0.0), name)


def wish(raw, night=FIRST):
    return Request(Group(CAMERA, CHIP, BAND, ""), night, night_middle(night, 0.0), raw)


@pytest.fixture
def field(world):
    """Two frames of a field in two nights, and one of another field; nothing is made."""
    world.records = [record(121, FIRST), record(122, SECOND), record(123, FIRST, "M 32")]
    return world


@pytest.fixture
def made(field):
    """The field is solved, and one product of it is made."""
    for number, night in ((121, FIRST), (122, SECOND)):
        field.make(FieldFrame, f"frame {number}", night, raw=number)
    members = (field.id("frame 121"), field.id("frame 122"))
    field.make(
        FieldWhole, "whole", FIRST, lists={"frames": members}, selection=FIELD,
        group=Group(CAMERA, 0, BAND, ""),
    )  # fmt: skip
    links = {"frame": "frame 121", "whole": "whole"}
    field.make(FieldProduct, "product", FIRST, links=links, raw=121, params={"SOLUTION": "global"})
    return field


def states(plan):
    return sorted((node.cls.__name__, node.state.value) for node in plan.nodes)


def test_the_rule_is_read_from_the_class():
    rules = {d.role: (d.rule, d.optional) for d in dependencies_of(FieldProduct)}
    assert rules == {
        "raw": ("raw", False), "frame": ("companion", False), "whole": ("field", True)
    }  # fmt: skip
    assert {d.rule for d in dependencies_of(FieldWhole)} == {"members"}
    assert class_order(FieldProduct) == [FieldProduct, FieldWhole, FieldFrame]


def test_it_is_not_made_unless_asked_for(field):
    plan = field.plan(FieldProduct, wish(121))
    assert states(plan) == [("FieldFrame", "to be built"), ("FieldProduct", "to be built")]


def test_the_field_of_every_frame_is_solved_once_from_all_nights(field):
    field.asked = {"FieldProduct": {"SOLUTION": "global"}}
    before = field.statements
    plan = field.plan(FieldProduct, wish(121), wish(122, SECOND), wish(123))
    wholes = [node for node in plan.nodes if node.cls is FieldWhole]
    assert sorted(len(node.inputs["frames"]) for node in wholes) == [1, 2]
    assert plan.roots[0].inputs["whole"] is plan.roots[1].inputs["whole"]
    assert plan.roots[2].inputs["whole"] is not plan.roots[0].inputs["whole"]
    assert {node.request.selection.object for node in wholes} == {"M 31", "M 32"}
    assert field.statements - before == 4, "one per class, and one for the raw frames"


def test_frames_of_nothing_that_has_a_name_are_no_field(field):
    field.asked = {"FieldProduct": {"SOLUTION": "global"}}
    field.records.append(record(125, FIRST, ""))
    plan = field.plan(FieldProduct, wish(125))
    assert plan.roots[0].inputs["whole"] is None
    assert states(plan) == [("FieldFrame", "to be built"), ("FieldProduct", "to be built")]


def test_what_was_made_with_it_keeps_to_it(made):
    plan = made.plan(FieldProduct, wish(121))
    assert {state for _, state in states(plan)} == {"up to date"}
    assert plan.roots[0].inputs["whole"].object_id == made.id("whole")


def test_another_frame_of_the_field_outdates_solution_and_product(made):
    made.records.append(record(124, SECOND))
    plan = made.plan(FieldProduct, wish(121))
    whole = plan.roots[0].inputs["whole"]
    assert whole.reasons == ["frames: 1 to be built"]
    assert plan.roots[0].reasons == ["whole: FieldWhole is outdated: frames: 1 to be built"]
    # What is not of that field does not.
    made.records[-1] = record(124, SECOND, "M 32")
    assert made.plan(FieldProduct, wish(121)).is_up_to_date


def test_a_verdict_on_it_outdates_the_product(made):
    made.change("whole", is_valid=0)
    (root,) = made.plan(FieldProduct, wish(121)).roots
    assert root.reasons == ["whole: the FieldWhole used was invalidated"]


def test_asked_for_the_other_solution_it_is_outdated(made):
    made.asked = {"FieldProduct": {"SOLUTION": "local"}}
    (root,) = made.plan(FieldProduct, wish(121)).roots
    assert "SOLUTION is 'global', asked for 'local'" in root.reasons
    assert root.inputs["whole"] is None


def test_a_field_that_cannot_be_solved_leaves_the_frame_as_it_is(made):
    made.change("whole", flags=1 << 16)
    made.change("product", links=made.objects["product"][1].links | {"whole": 0})
    assert made.plan(FieldProduct, wish(121)).is_up_to_date


def test_the_same_solution_made_again_outdates_nothing(made):
    members = made.objects["whole"][1].lists
    made.make(
        FieldWhole, "again", FIRST, lists=members, selection=FIELD, content="whole",
        group=Group(CAMERA, 0, BAND, ""),
    )  # fmt: skip
    plan = made.plan(FieldProduct, wish(121))
    assert plan.roots[0].inputs["whole"].object_id == made.id("again")
    assert plan.is_up_to_date
