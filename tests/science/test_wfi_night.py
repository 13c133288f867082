"""The simulated night holds what its truth says, measured from the files with plain NumPy.

Nothing of awlab's own calibration is used: these tests are the ground on which those stand.
"""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from scipy import ndimage

from awlab.backend.ingest.nights import NightTruth, make_wfi_night
from awlab.backend.ingest.nights.layout import CHIPS, Layout

LAYOUT = Layout(256, 512)
IMAGING = LAYOUT.imaging
SOME_CHIPS = ("ccd50", "ccd53", "ccd56")
BANDS = ("#842", "#844")


class Night:
    """The night as a reader without awlab sees it."""

    def __init__(self, files):
        self.files = files
        self.truth = NightTruth(files.truth)
        self.chips = {name: self.truth.chip(name) for name in CHIPS}

    def names(self, kind, band=None, template=""):
        return [
            name
            for name, row in self.truth.exposures.items()
            if row["kind"] == kind
            and (band is None or row["filter"] == band)
            and template in row["template"]
        ]

    def raw(self, name, chip):
        with fits.open(self.files.raw / name) as hdus:
            return hdus[CHIPS.index(chip) + 1].data.astype(np.float64)

    def header(self, name, chip):
        with fits.open(self.files.raw / name) as hdus:
            return hdus[CHIPS.index(chip) + 1].header.copy()

    def light(self, name, chip):
        """Imaging area minus true bias and the drift that the overscan shows [ADU]."""
        raw, bias = self.raw(name, chip), self.chips[chip].bias
        return (raw - bias)[IMAGING] - drift_in_overscan(raw, bias)

    def good(self, chip):
        return ~(self.chips[chip].hot | self.chips[chip].cold)


def drift_in_overscan(raw, bias):
    return np.mean((raw - bias)[: LAYOUT.height, -LAYOUT.overscan_x :])


def clipped_std(values):
    values = values.ravel()
    for _ in range(3):
        values = values[np.abs(values - np.median(values)) < 5 * values.std()]
    return values.std()


@pytest.fixture(scope="module")
def night(tmp_path_factory):
    return Night(make_wfi_night(tmp_path_factory.mktemp("wfi") / "night"))


@pytest.mark.parametrize("chip", CHIPS)
def test_read_noise_of_bias_pairs(night, chip):
    names = night.names("bias")
    frames = [night.raw(name, chip) for name in names]
    variances = [
        clipped_std(one - other) ** 2 / 2 - 1 / 12 for one, other in itertools.pairwise(frames)
    ]
    true = night.chips[chip].read_noise / night.chips[chip].gain
    assert np.sqrt(np.mean(variances)) == pytest.approx(true, rel=0.01)


@pytest.mark.parametrize("chip", SOME_CHIPS)
def test_bias_level_structure_and_drift(night, chip):
    truth, names = night.chips[chip], night.names("bias")
    mean = np.zeros(LAYOUT.raw_shape)
    for name in names:
        raw = night.raw(name, chip)
        drift = night.truth.exposures[name]["drift"][CHIPS.index(chip)]
        assert drift_in_overscan(raw, truth.bias) == pytest.approx(drift, abs=0.15)
        mean += (raw - drift) / len(names)
    noise = np.sqrt((truth.read_noise / truth.gain) ** 2 + 1 / 12) / np.sqrt(len(names))
    residual = mean - truth.bias
    assert residual.std() == pytest.approx(noise, rel=0.02)
    assert abs(residual.mean()) < 0.02
    # There is structure to be found: without the master bias the columns would stay.
    ordinary = np.median(truth.bias[: LAYOUT.height, IMAGING[1]], axis=0)
    assert ordinary.std() > noise


@pytest.mark.parametrize("chip", SOME_CHIPS)
@pytest.mark.parametrize("band", BANDS)
def test_gain_by_photon_transfer_and_linearity(night, chip, band):
    truth, names = night.chips[chip], night.names("dome", band, "GainLin")
    good = night.good(chip)
    response = (truth.light[band]["response"] * truth.light[band]["dome"])[good]
    signal, variance = [], []
    for one, other in zip(names[::2], names[1::2], strict=True):
        first, second = night.light(one, chip)[good], night.light(other, chip)[good]
        scale = first.mean() / second.mean()
        signal.append(first.mean())
        variance.append(clipped_std(first - scale * second) ** 2 / (1 + scale**2))
        expected = night.truth.exposures[one]["level"] * response.mean() / truth.gain
        assert first.mean() == pytest.approx(expected, rel=1e-3), "not linear"
    slope, _ = np.polyfit(signal, variance, 1)
    assert 1 / slope == pytest.approx(truth.gain, rel=0.02)
    assert max(signal) > 5 * min(signal)


