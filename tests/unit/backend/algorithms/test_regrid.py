"""Regridding: constants, bad pixels, threads, and frames it cannot use."""

from __future__ import annotations

import math

import numpy as np
import pytest
from astropy.wcs import WCS
from hypothesis import given, settings
from hypothesis import strategies as st

from awlab.backend.algorithms import (
    BadArray,
    GridWindow,
    RegridOptions,
    TanGrid,
    common_grid,
    noise_ratio,
    regrid_frame,
)
from awlab.backend.algorithms.regrid import lanczos_table
from awlab.backend.algorithms.wcs_mesh import STEP, cubic_coefficients, make_mesh

SHAPE = (90, 140)


def tan(ra=150.0, dec=2.0, scale=0.24, angle=0.0, shape=SHAPE, **more):
    step, c, s = scale / 3600, math.cos(math.radians(angle)), math.sin(math.radians(angle))
    return {
        "CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": ra, "CRVAL2": dec,
        "CRPIX1": shape[1] / 2 + 0.5, "CRPIX2": shape[0] / 2 + 0.5,
        "CD1_1": -step * c, "CD1_2": step * s, "CD2_1": step * s, "CD2_2": step * c, **more,
    }  # fmt: skip


def noise(shape=SHAPE, level=100.0, sigma=5.0, seed=1):
    return np.random.default_rng(seed).normal(level, sigma, shape).astype(np.float32)


@settings(max_examples=25, deadline=None)
@given(
    level=st.floats(-1e4, 1e5, width=32),
    angle=st.floats(0, 360),
    scale=st.floats(0.05, 0.6),
    dec=st.floats(-90, 90),
    share=st.floats(0, 0.3),
)
def test_a_constant_stays_constant(level, angle, scale, dec, share):
    image = np.full(SHAPE, level, np.float32)
    weight = (np.random.default_rng(3).random(SHAPE) >= share).astype(np.float32)
    cards = tan(10.0, dec, scale, angle)
    grid = common_grid([(cards, SHAPE)])
    made = regrid_frame(image, weight, cards, grid, RegridOptions(conserve="brightness"))
    good = made.weight > 0
    assert np.allclose(made.image[good], level, rtol=2e-6, atol=1e-30)
    flux = regrid_frame(image, weight, cards, grid)
    # The area of grid pixels changes by 1e-6 over a frame of half an arcminute.
    assert np.allclose(flux.image[good], level * made.area, rtol=1e-3, atol=1e-30)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), angle=st.floats(0, 360), value=st.sampled_from([1e9, np.nan]))
def test_zero_weight_never_contributes(seed, angle, value):
    rng = np.random.default_rng(seed)
    image, weight = noise(), np.ones(SHAPE, np.float32)
    lost = rng.random(SHAPE) < 0.02
    lost[40:50, 60:75] = True  # a hole wider than the kernel
    weight[lost] = 0
    cards = tan(angle=angle)
    grid = common_grid([(cards, SHAPE)])
    clean = regrid_frame(image, weight, cards, grid)
    image[lost] = value
    dirty = regrid_frame(image, weight, cards, grid)
    assert clean.image.tobytes() == dirty.image.tobytes()
    assert clean.weight.tobytes() == dirty.weight.tobytes()
    assert clean.filled == lost.sum()


def test_not_finite_counts_as_bad():
    image, weight = noise(), np.ones(SHAPE, np.float32)
    image[30, 40], image[31, 90], weight[50, 60] = np.nan, np.inf, np.nan
    made = regrid_frame(image, weight, tan(), TanGrid(150.0, 2.0))
    assert made.filled == 3
    assert np.isfinite(made.image).all()
    assert np.isfinite(made.weight).all()
    assert made.image.max() < 100


def test_a_frame_on_the_grid_comes_through_unchanged():
    grid = TanGrid(150.0, 2.0, 0.2)
    window = GridWindow(-50, 90, 20, 110)
    image, weight = noise(), np.abs(noise(seed=2))
    weight[30, 50] = 0
    made = regrid_frame(image, weight, grid.cards(window), grid)
    assert made.window == window
    inside = (slice(4, -4), slice(4, -4))
    good = made.weight[inside] > 0
    assert np.allclose(made.image[inside][good], image[inside][good], rtol=1e-5)
    assert np.allclose(made.weight[inside], weight[inside], rtol=1e-4), "one pixel lost, no more"


