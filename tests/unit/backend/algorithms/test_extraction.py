"""Extraction: columns, conventions, masks, double-image mode, and frames that hold nothing."""

from __future__ import annotations

import numpy as np
import pytest
import sep
from hypothesis import given, settings
from hypothesis import strategies as st

from awlab.backend.algorithms import (
    BadArray,
    DetectionOptions,
    ExtractionFrame,
    ExtractionOptions,
    extract_sources,
)
from awlab.backend.algorithms.detection import detect

SHAPE = (200, 260)
SKY, SIGMA = 100.0, 4.0


def add(image, x, y, flux, sigma=1.4, shape=(1.0, 0.0)):
    """A Gaussian at 0-based (x, y)."""
    ratio, angle = shape
    rows, columns = np.indices(image.shape)
    dx, dy = columns - x, rows - y
    u = dx * np.cos(angle) + dy * np.sin(angle)
    v = -dx * np.sin(angle) + dy * np.cos(angle)
    light = np.exp(-0.5 * ((u / sigma) ** 2 + (v / (sigma * ratio)) ** 2))
    image += (flux * light / (2 * np.pi * sigma**2 * ratio)).astype(np.float32)


def noise(seed=1, shape=SHAPE):
    return np.random.default_rng(seed).normal(SKY, SIGMA, shape).astype(np.float32)


def field(seed=1):
    image = noise(seed)
    rng = np.random.default_rng(seed + 100)
    places = np.stack(
        [g.ravel() for g in np.meshgrid(np.arange(25, 250, 35), np.arange(25, 190, 35))], axis=1
    ) + rng.uniform(-3, 3, (35, 2))
    fluxes = 10 ** rng.uniform(3.3, 4.8, 35)
    for (x, y), flux in zip(places, fluxes, strict=True):
        add(image, x, y, flux)
    return image, places, fluxes


def nearest(sources, x, y):
    distance = np.hypot(sources["X_IMAGE"] - 1 - x, sources["Y_IMAGE"] - 1 - y)
    assert distance.min() < 1.5
    return sources[int(np.argmin(distance))]


def test_positions_fluxes_and_sizes_of_known_stars():
    image, places, fluxes = field()
    options = ExtractionOptions(PHOT_APERTURES=(4.0, 10.0, 16.0), MAG_ZEROPOINT=25.0)
    made = extract_sources(ExtractionFrame(image), options)
    assert made.background == pytest.approx(SKY, abs=0.3)
    assert made.noise == pytest.approx(SIGMA, rel=0.05)
    assert made.apertures == (4.0, 10.0, 16.0)
    assert made.seeing == pytest.approx(1.4 * 2.355, rel=0.02)
    bright = fluxes > 8000
    rows = [nearest(made.sources, *place) for place in places[bright]]
    for row, (x, y), flux in zip(rows, places[bright], fluxes[bright], strict=True):
        assert row["XWIN_IMAGE"] == pytest.approx(x + 1, abs=0.06)
        assert row["YWIN_IMAGE"] == pytest.approx(y + 1, abs=0.06)
        assert row["FLUX_APER"][2] == pytest.approx(flux, abs=5 * row["FLUXERR_APER"][2])
        assert row["FLUX_AUTO"] == pytest.approx(flux, rel=0.06)
        assert row["FWHM_IMAGE"] == pytest.approx(1.4 * 2.355, rel=0.06)
        assert row["FLUX_RADIUS"] == pytest.approx(1.4 * 1.177, rel=0.08)
        assert row["CLASS_STAR"] > 0.9
        assert row["MAG_APER"][2] == pytest.approx(25 - 2.5 * np.log10(row["FLUX_APER"][2]))
    assert np.array_equal(made.sources["NUMBER"], np.arange(1, len(made.sources) + 1))


def test_the_first_pixel_is_one_one():
    image = noise()
    add(image, 0, 30, 1e5)
    add(image, 100, 40, 1e5)
    sources = extract_sources(ExtractionFrame(image)).sources
    row = nearest(sources, 100, 40)
    for name, value in (("X", 101), ("Y", 41)):
        assert row[f"{name}_IMAGE"] == pytest.approx(value, abs=0.02)
        assert row[f"{name}WIN_IMAGE"] == pytest.approx(value, abs=0.02)
    assert not row["FLAGS"] & 8
    assert nearest(sources, 0, 30)["FLAGS"] & 8, "it is cut by the edge"