@pytest.mark.parametrize("chip", SOME_CHIPS)
def test_hot_pixels_are_those_that_stand_out_of_the_biases(night, chip):
    names = night.names("bias")
    mean = np.mean([night.raw(name, chip)[IMAGING] for name in names], axis=0)
    found = mean - ndimage.median_filter(mean, size=(1, 9)) > 12
    assert np.array_equal(found, night.chips[chip].hot)
    assert 100 < found.sum() < 1000
    assert found.sum(axis=0).max() > LAYOUT.height // 8, "no bad column"


@pytest.mark.parametrize("chip", SOME_CHIPS)
def test_cold_pixels_are_those_that_are_low_in_the_domes(night, chip):
    frames = [night.light(name, chip) for name in night.names("dome", "#844", "DomeFlat")]
    mean = np.mean(frames, axis=0)
    found = mean / ndimage.median_filter(mean, size=9) < 0.85
    cold = night.chips[chip].cold
    assert (found & cold).sum() >= 0.98 * cold.sum()
    assert (found & cold).sum() >= 0.98 * found.sum()
    assert not (cold & night.chips[chip].hot).any()


@pytest.mark.parametrize("chip", SOME_CHIPS)
@pytest.mark.parametrize("band", BANDS)
def test_domes_carry_the_small_scales_and_twilight_the_large(night, chip, band):
    truth, good = night.chips[chip], night.good(chip)
    light = truth.light[band]
    domes = [night.light(name, chip) for name in night.names("dome", band)]
    dome = np.sum(domes, axis=0)
    expected = light["response"] * light["dome"]
    ratio = (dome / dome[good].mean() / (expected / expected[good].mean()))[good]
    assert ratio.std() == pytest.approx(1 / np.sqrt(truth.gain * dome[good].mean()), rel=0.05)
    twilights = [night.light(name, chip) for name in night.names("twilight", band)]
    twilight = np.median([frame / np.median(frame) for frame in twilights], axis=0)
    blocks = np.where(good, twilight / truth.flat(band), np.nan).reshape(8, 64, 4, 64)
    large = np.nanmedian(blocks, axis=(1, 3))
    assert np.abs(large / np.median(large) - 1).max() < 1e-3
    # The two differ, or there would be nothing to combine.
    difference = light["dome"] / light["illumination"]
    assert np.ptp(difference) / difference.mean() > 0.01


def aperture(image, x, y, radius):
    """Sum in a circle above the median of a ring, and the ring's median."""
    rows, columns = np.ogrid[: image.shape[0], : image.shape[1]]
    distance = np.hypot(rows - y, columns - x)
    sky = np.median(image[(distance > 26) & (distance < 34)])
    inside = distance <= radius
    return image[inside].sum() - sky * inside.sum()


def usable(stars, image_shape):
    """Stars whose light can be measured alone, away from edges, not saturated."""
    height, width = image_shape
    keep = (stars["flux"] > 2e4) & (stars["flux"] < 2e6)
    keep &= (stars["x"] > 30) & (stars["x"] < width - 30)
    keep &= (stars["y"] > 30) & (stars["y"] < height - 30)
    for index in np.flatnonzero(keep):
        near = np.hypot(stars["x"] - stars["x"][index], stars["y"] - stars["y"][index]) < 45
        near[index] = False
        keep[index] = stars["flux"][near].sum() < 5e-4 * stars["flux"][index]
    return stars[keep]


@pytest.mark.parametrize("band", BANDS)
def test_flux_and_sky_of_calibrated_frames(night, band):
    ratios, weights = [], []
    for name in night.names("standard", band) + night.names("science", band):
        row = night.truth.exposures[name]
        core = row["seeing"] / 0.238 / (2 * np.sqrt(2 ** (1 / 3) - 1))
        for chip in CHIPS:
            truth, frame = night.chips[chip], night.truth.frame(name, chip)
            light = truth.light[band]
            flat = light["response"] * light["illumination"]
            image = night.light(name, chip) * truth.gain / flat
            bad = ~night.good(chip)
            bad[frame.cosmics.y, frame.cosmics.x] = True
            bad[frame.satellite.y, frame.satellite.x] = True
            image[bad] = ndimage.median_filter(image, size=5)[bad]
            median = np.median(image)
            assert median == pytest.approx(row["level"], rel=0.01, abs=1.5), (name, chip)
            for star in usable(frame.stars, image.shape):
                here = round(star["y"]), round(star["x"])
                if bad[here[0] - 6 : here[0] + 7, here[1] - 6 : here[1] + 7].any():
                    continue
                lost = (1 + (14 / core) ** 2) ** -2
                seen = aperture(image, star["x"], star["y"], 14) * light["illumination"][here]
                true = star["flux"] * (1 - lost)
                ratios.append(seen / true)
                weights.append(true**2 / (true + 616 * (row["level"] + 25)))
    ratios, weights = np.array(ratios), np.array(weights)
    assert len(ratios) > 30
    mean = np.average(ratios, weights=weights)
    error = 1 / np.sqrt(weights.sum())
    assert error < 1e-3
    assert abs(mean - 1) < max(1e-3, 3 * error)