def test_same_bits_for_any_number_of_threads():
    image, weight = noise(), np.ones(SHAPE, np.float32)
    weight[20:25] = 0
    results = [
        regrid_frame(image, weight, tan(angle=33), TanGrid(150, 2), RegridOptions(threads=n))
        for n in (1, 2, 7)
    ]
    assert len({made.image.tobytes() + made.weight.tobytes() for made in results}) == 1


def test_background_and_flux_scale():
    image, cards, grid = noise(), tan(angle=10), TanGrid(150.0, 2.0)
    plain = regrid_frame(image, None, cards, grid)
    scaled = regrid_frame(image, None, cards, grid, RegridOptions(flux_scale=2.0))
    assert np.allclose(scaled.image, 2 * plain.image)
    assert np.allclose(scaled.weight, plain.weight / 4)
    ramp = np.linspace(50, 150, image.size, dtype=np.float32).reshape(SHAPE)
    flat = regrid_frame(ramp + 7, None, cards, grid, RegridOptions(background=ramp))
    level = regrid_frame(ramp * 0 + 7, None, cards, grid, RegridOptions(background=0.0))
    assert np.allclose(flat.image, level.image, atol=1e-4)
    gone = regrid_frame(ramp * 0 + 7, None, cards, grid, RegridOptions(background=7.0))
    assert np.all(gone.image == 0)


def test_part_of_the_grid_is_cut_from_the_whole():
    image, cards, grid = noise(), tan(angle=10), TanGrid(150.0, 2.0)
    whole = regrid_frame(image, None, cards, grid)
    part = GridWindow(whole.window.x0 - 5, 20, -13, 200)
    made = regrid_frame(image, None, cards, grid, RegridOptions(window=part))
    assert made.window == whole.window & part
    assert np.allclose(made.image, whole.image[made.window.slices_in(whole.window)], atol=0.02)
    with pytest.raises(BadArray, match="nothing of the"):
        regrid_frame(image, None, cards, grid, RegridOptions(window=GridWindow(900, 999, 0, 9)))


