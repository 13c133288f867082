"""What a coadd allows: how much empty sky, and how much stars may differ."""

from __future__ import annotations

import numpy as np
import pytest

from awlab.backend.algorithms import (
    CoaddFrame,
    CoaddOptions,
    GridWindow,
    TanGrid,
    coadd_frames,
)
from awlab.backend.errors import TargetError
from awlab.backend.targets import RegriddedFrame, coadded


def test_frames_with_much_empty_sky_between_them_are_not_coadded():
    near = RegriddedFrame(NAXIS1=2000, NAXIS2=1000, grid="TAN 30.000000 +0.000000 0.2000")
    coadded._refuse_empty_sky([near, near], GridWindow(0, 10_000, 0, 3_000))
    coadded._refuse_empty_sky([near] * 20, GridWindow(0, 20_000, 0, 20_000))
    with pytest.raises(TargetError, match=r"20\.0 degrees: they cover 1 % of 360 million"):
        coadded._refuse_empty_sky([near, near], GridWindow(0, 360_000, 0, 1_000))


def star(seeing, rng):
    """A bright star of that seeing [pixel], on a sky of noise 1."""
    y, x = np.indices((61, 61)) - 30
    core = seeing / (2 * np.sqrt(2 ** (1 / 3) - 1))
    light = (1 + (x**2 + y**2) / core**2) ** -3.0
    return (4e3 * light / light.sum() + rng.normal(0, 1, x.shape)).astype(np.float32)


@pytest.mark.parametrize("seeings", [(4.1, 4.2, 4.3, 4.0, 4.9), (4.9, 4.8, 4.9, 4.9, 3.9)])
def test_stars_keep_their_light_whatever_the_seeing(seeings):
    rng = np.random.default_rng(2)
    images = [star(seeing, rng) for seeing in seeings]
    window, weight = GridWindow(0, 61, 0, 61), np.ones((61, 61), np.float32)
    frames = [
        CoaddFrame(f"frame{n}", TanGrid(10.0, 0.0), window, lambda a, b, i=i: (i[a:b], weight[a:b]))
        for n, i in enumerate(images)
    ]
    share = coadded._share_of_seeing([RegriddedFrame(psf_radius=0.2 * one) for one in seeings])
    y, x = np.indices((61, 61)) - 30
    near = x**2 + y**2 <= 12**2

    def light(amplitude):
        return float(coadd_frames(frames, CoaddOptions(amplitude=amplitude)).image[near].sum())

    mean = float(np.mean([image[near].sum() for image in images]))
    assert abs(light(0.1) / mean - 1) > 0.005, "without it the light of the star is wrong"
    assert abs(light(0.1 + share) / mean - 1) < 0.002


def test_frames_of_one_seeing_or_of_none_differ_by_nothing():
    assert coadded._share_of_seeing([RegriddedFrame(psf_radius=0.8)] * 3) == 0
    assert coadded._share_of_seeing([RegriddedFrame()]) == 0
