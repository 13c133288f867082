"""Sums along lines, masks of tracks, and frames without content."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from awlab.backend.algorithms import BadArray, SatelliteOptions, satellite_map
from awlab.backend.algorithms.lines_kernel import radon_sums
from awlab.backend.algorithms.tracks import Track, mask_track

SHAPE = (200, 260)


def noise(seed=1):
    return np.random.default_rng(seed).normal(100, 5, SHAPE).astype(np.float32)


def line(image, slope=0.4, start=40.0, crest=60.0):
    rows, columns = np.indices(SHAPE)
    across = (rows - start - slope * columns) / np.hypot(1, slope)
    image += (crest * np.exp(-0.5 * (across / 1.5) ** 2)).astype(np.float32)


def test_sums_along_lines():
    image = np.random.default_rng(1).normal(0, 1, (16, 20)).astype(np.float32)
    sums = radon_sums(image)
    assert sums.shape == (16, 36)
    assert np.allclose(sums[0, 16:], image.sum(axis=0), atol=1e-5)
    diagonal = sum(image[y, y + 2] for y in range(16))
    assert sums[15, 18] == pytest.approx(diagonal, abs=1e-5)
    lone = np.zeros((8, 10), np.float32)
    lone[5, 4] = 1
    # A pixel is on exactly one line of each drift.
    assert np.array_equal(radon_sums(lone).sum(axis=1), np.ones(8))


def test_a_mask_covers_the_strip_and_no_more():
    free = np.ones(SHAPE, np.uint8)
    mask_track(free, Track(20.0, 30.0, 120.0, 30.0, 3.0, 5.0, 1.0), 1.0)
    expected = np.ones(SHAPE, np.uint8)
    expected[26:35, 16:125] = 0
    assert np.array_equal(free, expected)


def test_hidden_pixels_never_contribute():
    image = noise()
    line(image)
    good = np.ones(SHAPE, np.uint8)
    good[:, 100:130] = 0
    good[40:60, :] = 0
    maps = [
        satellite_map(np.where(good > 0, image, np.float32(v)).astype(np.float32), good=good).map
        for v in (0.0, 5e4, np.nan)
    ]
    assert np.array_equal(maps[0], maps[1])
    assert np.array_equal(maps[0], maps[2])
    assert (maps[0] == 0).sum() > 1000


@given(st.integers(0, 2**16), st.floats(3, 40))
@settings(max_examples=10, deadline=None)
def test_masks_only_grow_with_the_margin(seed, crest):
    image = noise(seed)
    line(image, crest=crest)
    before = None
    for margin in (0.0, 1.0, 4.0):
        now = satellite_map(image, SatelliteOptions(margin=margin, most=1)).map == 0
        if before is not None:
            assert not (before & ~now).any()
        before = now


def test_thresholds():
    image = noise()
    line(image)
    assert len(satellite_map(image).tracks) == 1
    for strict in ({"DETECTION_THRESHOLD": 1e4}, {"HOUGH_THRESHOLD": 400}):
        assert satellite_map(image, SatelliteOptions(**strict)).tracks == ()
    with pytest.raises(BadArray, match="coverage"):
        SatelliteOptions(coverage=0)
    with pytest.raises(BadArray, match="shape"):
        satellite_map(image, good=np.ones((2, 2), np.uint8))


@pytest.mark.parametrize(
    "image",
    [
        np.full(SHAPE, np.nan, np.float32),
        np.full(SHAPE, 65535, np.float32),
        np.zeros(SHAPE, np.float32),
        np.ones((5, 700), np.float32),
        np.ones((1, 1), np.float32),
    ],
    ids=["nan", "saturated", "zero", "narrow", "one pixel"],
)
def test_frames_without_content_have_no_track(image):
    found = satellite_map(image)
    assert (found.tracks, found.count) == ((), 0)
    assert found.map.all()
    assert satellite_map(noise(), good=np.zeros(SHAPE, np.uint8)).count == 0


def test_borders_between_two_steps_of_the_converter_are_no_tracks():
    """A sky of whole numbers with a slope: its borders run from edge to edge."""
    steps = np.floor(11.0 + np.arange(300) / 150.0)[:, None] + np.zeros((300, 300))
    rng = np.random.default_rng(2)
    image = (steps + rng.normal(0, 0.005, steps.shape)).astype(np.float32)
    found = satellite_map(image, SatelliteOptions(least_noise=12**-0.5))
    assert not found.tracks and found.map.all()
