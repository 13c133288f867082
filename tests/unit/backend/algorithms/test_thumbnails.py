"""Thumbnails: binning by area, range and stretch, and images without a good pixel."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.nddata import block_reduce
from astropy.visualization import AsinhStretch, ZScaleInterval

from awlab.backend.algorithms import BadArray, ThumbnailOptions, thumbnail
from awlab.backend.algorithms.thumbnails import binned_mean


def sky(shape=(400, 600), seed=1):
    rng = np.random.default_rng(seed)
    image = rng.normal(500, 10, shape)
    image[100:104, 200:204] += 20000
    return image.astype(np.float32)


def test_binning_is_the_mean_of_all_pixels():
    image = sky((401, 603))
    made = binned_mean(image, None, 4)
    assert made.shape == (101, 151)
    assert np.allclose(made[:100, :150], block_reduce(image[:400, :600], 4, np.mean), rtol=1e-6)
    assert made[100, 150] == pytest.approx(image[400:, 600:].mean(), rel=1e-6)


def test_bad_pixels_do_not_count():
    image, weight = sky(), np.ones((400, 600), np.float32)
    clean = binned_mean(image, weight, 5)
    image[7, 9], image[8, 8] = np.nan, np.inf
    weight[6, 6] = 0
    image[6, 6] = 1e9
    made = binned_mean(image, weight, 5)
    good = np.isfinite(image[5:10, 5:10]) & (weight[5:10, 5:10] > 0)
    assert made[1, 1] == pytest.approx(image[5:10, 5:10][good].mean())
    made[1, 1] = clean[1, 1]
    assert np.array_equal(made, clean)


def test_grey_levels_are_those_of_astropy():
    image = sky()
    made = thumbnail(image, options=ThumbnailOptions(size=150))
    small = block_reduce(image.astype(float), 4, np.mean)
    peer = AsinhStretch(0.1) + ZScaleInterval()
    assert made.binning == 4
    assert made.pixels.shape == (100, 150)
    assert np.abs(made.pixels - 255 * peer(small)).max() <= 0.51
    assert made.limits == pytest.approx(ZScaleInterval().get_limits(small))
    assert made.pixels[25:26, 50:51].max() == 255, "the star is white"
    assert 20 < np.median(made.pixels) < 235, "and the sky is neither black nor white"


def test_limits_and_stretch_can_be_given():
    image = np.arange(256, dtype=np.uint16).reshape(16, 16)
    options = ThumbnailOptions(size=16, stretch="linear", limits=(0, 255))
    assert np.array_equal(thumbnail(image, options=options).pixels, image)
    brighter = thumbnail(image, options=ThumbnailOptions(size=16, limits=(0, 255))).pixels
    assert np.all(brighter >= image)
    assert np.all(np.diff(brighter.ravel().astype(int)) >= 0)


@pytest.mark.parametrize("shape", [(1, 1), (3, 1000), (257, 256), (256, 256), (90, 20)])
def test_size_is_a_bound_and_nothing_is_enlarged(shape):
    made = thumbnail(sky(shape) if min(shape) > 200 else np.ones(shape, np.float32))
    assert max(made.pixels.shape) <= 256
    assert max(made.pixels.shape) * made.binning >= max(shape)
    assert (made.binning == 1) == (max(shape) <= 256)


def test_images_without_a_good_pixel_are_black_and_constant_ones_grey():
    empty = thumbnail(np.full((30, 40), np.nan, np.float32))
    assert empty.pixels.max() == 0
    assert empty.empty == 1200
    dead = thumbnail(sky(), np.zeros((400, 600), np.float32))
    assert dead.pixels.max() == 0
    flat = thumbnail(np.full((30, 40), 7.0, np.float32))
    assert flat.pixels.min() == flat.pixels.max() > 0
    assert flat.empty == 0


@pytest.mark.parametrize(
    ("options", "words"),
    [({"size": 0}, "0 px"), ({"stretch": "log"}, "'log'"), ({"softening": 0.0}, "softening"),
     ({"limits": (5.0, 5.0)}, "limits"), ({"contrast": -1.0}, "contrast")],
)  # fmt: skip
def test_options_are_checked(options, words):
    with pytest.raises(BadArray, match=words):
        ThumbnailOptions(**options)


def test_arrays_are_checked():
    with pytest.raises(BadArray, match="weight has the shape"):
        thumbnail(sky(), np.ones((3, 4), np.float32))
    with pytest.raises(BadArray, match="not native"):
        thumbnail(sky().astype(">f4"))
