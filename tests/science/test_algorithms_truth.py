"""A detector with known truth, calibrated from raw frames to reduced ones; the truth comes back."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from awlab.backend.algorithms import (
    Calibrations,
    CombineOptions,
    DetectorNoise,
    GainOptions,
    PixelMaps,
    ReadoutLayout,
    Region,
    cold_pixel_map,
    combine_flats,
    hot_pixel_map,
    inverse_variance,
    master_bias,
    master_dark,
    master_flat,
    measure_gain,
    measure_overscan,
    measure_read_noise,
    merge_pixel_maps,
    reduce_frame,
    saturated_pixel_map,
    sky_level,
)

NY, NX = 640, 512
LAYOUT = ReadoutLayout(
    image=Region(24, 24 + NX, 0, NY),
    prescan_x=Region(0, 24, 0, NY),
    overscan_x=Region(24 + NX, 72 + NX, 0, NY),
)
GAIN, READ_NOISE = 2.1, 2.3  # electron/ADU, ADU
STARS = [(y, x, 10.0**e) for e, (y, x) in enumerate([(100, 90), (320, 256), (600, 470)], start=4)]


class Detector:
    """The truth: bias with structure, hot and cold pixels and columns, response, vignetting."""

    def __init__(self, seed=11):
        self.rng = np.random.default_rng(seed)
        y, x = np.indices((NY, NX))
        self.bias = 8 * np.exp(-x / 30) + self.rng.normal(0, 0.6, NX)
        self.dark = np.full((NY, NX), 0.002)
        self.hot, self.cold = np.zeros((NY, NX), bool), np.zeros((NY, NX), bool)
        spots = self.rng.permutation(NY * NX)
        self.hot.flat[spots[:300]] = True
        self.cold.flat[spots[300:600]] = True
        self.hot[200:, 130] = True
        self.cold[:350, 310] = True
        self.hot &= ~self.cold
        self.bias = self.bias + np.where(self.hot, 10 ** self.rng.uniform(1.5, 3.5, (NY, NX)), 0)
        self.pixels = self.rng.normal(1, 0.006, (NY, NX))
        self.pixels[self.cold] *= self.rng.uniform(0, 0.7, self.cold.sum())
        self.sky = 1 - 0.35 * (((x - 230) / NX) ** 2 + ((y - 350) / NY) ** 2)
        self.screen = 1 + 0.1 * (x / NX) - 0.05 * (y / NY) ** 2

    @property
    def good(self):
        return ~(self.hot | self.cold)

    def expose(self, light, seconds=0.0):
        """Read out a frame: light in electrons per pixel of unit response."""
        electrons = light * self.pixels * np.ones((NY, NX)) + self.dark * seconds * GAIN
        drift = 290 + self.rng.normal(0, 3) + 1.2 * np.sin(np.arange(NY) / 90)
        raw = np.repeat(drift[:, None], NX + 72, axis=1)
        raw[LAYOUT.image.slices] += self.bias + self.rng.poisson(electrons) / GAIN
        raw += self.rng.normal(0, READ_NOISE, raw.shape)
        return np.clip(np.rint(raw), 0, 65535).astype(np.uint16)


def overscans(frames):
    return [measure_overscan(frame, LAYOUT) for frame in frames]


def options(frames, **more):
    return CombineOptions(region=LAYOUT.image, overscan=overscans(frames), **more)


@pytest.fixture(scope="module")
def night():
    """All frames of a night and everything made from them, each step from the one before."""
    truth = Detector()
    made = SimpleNamespace(truth=truth)
    made.biases = [truth.expose(0) for _ in range(10)]
    made.biases[4][100:104, 200] = 20000  # a cosmic ray
    made.read_noise = measure_read_noise(made.biases, region=LAYOUT.image)
    made.noise = DetectorNoise(made.read_noise.read_noise, GAIN)
    made.bias = master_bias(made.biases, made.read_noise.read_noise, LAYOUT)
    made.hot = hot_pixel_map(made.bias.image)
    levels = [3000, 6000, 12000, 24000, 48000, 90000]
    made.ramp = [truth.expose(level * truth.screen) for level in levels for _ in range(2)]
    made.times = [level / 1000 for level in levels for _ in range(2)]
    made.domes = [truth.expose(60000 * truth.screen) for _ in range(10)]
    made.dusk = [truth.expose(level * truth.sky) for level in (20000, 30000, 45000, 60000, 70000)]
    shared = {"bias": made.bias.image, "sigma_clip": 5.0}
    made.dome = combine_flats(made.domes, made.noise, options(made.domes, **shared))
    made.twilight = combine_flats(made.dusk, made.noise, options(made.dusk, **shared))
    made.cold = cold_pixel_map(made.dome.image)
    made.good = merge_pixel_maps(made.hot.map, made.cold.map)
    made.flat = master_flat(made.dome.image, made.twilight.image, good=made.good)
    return made


def test_read_noise_within_two_per_cent(night):
    assert night.read_noise.read_noise == pytest.approx(READ_NOISE, rel=0.01)
    assert night.read_noise.error < 0.01


def test_gain_within_two_per_cent_and_linear(night):
    found = measure_gain(
        night.ramp,
        GainOptions(
            region=LAYOUT.image,
            overscan=overscans(night.ramp),
            bias=night.bias.image,
            good=night.good,
            read_noise=night.read_noise.read_noise,
        ),
        exposure_times=night.times,
    )
    assert found.gain == pytest.approx(GAIN, rel=0.01)
    assert abs(found.gain - GAIN) < 4 * found.error
    assert max(map(abs, found.variance_residuals)) < 0.02
    assert found.linearity.deviation < 0.002
    fitted = measure_gain(
        night.ramp,
        GainOptions(region=LAYOUT.image, overscan=overscans(night.ramp), good=night.good),
    )
    assert fitted.gain == pytest.approx(GAIN, rel=0.02), "without bias and read noise"


def test_master_bias_residual_below_1_2_times_the_noise_of_the_mean(night):
    truth = night.truth
    residual = night.bias.image - truth.bias
    noise = np.sqrt(READ_NOISE**2 + 1 / 12) / np.sqrt(10)
    assert residual.std() < 1.05 * noise
    assert abs(residual.mean()) < 0.03
    assert np.abs(residual[100:104, 200]).max() < 6 * noise, "cosmic ray"
    assert night.bias.rejected_fraction < 0.01


@pytest.mark.parametrize("kind", ["hot", "cold"])
def test_bad_pixels_complete_and_pure(night, kind):
    found, true = getattr(night, kind).map == 0, getattr(night.truth, kind)
    both = (found & true).sum()
    assert both >= 0.98 * true.sum(), "completeness"
    assert both >= 0.98 * found.sum(), "purity"
    assert getattr(night, kind).columns == ((130,) if kind == "hot" else (310,))


def test_flat_to_0_2_per_cent(night):
    truth = night.truth
    ratio = night.flat.image / (truth.pixels * truth.sky)
    ratio /= np.median(ratio[truth.good])
    # 10 domes of 60,000 electrons: photon noise 0.13 %.
    photons = 1 / np.sqrt(10 * 60000)
    assert ratio[truth.good].std() < 1.2 * photons
    assert ratio[truth.good].std() < 0.002
    blocks = ratio[: NY // 32 * 32].reshape(NY // 32, 32, NX // 32, 32)
    assert np.median(blocks, axis=(1, 3)).std() < 3e-4, "large scales"


def test_dark_rate(night):
    truth = night.truth
    darks = [truth.expose(0, 1800.0) for _ in range(4)]
    found = master_dark(darks, [1800.0] * 4, night.noise, options(darks, bias=night.bias.image))
    assert np.median(found.image) == pytest.approx(0.002, rel=0.1)


@pytest.fixture(scope="module")
def reduced(night):
    """A science frame: sky, three stars, a saturated one; with its reduction."""
    truth = night.truth
    sky = 900.0
    y, x = np.indices((NY, NX))
    stars = np.zeros((NY, NX))
    for y0, x0, flux in [*STARS, (450, 120, 3e7)]:
        stars += flux / (2 * np.pi * 4) * np.exp(-((y - y0) ** 2 + (x - x0) ** 2) / 8)
    raw = truth.expose((sky + stars) * truth.sky, 300.0)
    full = saturated_pixel_map(raw, LAYOUT.image)
    dark = np.full((NY, NX), 0.002, np.float32)
    calibrations = Calibrations(
        bias=night.bias.image, flat=night.flat.image, dark=dark, exposure_time=300.0
    )
    maps = PixelMaps(night.hot.map, night.cold.map, full.map, edge=0)
    # The flat is normalised to its median; the truth is in units of unit response.
    scale = np.median((truth.pixels * truth.sky)[truth.good]) / GAIN
    frame = reduce_frame(raw, LAYOUT, calibrations, maps)
    return SimpleNamespace(frame=frame, sky=sky * scale, scale=scale, full=full)


def test_sky_is_flat_and_unbiased(night, reduced):
    level = sky_level(reduced.frame.image, reduced.frame.weight)
    assert level.median == pytest.approx(reduced.sky, rel=1e-3)
    image, good = reduced.frame.image, reduced.frame.weight > 0
    corners = [
        image[a, b][good[a, b]]
        for a in (slice(90), slice(-90, None))
        for b in (slice(90), slice(-90, None))
    ]
    for corner in corners[1:]:
        assert np.median(corner) == pytest.approx(reduced.sky, rel=3e-3)


@pytest.mark.parametrize("star", STARS[1:])
def test_flux_unbiased(night, reduced, star):
    """Bad pixels, which have no weight, are filled by the truth: the flux is under test here."""
    y0, x0, flux = star
    cut = slice(y0 - 12, y0 + 13), slice(x0 - 12, x0 + 13)
    image = reduced.frame.image[cut] - reduced.sky
    y, x = np.indices(image.shape) - 12
    profile = flux * reduced.scale / (2 * np.pi * 4) * np.exp(-(y**2 + x**2) / 8)
    bad = reduced.frame.weight[cut] == 0
    assert bad.mean() < 0.05
    image[bad] = profile[bad]
    noise = np.sqrt(flux + 625 * 900) / flux
    assert image.sum() / profile.sum() == pytest.approx(1, abs=max(1e-3, 3 * noise))


def test_mean_flux_over_the_frame_is_unbiased_to_0_1_per_cent(night):
    """Uniform light of 20,000 electrons: the mean over all good pixels has no photon noise left."""
    truth = night.truth
    raw = truth.expose(20000 * truth.sky)
    calibrations = Calibrations(bias=night.bias.image, flat=night.flat.image)
    frame = reduce_frame(raw, LAYOUT, calibrations, PixelMaps(night.hot.map, night.cold.map))
    scale = np.median((truth.pixels * truth.sky)[truth.good]) / GAIN
    good = frame.weight > 0
    assert frame.image[good].mean(dtype=np.float64) == pytest.approx(20000 * scale, rel=1e-3)


def test_weight_and_flags(night, reduced):
    frame = reduced.frame
    assert reduced.full.count > 10
    assert np.all(frame.weight[reduced.full.map == 0] == 0)
    assert frame.weight[450, 120] == 0
    good = frame.flags == 0
    assert np.array_equal(frame.weight[good], night.flat.image[good])
    inverse = inverse_variance(frame, night.flat.image, night.noise, reduced.sky)
    y, x = np.indices((NY, NX))
    empty = good.copy()
    for y0, x0 in [(450, 120), *[star[:2] for star in STARS]]:
        empty &= (y - y0) ** 2 + (x - x0) ** 2 > 40**2
    pulls = (frame.image - reduced.sky)[empty] * np.sqrt(inverse[empty])
    # Noise of the calibrations and rounding come on top: a few per cent.
    assert pulls.std() == pytest.approx(1, abs=0.05)