def test_shape_of_an_ellipse_and_that_it_is_no_star():
    image, _, _ = field()
    add(image, 130, 60, 60000, sigma=4.0, shape=(0.5, np.radians(30)))
    row = nearest(extract_sources(ExtractionFrame(image)).sources, 130, 60)
    assert row["THETA_IMAGE"] == pytest.approx(30, abs=3)
    assert row["ELONGATION"] == pytest.approx(2.0, rel=0.1)
    assert row["ELLIPTICITY"] == pytest.approx(0.5, abs=0.05)
    assert row["CLASS_STAR"] < 0.05


def test_flags_of_saturated_blended_and_image_flags():
    image = noise()
    add(image, 50, 50, 9e5)
    add(image, 150, 50, 20000)
    add(image, 155, 51, 20000)
    flags = np.zeros(SHAPE, np.uint16)
    flags[51, 51], flags[52, 50] = 4, 64
    made = extract_sources(
        ExtractionFrame(image, flags=flags), ExtractionOptions(SATUR_LEVEL=30000)
    ).sources
    star = nearest(made, 50, 50)
    assert star["FLAGS"] & 4
    assert star["IMAFLAGS_ISO"] == 68
    pair = nearest(made, 150, 50)
    assert pair["FLAGS"] & 3 == 3
    assert not pair["FLAGS"] & 4
    assert pair["IMAFLAGS_ISO"] == 0


def test_thresholds_and_filter_change_what_is_found():
    image, _, _ = field()

    def number(**options):
        chosen = ExtractionOptions(detection=DetectionOptions(**options))
        return len(extract_sources(ExtractionFrame(image), chosen).sources)

    assert number(DETECT_THRESH=0.6) > number() >= number(DETECT_THRESH=10.0) > 10
    assert number(DETECT_MINAREA=90) < number(DETECT_MINAREA=3)
    assert number(FILTER=None, DETECT_THRESH=0.6) != number(DETECT_THRESH=0.6)


def test_double_image_mode_measures_where_the_other_frame_sees():
    deep, places, _ = field()
    shallow = noise(7)
    for x, y in places[::2]:
        add(shallow, x, y, 3000)
    made = extract_sources(ExtractionFrame(shallow), detection=ExtractionFrame(deep)).sources
    alone = extract_sources(ExtractionFrame(deep)).sources
    for name in ("X_IMAGE", "Y_IMAGE", "A_IMAGE", "KRON_RADIUS", "ISOAREA_IMAGE"):
        assert np.array_equal(made[name], alone[name]), name
    there = [nearest(made, *place)["FLUX_APER"][0] for place in places[::2]]
    absent = [nearest(made, *place)["FLUX_APER"][0] for place in places[1::2]]
    assert np.median(there) == pytest.approx(3000, rel=0.05)
    assert abs(np.median(absent)) < 100
    iso = [nearest(made, *place)["FLUX_ISO"] for place in places[::2]]
    assert 1500 < np.median(iso) < 3300
    same = extract_sources(ExtractionFrame(deep), detection=ExtractionFrame(deep)).sources
    assert np.allclose(same["FLUX_ISO"], alone["FLUX_ISO"], rtol=1e-4)


def test_weights_set_the_noise():
    rng = np.random.default_rng(3)
    sigma = np.where(np.arange(SHAPE[1]) < 130, 4.0, 12.0)
    image = (SKY + sigma * rng.standard_normal(SHAPE)).astype(np.float32)
    weight = np.broadcast_to((1 / sigma**2), SHAPE).astype(np.float32)
    frame = ExtractionFrame(image, np.ascontiguousarray(weight))
    made = extract_sources(frame, ExtractionOptions(detection=DetectionOptions(DETECT_THRESH=3.0)))
    assert len(made.sources) <= 2, "noise is not taken for sources where the weight is low"
    for x in (60, 200):
        add(image, x, 100, 30000)
    made = extract_sources(frame).sources
    errors = [nearest(made, x, 100)["FLUXERR_APER"][0] for x in (60, 200)]
    assert errors[1] / errors[0] == pytest.approx(3.0, rel=0.1)
    assert errors[0] == pytest.approx(4.0 * np.sqrt(np.pi * 25), rel=0.1)


