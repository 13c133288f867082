"""Maps, fringes and weights of the simulated night, pulled, against what is true of its pixels."""

from __future__ import annotations

import os

import numpy as np
import pytest
from astropy.io import fits
from scipy import ndimage

CHIPS = ("ccd50", "ccd53")
DATE = "2000-04-28"
SQUARE = np.ones((3, 3), bool)


@pytest.fixture(scope="module")
def night(tmp_path_factory):
    """Weights of the deep frames of two chips, in both bands, and the truth of the night."""
    folder = tmp_path_factory.mktemp("home")
    os.environ["AWLAB_HOME"] = str(folder)
    from awlab.backend.database import close_database, start_embedded
    from awlab.backend.datamodel import connect
    from awlab.backend.ingest import ingest
    from awlab.backend.ingest.nights import NightTruth, make_wfi_night
    from awlab.backend.targets import WeightFrame

    connect()
    files = make_wfi_night(folder / "night", chips=CHIPS)
    truth = NightTruth(files.truth)
    assert ingest(files.paths).exit_status == 0
    key = {"instrument": "WFI", "date": DATE, "chip": list(CHIPS), "object": "SIM_DEEP_1"}
    yield WeightFrame.get(**key), truth
    close_database()
    start_embedded(folder).stop()
    os.environ["AWLAB_HOME"] = os.devnull + "/a-test-must-set-its-own-home"


def pixels(item):
    return fits.getdata(item.retrieve())


def bad(item):
    return pixels(item) == 0


def of_frame(weight, truth):
    """Truth of a chip, and of one frame of it."""
    name = weight.raw.raw_fits.orig_filename
    return truth.chip(weight.raw.chip.name), truth.frame(name, weight.raw.chip.name)


def painted(shape, places, least=0.0):
    """Mask of the pixels that got more than some electrons."""
    mask = np.zeros(shape, bool)
    chosen = places.electrons > least
    mask[places.y[chosen], places.x[chosen]] = True
    return mask


def noise_of(weight, chip):
    """Noise of a pixel of the sky [electron]."""
    return np.sqrt(weight.cosmic.reduced.imstat.median * chip.gain + chip.read_noise**2)


def test_no_weight_is_flagged_and_none_is_missing(night):
    weights, _ = night
    assert len(weights) == 20
    assert {weight.verdict() for weight in weights} == {"1: valid; no flags"}


def test_a_weight_is_the_flat_times_the_maps(night):
    for weight in night[0][::5]:
        maps = (weight.hot, weight.cold, weight.saturated, weight.cosmic, weight.satellite)
        expected = pixels(weight.flat) * np.all([pixels(one) > 0 for one in maps], axis=0)
        np.testing.assert_array_equal(pixels(weight), expected)


@pytest.mark.parametrize("kind", ["hot", "cold"])
@pytest.mark.parametrize("chip", CHIPS)
def test_bad_pixels_are_complete_and_pure(night, chip, kind):
    weight = next(one for one in night[0] if one.raw.chip.name == chip)
    found, true = bad(getattr(weight, kind)), getattr(night[1].chip(chip), kind)
    assert (found & true).sum() >= 0.99 * true.sum(), "completeness"
    assert (found & true).sum() >= 0.99 * found.sum(), "purity"


def test_cosmic_rays_are_found_and_no_star_is_eaten(night):
    hit = deep_pixels = right = masked = eaten = stars = 0
    for weight in night[0]:
        chip, frame = of_frame(weight, night[1])
        found, sigma = bad(weight.cosmic), noise_of(weight, chip)
        # The shoulders of a saturated star are as steep as a ray, and as useless.
        full = ndimage.binary_dilation(bad(weight.saturated), SQUARE, iterations=3)
        usable = ~(chip.hot | chip.cold | bad(weight.satellite) | full)
        deep = painted(found.shape, frame.cosmics, 5 * sigma) & usable
        near = ndimage.binary_dilation(painted(found.shape, frame.cosmics), SQUARE)
        hit, deep_pixels = hit + (found & deep).sum(), deep_pixels + deep.sum()
        right, masked = right + (found & near).sum(), masked + (found & usable).sum()
        bright = frame.stars[frame.stars["flux"] > 100 * sigma]
        y, x = bright["y"].round().astype(int), bright["x"].round().astype(int)
        inside = (y >= 0) & (y < found.shape[0]) & (x >= 0) & (x < found.shape[1])
        away = ~ndimage.binary_dilation(near, np.ones((5, 5), bool)) & usable
        cores = away[y[inside], x[inside]]
        stars, eaten = stars + cores.sum(), eaten + found[y[inside], x[inside]][cores].sum()
    print(f"\ncomplete {hit / deep_pixels:.4f} of {deep_pixels}, pure {right / masked:.4f} of"
          f" {masked}, {eaten} of {stars} cores eaten")  # fmt: skip
    assert deep_pixels > 500 and stars > 100
    assert hit >= 0.95 * deep_pixels
    assert right >= 0.95 * masked
    assert eaten == 0


