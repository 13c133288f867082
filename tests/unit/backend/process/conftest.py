"""A small world in memory: what the planner asks of a database, and a night that is all made."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import ClassVar

import pytest

from awlab.backend.database import persistent
from awlab.backend.datamodel import (
    RawBiasFrame,
    RawDarkFrame,
    RawDomeFlatFrame,
    RawScienceFrame,
    night_middle,
    night_start,
)
from awlab.backend.process import Calibration, FilteredCalibration, ProcessParameters, ProcessTarget
from awlab.backend.process.code_version import code_version
from awlab.backend.process.keys import Candidate, Group, Request
from awlab.backend.process.planner import Planner
from awlab.backend.process.process_params import parameter_class

FIRST, SECOND = "2000-04-28", "2000-04-30"
CAMERA, CHIP, BAND = 1, 2, 3
MOMENT = datetime(2000, 5, 10)


class PlanBiasParameters(ProcessParameters):
    """Parameters of the bias of the small world."""

    OVERSCAN_CORRECTION = persistent("Overscan method", int, 6)
    SIGMA_CLIP = persistent("Clipping threshold, sigma", float, 3.0)


class PlanBias(Calibration):
    """Bias of the small world."""

    MINIMUM: ClassVar[dict[str, int]] = {"raw_bias": 2}
    raw_bias = persistent("Raw biases", RawBiasFrame, [])
    process_params = persistent("Parameters", PlanBiasParameters)

    def make_default(self) -> None:
        """A default needs nothing."""


class PlanDark(Calibration):
    """Dark of the small world."""

    MINIMUM: ClassVar[dict[str, int]] = {"raw_dark": 2}
    raw_dark = persistent("Raw darks", RawDarkFrame, [])
    bias = persistent("Bias", PlanBias)


class PlanFlat(FilteredCalibration):
    """Flat of the small world."""

    MINIMUM: ClassVar[dict[str, int]] = {"raw_dome": 2}
    raw_dome = persistent("Raw domes", RawDomeFlatFrame, [])
    bias = persistent("Bias", PlanBias)


class PlanFrameParameters(ProcessParameters):
    """Parameters of the frame of the small world."""

    OVERSCAN_CORRECTION = persistent("Overscan method", int, 6)


class PlanFrame(ProcessTarget):
    """Reduced frame of the small world."""

    raw = persistent("Raw frame", RawScienceFrame)
    bias = persistent("Bias", PlanBias)
    dark = persistent("Dark", PlanDark, optional=True)
    flat = persistent("Flat", PlanFlat)
    process_params = persistent("Parameters", PlanFrameParameters)


CLASSES = {cls.__name__: cls for cls in (PlanBias, PlanDark, PlanFlat, PlanFrame)}


class World:
    """Objects by name, raw frames by kind and night; a `Registry` of the planner."""

    def __init__(self):
        self.objects = {}
        self.raws = {}
        self.asked = {}
        self.records = []
        self.statements = 0

    # -- what there is ---------------------------------------------------------------------

    def take(self, kind, night, *numbers):
        """Raw frames were taken."""
        self.raws.setdefault((kind, night), []).extend(numbers)

    def make(self, cls, name, night, *, links=None, lists=None, **values):
        """An object was made; later ones are newer."""
        count = len(self.objects)
        start = night_start(night, 0.0)
        plain = {
            "id": 1000 + count,
            "group": Group(CAMERA, CHIP, BAND if cls in (PlanFlat, PlanFrame) else 0, ""),
            "night": night, "raw": 0, "start": start, "end": start + timedelta(days=7),
            "creation": MOMENT + timedelta(hours=count), "is_valid": 1, "flags": 0,
            "is_default": False, "content": name, "code": code_version(cls), "params": {},
        }  # fmt: skip
        parameters = parameter_class(cls)
        if parameters is not None:
            plain["params"] = {"OVERSCAN_CORRECTION": 6, "SIGMA_CLIP": 3.0}
        plain |= values
        overscan = plain["params"].get("OVERSCAN_CORRECTION")
        numbers = {role: self.id(other) for role, other in (links or {}).items()}
        numbers |= {"raw": plain["raw"]} if plain["raw"] else {}
        self.objects[name] = (
            cls, Candidate(**plain, overscan=overscan, links=numbers, lists=lists or {}),
        )  # fmt: skip

    def change(self, name, **values):
        """Somebody amended an object."""
        cls, candidate = self.objects[name]
        self.objects[name] = (cls, candidate._replace(**values))

    def id(self, name):
        """Row number of an object, 0 for none."""
        return self.objects[name][1].id if name else 0

    # -- what the planner asks -------------------------------------------------------------

    def candidates(self, cls, requests, used, asked):
        """Everything of the class: more than needed is allowed."""
        self.statements += 1
        return [candidate for kind, candidate in self.objects.values() if kind is cls]

    def raw_frames(self, cls, nights, purposes=()):
        """Good raw frames by group and night."""
        found = {key: self.raws.get((cls, key[1])) for key in nights}
        return {key: tuple(numbers) for key, numbers in found.items() if numbers}

    def selected(self, cls, selections):
        """Raw frames of objects."""
        return {
            one: tuple(record for record in self.records if record.object == one.object)
            for one in selections
        }

    def raw_records_of(self, cls, numbers):
        """Raw frames by number."""
        self.statements += 1
        return {record.id: record for record in self.records if record.id in numbers}

    def midnight(self, instrument, night):
        """Middle of the night."""
        return night_middle(night, 0.0)

    def overscan_default(self, cls):
        """Default overscan method."""
        return 6 if cls in (PlanBias, PlanFrame) else None

    def horizon(self):
        """Newest row number."""
        return 10_000

    def names(self, numbers):
        """Nobody looks at names here."""
        return {}

    # -- what the tests ask ----------------------------------------------------------------

    def plan(self, cls, *requests, **options):
        """Plan as `ProcessTarget.plan` does."""
        return Planner(self, self.asked, **options).plan(cls, list(requests))

    def reasons(self, **options):
        """Why objects are outdated, by name; those that are not are left out."""
        found = {}
        for cls in CLASSES.values():
            names = [name for name, (kind, _) in self.objects.items() if kind is cls]
            nobody = Group(0, 0, 0, "")
            wishes = [Request(nobody, "", None, forced=self.id(name)) for name in names]
            roots = self.plan(cls, *wishes, **options).roots if wishes else []
            for name, root in zip(names, roots, strict=True):
                if root.state.value == "outdated":
                    found[name] = root.reasons
        return found


def science(raw, night):
    """Wish for the frame of a raw frame."""
    return Request(Group(CAMERA, CHIP, BAND, ""), night, night_middle(night, 0.0), raw)


@pytest.fixture
def world():
    """Bias and flat of a first night; frames of it and of a second night, made with them."""
    world = World()
    world.take(RawBiasFrame, FIRST, 101, 102, 103)
    world.take(RawDomeFlatFrame, FIRST, 111, 112, 113)
    world.make(PlanBias, "bias", FIRST, lists={"raw_bias": (101, 102, 103)})
    world.make(PlanFlat, "flat", FIRST, links={"bias": "bias"}, lists={"raw_dome": (111, 112, 113)})
    for name, night, raw in (("one", FIRST, 121), ("two", SECOND, 122)):
        links = {"bias": "bias", "flat": "flat", "dark": ""}
        time = night_middle(night, 0.0)
        world.make(PlanFrame, name, night, links=links, raw=raw, time=time)
    assert world.reasons() == {}
    return world


@pytest.fixture
def wish():
    """Wish for the frame of a raw frame and night."""
    return science


@pytest.fixture
def small():
    """Classes of the small world by name."""
    return CLASSES