@pytest.mark.parametrize(("scale", "samples"), [(0.24, 1), (0.2, 1), (0.1, 2), (0.05, 4)])
def test_noise_of_pixels_and_of_large_areas_is_the_one_documented(scale, samples):
    shape = (600, 600)
    image = noise(shape, 0.0, 3.0)
    made = regrid_frame(image, None, tan(scale=scale, angle=31, shape=shape), TanGrid(150, 2))
    assert made.oversampling == samples
    good = made.weight > 0
    sigma = 1 / np.sqrt(made.weight[good].mean()) * 3.0
    ratio = made.image[good].std() / sigma
    assert ratio == pytest.approx(noise_ratio() if samples == 1 else 0.985, rel=0.03)
    if samples == 1:
        middle = tuple(slice(n // 2 - 120, n // 2 + 120) for n in made.window.shape)
        part = made.image[middle]
        one = part[:, 1:] * part[:, :-1]
        assert one.mean() / part.var() == pytest.approx(0.33 if scale > 0.2 else 0.18, abs=0.04)
        boxes = part.reshape(15, 16, 15, 16).sum(axis=(1, 3)).std()
        assert boxes == pytest.approx(16 * 3.0 * math.sqrt(made.area), rel=0.2)


def test_weight_is_the_inverse_variance():
    """Weights given in 1/ADU^2 are so after a change of scale too: noise of many frames."""
    cards, grid = tan(angle=20, shape=(64, 64)), TanGrid(150.0, 2.0)
    weight = np.linspace(0.1, 0.3, 64 * 64, dtype=np.float32).reshape(64, 64)
    sigma = 1 / np.sqrt(weight)
    made = [
        regrid_frame(noise((64, 64), 0, 1, seed) * sigma, weight, cards, grid) for seed in range(80)
    ]
    good = made[0].weight > 0
    measured = np.std([one.image[good] for one in made], axis=0)
    expected = noise_ratio() / np.sqrt(made[0].weight[good])
    assert np.median(measured / expected) == pytest.approx(1, abs=0.02)


def test_mesh_is_exact_between_its_nodes():
    shape = (3000, 1500)
    step = 0.24 / 3600
    sip = tan(
        shape=shape, CTYPE1="RA---TAN-SIP", CTYPE2="DEC--TAN-SIP", A_ORDER=3, B_ORDER=3,
        A_2_0=2e-6, A_0_2=-1e-6, B_1_1=1.5e-6, A_3_0=4e-10, B_0_3=-3e-10, CD1_1=-step,
    )  # fmt: skip
    wcs, grid = WCS(sip), TanGrid(150.0, 2.0)
    window = GridWindow(-700, 601, -1500, 1403)
    mesh = make_mesh(grid, window, wcs, shape)
    cubic = cubic_coefficients(STEP)
    rng = np.random.default_rng(4)
    u, v = rng.integers(0, 1301, 300), rng.integers(0, 2903, 300)
    found = []
    for x, y in zip(u, v, strict=True):
        (row, t), (column, s) = divmod(y, STEP), divmod(x, STEP)
        nodes = slice(row, row + 4), slice(column, column + 4)
        found.append([cubic[:, t] @ m[nodes] @ cubic[:, s] for m in (mesh.x, mesh.y, mesh.area)])
    sky = grid.wcs(window).wcs_pix2world(u, v, 0)
    exact = np.array(wcs.all_world2pix(*sky, 0, tolerance=1e-9)).T
    assert np.abs(np.array(found)[:, :2] - exact).max() < 1e-6
    corners = [grid.wcs(window).wcs_pix2world(u + du, v + dv, 0)
               for du, dv in ((-0.5, 0), (0.5, 0), (0, -0.5), (0, 0.5))]  # fmt: skip
    left, right, low, high = (
        np.array(wcs.all_world2pix(*one, 0, tolerance=1e-9)) for one in corners
    )
    (a, b), (c, d) = right - left, high - low
    assert np.allclose(np.array(found)[:, 2], np.abs(a * d - b * c), rtol=1e-6)


def test_coefficients_add_up_to_one_and_take_pixels_as_they_are():
    table = lanczos_table()
    assert np.allclose(table.sum(axis=1), 1, atol=2e-7)
    assert np.allclose(table[0], [0, 0, 1, 0, 0, 0, 0, 0], atol=1e-7)
    assert np.allclose(table[-1], [0, 0, 0, 1, 0, 0, 0, 0], atol=1e-7)
    assert np.allclose(table[:, :6], table[::-1, 5::-1], atol=1e-7)
    assert noise_ratio() == pytest.approx(0.893, abs=0.001)


FOLDED = tan(CTYPE1="RA---TAN-SIP", CTYPE2="DEC--TAN-SIP", A_ORDER=2, B_ORDER=2, A_2_0=0.05)


@pytest.mark.parametrize(
    ("image", "weight", "cards", "words"),
    [
        (np.full(SHAPE, np.nan, np.float32), None, tan(), "no good pixel"),
        (noise(), np.zeros(SHAPE, np.float32), tan(), "no good pixel"),
        (noise(), np.ones((3, 4), np.float32), tan(), "weight has the shape"),
        (noise().astype(">f4"), None, tan(), "not native"),
        (noise((4, 90)), None, tan(), "90 x 4 px"),
        (noise(), None, tan(dec=80.0), "deg from the grid's centre"),
        (noise(), None, FOLDED, "WCS"),
        (noise(), None, tan(scale=0.001), "finer than the grid|covers"),
    ],
)
def test_frames_it_cannot_use_are_one_sentence(image, weight, cards, words):
    with pytest.raises(BadArray, match=words) as caught:
        regrid_frame(image, weight, cards, TanGrid(150.0, 2.0))
    assert caught.value.hint


@pytest.mark.parametrize(
    ("options", "words"),
    [({"conserve": "energy"}, "'energy'"), ({"flux_scale": 0.0}, "flux scale"),
     ({"oversampling": 99}, "oversampling 99")],
)  # fmt: skip
def test_options_are_checked(options, words):
    with pytest.raises(BadArray, match=words):
        RegridOptions(**options)
