"""What makes which objects outdated, and the whole sentence that says why."""

from __future__ import annotations

from datetime import datetime

import pytest

from awlab.backend.datamodel import RawBiasFrame, RawDarkFrame

FIRST, SECOND = "2000-04-28", "2000-04-30"
NEWER = "a newer PlanBias applies now (made 2000-05-10 04:00:00)"
THREE_RAWS = {"raw_bias": (101, 102, 103)}


def newer_bias(world, small):
    world.take(RawBiasFrame, SECOND, 201, 202)
    world.make(small["PlanBias"], "bias2", SECOND, lists={"raw_bias": (201, 202)})
    return {"two": [f"bias: {NEWER}"]}


def newer_bias_of_the_same_night(world, small):
    """The older one is eclipsed."""
    world.make(small["PlanBias"], "bias2", FIRST, lists=THREE_RAWS)
    through = f"flat: PlanFlat is outdated: bias: {NEWER}"
    both = [f"bias: {NEWER}", through]
    return {"flat": [f"bias: {NEWER}"], "one": both, "two": both}


def eclipsed_and_uneclipsed(world, small):
    newer_bias_of_the_same_night(world, small)
    world.change("bias2", is_valid=0)
    return {"bias2": ["was invalidated"]}


def eclipsed_by_a_flagged_one(world, small):
    world.make(small["PlanBias"], "bias2", SECOND, lists=THREE_RAWS, flags=1 << 16)
    world.take(RawBiasFrame, SECOND, *THREE_RAWS["raw_bias"])
    return {}


def identical_remake(world, small):
    world.make(small["PlanBias"], "bias2", FIRST, lists=THREE_RAWS, content="bias")
    return {}


def invalidated_flat(world, small):
    world.change("flat", is_valid=0)
    why = ["flat: the PlanFlat used was invalidated"]
    cannot = f"0 RawDomeFlatFrame of night {SECOND}, 2 needed"
    lost = [*why, f"cannot be made again: no PlanFlat for flat: {cannot}"]
    return {"flat": ["was invalidated"], "one": why, "two": lost}


def shortened_validity(world, small):
    world.change("bias", end=datetime(2000, 4, 29, 12))
    return {"two": ["bias: the validity of the PlanBias used does not cover the time any more"]}


def changed_parameter(world, small):
    world.asked = {"PlanBias": {"SIGMA_CLIP": 5.0}}
    own = "SIGMA_CLIP is 3.0, asked for 5.0"
    mine = f"bias: PlanBias is outdated: {own}"
    both = [mine, f"flat: PlanFlat is outdated: {mine}"]
    return {"bias": [own], "flat": [mine], "one": both, "two": both}


def parameter_as_it_was(world, small):
    world.asked = {"PlanBias": {"SIGMA_CLIP": 3.0}}
    return {}


def optional_input_can_be_made(world, small):
    world.take(RawDarkFrame, FIRST, 131, 132)
    return {"one": ["dark: an optional PlanDark can be made now"]}


def optional_input_appears(world, small):
    world.take(RawDarkFrame, FIRST, 131, 132)
    dark = {"links": {"bias": "bias"}, "lists": {"raw_dark": (131, 132)}}
    world.make(small["PlanDark"], "dark", FIRST, **dark)
    why = ["dark: an optional PlanDark is available now"]
    return {"one": why, "two": why}


def optional_input_is_not_good(world, small):
    optional_input_appears(world, small)
    world.change("dark", flags=1 << 16)
    return {}


def optional_input_disappears(world, small):
    optional_input_appears(world, small)
    links = world.objects["one"][1].links
    world.change("one", links=links | {"dark": world.id("dark")})
    world.change("dark", is_valid=0)
    del world.raws[RawDarkFrame, FIRST]
    return {
        "dark": [
            "was invalidated",
            "raw_dark: 2 no longer good",
            f"cannot be made again: 0 RawDarkFrame of night {FIRST}, 2 needed",
        ],
        "one": ["dark: the PlanDark used was invalidated"],
    }


def raw_frame_added(world, small):
    world.take(RawBiasFrame, FIRST, 104)
    mine = "bias: PlanBias is outdated: raw_bias: 1 new"
    both = [mine, f"flat: PlanFlat is outdated: {mine}"]
    return {"bias": ["raw_bias: 1 new"], "flat": [mine], "one": both, "two": both}


