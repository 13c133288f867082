"""Every flag bit of every target is raised beyond its limit, and not at it; parameters tell all."""

from __future__ import annotations

import pytest

from awlab.backend.database import DBObject
from awlab.backend.datamodel import (
    Imstat,
    RawBiasFrame,
    RawDomeFlatFrame,
    RawScienceFrame,
    RawTwilightFlatFrame,
    flags_of,
)
from awlab.backend.targets import (
    BiasFrame,
    ColdPixelMap,
    DarkFrame,
    DomeFlatFrame,
    GainLinearity,
    HotPixelMap,
    MasterFlatFrame,
    ReadNoise,
    ReducedScienceFrame,
    SaturatedPixelMap,
    TwilightFlatFrame,
    WeightFrame,
)


def bias(**values):
    usual = {"clipped_stdev": 1.0, "subwin_flatness": 2.0, "subwin_stdev": 3.0}
    return BiasFrame(imstat=Imstat(mean=values.pop("mean", 0.1)), **(usual | values))


def read_noise(**values):
    return ReadNoise(**({"read_noise": 3.0, "mean_diff": 0.0} | values))


def dark(median):
    return DarkFrame(imstat=Imstat(median=median))


def gain(**values):
    return GainLinearity(**({"gain": 2.0, "gain_error": 0.01, "nonlinearity": 0.001} | values))


def flat(cls=DomeFlatFrame, **values):
    usual = {"level": 20000.0, "full_scale": 65535.0, "subwin_flatness": 0.1}
    return cls(**(usual | values))


def master(**values):
    return MasterFlatFrame(**({"subwin_flatness": 0.1, "combine_type": 3} | values))


def hot(count):
    return HotPixelMap(count=count, npix=10**6)


def cold(count):
    return ColdPixelMap(count=count, npix=10**6)


def saturated(count):
    return SaturatedPixelMap(count=count, npix=10**6)


def raw_bias(**values):
    usual = {"imstat": Imstat(mean=300.0, stdev=6.0), "subwin_flatness": 2.0}
    return RawBiasFrame(**(usual | values))


def raw_flat(cls, mean, overscan=None, *, bits=16):
    stat = Imstat(mean=overscan) if overscan is not None else Imstat()
    return cls(imstat=Imstat(mean=mean), overscan_x_stat=stat, BITPIX=bits)


def reduced(median, **values):
    used = {"bias": bias(), "flat": master(), "hot": hot(1), "cold": cold(1)} | values
    raw = used.pop("raw", None) or RawScienceFrame()
    return ReducedScienceFrame(raw=raw, imstat=Imstat(median=median, stdev=2.0), **used)


