"""What is measured on the sky in the simulated history: extinction, zeropoint, sky, seeing."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from awlab.backend.catalogs import AstrometricCatalog
from awlab.backend.database import Query, register_bulk
from awlab.backend.datamodel import RawScienceFrame
from awlab.backend.demo.history_archive import Archive, Key, Made, limit_of
from awlab.backend.demo.history_detector import flagged
from awlab.backend.targets import (
    AstrometricParameters,
    AtmosphericExtinction,
    PhotometricParameters,
    PhotTransformation,
    ReducedScienceFrame,
)

__all__ = ["add_photometry", "add_science"]

# By filter, from blue to red.
_EXTINCTION = np.array([0.22, 0.12, 0.08])
_ZEROPOINT = np.array([24.8, 24.2, 24.5])
_SKY = np.array([300.0, 700.0, 1100.0])  # of an exposure of five minutes [ADU]


def add_photometry(archive: Archive, cloudy: NDArray[Any]) -> None:
    """Register extinction, colour terms and zeropoints.

    Parameters
    ----------
    archive : Archive
        Where.
    cloudy : ndarray of bool, shape (nights,)
        Which nights are not photometric.
    """
    key = archive.key_of(AtmosphericExtinction, 34.0)
    value = _of_band(_EXTINCTION, key) + archive.effect("AtmosphericExtinction", "extinction", key)
    value += (
        0.008 * archive.season(key)
        + archive.random.normal(0, 0.012, len(archive.nights))[key.night]
    )
    error = np.where(cloudy[key.night], 0.08, 0.01)
    values: dict[str, Any] = {
        "extinction": value, "error": error, "nframes": 6,
        "quality_flags": flagged(
            AtmosphericExtinction,
            ("ERROR_LARGE", error > limit_of(AtmosphericExtinction, "MAX_ERROR")),
        ),
    }  # fmt: skip
    extinction = archive.add(AtmosphericExtinction, key, values)
    _add_zeropoints(archive, extinction, _add_transformations(archive), cloudy)


def _of_band(values: NDArray[Any], key: Key) -> NDArray[Any]:
    found: NDArray[Any] = values[np.asarray(key.filter) % len(values)]
    return found


def _add_transformations(archive: Archive) -> Made:
    key = archive.key_of(PhotTransformation, 35.0)
    terms = 0.05 * (np.asarray(key.filter) - 1.0) + archive.noise(0.004, key)
    values: dict[str, Any] = {
        "primary_band": [archive.filters[band].mag_id for band in np.asarray(key.filter)],
        "color_term": terms, "color_term_error": 0.004, "num_sources": 40, "scatter": 0.01,
    }  # fmt: skip
    return archive.add(PhotTransformation, key, values)


def _add_zeropoints(
    archive: Archive, extinction: Made, transform: Made, cloudy: NDArray[Any]
) -> None:
    key = archive.key_of(PhotometricParameters, 36.0)
    chips = archive.random.normal(0, 0.04, len(archive.chips))
    # The air is the same for all chips; what is left is their own.
    air = archive.random.normal(0, 0.008, (len(archive.nights), len(archive.filters)))
    air[cloudy] -= archive.random.uniform(0.25, 0.9, (int(cloudy.sum()), 1))
    value = _of_band(_ZEROPOINT, key) + chips[key.chip] + air[key.night, key.filter]
    value += archive.noise(0.004, key) + archive.effect("PhotometricParameters", "zeropoint", key)
    # Thin clouds do not always show in the scatter of the stars.
    error = np.where(cloudy[key.night] & archive.rarely(0.5, key), 0.09, 0.006)
    values: dict[str, Any] = {
        "extinction": extinction.used_by(key), "transform": transform.used_by(key),
        "zeropoint": value, "zp_error": error, "num_sources": archive.random.poisson(30, len(key)),
        "scatter": 3 * error, "rms": 3 * error,
        "quality_flags": flagged(
            PhotometricParameters,
            ("ERROR_LARGE", error > limit_of(PhotometricParameters, "MAX_ERROR")),
        ),
    }  # fmt: skip
    archive.add(PhotometricParameters, key, values)


def add_science(archive: Archive) -> None:
    """Register a raw frame per night, chip and filter, the reduced one, and its plate solution."""
    key = archive.key_of(RawScienceFrame, 12.0)
    start: NDArray[Any] = archive.noon(key.night) + np.timedelta64(12, "h")
    start = start + np.asarray(key.filter) * np.timedelta64(6, "m")
    observed: dict[str, Any] = {
        "DATE_OBS": start, "EXPTIME": 300.0, "OBJECT": "SA 113", "AIRMSTRT": 1.2, "AIRMEND": 1.2,
    }  # fmt: skip
    sky = _of_band(_SKY, key) * np.exp(archive.noise(0.12, key))
    mjd = (start - np.datetime64("1858-11-17", "us")) / np.timedelta64(1, "D")
    more = {"MJD_OBS": mjd, "BITPIX": 16, "purpose": "science", "imstat.median": sky + 250.0}
    raw = archive.add_plain(RawScienceFrame, key, observed | more)
    flat = archive.made["MasterFlatFrame"]
    # What the flat leaves behind is a part of its own structure, on top of the photon noise.
    left = 0.3 * flat.values["imstat.stdev"][flat.places_for(key)] * sky
    values = observed | {"raw": raw.ids, "flat": flat.used_by(key), "imstat.mean": sky,
        "imstat.median": sky, "imstat.stdev": np.hypot(np.sqrt(sky / 2.0), left)}  # fmt: skip
    for role, name in (("bias", "BiasFrame"), ("hot", "HotPixelMap"), ("cold", "ColdPixelMap")):
        values[role] = archive.made[name].used_by(key)
    key = Key(key.night, key.chip, key.filter, key.version, key.created + np.timedelta64(26, "h"))
    reduced = archive.add(ReducedScienceFrame, key, values)
    _add_astrometry(archive, key, raw, reduced)


def _add_astrometry(archive: Archive, key: Key, raw: Made, reduced: Made) -> None:
    nights, bands = len(archive.nights), len(archive.filters)
    # Chips look through the same air at the same time.
    seeing = np.exp(archive.random.normal(-0.15, 0.18, (nights, bands)))[key.night, key.filter]
    seeing = seeing * (1 + 0.06 * archive.season(key)) + archive.noise(0.02, key)
    seeing += archive.effect("AstrometricParameters", "SEEING", key)
    nref = archive.random.poisson(60.0 / np.maximum(seeing, 0.5))
    sigma = 0.08 + 0.05 * seeing + np.abs(archive.noise(0.01, key))
    values: dict[str, Any] = {
        "raw": raw.ids, "reduced": reduced.ids, "reference": _reference(), "SEEING": seeing,
        "NREF": nref, "NSOURCES": nref * 20, "SIG_DRA": sigma, "SIG_DDEC": sigma,
        "MEAN_DRA": 0.0, "MEAN_DDEC": 0.0, "RMS": np.sqrt(2) * sigma, "order": 2,
        "significance": 30.0, "pixel_scale": 0.238,
        "quality_flags": flagged(
            AstrometricParameters,
            ("FEW_REFERENCES", nref < limit_of(AstrometricParameters, "MIN_NREF")),
            ("SIGMA_LARGE", sigma > limit_of(AstrometricParameters, "MAX_SIGMA")),
        ),
    }  # fmt: skip
    archive.add(AstrometricParameters, key, values)


def _reference() -> Any:
    """Return the catalogue of the solutions; it covers nothing, so no real frame is given it."""
    known: Query = AstrometricCatalog.name == "simulated history"
    if not known.exists():
        values = {"name": ["simulated history"], "RA": 0.0, "DEC": -90.0, "radius": 0.0}
        register_bulk(AstrometricCatalog, values)
    return known[0]
