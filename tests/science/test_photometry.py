"""Zeropoints, colour terms, extinction and illumination whose truth is known, and comes back."""

from __future__ import annotations

from dataclasses import astuple

import numpy as np
import pytest

from awlab.backend.algorithms import (
    FieldMagnitudes,
    PhotometricOptions,
    StandardStars,
    ZeropointOptions,
    extinction_from_frames,
    extinction_from_zeropoints,
    fit_transformation,
    fit_zeropoint,
    solve_photometry,
)

ZEROPOINT, COLOUR_TERM, EXTINCTION = 24.76, -0.12, 0.11


def standards(seed, number=200, airmass=1.3, clouds=0.0):
    """Standards of a chip: intrinsic scatter 0.02 mag, saturated, blended and mismatched ones."""
    rng = np.random.default_rng(seed)
    magnitude, colour = rng.uniform(14, 19, number), rng.uniform(0, 1.6, number)
    error = 0.004 * 10 ** (0.2 * (magnitude - 15))
    natural = magnitude - COLOUR_TERM * (colour - 0.7)
    true = natural - ZEROPOINT + EXTINCTION * airmass + clouds
    measured = true + rng.normal(0, np.hypot(error, np.hypot(0.02, 0.01)))
    flags = np.zeros(number, np.uint16)
    kind = rng.permutation(number)
    saturated, blended, wrong = np.split(kind[: number // 5], [number // 15, number // 8])
    measured[saturated] += 0.8
    flags[saturated] |= 4
    measured[blended] -= 0.5
    flags[blended] |= 2
    measured[wrong] += rng.uniform(-3, 3, wrong.size)
    return StandardStars(measured, error, magnitude, np.full(number, 0.01), colour, flags)


@pytest.mark.parametrize("fit_colour", [False, True])
def test_zeropoint_of_a_chip_to_5_mmag(fit_colour):
    options = ZeropointOptions(
        color_term=COLOUR_TERM, fit_colour=fit_colour, pivot=0.7, airmass=1.3, extinction=EXTINCTION
    )
    found = [fit_zeropoint(standards(seed), options) for seed in range(40)]
    off = np.array([one.zeropoint - ZEROPOINT for one in found])
    assert np.sqrt(np.mean(off**2)) < 0.005
    assert {one.zp_origin for one in found} == {"derived"}
    pulls = off / [one.zp_error for one in found]
    assert 0.7 < np.std(pulls) < 1.4, "the errors say what they should"
    assert np.isclose(np.mean([one.scatter for one in found]), 0.02, rtol=0.1)
    if fit_colour:
        term = np.array([one.color_term - COLOUR_TERM for one in found])
        assert np.sqrt(np.mean(term**2)) < 0.01
        assert 0.7 < np.std(term / [one.color_term_error for one in found]) < 1.4


def test_saturated_and_blended_stars_are_not_used():
    stars = standards(1)
    found = fit_zeropoint(stars, ZeropointOptions(color_term=COLOUR_TERM, pivot=0.7))
    assert not found.used[stars.flags > 0].any()
    assert found.source_count == found.used.sum() > 140
    # Without the mask they are clipped by their residuals, most of them.
    blind = fit_zeropoint(stars, ZeropointOptions(color_term=COLOUR_TERM, pivot=0.7, flag_mask=0))
    assert blind.used[stars.flags > 0].mean() < 0.1
    assert abs(blind.zeropoint - found.zeropoint) < 0.005


def test_colour_term_over_many_frames_under_clouds():
    parts = [standards(k, 40, airmass=1 + 0.1 * k, clouds=0.3 * (k % 3)) for k in range(12)]
    columns = [np.concatenate(column) for column in zip(*map(astuple, parts), strict=True)]
    stars = StandardStars(*columns)
    frame = np.repeat(np.arange(12) * 10, 40)
    found = fit_transformation(stars, frame, pivot=0.7)
    assert found.reason == ""
    assert abs(found.color_term - COLOUR_TERM) < 3 * found.color_term_error < 0.02
    assert found.frame.tolist() == (np.arange(12) * 10).tolist()
    truth = [ZEROPOINT - EXTINCTION * (1 + 0.1 * k) - 0.3 * (k % 3) for k in range(12)]
    assert np.abs(found.zeropoint - truth).max() < 0.02
    natural = parts[0].magnitude - COLOUR_TERM * (parts[0].colour - 0.7)
    back = found.to_standard(natural, parts[0].colour)
    assert np.abs(back - parts[0].magnitude).max() < 0.01


def test_extinction_from_zeropoints_of_a_night():
    rng = np.random.default_rng(3)
    off, pull = [], []
    for _ in range(40):
        airmass = rng.uniform(1, 2.2, 15)
        zeropoint = ZEROPOINT - EXTINCTION * airmass + rng.normal(0, 0.004, 15)
        zeropoint[3] -= 0.4  # a cloud
        found = extinction_from_zeropoints(zeropoint, np.full(15, 0.004), airmass)
        assert not found.used[3]
        off.append(found.value - EXTINCTION)
        pull.append((found.zeropoint - ZEROPOINT) / found.zp_error)
    assert np.sqrt(np.mean(np.square(off))) < 0.005
    assert 0.7 < np.std(pull) < 1.4


def test_extinction_from_the_same_stars_at_two_airmasses():
    rng = np.random.default_rng(4)
    off, pull = [], []
    for _ in range(40):
        sky = rng.uniform(14, 19, 100)
        star, airmass = np.tile(np.arange(100), 2), np.repeat([1.05, 1.9], 100)
        error = 0.004 * 10 ** (0.2 * (sky - 15))[star]
        mag = sky[star] - ZEROPOINT + EXTINCTION * airmass + rng.normal(0, error)
        mag[rng.integers(0, 200, 5)] += 0.7
        found = extinction_from_frames((mag, error), star, airmass)
        off.append(found.value - EXTINCTION)
        pull.append(off[-1] / found.error)
    assert np.sqrt(np.mean(np.square(off))) < 0.003
    assert 0.7 < np.std(pull) < 1.4


class Night:
    """Dithered exposures of a mosaic with an illumination that is not flat."""

    def __init__(self, seed, stars=4000, references=400):
        rng = np.random.default_rng(seed)
        sky = rng.uniform(-20, 20, (2, stars))  # arcmin
        magnitude = rng.uniform(15, 20, stars)
        self.exposures = ZEROPOINT + np.cumsum(rng.normal(0, 0.03, 10))
        chips = rng.normal(0, 0.02, 8)
        self.chips = chips - chips.mean()
        rows = []
        for e, zeropoint in enumerate(self.exposures):
            x, y = sky - rng.uniform(-4, 4, 2)[:, None]
            chip = (np.floor(x / 8) + 2 + 4 * (y > 0)).astype(int)
            on = np.flatnonzero((np.abs(x) < 16) & (np.abs(y) < 16))
            error = 0.003 * 10 ** (0.2 * (magnitude[on] - 16))
            true = magnitude[on] - zeropoint - self.chips[chip[on]]
            true -= self.illumination(x[on], y[on])
            seen = true + rng.normal(0, np.hypot(error, 0.003))
            rows.append((on, np.full(on.size, e), chip[on], x[on], y[on], seen, error))
        columns = [np.concatenate(column) for column in zip(*rows, strict=True)]
        self.detections = FieldMagnitudes(*columns)
        self.reference = np.full(stars, np.nan), np.full(stars, 0.02)
        known = rng.permutation(stars)[:references]
        self.reference[0][known] = magnitude[known] + rng.normal(0, 0.02, references)
        self.known = known

    @staticmethod
    def illumination(x, y):
        """A mountain of 8 % and a slope."""
        return 0.08 * np.exp(-(x**2 + y**2) / 300) + 0.001 * x + 2e-6 * y**3 - 0.03

    def errors(self, found):
        """Deviation of zeropoint + map over the field [mag], and of the zeropoints alone."""
        x, y = (axis.ravel() for axis in np.meshgrid(*2 * [np.linspace(-15, 15, 30)]))
        chip = (np.floor(x / 8) + 2 + 4 * (y > 0)).astype(int)
        whole, mean = [], np.average(self.illumination(self.detections.x, self.detections.y))
        for e in np.unique(found.exposure):
            mine = found.exposure == e
            zeropoint = np.full(8, np.nan)
            zeropoint[found.chip[mine]] = found.zeropoint[mine]
            got = zeropoint[chip] + found.illumination.evaluate(x, y)
            whole.append(got - self.exposures[e] - self.chips[chip] - self.illumination(x, y))
        alone = found.zeropoint - self.exposures[found.exposure] - self.chips[found.chip] - mean
        return np.array(whole), alone


@pytest.mark.parametrize("separate", [False, True])
def test_zeropoints_and_illumination_of_a_night(separate):
    options = PhotometricOptions(illumination_order=5, separate_frames=separate)
    whole, alone = [], []
    for seed in range(3):
        night = Night(seed)
        found = solve_photometry(night.detections, night.reference, options)
        assert found.reason == ""
        assert found.zeropoint.size == 80
        fields, zeropoints = night.errors(found)
        whole.append(fields)
        alone.append(zeropoints)
        assert found.NREF > 300
        assert pytest.approx(0.02, rel=0.15) == found.RMS
        assert (found.zp_error < 0.005).all()
    assert np.sqrt(np.mean(np.square(whole))) < 0.0025
    assert np.sqrt(np.mean(np.square(alone))) < 0.005


def test_without_a_map_the_mountain_stays():
    night = Night(1)
    without = PhotometricOptions(illumination_order=0)
    flat = solve_photometry(night.detections, night.reference, without)
    mapped = solve_photometry(night.detections, night.reference)
    assert flat.illumination is None
    assert flat.RMS_OVERLAP > 1.1 * mapped.RMS_OVERLAP
    assert flat.RMS > 1.2 * mapped.RMS


def test_variable_stars_and_bad_references_are_clipped():
    night = Night(2)
    rng = np.random.default_rng(1)
    mag = night.detections.instrumental.copy()
    wild = rng.permutation(mag.size)[:300]
    mag[wild] += rng.choice([-1, 1], 300) * rng.uniform(0.5, 2, 300)
    columns = vars(night.detections) | {"instrumental": mag}
    night.reference[0][night.known[:20]] += 1.0
    options = PhotometricOptions(illumination_order=5)
    found = solve_photometry(FieldMagnitudes(**columns), night.reference, options)
    assert found.used[wild].mean() < 0.02
    assert np.delete(found.used, wild).mean() > 0.98
    whole, _ = night.errors(found)
    assert np.sqrt(np.mean(whole**2)) < 0.0025