def raw_frame_invalidated(world, small):
    world.raws[RawBiasFrame, FIRST].remove(103)
    mine = "bias: PlanBias is outdated: raw_bias: 1 no longer good"
    both = [mine, f"flat: PlanFlat is outdated: {mine}"]
    return {"bias": ["raw_bias: 1 no longer good"], "flat": [mine], "one": both, "two": both}


def too_many_raw_frames_invalidated(world, small):
    world.raws[RawBiasFrame, FIRST] = [101]
    cannot = f"cannot be made again: 1 RawBiasFrame of night {FIRST}, 2 needed"
    gone = "raw_bias: 2 no longer good"
    mine = f"bias: only the default PlanBias applies now ({gone}; {cannot})"
    both = [mine, f"flat: PlanFlat is outdated: {mine}"]
    return {"bias": [gone, cannot], "flat": [mine], "one": both, "two": both}


def default_can_be_replaced(world, small):
    with_default(world, small)
    world.take(RawBiasFrame, SECOND, 201, 202)
    return {"two": ["bias: PlanBias is to be built"]}


def default_is_replaced(world, small):
    with_default(world, small)
    world.take(RawBiasFrame, SECOND, 201, 202)
    world.make(small["PlanBias"], "bias2", SECOND, lists={"raw_bias": (201, 202)})
    return {"two": ["bias: a newer PlanBias applies now (made 2000-05-10 05:00:00)"]}


def only_the_default_is_left(world, small):
    with_default(world, small)
    return {}


def with_default(world, small):
    """The second night lies outside the validity of the bias; its frame has the default one."""
    always = {"start": datetime(1990, 1, 1), "end": datetime(2030, 1, 1)}
    world.make(small["PlanBias"], "default", FIRST, is_default=True, **always)
    world.change("bias", end=datetime(2000, 4, 29, 12))
    links = world.objects["two"][1].links
    world.change("two", links=links | {"bias": world.id("default")})


def favourite(world, small):
    world.make(
        small["PlanBias"], "old", FIRST, lists=THREE_RAWS, creation=datetime(2000, 5, 1),
        favourite=True,
    )  # fmt: skip
    mine = "bias: an older PlanBias applies now"
    both = [mine, f"flat: PlanFlat is outdated: {mine}"]
    return {"flat": [mine], "one": both, "two": both}


def bias_of_another_overscan_method(world, small):
    """It does not fit what is made with the default method."""
    world.make(
        small["PlanBias"], "bias2", FIRST, lists=THREE_RAWS,
        params={"OVERSCAN_CORRECTION": 0, "SIGMA_CLIP": 3.0},
    )  # fmt: skip
    return {}


def other_overscan_method_asked(world, small):
    """The frames need a bias of that method, the flat keeps its own."""
    world.asked = {"PlanFrame": {"OVERSCAN_CORRECTION": 0}}
    own = "OVERSCAN_CORRECTION is 6, asked for 0"
    return {
        "one": ["bias: PlanBias is to be built", own],
        "two": ["bias: the PlanBias used was made with OVERSCAN_CORRECTION 6, 0 is needed", own],
    }


CASES = [
    newer_bias, newer_bias_of_the_same_night, eclipsed_and_uneclipsed, eclipsed_by_a_flagged_one,
    identical_remake, invalidated_flat, shortened_validity, changed_parameter,
    parameter_as_it_was, optional_input_can_be_made, optional_input_appears,
    optional_input_is_not_good, optional_input_disappears, raw_frame_added,
    raw_frame_invalidated, too_many_raw_frames_invalidated, default_can_be_replaced,
    default_is_replaced, only_the_default_is_left, favourite, bias_of_another_overscan_method,
    other_overscan_method_asked,
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_exactly_these_are_outdated(world, small, case):
    expected = case(world, small)
    assert world.reasons() == expected


def test_depth_hides_what_lies_below(world):
    world.take(RawBiasFrame, FIRST, 104)
    assert set(world.reasons(depth=0)) == set()
    assert set(world.reasons(depth=1)) == {"bias"}
    assert set(world.reasons(depth=2)) == {"bias", "flat", "one", "two"}


def test_other_code_counts_where_asked_for(world):
    world.change("flat", code="0.1+0123abcd")
    assert world.reasons() == {}
    why = "made with code 0.1+0123abcd"
    above = [f"flat: PlanFlat is outdated: {why}"]
    assert world.reasons(code=True) == {"flat": [why], "one": above, "two": above}
