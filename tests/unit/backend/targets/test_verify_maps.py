"""Flags of maps, sky flats, fringes, backgrounds and illumination: beyond the limit, not at it."""

from __future__ import annotations

import numpy as np
import pytest

from awlab.backend.database import DBObject
from awlab.backend.datamodel import Imstat, RawScienceFrame, flags_of
from awlab.backend.targets import (
    BackgroundFrame,
    ColdPixelMap,
    FringeFrame,
    HotPixelMap,
    IlluminationCorrection,
    MasterFlatFrame,
    NightSkyFlatFrame,
    ReducedScienceFrame,
    SatelliteMap,
    WeightFrame,
)


def satellite(count):
    return SatelliteMap(count=count, npix=10**6)


def fringe(**values):
    return FringeFrame(**({"nframes": 4, "amplitude": 0.03} | values))


def night_sky(**values):
    return NightSkyFlatFrame(**({"nframes": 4, "subwin_flatness": 0.1} | values))


def background(low, high, **values):
    usual = {"level": 100.0, "noise": 5.0, "npix": 9, "imstat": Imstat(min=low, max=high)}
    return BackgroundFrame(**(usual | {"reduced": ReducedScienceFrame()} | values))


def surface(**values):
    usual = {"num_sources": 30, "error": 0.002, "range": 0.05}
    return IlluminationCorrection(**(usual | values))


GOOD, BAD = [RawScienceFrame()], [RawScienceFrame(), RawScienceFrame(quality_flags=1 << 7)]
LIMITS = [
    ("TOO_MUCH_MASKED", lambda: satellite(100_000), lambda: satellite(100_001)),
    ("FEW_FRAMES", fringe, lambda: fringe(nframes=3, reason="3 dithered frames")),
    ("NO_PATTERN", fringe, lambda: fringe(reason="frame 1 has no sky")),
    ("AMPLITUDE_HIGH", lambda: fringe(amplitude=0.2), lambda: fringe(amplitude=0.21)),
    (
        "AMPLITUDE_CHANGED",
        lambda: fringe(prev=fringe(amplitude=0.045)),
        lambda: fringe(prev=fringe(amplitude=0.055)),
    ),
    (
        "FLAGGED_INPUT",
        lambda: fringe(raw_science_frames=GOOD),
        lambda: fringe(raw_science_frames=BAD),
    ),
    ("FEW_FRAMES", night_sky, lambda: night_sky(nframes=3, reason="3", subwin_flatness=None)),
    ("NO_PATTERN", night_sky, lambda: night_sky(reason="no sky", subwin_flatness=None)),
    (
        "NOT_FLAT",
        lambda: night_sky(subwin_flatness=0.8),
        lambda: night_sky(subwin_flatness=0.81),
    ),
    (
        "FLATNESS_CHANGED",
        lambda: night_sky(prev=night_sky(subwin_flatness=0.19)),
        lambda: night_sky(prev=night_sky(subwin_flatness=0.25)),
    ),
    (
        "FLAGGED_INPUT",
        lambda: night_sky(raw_science_frames=GOOD),
        lambda: night_sky(raw_science_frames=BAD),
    ),
    ("NO_BACKGROUND", lambda: background(90, 110), lambda: background(0, 0, npix=0)),
    ("RANGE_LARGE", lambda: background(80.0, 135.0), lambda: background(80.0, 136.0)),
    (
        "FLAGGED_INPUT",
        lambda: background(90, 110),
        lambda: background(90, 110, reduced=ReducedScienceFrame(quality_flags=1 << 16)),
    ),
    ("NO_FIT", surface, lambda: surface(reason="2 stars", error=None)),
    ("FEW_STARS", surface, lambda: surface(num_sources=29)),
    ("ERROR_LARGE", lambda: surface(error=0.02), lambda: surface(error=0.021)),
    ("RANGE_LARGE", lambda: surface(range=0.5), lambda: surface(range=0.51)),
    (
        "RANGE_CHANGED",
        lambda: surface(prev=surface(range=0.09)),
        lambda: surface(prev=surface(range=0.11)),
    ),
]
CLASSES = [SatelliteMap, FringeFrame, NightSkyFlatFrame, BackgroundFrame, IlluminationCorrection]


