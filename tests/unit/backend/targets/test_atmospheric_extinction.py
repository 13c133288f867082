"""Extinction from zeropoints, from the same stars, from the curve; too few frames are a reason."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from awlab.backend.catalogs import SourceTable
from awlab.backend.datamodel import Filter, Instrument
from awlab.backend.errors import TargetError
from awlab.backend.targets import AtmosphericExtinction

TRUE, ZEROPOINT = 0.21, 24.5
AIRMASS = (1.05, 1.2, 1.45, 1.7, 2.0)


def photcat(airmass, rng, count=30):
    known = np.linspace(12.0, 15.0, count)
    error = np.full(count, 0.01)
    measured = known - ZEROPOINT + TRUE * airmass + rng.normal(0, 0.01, count)
    table = SourceTable(
        {
            "RA": np.linspace(10, 11, count),
            "DEC": np.zeros(count),
            "INST_MAG": measured,
            "INST_MAGERR": error,
            "FLAGS": np.zeros(count, np.int64),
            "STANDARD": np.arange(count),
            "JohnsonV": known,
        }
    )
    return SimpleNamespace(airmass=airmass, sources=lambda: table)


def made(method):
    found = AtmosphericExtinction(
        filter=Filter(mag_id="JohnsonV", central_wavelength=5500.0),
        instrument=Instrument(elevation=2300.0),
    )
    found.process_params.METHOD = method
    return found


@pytest.fixture
def frames(monkeypatch):
    rng = np.random.default_rng(4)
    night = [photcat(airmass, rng) for airmass in AIRMASS]
    monkeypatch.setattr(AtmosphericExtinction, "photcats", night)
    return night


@pytest.mark.parametrize("method", ["zeropoints", "frames"])
@pytest.mark.usefixtures("frames")
def test_the_true_coefficient_comes_back(method):
    found = made(method)
    found.make()
    assert found.reason == "" and found.method == method and found.nframes == len(AIRMASS)
    assert found.extinction == pytest.approx(TRUE, abs=4 * found.error)
    assert 0 < found.error < 0.01
    found.verify()
    assert not found.quality_flags


def test_the_curve_needs_no_frames_and_is_the_default(monkeypatch):
    monkeypatch.setattr(AtmosphericExtinction, "photcats", [])
    found, default = made("curve"), made("zeropoints")
    found.make()
    default.make_default()
    assert 0.05 < found.extinction == default.extinction < 0.2
    assert found.method == default.method == "curve"


@pytest.mark.parametrize("method", ["zeropoints", "frames"])
def test_two_frames_are_believed_where_they_agree_with_a_clear_sky(frames, monkeypatch, method):
    monkeypatch.setattr(AtmosphericExtinction, "photcats", [frames[0], frames[-1]])
    found = made(method)
    found.make()
    found.verify()
    assert found.nframes == 2 and not found.reason and not found.quality_flags
    assert found.extinction == pytest.approx(TRUE, abs=4 * found.error)
    # A cloud before the second one: nothing but the curve of a clear sky can tell.
    monkeypatch.setattr(found.process_params, "MAX_DIFFERENCE", 0.01)
    found.make()
    found.verify()
    assert "frames can be used, MIN_FRAMES is 4, and they give 0.2" in found.reason
    assert found.quality_flags.names == ["NO_FIT"]


@pytest.mark.parametrize("method", ["zeropoints", "frames"])
@pytest.mark.parametrize("number", [0, 1])
def test_too_few_frames_are_a_reason(frames, monkeypatch, method, number):
    monkeypatch.setattr(AtmosphericExtinction, "photcats", frames[:number])
    found = made(method)
    found.make()
    found.verify()
    assert "airmass" in found.reason and found.error is None
    assert found.quality_flags.names == ["NO_FIT"]


@pytest.mark.usefixtures("frames")
def test_an_unknown_method_is_one_sentence():
    with pytest.raises(TargetError, match="METHOD is 'guess'"):
        made("guess").make()