@given(st.lists(st.tuples(st.integers(0, 63), st.integers(0, 63)), max_size=40),
       st.floats(-1e6, 1e6))  # fmt: skip
@settings(max_examples=20, deadline=None)
def test_pixels_of_weight_zero_never_contribute(places, value):
    image = noise(5, (64, 64))
    add(image, 30, 30, 20000)
    weight = np.ones(image.shape, np.float32)
    for y, x in places:
        weight[y, x] = 0
    other = np.where(weight > 0, image, np.float32(value)).astype(np.float32)
    one, two = (extract_sources(ExtractionFrame(i, weight)).sources for i in (image, other))
    assert len(one) == len(two)
    for name in ("X_IMAGE", "XWIN_IMAGE", "FLUX_APER", "FLUX_AUTO", "FLUX_ISO", "FWHM_IMAGE"):
        assert np.allclose(one[name], two[name], rtol=1e-5, atol=1e-5, equal_nan=True), name


def test_crowded_frames_overflow_no_buffer():
    """A frame that is one source has more pixels than the buffer; the limits are put back."""
    before = sep.get_extract_pixstack(), sep.get_sub_object_limit()
    image = np.full((700, 700), 5, np.float32)
    image += np.random.default_rng(8).normal(0, 1, image.shape).astype(np.float32)
    with pytest.raises(Exception, match="pixel buffer"):
        sep.extract(image, 1.0)
    found = detect(image, 1.0, None, DetectionOptions(DETECT_THRESH=1.0, DEBLEND_MINCONT=1.0))
    assert found.objects["npix"].max() > 480_000
    peaks = np.zeros((200, 200), np.float32)
    peaks[::3, ::3] = np.random.default_rng(9).uniform(5, 500, (67, 67))
    peaks += 3
    parts = detect(peaks, 1.0, None, DetectionOptions(FILTER=None, DEBLEND_MINCONT=1e-6))
    assert len(parts.objects) >= 1
    assert (sep.get_extract_pixstack(), sep.get_sub_object_limit()) == before


@pytest.mark.parametrize(
    "image",
    [
        np.full((80, 90), np.nan, np.float32),
        np.full((80, 90), 65535, np.float32),
        np.zeros((80, 90), np.float32),
        np.full((1, 1), 3, np.float32),
        np.ones((3, 200), np.float32),
    ],
    ids=["nan", "saturated", "zero", "one pixel", "three rows"],
)
def test_frames_without_content_give_an_empty_catalogue(image):
    made = extract_sources(ExtractionFrame(image), ExtractionOptions(SATUR_LEVEL=60000))
    assert len(made.sources) == 0
    assert made.sources["FLUX_APER"].shape == (0, 1)
    assert np.isnan(made.seeing)
    masked = ExtractionFrame(noise(), np.zeros(SHAPE, np.float32))
    assert len(extract_sources(masked).sources) == 0


def test_noise_alone_has_no_stars():
    made = extract_sources(ExtractionFrame(noise()))
    assert len(made.sources) < 15
    assert np.all(made.sources["CLASS_STAR"] == 0.5)


def test_bad_arguments():
    with pytest.raises(BadArray, match="float32"):
        extract_sources(ExtractionFrame(np.zeros((9, 9), np.uint16)))
    with pytest.raises(BadArray, match="shape"):
        extract_sources(ExtractionFrame(noise(), np.ones((3, 3), np.float32)))
    with pytest.raises(BadArray, match="shape"):
        extract_sources(ExtractionFrame(noise()), detection=ExtractionFrame(noise(1, (9, 9))))
    with pytest.raises(BadArray, match="PHOT_APERTURES"):
        ExtractionOptions(PHOT_APERTURES=())
    with pytest.raises(BadArray, match="DETECT_THRESH"):
        DetectionOptions(DETECT_THRESH=0)
