"""Trends over five years recover what the simulated history says has happened."""

from __future__ import annotations

import numpy as np
import pytest

from awlab.backend.database import class_named, current_database
from awlab.backend.datamodel import Chip, RawBiasFrame
from awlab.backend.demo import make_history
from awlab.backend.errors import QueryError
from awlab.backend.quality import TREND_PRESETS, trend
from awlab.backend.targets import (
    AstrometricParameters,
    AtmosphericExtinction,
    DomeFlatFrame,
    GainLinearity,
    HotPixelMap,
    PhotometricParameters,
    ReadNoise,
    ReducedScienceFrame,
)

QUANTITIES = [
    (RawBiasFrame, "imstat.mean", "adu"),
    (ReadNoise, "read_noise", "adu"),
    (GainLinearity, "gain", "electron / adu"),
    (HotPixelMap, "count", "pixel"),
    (DomeFlatFrame, "level", "adu"),
    (PhotometricParameters, "zeropoint", "mag"),
    (AtmosphericExtinction, "extinction", "mag"),
    (AstrometricParameters, "SEEING", "arcsec"),
    (ReducedScienceFrame, "imstat.stdev", "adu"),
]


@pytest.fixture(scope="module")
def home(new_home, connected_to):
    """A home of its own: what others left in theirs would be selected here."""
    folder = new_home()
    with connected_to(folder):
        yield folder


@pytest.fixture(scope="module")
def history(home):
    return make_history(12_000, seed=5, chips=1)


@pytest.mark.parametrize(
    ("cls", "path", "unit"), QUANTITIES, ids=lambda v: getattr(v, "__name__", v)
)
def test_a_trend_is_one_statement_with_its_unit(history, cls, path, unit):
    before = current_database().statements
    found = trend(cls, path)
    assert current_database().statements - before <= 2  # one, and where a class is new its table
    assert len(found) == history.classes[cls.__name__]
    assert found.unit == unit
    assert found.statistics().count == len(found)


@pytest.mark.parametrize(
    ("cls", "path"),
    [
        (RawBiasFrame, "imstat.mean"),
        (ReadNoise, "read_noise"),
        (GainLinearity, "gain"),
        (HotPixelMap, "count"),
        (DomeFlatFrame, "level"),
        (PhotometricParameters, "zeropoint"),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_every_jump_is_found_on_its_night_and_no_other(history, cls, path):
    events = history.truth.of(cls.__name__, path, "jump")
    for series in trend(cls, path):
        found = series.jumps()
        assert len(found) == len(events), (series.name, found)
        for jump, event in zip(found, events, strict=True):
            nights = history.truth.nights
            first = nights[nights >= np.datetime64(event.start)][0]
            assert abs(series.x[jump.index].astype("M8[D]") - first) <= np.timedelta64(1, "D")
            assert jump.size == pytest.approx(event.size, rel=0.15)


def test_the_drift_of_zeropoint_and_hot_pixels(history):
    for cls, path in ((PhotometricParameters, "zeropoint"), (HotPixelMap, "count")):
        (event,) = history.truth.of(cls.__name__, path, "drift")
        for series in trend(cls, path):
            assert series.drift() == pytest.approx(event.size, rel=0.15)


def test_bad_epochs_are_a_jump_up_and_one_down(history):
    cases = ((AtmosphericExtinction, "extinction"), (AstrometricParameters, "SEEING"))
    for cls, path in cases:
        (event,) = history.truth.of(cls.__name__, path, "bad epoch")
        start, end = (np.datetime64(day) for day in (event.start, event.end))
        found = trend(cls, path)
        inside = (found.x >= start) & (found.x < end)
        before = found.x < start
        assert inside.any()
        step = np.median(found.y[inside]) - np.median(found.y[before])
        assert step > 0.5 * event.size


def test_cloudy_nights_are_outliers_of_the_zeropoint(history):
    found = trend(PhotometricParameters)
    assert found.y_path == "zeropoint"
    out = found.outliers()
    nights = np.asarray(found.x).astype("M8[D]")
    cloudy = np.isin(nights, history.truth.cloudy)
    assert out[cloudy].mean() > 0.95
    assert out[~cloudy].mean() < 0.02


def test_only_good_leaves_out_what_is_flagged(history):
    every, good = trend(PhotometricParameters), trend(PhotometricParameters, only_good=True)
    assert 0 < len(every) - len(good) < 0.1 * len(every)
    assert good.statistics().low >= every.statistics().low


def test_the_sky_follows_the_flat(history):
    preset = next(p for p in TREND_PRESETS if p.title == "sky rms against flat rms")
    found = trend(ReducedScienceFrame, preset.y, preset.x, filter="#844")
    assert np.all(found.y > 20)
    assert {series.name for series in found} == {"ccd50 #844"}


def test_what_is_no_number_is_refused(history):
    with pytest.raises(QueryError, match="not a number"):
        trend(ReadNoise, "night")
    with pytest.raises(QueryError, match="no usual quantity"):
        trend(Chip)


@pytest.mark.parametrize("preset", TREND_PRESETS, ids=lambda preset: preset.title)
def test_every_preset_has_points(history, preset):
    assert len(trend(class_named(preset.class_name), preset.y, preset.x)) > 0