# The flag, an object at the limit, one beyond it; with `prev` where the change counts.
LIMITS = [
    (
        "BIAS_LEVEL_HIGH",
        lambda: raw_bias(imstat=Imstat(mean=1e4, stdev=6.0)),
        lambda: raw_bias(imstat=Imstat(mean=1.01e4, stdev=6.0)),
    ),
    (
        "BIAS_NOISY",
        lambda: raw_bias(imstat=Imstat(mean=300.0, stdev=500.0)),
        lambda: raw_bias(imstat=Imstat(mean=300.0, stdev=501.0)),
    ),
    (
        "BIAS_NOT_FLAT",
        lambda: raw_bias(subwin_flatness=500.0),
        lambda: raw_bias(subwin_flatness=501.0),
    ),
    (
        "FLAT_LEVEL_LOW",
        lambda: raw_flat(RawDomeFlatFrame, 700.0, 300.0),
        lambda: raw_flat(RawDomeFlatFrame, 600.0, 300.0),
    ),
    (
        "FLAT_LEVEL_LOW",
        lambda: raw_flat(RawTwilightFlatFrame, 34.0, 11.0, bits=8),
        lambda: raw_flat(RawTwilightFlatFrame, 12.0, 11.0, bits=8),
    ),
    (
        "FLAT_LEVEL_HIGH",
        lambda: raw_flat(RawDomeFlatFrame, 62_000.0),
        lambda: raw_flat(RawDomeFlatFrame, 63_000.0),
    ),
    (
        "FLAT_LEVEL_HIGH",
        lambda: raw_flat(RawTwilightFlatFrame, 240.0, bits=8),
        lambda: raw_flat(RawTwilightFlatFrame, 250.0, bits=8),
    ),
    ("MEAN_OUT_OF_RANGE", lambda: bias(mean=10.0), lambda: bias(mean=-10.1)),
    ("STDEV_HIGH", lambda: bias(clipped_stdev=10.0), lambda: bias(clipped_stdev=10.1)),
    (
        "STDEV_CHANGED",
        lambda: bias(clipped_stdev=0.0, prev=bias(clipped_stdev=10.0)),
        lambda: bias(clipped_stdev=0.0, prev=bias(clipped_stdev=10.5)),
    ),
    ("NOT_FLAT", lambda: bias(subwin_flatness=1e5), lambda: bias(subwin_flatness=1.1e5)),
    ("WINDOW_NOISY", lambda: bias(subwin_stdev=1e5), lambda: bias(subwin_stdev=1.1e5)),
    ("READ_NOISE_HIGH", lambda: read_noise(read_noise=10.0), lambda: read_noise(read_noise=10.1)),
    ("READ_NOISE_LOW", lambda: read_noise(read_noise=0.5), lambda: read_noise(read_noise=0.4)),
    (
        "READ_NOISE_LOW",
        lambda: read_noise(read_noise=0.5),
        lambda: read_noise(read_noise=float("nan")),
    ),
    ("BIAS_DIFFERENCE", lambda: read_noise(mean_diff=-5.0), lambda: read_noise(mean_diff=-5.1)),
    (
        "READ_NOISE_CHANGED",
        lambda: read_noise(prev=read_noise(read_noise=3.5)),
        lambda: read_noise(prev=read_noise(read_noise=3.6)),
    ),
    (
        "FLAGGED_INPUT",
        lambda: read_noise(raw_bias_frames=[RawBiasFrame()]),
        lambda: read_noise(raw_bias_frames=[RawBiasFrame(), RawBiasFrame(quality_flags=16)]),
    ),
    ("DARK_CURRENT_HIGH", lambda: dark(1.0), lambda: dark(1.1)),
    ("GAIN_OUT_OF_RANGE", lambda: gain(gain=10.0), lambda: gain(gain=10.1)),
    ("GAIN_OUT_OF_RANGE", lambda: gain(gain=0.2, gain_error=0.0), lambda: gain(gain=0.19)),
    ("GAIN_OUT_OF_RANGE", gain, lambda: gain(gain=None)),
    ("GAIN_UNCERTAIN", lambda: gain(gain_error=0.1), lambda: gain(gain_error=0.11)),
    ("GAIN_CHANGED", lambda: gain(prev=gain(gain=2.05)), lambda: gain(prev=gain(gain=2.2))),
    ("NOT_LINEAR", lambda: gain(nonlinearity=0.02), lambda: gain(nonlinearity=0.03)),
    (
        "FLAGGED_INPUT",
        lambda: gain(raw_dome_flat_frames=[RawDomeFlatFrame()]),
        lambda: gain(raw_dome_flat_frames=[RawDomeFlatFrame(quality_flags=16)]),
    ),
    ("LEVEL_LOW", lambda: flat(level=1000.0), lambda: flat(level=900.0)),
    ("NOT_FLAT", lambda: flat(subwin_flatness=0.8), lambda: flat(subwin_flatness=0.9)),
    (
        "FLATNESS_CHANGED",
        lambda: flat(prev=flat(subwin_flatness=0.15)),
        lambda: flat(prev=flat(subwin_flatness=0.25)),
    ),
    (
        "LEVEL_LOW",
        lambda: flat(TwilightFlatFrame),
        lambda: flat(TwilightFlatFrame, level=10.0),
    ),
    (
        "NOT_FLAT",
        lambda: flat(TwilightFlatFrame),
        lambda: flat(TwilightFlatFrame, subwin_flatness=0.9),
    ),
    (
        "FLATNESS_CHANGED",
        lambda: master(prev=master(subwin_flatness=0.15)),
        lambda: master(prev=master(subwin_flatness=0.25)),
    ),
    ("TOO_MANY_HOT", lambda: hot(20_000), lambda: hot(20_001)),
    ("TOO_MANY_SATURATED", lambda: saturated(100_000), lambda: saturated(100_001)),
    ("TOO_MANY_COLD", lambda: cold(50_000), lambda: cold(50_001)),
    ("BACKGROUND_NEGATIVE", lambda: reduced(-2.0), lambda: reduced(-2.1)),
    (
        "DEFAULT_CALIBRATION",
        lambda: reduced(10.0),
        lambda: reduced(10.0, flat=master(origin="default")),
    ),
    (
        "FLAGGED_INPUT",
        lambda: reduced(10.0, raw=RawScienceFrame(quality_flags=1 << 6)),
        lambda: reduced(10.0, raw=RawScienceFrame(quality_flags=1 << 7)),
    ),
    (
        "QUANTISED",
        lambda: reduced(10.0),
        lambda: reduced(10.0, raw=RawScienceFrame(quality_flags=16)),
    ),
    (
        "DEFAULT_CALIBRATION",
        lambda: WeightFrame(flat=master(), hot=hot(1), cold=cold(1)),
        lambda: WeightFrame(flat=master(), hot=HotPixelMap(origin="default"), cold=cold(1)),
    ),
]


