"""Extraction on a real frame: SExtractor's own catalogue comes back, and photutils agrees."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import cKDTree

from awlab.backend.algorithms import (
    DetectionOptions,
    ExtractionFrame,
    ExtractionOptions,
    background_map,
    extract_sources,
)
from awlab.backend.algorithms.background import BackgroundOptions
from awlab.backend.dataserver import read_image

# As in the default.sex that the catalogue was made with.
OPTIONS = ExtractionOptions(
    detection=DetectionOptions(DEBLEND_MINCONT=1.0),
    PHOT_APERTURES=(10.0,),
    PHOT_AUTOPARAMS=(2.5, 0.0),
    SATUR_LEVEL=50000.0,
)
COLUMNS = {
    "X_IMAGE": 1, "Y_IMAGE": 2, "XWIN_IMAGE": 3, "YWIN_IMAGE": 4, "A_IMAGE": 11, "FLUX_APER": 12,
    "FLUXERR_APER": 13, "KRON_RADIUS": 14, "FLUX_AUTO": 15, "FLUX_RADIUS": 18, "FLAGS": 20,
}  # fmt: skip


@pytest.fixture(scope="module")
def image(shared_data):
    pixels = read_image(shared_data / "emmi_na36" / "sep_data" / "image.fits")[0]
    return np.ascontiguousarray(pixels, np.float32)


@pytest.fixture(scope="module")
def known(shared_data):
    table = np.loadtxt(shared_data / "emmi_na36" / "sep_data" / "image.cat")
    return {name: table[:, column] for name, column in COLUMNS.items()}


@pytest.fixture(scope="module")
def matched(image, known):
    """Our sources in SExtractor's order, and which matched."""
    found = extract_sources(ExtractionFrame(image), OPTIONS).sources
    tree = cKDTree(np.stack([found["X_IMAGE"], found["Y_IMAGE"]], axis=1))
    distance, index = tree.query(np.stack([known["X_IMAGE"], known["Y_IMAGE"]], axis=1))
    return found, found[index], distance < 0.1


def test_the_catalogue_of_sextractor_is_matched(matched, known):
    found, _, near = matched
    print(f"\n{near.sum()} of {len(known['X_IMAGE'])} matched, {len(found)} found")
    assert near.mean() >= 0.97
    assert len(found) == len(known["X_IMAGE"])


def test_fluxes_positions_and_sizes_agree(matched, known):
    _, ours, near = matched
    signal = known["FLUX_APER"] / known["FLUXERR_APER"]
    lonely = near & (signal > 10) & (known["FLAGS"] == 0)
    assert lonely.sum() > 20

    def off(name, column=None):
        value = ours[name] if column is None else ours[name][:, column]
        return np.abs(value[lonely] / known[name][lonely] - 1)

    print(f"\nFLUX_APER: median {np.median(off('FLUX_APER', 0)):.1e}")
    assert np.median(off("FLUX_APER", 0)) < 1e-3
    assert off("FLUX_APER", 0).max() < 1e-3
    assert off("FLUXERR_APER", 0).max() < 1e-3
    assert np.median(off("FLUX_AUTO")) < 1e-3
    assert np.median(off("KRON_RADIUS")) < 5e-3
    assert np.median(off("FLUX_RADIUS")) < 1e-3
    assert off("A_IMAGE").max() < 1e-3
    for axis in ("X", "Y"):
        for kind in ("_IMAGE", "WIN_IMAGE"):
            name = axis + kind
            assert np.median(np.abs(ours[name] - known[name])[lonely]) < 1e-3, name


def test_flags_agree(matched, known):
    _, ours, near = matched
    theirs = known["FLAGS"].astype(int)
    # Bit 8 (cut by the edge) and 4 (saturated) are exact; 1 and 16 depend on how areas are counted.
    assert np.array_equal(ours["FLAGS"][near] & 12, theirs[near] & 12)
    assert np.mean(ours["FLAGS"][near] == theirs[near]) > 0.9


def test_background_agrees_with_sextractors_maps(image, shared_data):
    folder = shared_data / "emmi_na36" / "sep_data"
    made = background_map(image, BackgroundOptions(mask_sources=False))
    for name, ours in (("back", made.map), ("rms", made.rms)):
        theirs = read_image(folder / f"{name}.fits")[0]
        assert np.abs(ours / theirs - 1).max() < 5e-4, name


def test_apertures_agree_with_photutils(image, matched):
    photutils = pytest.importorskip("photutils.aperture")
    found, _, _ = matched
    inner = (np.abs(found["X_IMAGE"] - 128) < 110) & (np.abs(found["Y_IMAGE"] - 128) < 110)
    back = background_map(image, BackgroundOptions(mask_sources=False)).map
    places = np.stack([found["X_IMAGE"] - 1, found["Y_IMAGE"] - 1], axis=1)[inner]
    theirs = photutils.aperture_photometry(
        image - back, photutils.CircularAperture(places, r=5.0), method="subpixel", subpixels=5
    )["aperture_sum"]
    assert np.allclose(found["FLUX_APER"][inner, 0], theirs, rtol=1e-4, atol=0.5)
