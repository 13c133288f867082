"""Cosmic rays: what is one, what is none, and what is not their business."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from awlab.backend.algorithms import BadArray, CosmicRayOptions, DetectorNoise, cosmic_ray_map

NOISE = DetectorNoise(4.0, 1.5)
SKY = 200.0
SIGMA = (NOISE.read_noise**2 + SKY / NOISE.gain) ** 0.5


def frame(seed=1, shape=(96, 128)):
    rng = np.random.default_rng(seed)
    return rng.normal(SKY, SIGMA, shape).astype(np.float32)


def gaussian(image, y, x, flux, fwhm):
    rows, columns = np.indices(image.shape)
    sigma = fwhm / 2.3548
    light = np.exp(-0.5 * ((rows - y) ** 2 + (columns - x) ** 2) / sigma**2)
    image += (flux * light / (2 * np.pi * sigma**2)).astype(np.float32)


def test_a_single_hit_and_a_track_are_two_events():
    image = frame()
    image[20, 30] += 500
    for step in range(8):
        image[60 + step // 2, 50 + step] += 400
    found = cosmic_ray_map(image, NOISE)
    assert found.map[20, 30] == 0
    assert all(found.map[60 + step // 2, 50 + step] == 0 for step in range(8))
    assert found.cosmic_count == 2
    assert found.count == (found.map == 0).sum() <= 12
    assert found.map.dtype == np.uint8


@pytest.mark.parametrize("fwhm", [2.0, 2.5, 3.5, 5.0])
def test_stars_are_spared_bright_faint_touching_and_at_the_edge(fwhm):
    image = np.full((96, 128), SKY, np.float32)
    for y, x, flux in [(20.3, 20.4, 2e3), (20, 60.5, 2e4), (60.5, 20.5, 3e5), (1, 100.2, 1e5)]:
        gaussian(image, y, x, flux, fwhm)
    gaussian(image, 60, 80, 1e5, fwhm)
    gaussian(image, 62.1, 80 + 1.8 * fwhm, 2e5, fwhm)
    rng = np.random.default_rng(2)
    noise = np.sqrt(NOISE.read_noise**2 + image / NOISE.gain)
    image += (noise * rng.standard_normal(image.shape)).astype(np.float32)
    found = cosmic_ray_map(image, NOISE)
    assert found.count <= 3, "a 5 sigma peak of the noise may be among 12,000 pixels"
    for y, x in [(20, 20), (20, 60), (60, 20), (1, 100), (60, 80), (62, round(80 + 1.8 * fwhm))]:
        assert found.map[y, x] == 1


def test_a_hit_on_the_flank_of_a_star_is_found_and_the_core_is_left():
    image = frame()
    gaussian(image, 48, 64, 3e4, 4.0)
    image[45, 66] += 4000
    found = cosmic_ray_map(image, NOISE)
    assert found.map[45, 66] == 0
    assert found.map[48, 64] == 1


def test_the_surroundings_of_saturated_pixels_are_left_alone():
    image = frame()
    image[40:60, 50:53] = 60000  # a bleeding column: edges as sharp as a cosmic ray's
    options = CosmicRayOptions(saturation_level=50000)
    image[80, 20] += 700
    found = cosmic_ray_map(image, NOISE, options)
    assert found.map[37:63, 47:56].all()
    assert found.map[80, 20] == 0
    assert cosmic_ray_map(image, NOISE).map[40:60, 50:53].min() == 0


def test_bad_pixels_are_no_cosmic_rays_and_make_none_of_their_neighbours():
    image = frame()
    good = np.ones(image.shape, np.uint8)
    image[30, 30], good[30, 30] = 40000, 0
    image[50, 40:44], good[50, 40:44] = -3000, 0
    image[70, 70] = np.nan
    found = cosmic_ray_map(image, NOISE, good=good)
    assert found.map[28:33, 28:33].all()
    assert found.map[48:53, 38:46].all()
    assert found.map[68:73, 68:73].all()


def test_subtracted_sky_belongs_to_the_noise():
    image = frame()
    gaussian(image, 40, 40, 5e3, 3.0)
    image[60, 60] += 300
    whole = cosmic_ray_map(image, NOISE)
    without = cosmic_ray_map(image - np.float32(SKY), NOISE, sky=SKY)
    assert np.array_equal(whole.map, without.map)
    assert whole.map[60, 60] == 0


def test_threads_do_not_change_the_result():
    image = frame()
    image.flat[np.random.default_rng(4).choice(image.size, 60)] += 400
    one, three = (cosmic_ray_map(image, NOISE, CosmicRayOptions(threads=n)).map for n in (1, 3))
    assert np.array_equal(one, three)


@given(
    st.lists(st.tuples(st.integers(0, 23), st.integers(0, 31)), max_size=30),
    st.floats(-1e6, 1e6),
)
@settings(max_examples=30, deadline=None)
def test_masked_pixels_never_contribute(places, value):
    """Whatever a bad pixel holds, the map is the same."""
    image = frame(seed=5, shape=(24, 32))
    image[10, 10] += 500
    good = np.ones(image.shape, np.uint8)
    for y, x in places:
        good[y, x] = 0
    other = np.where(good > 0, image, np.float32(value)).astype(np.float32)
    assert np.array_equal(
        cosmic_ray_map(image, NOISE, good=good).map, cosmic_ray_map(other, NOISE, good=good).map
    )


@pytest.mark.parametrize(
    "image",
    [
        np.full((20, 30), np.nan, np.float32),
        np.full((20, 30), 65535, np.float32),
        np.full((20, 30), -500, np.float32),
        np.zeros((1, 1), np.float32),
        np.ones((2, 40), np.float32),
    ],
    ids=["nan", "saturated", "negative", "one pixel", "two rows"],
)
def test_frames_without_content_have_no_cosmic_rays(image):
    found = cosmic_ray_map(image, NOISE, CosmicRayOptions(saturation_level=60000))
    assert (found.count, found.cosmic_count) == (0, 0)
    assert found.map.all()


def test_bad_arguments():
    with pytest.raises(BadArray, match="float32"):
        cosmic_ray_map(np.zeros((5, 5), np.uint16), NOISE)
    with pytest.raises(BadArray, match="shape"):
        cosmic_ray_map(frame(), NOISE, good=np.ones((3, 3), np.uint8))
    with pytest.raises(BadArray, match="neighbour fraction"):
        CosmicRayOptions(neighbour_fraction=0)