@pytest.mark.parametrize(("flag", "at_limit", "beyond"), LIMITS)
def test_flag_beyond_its_limit_alone(flag, at_limit, beyond):
    good, bad = at_limit(), beyond()
    good.verify()
    assert flag not in good.quality_flags.names
    bad.verify()
    assert bad.quality_flags.names == [flag]
    assert flags_of(type(bad))[flag].meaning in bad.quality_flags.explain()


def test_every_own_bit_is_tested_here():
    tested = {(type(beyond()), flag) for flag, _, beyond in LIMITS}
    for cls in CLASSES:
        own = {name for name, flag in flags_of(cls).items() if flag.bit >= 16}
        assert own == {name for kind, name in tested if kind is cls and name in own}, cls


@pytest.mark.parametrize("cls", CLASSES)
def test_parameters_are_documented_and_limits_say_so(cls):
    inherited = set(DBObject._attributes) | {"content_hash"}
    attributes = type(cls().process_params)._attributes
    own = {name: found for name, found in attributes.items() if name not in inherited}
    for name, attribute in own.items():
        assert name.isupper() and attribute.default is not None and len(attribute.doc) > 10
        assert attribute.doc.startswith("QC: ") == name.startswith(("MAX", "MIN")), name


@pytest.mark.parametrize("cls", [*CLASSES, WeightFrame])
def test_a_task_and_a_requirement_have_a_name(cls):
    assert cls.SEQUENCE
    assert cls in (SatelliteMap, BackgroundFrame) or cls.REQUIREMENT.rstrip("F").isdigit()


@pytest.mark.parametrize(
    ("asked", "has", "done", "flags"),
    [
        (0, (1, 1, 0), 3, []), (4, (1, 1, 1), 4, []), (5, (1, 1, 1), 5, []),
        (6, (1, 1, 1), 6, []), (5, (1, 0, 0), 1, ["ONE_KIND_ONLY"]),
        (6, (0, 1, 0), 2, ["ONE_KIND_ONLY"]),
    ],
)  # fmt: skip
def test_kinds_of_flat_that_were_asked_for(asked, has, done, flags, monkeypatch):
    from awlab.backend.targets import master_flat

    kinds = ("dome_flat", "twilight_flat", "night_sky_flat")
    made = {name: object() for name, there in zip(kinds, has, strict=True) if there}
    used = []
    monkeypatch.setattr(master_flat, "keep_pixels", lambda *_: None)
    monkeypatch.setattr(master_flat, "same_shape", lambda _, shape: np.ones(shape, np.uint8))
    monkeypatch.setattr(
        master_flat, "_pixels", lambda flat: None if flat is None else _remember(used, flat)
    )

    class Flat:
        """A master flat whose links are plain objects."""

        dome_flat = twilight_flat = night_sky_flat = cold = None
        hot = object()
        process_params = MasterFlatFrame().process_params
        make, _image, _scales = (
            MasterFlatFrame.make, MasterFlatFrame._image, MasterFlatFrame._scales,
        )  # fmt: skip

    flat = Flat()
    vars(flat).update(made)
    flat.process_params.COMBINE_TYPE = asked
    flat.make()
    assert flat.combine_type == done
    wanted = {1: "dome_flat", 2: "twilight_flat", 4: "night_sky_flat"}
    assert set(used) == {made[wanted[bit]] for bit in (1, 2, 4) if done & bit}
    found = MasterFlatFrame(combine_type=done, hot=HotPixelMap(), cold=ColdPixelMap())
    found.process_params.COMBINE_TYPE = asked
    found.verify()
    assert found.quality_flags.names == flags


def _remember(used, flat):
    used.append(flat)
    return np.ones((256, 256), np.float32)
