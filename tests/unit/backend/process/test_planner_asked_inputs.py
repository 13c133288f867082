"""Inputs that process parameters ask for, and raw frames that are preferred for their purpose."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

import pytest

from awlab.backend.database import persistent
from awlab.backend.datamodel import RawDarkFrame, RawScienceFrame
from awlab.backend.process import Calibration, ProcessParameters, ProcessTarget
from awlab.backend.process.dependencies import dependencies_of
from awlab.backend.process.keys import Group, RawRecord, preferred

FIRST = "2000-04-28"


class AskedDark(Calibration):
    """Dark of the small world that needs nothing else."""

    PURPOSES: ClassVar[tuple[str, ...]] = ("dark",)
    raw_dark = persistent("Raw darks", RawDarkFrame, [])


class AskedFrameParameters(ProcessParameters):
    """Parameters of the frame."""

    KIND = persistent("0 without, 1 and 2 with a dark", int, 0)


class AskedFrame(ProcessTarget):
    """Frame of the small world that has a dark if it is asked for."""

    ONLY_WITH: ClassVar[dict[str, tuple[str, tuple[int, ...]]]] = {"dark": ("KIND", (1, 2))}
    raw = persistent("Raw frame", RawScienceFrame)
    dark = persistent("Dark", AskedDark, optional=True)
    process_params = persistent("Parameters", AskedFrameParameters)


@pytest.fixture
def states(world, wish):
    """States by class, with a dark that can be made, for a value of KIND."""
    world.take(RawDarkFrame, FIRST, 131)

    def look(kind=None):
        world.asked = {} if kind is None else {"AskedFrame": {"KIND": kind}}
        plan = world.plan(AskedFrame, wish(121, FIRST))
        return {node.cls.__name__: (node.state.value, node.reasons) for node in plan.nodes}

    return look


def test_the_declaration_is_part_of_the_dependency():
    found = {d.role: d.only_with for d in dependencies_of(AskedFrame)}
    assert found == {"raw": None, "dark": ("KIND", (1, 2))}


@pytest.mark.parametrize("kind", [None, 0, 3])
def test_what_is_not_asked_for_is_not_made(states, kind):
    assert list(states(kind)) == ["AskedFrame"]


@pytest.mark.parametrize("kind", [1, 2])
def test_what_is_asked_for_is_made(states, kind):
    assert states(kind)["AskedDark"] == ("to be built", ["does not exist"])


def test_a_frame_that_was_made_with_it_keeps_to_it(states, world):
    world.make(AskedDark, "dark", FIRST, lists={"raw_dark": (131,)})
    world.make(
        AskedFrame, "frame", FIRST, links={"dark": "dark"}, raw=121, params={"KIND": 1},
        time=datetime(2000, 4, 28, 23),
    )  # fmt: skip
    assert states() == {"AskedDark": ("up to date", []), "AskedFrame": ("up to date", [])}
    state, reasons = states(0)["AskedFrame"]
    assert state == "outdated" and "KIND is 1, asked for 0" in reasons
    world.change("dark", is_valid=0)
    assert states()["AskedFrame"] == ("outdated", ["dark: the AskedDark used was invalidated"])


def test_frames_of_a_purpose_are_preferred_where_there_are_any():
    group, time = Group(1, 2, 3, ""), datetime(2000, 4, 28)
    records = [
        RawRecord(n, group, FIRST, time, "", word) for n, word in enumerate(("photom", "science"))
    ]
    assert [r.id for r in preferred(records, ("science",))] == [1]
    assert [r.id for r in preferred(records, ("bias",))] == [0, 1]
    assert [r.id for r in preferred(records, ())] == [0, 1]


def test_purposes_of_a_class_are_handed_to_the_registry(world, wish, monkeypatch):
    seen = []
    own = world.raw_frames

    def look(cls, nights, purposes=()):
        seen.append((cls, tuple(purposes)))
        return own(cls, nights, purposes)

    monkeypatch.setattr(world, "raw_frames", look)
    world.asked = {"AskedFrame": {"KIND": 1}}
    world.plan(AskedFrame, wish(121, FIRST))
    assert seen == [(RawDarkFrame, ("dark",))]