def test_the_satellite_is_masked_with_its_wings_and_nothing_else(night):
    crossed = 0
    for weight in night[0]:
        chip, frame = of_frame(weight, night[1])
        found = bad(weight.satellite)
        if not frame.satellite.y.size:
            assert weight.satellite.track_count == 0 and not found.any()
            continue
        crossed += 1
        wings = painted(found.shape, frame.satellite, 0.3 * noise_of(weight, chip))
        assert weight.satellite.track_count == 1
        assert (found & wings).sum() >= 0.99 * wings.sum()
        assert found.sum() < 2.5 * wings.sum()
    assert crossed >= 2


def test_fringes_leave_less_than_a_percent_of_the_sky(night):
    worst = 0.0
    for weight in night[0]:
        frame, chip = weight.cosmic.reduced, night[1].chip(weight.raw.chip.name)
        if weight.raw.filter.name == "#842":
            assert frame.fringe is None and frame.fringe_scale == 0
            continue
        good = ~(chip.hot | chip.cold)
        light = chip.light["#844"]
        row = night[1].exposures[weight.raw.raw_fits.orig_filename]
        true = row["level"] / chip.gain * light["fringe"] / light["illumination"]
        left = (true - frame.fringe_scale * pixels(frame.fringe))[good]
        sky = frame.imstat.median
        worst = max(worst, np.std(left) / sky)
        assert np.std(true[good]) > 0.013 * sky, "there is something to be taken off"
        assert np.std(left) < 0.005 * sky
        assert np.percentile(np.abs(left - np.median(left)), 95) < 0.01 * sky
        # Taken off for five deep frames, not for the standard field.
        assert len(frame.fringe.raw_science_frames) == 5 == frame.fringe.nframes
    print(f"\nfringes: {100 * worst:.2f} % of the sky left, rms")


def test_night_sky_flat_and_background_are_pulled_where_asked_for(night):
    from awlab.backend.targets import BackgroundFrame, MasterFlatFrame

    weight = next(one for one in night[0] if one.raw.filter.name == "#842")
    chip, key = weight.raw.chip.name, {"instrument": "WFI", "date": DATE, "filter": "#842"}
    name = "MasterFlatFrame.process_params.COMBINE_TYPE"
    flat = MasterFlatFrame.get(chip=chip, pars={name: 5}, **key)
    assert flat.combine_type == 5 and flat.night_sky_flat.nframes == 5
    true = night[1].chip(chip)
    ratio = (pixels(flat) / true.flat("#842"))[~(true.hot | true.cold)]
    assert np.std(ratio / np.median(ratio)) < 0.004
    plain = MasterFlatFrame.get(chip=chip, pars={name: 0}, **key)
    assert plain.night_sky_flat is None and plain.content_hash == weight.flat.content_hash
    background = BackgroundFrame.get(raw=weight.raw)
    level = night[1].exposures[weight.raw.raw_fits.orig_filename]["level"] / true.gain
    assert background.level == pytest.approx(level, rel=0.02)
    assert background.imstat.stdev < 0.1 * background.noise


def test_fringes_need_frames_that_were_dithered(night):
    from awlab.backend.targets import FringeFrame

    key = {"instrument": "WFI", "date": DATE, "filter": "#844", "chip": "ccd53"}
    far = {"FringeFrame.process_params.DITHER": 1000.0}
    found = FringeFrame.get(pars=far, **key)
    assert found.quality_flags.names == ["FEW_FRAMES"] and found.nframes == 1
    assert found.reason == "1 dithered frames, MINIMUM_FRAMES is 4"