@pytest.mark.parametrize("band", BANDS)
def test_fringes_are_in_the_red_alone(night, band):
    chip = "ccd51"
    truth, good = night.chips[chip], night.good(chip)
    fringe = truth.light[band]["fringe"]
    frames = []
    for name in night.names("science", band):
        image = night.light(name, chip) / truth.flat(band)
        frames.append(image / np.median(image))
    stack = np.median(frames, axis=0)[good]
    if band == "#842":
        assert not fringe.any()
        return
    ideal = (fringe / truth.light[band]["illumination"])[good]
    keep = np.abs(stack - 1) < 0.15
    slope = np.polyfit(ideal[keep], stack[keep], 1)[0]
    assert slope == pytest.approx(1, abs=0.1)
    assert 0.01 < fringe.std() < 0.02


def test_stars_lie_where_the_truth_says_and_the_header_nearly_does(night):
    name, measured = night.names("standard", "#844")[0], 0
    catalogue = night.truth.stars("SIM_SA104")
    for chip in CHIPS:
        stars = night.truth.frame(name, chip).stars
        image = night.light(name, chip)
        for star in usable(stars, image.shape):
            y, x = round(star["y"]), round(star["x"])
            cut = image[y - 8 : y + 9, x - 8 : x + 9] - np.median(image)
            rows, columns = np.mgrid[-8:9, -8:9]
            assert (cut * columns).sum() / cut.sum() + x == pytest.approx(star["x"], abs=0.2)
            assert (cut * rows).sum() / cut.sum() + y == pytest.approx(star["y"], abs=0.2)
            measured += 1
        listed = catalogue[np.searchsorted(catalogue["id"], stars["id"])]
        header = WCS(night.header(name, chip))
        guess_x, guess_y = header.wcs_world2pix(listed["ra"], listed["dec"], 1)
        off = np.hypot(guess_x - 1 - LAYOUT.prescan_x - stars["x"], guess_y - 1 - stars["y"])
        # A pointing error of arcseconds, a turned chip and distortion, but nothing worse.
        assert 0.5 < np.median(off) < 40
        assert np.ptp(off) < 5
    assert measured > 10


def test_dithers_move_the_stars_across_the_gaps(night):
    for band in BANDS:
        rows = [night.truth.exposures[name] for name in night.names("science", band)]
        dec = np.array([row["dec"] for row in rows]) * 3600 / 0.238
        assert np.ptp(dec) > 2 * LAYOUT.gap[1]
        assert np.min(np.diff(np.sort(dec))) > 5


def test_cosmic_rays_satellite_and_saturation_are_where_they_are_said_to_be(night):
    crossed, saturated, hits = set(), 0, 0
    for band in BANDS:
        for name in night.names("science", band):
            for chip in CHIPS:
                raw = night.raw(name, chip)[IMAGING]
                frame = night.truth.frame(name, chip)
                image = night.light(name, chip)
                strong = frame.cosmics.electrons > 1000
                y, x = frame.cosmics.y[strong], frame.cosmics.x[strong]
                assert (image[y, x] > 400 / night.chips[chip].gain).all()
                hits += len(y)
                if len(frame.satellite.y):
                    crossed.add((name, chip))
                    crest = frame.satellite.electrons > 800
                    y, x = frame.satellite.y[crest], frame.satellite.x[crest]
                    assert np.median(image[y, x]) - np.median(image) > 300
                saturated += (raw == 65535).sum()
    assert hits > 500
    assert len({name for name, _ in crossed}) == 1
    assert len(crossed) >= 2
    assert saturated > 10


def test_biases_and_domes_are_not_saturated(night):
    for kind in ("bias", "dome", "twilight"):
        for name in night.names(kind)[::3]:
            image = night.raw(name, "ccd55")[IMAGING]
            assert np.mean(image > 60000) < 1e-3, (kind, name)
