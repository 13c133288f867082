"""Detector calibrations of the simulated history: biases, noise, hot pixels, gain, flats."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from awlab.backend.datamodel import (
    RawBiasFrame,
    RawDomeFlatFrame,
    RawTwilightFlatFrame,
    flags_of,
)
from awlab.backend.demo.history_archive import Archive, Key, Made, limit_of
from awlab.backend.targets import (
    BiasFrame,
    ColdPixelMap,
    DomeFlatFrame,
    GainLinearity,
    HotPixelMap,
    MasterFlatFrame,
    ReadNoise,
    TwilightFlatFrame,
)

__all__ = ["add_detector", "add_flats", "add_raws", "changed", "flagged"]

RAWS = 3  # raw frames of a kind per night, chip and filter
_FULL_SCALE = 65535.0
_NPIX = 2048 * 4096


def add_raws(archive: Archive, cls: Any, hours: float, values: Any) -> NDArray[Any]:
    """Register raw frames, `RAWS` per night, chip and filter.

    Parameters
    ----------
    archive : Archive
        Where.
    cls : type
        Class of the raw frames.
    hours : float
        Start of the first one after noon [h].
    values : callable
        Gives the values of exposures from their key.

    Returns
    -------
    ndarray of int64, shape (nights, chips x filters, RAWS)
        Row numbers.
    """
    one = archive.key_of(cls, hours)
    times = np.arange(RAWS).astype("timedelta64[m]")
    # Three exposures of one template: their objects are made together.
    key = Key(
        np.repeat(one.night, RAWS),
        np.repeat(one.chip, RAWS),
        None if one.filter is None else np.repeat(one.filter, RAWS),
        np.repeat(one.version, RAWS),
        np.repeat(one.created, RAWS),
    )
    band = 0 if key.filter is None else key.filter
    start = archive.noon(key.night) + np.tile(times, len(one))
    start = start + np.timedelta64(round(hours * 60), "m") + band * np.timedelta64(10, "m")
    mjd = (start - np.datetime64("1858-11-17", "us")) / np.timedelta64(1, "D")
    fixed = {"DATE_OBS": start, "MJD_OBS": mjd, "BITPIX": 16}
    made = archive.add_plain(cls, key, fixed | values(key))
    found: NDArray[Any] = made.ids.reshape(len(archive.nights), -1, RAWS)
    return found


def flagged(cls: Any, *found: tuple[str, NDArray[Any]]) -> NDArray[Any]:
    """Return quality flags from the names of flags and where each is raised."""
    known = flags_of(cls)
    total = np.zeros_like(found[0][1], dtype=np.int64)
    for name, where in found:
        total |= known[name].value * where.astype(np.int64)
    return total


def changed(key: Key, values: NDArray[Any]) -> NDArray[Any]:
    """Return by how much each value differs from that of the previous object; 0 for the first."""
    before = key.previous()
    found: NDArray[Any] = np.where(before >= 0, np.abs(values - values[before]), 0)
    return found


def _per_chip(archive: Archive, key: Key, low: float, high: float) -> NDArray[Any]:
    """Return a property of each chip, even between two values."""
    found: NDArray[Any] = archive.random.uniform(low, high, len(archive.chips))[key.chip]
    return found


def add_detector(archive: Archive) -> None:
    """Register biases, read noise, master biases, hot pixels."""

    def bias_level(key: Key) -> dict[str, Any]:
        level = _per_chip(archive, key, 180.0, 320.0) + archive.noise(0.6, key)
        level += archive.effect("RawBiasFrame", "imstat.mean", key) + 0.8 * archive.season(key)
        return {
            "imstat.mean": level, "imstat.median": level, "imstat.stdev": 3.0, "EXPTIME": 0.0,
            "overscan_x_stat.mean": level, "purpose": "bias",
        }  # fmt: skip

    raws = add_raws(archive, RawBiasFrame, 3.0, bias_level)
    noise = _add_read_noise(archive, raws)
    bias = _add_bias(archive, raws, noise)
    _add_hot(archive, bias)


def _members(raws: NDArray[Any], key: Key, *, filters: int = 1) -> NDArray[Any]:
    """Return the raw frames of each object, shape (n, k), in order of time."""
    band = 0 if key.filter is None else key.filter
    found: NDArray[Any] = raws[key.night, key.chip * filters + band]
    return found


def _add_read_noise(archive: Archive, raws: NDArray[Any]) -> Made:
    key = archive.key_of(ReadNoise, 26.0)
    value = _per_chip(archive, key, 2.1, 2.6) + archive.noise(0.03, key)
    value += archive.effect("ReadNoise", "read_noise", key)
    # Now and then something falls onto one of the two biases.
    odd = np.where(archive.rarely(0.004, key), 8.0, archive.noise(0.2, key))
    flags = flagged(
        ReadNoise,
        ("READ_NOISE_HIGH", value > limit_of(ReadNoise, "MAXIMUM_READ_NOISE")),
        ("BIAS_DIFFERENCE", np.abs(odd) > limit_of(ReadNoise, "MAXIMUM_BIAS_DIFFERENCE")),
        (
            "READ_NOISE_CHANGED",
            changed(key, value) > limit_of(ReadNoise, "MAXIMUM_READ_NOISE_DIFFERENCE"),
        ),
    )
    values: dict[str, Any] = {
        "read_noise": value, "read_noise_error": 0.03, "mean_diff": odd, "median_diff": odd,
        "quality_flags": flags,
    }  # fmt: skip
    return archive.add(ReadNoise, key, values, {"raw_bias_frames": _members(raws, key)})


def _add_bias(archive: Archive, raws: NDArray[Any], noise: Made) -> Made:
    key = archive.key_of(BiasFrame, 27.0)
    mean = np.where(archive.rarely(0.008, key), 15.0, archive.noise(0.2, key))
    sigma = noise.values["read_noise"][noise.places_for(key)] / np.sqrt(RAWS)
    values: dict[str, Any] = {
        "read_noise": noise.used_by(key),
        "imstat.mean": mean, "imstat.median": mean, "imstat.stdev": 1.4 * sigma,
        "clipped_stdev": sigma, "subwin_flatness": 0.4 + np.abs(archive.noise(0.1, key)),
        "subwin_stdev": 1.2 * sigma, "rejected": archive.random.poisson(900, len(key)),
        "quality_flags": flagged(
            BiasFrame, ("MEAN_OUT_OF_RANGE", np.abs(mean) > limit_of(BiasFrame, "MAXIMUM_ABS_MEAN"))
        ),
    }  # fmt: skip
    return archive.add(BiasFrame, key, values, {"raw_bias_frames": _members(raws, key)})


def _add_hot(archive: Archive, bias: Made) -> None:
    key = archive.key_of(HotPixelMap, 28.0)
    count = _per_chip(archive, key, 1200.0, 1800.0) + archive.noise(12.0, key)
    count += archive.effect("HotPixelMap", "count", key)
    count[archive.rarely(0.003, key)] += 9000.0  # a star left its trace on the chip
    count = count.round().astype(np.int64)
    largest = limit_of(HotPixelMap, "MAXIMUM_HOT_PIXEL_COUNT_DIFFERENCE")
    part = limit_of(HotPixelMap, "MAXIMUM_HOT_PIXEL_COUNT")
    values: dict[str, Any] = {
        "bias": bias.used_by(key), "count": count, "npix": _NPIX,
        "quality_flags": flagged(
            HotPixelMap,
            ("TOO_MANY_HOT", count > part * _NPIX),
            ("HOT_CHANGED", changed(key, count) > largest),
        ),
    }  # fmt: skip
    archive.add(HotPixelMap, key, values)


def add_flats(archive: Archive) -> None:
    """Register dome and twilight flats, gain, cold pixels, and the master flats."""

    def even_light(key: Key) -> dict[str, Any]:
        level = 20_000.0 + archive.noise(200.0, key)
        return {"imstat.mean": level, "imstat.median": level, "EXPTIME": 10.0, "purpose": "flat"}

    domes = add_raws(archive, RawDomeFlatFrame, 4.0, even_light)
    twilights = add_raws(archive, RawTwilightFlatFrame, 7.0, even_light)
    _add_gain(archive, domes)
    dome = _add_flat(archive, DomeFlatFrame, domes, 30.0, 0.01)
    twilight = _add_flat(archive, TwilightFlatFrame, twilights, 31.0, 0.03)
    cold = _add_cold(archive, dome)
    _add_master(archive, dome, twilight, cold)


def _add_gain(archive: Archive, domes: NDArray[Any]) -> None:
    key = archive.key_of(GainLinearity, 29.0)
    gain = _per_chip(archive, key, 1.9, 2.2) + archive.noise(0.01, key)
    gain += archive.effect("GainLinearity", "gain", key)
    largest = limit_of(GainLinearity, "MAXIMUM_GAIN_DIFFERENCE")
    values: dict[str, Any] = {
        "bias": archive.made["BiasFrame"].used_by(key), "gain": gain, "gain_error": 0.01,
        "nonlinearity": 0.004 + np.abs(archive.noise(0.001, key)),
        "quality_flags": flagged(
            GainLinearity,
            ("GAIN_CHANGED", changed(key, gain) > largest),
        ),
    }  # fmt: skip
    grouped = domes.reshape(len(archive.nights), len(archive.chips), -1)
    lists = {"raw_dome_flat_frames": grouped[key.night, key.chip]}
    archive.add(GainLinearity, key, values, lists)


def _add_flat(archive: Archive, cls: Any, raws: NDArray[Any], delay: float, spoiled: float) -> Made:
    key = archive.key_of(cls, delay)
    level = 20_000.0 + archive.noise(250.0, key) + archive.effect(cls.__name__, "level", key)
    level[archive.rarely(spoiled, key)] = 600.0  # clouds, or a lamp that did not burn
    values: dict[str, Any] = {name: archive.made[c].used_by(key) for name, c in (
        ("bias", "BiasFrame"), ("gain", "GainLinearity"), ("read_noise", "ReadNoise"),
        ("hot", "HotPixelMap"),
    )}  # fmt: skip
    flatness = 0.05 + np.abs(archive.noise(0.004, key))
    values |= {
        "level": level, "subwin_flatness": flatness, "full_scale": _FULL_SCALE,
        "rejected": archive.random.poisson(600, len(key)), "imstat.mean": 1.0,
        "imstat.median": 1.0, "imstat.stdev": 0.02 + archive.noise(0.0005, key),
        "quality_flags": flagged(
            cls, ("LEVEL_LOW", level < limit_of(cls, "MINIMUM_LEVEL") * _FULL_SCALE)
        ),
    }  # fmt: skip
    role = next(name for name in cls._attributes if name.startswith("raw_"))
    return archive.add(cls, key, values, {role: _members(raws, key, filters=len(archive.filters))})


def _add_cold(archive: Archive, dome: Made) -> Made:
    key = archive.key_of(ColdPixelMap, 32.0)
    count = _per_chip(archive, key, 3000.0, 4000.0) + archive.noise(25.0, key)
    values: dict[str, Any] = {
        "flat": dome.used_by(key),
        "count": count.astype(np.int64),
        "npix": _NPIX,
    }
    return archive.add(ColdPixelMap, key, values)


def _add_master(archive: Archive, dome: Made, twilight: Made, cold: Made) -> None:
    key = archive.key_of(MasterFlatFrame, 33.0)
    stray = archive.effect("MasterFlatFrame", "imstat.stdev", key)
    stdev = 0.018 + 0.002 * key.chip + archive.noise(0.0004, key) + stray
    values: dict[str, Any] = {
        "dome_flat": dome.used_by(key), "twilight_flat": twilight.used_by(key),
        "hot": archive.made["HotPixelMap"].used_by(key), "cold": cold.used_by(key),
        "combine_type": 3,
        "subwin_flatness": 0.05 + 1.5 * stray + np.abs(archive.noise(0.004, key)),
        "imstat.mean": 1.0, "imstat.median": 1.0, "imstat.stdev": stdev,
    }  # fmt: skip
    archive.add(MasterFlatFrame, key, values)
