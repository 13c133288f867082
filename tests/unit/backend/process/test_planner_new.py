"""What would be made where nothing, or not everything, exists."""

from __future__ import annotations

import pytest

from awlab.backend.datamodel import RawBiasFrame, RawDarkFrame, RawDomeFlatFrame
from awlab.backend.errors import TargetError

FIRST, SECOND = "2000-04-28", "2000-04-30"


@pytest.fixture
def states():
    """States of the targets of a plan by class, those of the work in order."""

    def look(plan):
        return [(node.cls.__name__, node.state.value) for node in plan.nodes]

    return look


def empty(world):
    world.objects.clear()
    return world


def test_everything_is_made_inputs_first(world, wish, small, states):
    plan = empty(world).plan(small["PlanFrame"], wish(121, FIRST))
    assert states(plan) == [
        ("PlanBias", "to be built"),
        ("PlanDark", "null"),
        ("PlanFlat", "to be built"),
        ("PlanFrame", "to be built"),
    ]
    assert [node.cls.__name__ for node in plan.work] == ["PlanBias", "PlanFlat", "PlanFrame"]


@pytest.mark.parametrize("depth", [0, 1, 2, None])
def test_whether_it_can_be_made_does_not_depend_on_depth(world, wish, small, depth):
    plan = empty(world).plan(small["PlanFrame"], wish(121, FIRST), depth=depth)
    assert [node.cls.__name__ for node in plan.work] == ["PlanBias", "PlanFlat", "PlanFrame"]


def test_beyond_the_depth_what_exists_is_taken_unchecked(world, wish, small, states):
    world.take(RawBiasFrame, FIRST, 104)
    world.objects.pop("one")
    plan = world.plan(small["PlanFrame"], wish(121, FIRST), depth=1)
    assert ("PlanBias", "not checked") in states(plan)
    assert [node.cls.__name__ for node in plan.work] == ["PlanFrame"]


def test_nothing_is_made_for_what_cannot_be_made(world, wish, small, states):
    """Without domes there is no flat, and so nobody needs the bias."""
    del empty(world).raws[RawDomeFlatFrame, FIRST]
    plan = world.plan(small["PlanFrame"], wish(121, FIRST))
    assert plan.work == []
    root = plan.roots[0]
    assert root.reasons == [f"no PlanFlat for flat: 0 RawDomeFlatFrame of night {FIRST}, 2 needed"]
    assert set(dict(root.children)) == {"flat", "dark"}
    assert set(dict(states(plan)).values()) == {"null"}


def test_an_optional_input_that_cannot_be_made_needs_nothing(world, wish, small):
    """One raw dark is too few: no bias is made for a dark that is not."""
    empty(world).take(RawDarkFrame, SECOND, 131)
    world.take(RawDomeFlatFrame, SECOND, 141, 142)
    world.take(RawBiasFrame, SECOND, 151, 152)
    plan = world.plan(small["PlanDark"], wish(122, SECOND)._replace(raw=0, own_night=True))
    assert plan.work == []


def test_equal_wishes_are_one_target(world, wish, small):
    plan = empty(world).plan(small["PlanFrame"], *(wish(raw, FIRST) for raw in range(121, 131)))
    counts = {name: sum(c.values()) for name, c in plan.counts().items()}
    assert counts == {"PlanBias": 1, "PlanDark": 1, "PlanFlat": 1, "PlanFrame": 10}


def test_a_class_is_read_once_whatever_the_number_of_targets(world, wish, small):
    asked = []
    for count in (1, 500):
        world.statements = 0
        world.plan(small["PlanFrame"], *(wish(raw, FIRST) for raw in range(121, 121 + count)))
        asked.append(world.statements)
    assert asked == [4, 4]


def test_overscan_methods_that_contradict_each_other_are_refused(world, wish, small):
    world.asked = {"PlanBias": {"OVERSCAN_CORRECTION": 0}}
    with pytest.raises(TargetError, match=r"PlanBias is asked for .* 0, but PlanFrame with 6"):
        world.plan(small["PlanFrame"], wish(121, FIRST))
    world.asked["PlanFrame"] = {"OVERSCAN_CORRECTION": 0}
    plan = world.plan(small["PlanFrame"], wish(121, FIRST))
    bias = dict(plan.roots[0].children)["bias"]
    assert (bias.state.value, bias.request.overscan) == ("to be built", 0)


def test_another_night_serves_where_the_own_one_has_no_raw_frames(world, wish, small):
    request = wish(0, SECOND)._replace(own_night=True)
    request = request._replace(group=request.group.without_filter())
    root = world.plan(small["PlanBias"], request).roots[0]
    assert (root.state.value, root.stands_in) == ("up to date", True)
    assert root.object_id == world.id("bias")
    assert root.reasons == [f"0 RawBiasFrame of night {SECOND}, 2 needed; the valid one is used"]