@pytest.mark.parametrize(("flag", "at_limit", "beyond"), LIMITS)
def test_flag_beyond_its_limit_alone(flag, at_limit, beyond):
    good, bad = at_limit(), beyond()
    good.verify()
    assert flag not in good.quality_flags.names
    bad.verify()
    assert bad.quality_flags.names == [flag]
    assert flags_of(type(bad))[flag].meaning in bad.quality_flags.explain()


def changed(cls, before, now):
    previous = cls(count=before, npix=10**6)
    found = cls(count=now, npix=10**6, prev=previous)
    found.verify()
    return found.quality_flags.names


@pytest.mark.parametrize(
    ("cls", "flag"), [(HotPixelMap, "HOT_CHANGED"), (ColdPixelMap, "COLD_CHANGED")]
)
def test_number_of_bad_pixels_changed(cls, flag):
    assert changed(cls, 100, 5100) == []
    assert changed(cls, 100, 5101) == [flag]
    assert changed(cls, 5101, 100) == [flag]


def test_dark_current_changed():
    found = DarkFrame(imstat=Imstat(median=0.3), prev=dark(0.1))
    found.verify()
    assert found.quality_flags.names == ["DARK_CURRENT_CHANGED"]
    found = DarkFrame(imstat=Imstat(median=0.15), prev=dark(0.1))
    found.verify()
    assert found.quality_flags.names == []


def test_one_kind_of_flat_only():
    found = master(combine_type=1)
    found.verify()
    assert found.quality_flags.names == [], "nothing was asked for"
    found = master(combine_type=1)
    found.process_params.COMBINE_TYPE = 3
    found.verify()
    assert found.quality_flags.names == ["ONE_KIND_ONLY"]


def test_a_limit_can_be_asked_for():
    found = bias(mean=3.0)
    found.process_params.MAXIMUM_ABS_MEAN = 2.0
    found.verify()
    assert found.quality_flags.names == ["MEAN_OUT_OF_RANGE"]
    found = bias(mean=300.0)
    found.process_params.OVERSCAN_CORRECTION = 0
    found.verify()
    assert found.quality_flags.names == [], "without overscan correction the level is no defect"


def test_every_own_bit_is_tested_here():
    tested = {(type(beyond()).__name__, flag) for flag, _, beyond in LIMITS}
    tested |= {
        ("HotPixelMap", "HOT_CHANGED"), ("ColdPixelMap", "COLD_CHANGED"),
        ("DarkFrame", "DARK_CURRENT_CHANGED"), ("MasterFlatFrame", "ONE_KIND_ONLY"),
    }  # fmt: skip
    for cls in (BiasFrame, ReadNoise, DarkFrame, GainLinearity, DomeFlatFrame, MasterFlatFrame,
                HotPixelMap, ColdPixelMap, ReducedScienceFrame, SaturatedPixelMap, RawBiasFrame,
                RawDomeFlatFrame):  # fmt: skip
        own = {name for name, flag in flags_of(cls).items() if flag.bit >= 16}
        assert own <= {flag for name, flag in tested if name == cls.__name__}, cls


def test_compare_tells_what_differs_from_prev():
    assert bias().compare() == {}
    found = bias(clipped_stdev=2.0, prev=bias()).compare()
    assert found == {"clipped_stdev": (1.0, 2.0)}


PARAMETERS = [
    BiasFrame, ColdPixelMap, DarkFrame, DomeFlatFrame, GainLinearity, HotPixelMap,
    MasterFlatFrame, ReadNoise, ReducedScienceFrame, SaturatedPixelMap, TwilightFlatFrame,
]  # fmt: skip


@pytest.mark.parametrize("cls", PARAMETERS)
def test_parameters_are_documented_and_have_defaults(cls):
    inherited = set(DBObject._attributes) | {"content_hash"}
    attributes = type(cls().process_params)._attributes
    own = {name: found for name, found in attributes.items() if name not in inherited}
    assert own
    for name, attribute in own.items():
        assert name.isupper()
        assert attribute.default is not None, name
        assert len(attribute.doc) > 10, name
    limits = [name for name in own if name.startswith(("MAXIMUM_", "MINIMUM_"))]
    assert all(own[name].doc.startswith("QC: ") for name in limits if "ITERATIONS" not in name)
