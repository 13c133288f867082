"""The truth of simulated nights comes back through the pulled targets, whatever the seed.

Every chip of every seed has its own gain, read noise, bias, bad pixels and response.
"""

from __future__ import annotations

import os

import numpy as np
import pytest
from astropy.io import fits

CHIPS = ("ccd51", "ccd54", "ccd56")
NIGHTS = ((1, "#842"), (2, "#844"), (3, "#842"))  # seed, filter
DATE = "2000-04-28"


@pytest.fixture(scope="module", params=NIGHTS)
def night(request, tmp_path_factory):
    """Deep frames of three chips, pulled from a night of that seed, and the truth of the night."""
    seed, band = request.param
    folder = tmp_path_factory.mktemp("home")
    os.environ["AWLAB_HOME"] = str(folder)
    from awlab.backend.database import close_database, start_embedded
    from awlab.backend.datamodel import connect
    from awlab.backend.ingest import ingest
    from awlab.backend.ingest.nights import NightTruth, make_wfi_night
    from awlab.backend.targets import ReducedScienceFrame

    connect()
    files = make_wfi_night(folder / "night", seed=seed, chips=CHIPS, filters=[band])
    truth = NightTruth(files.truth)
    wanted = [p for p in files.paths if truth.exposures[p.name]["kind"] != "standard"]
    assert ingest(wanted).counts == {"new": len(wanted)}
    key = {"instrument": "WFI", "date": DATE, "filter": band}
    yield ReducedScienceFrame.get(chip=list(CHIPS), **key), truth
    close_database()
    start_embedded(folder).stop()
    os.environ["AWLAB_HOME"] = os.devnull + "/a-test-must-set-its-own-home"


@pytest.fixture(params=CHIPS)
def chip(request, night):
    """Truth of a chip, and its five reduced frames."""
    frames, truth = night
    mine = [frame for frame in frames if frame.chip.name == request.param]
    assert [frame.EXPTIME for frame in mine] == [300.0] * 5
    return truth.chip(request.param), mine


def pixels(item):
    return fits.getdata(item.retrieve()).astype(np.float64)


def good(truth):
    return ~(truth.hot | truth.cold)


def trimmed(frame, image):
    raw = frame.raw
    rows = slice(raw.PRSCY, raw.NAXIS2 - raw.OVSCY)
    return image[rows, slice(raw.PRSCX, raw.NAXIS1 - raw.OVSCX)]


def overscan(frame, image):
    return image[: frame.NAXIS2, frame.raw.NAXIS1 - frame.raw.OVSCX + frame.raw.OVSCXPST :]


def test_read_noise_within_2_percent(chip):
    truth, (frame, *_) = chip
    measured = frame.bias.read_noise
    assert measured.read_noise == pytest.approx(truth.read_noise / truth.gain, rel=0.02)
    assert abs(measured.read_noise - truth.read_noise / truth.gain) < (
        4 * measured.read_noise_error
    )
    assert measured.quality_flags == 0


def test_gain_within_2_percent(chip):
    truth, (frame, *_) = chip
    measured = frame.flat.dome_flat.gain
    assert measured.gain == pytest.approx(truth.gain, rel=0.02)
    assert measured.nonlinearity < 0.01  # the chips are linear, the lamp is steady to 0.4 %
    assert measured.quality_flags == 0


def test_master_bias_has_little_but_the_noise_of_the_mean(chip):
    truth, (frame, *_) = chip
    # The overscan takes the level of every row off, so it is not in the master either.
    rows = overscan(frame, truth.bias).mean(axis=1)
    difference = (pixels(frame.bias) - trimmed(frame, truth.bias) + rows[:, None])[good(truth)]
    expected = truth.read_noise / truth.gain / np.sqrt(len(frame.bias.raw_bias_frames))
    assert np.std(difference) < 1.2 * expected
    assert abs(np.mean(difference)) < 0.05


@pytest.mark.parametrize("kind", ["hot", "cold"])
def test_pixel_maps_are_complete_and_pure(chip, kind):
    truth, (frame, *_) = chip
    found = pixels(getattr(frame, kind)) == 0
    true = getattr(truth, kind)
    assert (found & true).sum() >= 0.98 * true.sum(), "completeness"
    assert (found & true).sum() >= 0.98 * found.sum(), "purity"


def test_dark_current(chip, night):
    truth, (frame, *_) = chip
    rate = night[1].constants["dark_current"] / truth.gain
    assert np.mean(pixels(frame.dark)[good(truth)]) == pytest.approx(rate, abs=1e-4)


def test_flat_within_a_fifth_of_a_percent(chip):
    truth, (frame, *_) = chip
    ratio = (pixels(frame.flat) / truth.flat(frame.filter.name))[good(truth)]
    assert np.std(ratio / np.median(ratio)) < 0.002


def ideal(frame, truth, constants):
    """Reduce the raw frame with nothing but the truth: bias, level, dark, flat and fringes."""
    raw = fits.getdata(frame.raw.retrieve()).astype(np.float64) - truth.bias
    dark = constants["dark_current"] * frame.EXPTIME / truth.gain
    level = overscan(frame, raw).mean() + dark
    image = (trimmed(frame, raw) - level) / truth.flat(frame.filter.name)
    light = truth.light[frame.filter.name]
    return image - np.median(image) * light["fringe"] / light["illumination"]


def star_light(image, stars):
    """Sum of what lies within 8 pixels of the stars, above the sky in a ring around each."""
    total = 0.0
    for star in stars:
        x, y = round(star["x"]), round(star["y"])
        box = image[y - 20 : y + 21, x - 20 : x + 21]
        distance = np.hypot(*np.mgrid[-20:21, -20:21])
        inside = distance <= 8
        total += box[inside].sum() - np.median(box[distance > 14]) * inside.sum()
    return total


def test_flux_within_a_tenth_of_a_percent(chip, night):
    """All light of the frames, and that of the stars alone, is what a perfect reduction gives."""
    truth, frames = chip
    stars_true = stars_mine = all_true = all_mine = 0.0
    count = 0
    for frame in frames:
        perfect, mine = ideal(frame, truth, night[1].constants), pixels(frame)
        mine[~good(truth)] = perfect[~good(truth)]  # what is flagged is nobody's flux
        all_true, all_mine = all_true + perfect.sum(), all_mine + mine.sum()
        seen = night[1].frame(frame.raw.raw_fits.orig_filename, truth.name).stars
        inside = (np.abs(seen["x"] - frame.NAXIS1 / 2) < frame.NAXIS1 / 2 - 22) & (
            np.abs(seen["y"] - frame.NAXIS2 / 2) < frame.NAXIS2 / 2 - 22
        )
        bright = seen[inside & (seen["flux"] > 5e3) & (seen["flux"] < 1e6)]
        count += len(bright)
        stars_true += star_light(perfect, bright)
        stars_mine += star_light(mine, bright)
    assert count > 20
    assert all_mine / all_true == pytest.approx(1.0, abs=0.001)
    assert stars_mine / stars_true == pytest.approx(1.0, abs=0.001)
