"""Compile all kernels before the first pixels arrive.

The machine code is kept on disk, so this takes seconds once per installation and a fraction of a
second in every later process. Workers and the demo call it first.

References
----------
.. [1] Numba documentation, "Notes on caching".
"""

from __future__ import annotations

from typing import cast

import numpy as np
import numpy.typing as npt

from awlab.backend.algorithms.arrays import AnyImage
from awlab.backend.algorithms.association import associate, match_mutual
from awlab.backend.algorithms.bias import master_bias
from awlab.backend.algorithms.coadd import coadd_frames
from awlab.backend.algorithms.coadd_inputs import CoaddFrame, CoaddOptions
from awlab.backend.algorithms.combine import DetectorNoise
from awlab.backend.algorithms.cosmic_rays import cosmic_ray_map
from awlab.backend.algorithms.flats import combine_flats, master_flat
from awlab.backend.algorithms.grid import GridWindow, TanGrid
from awlab.backend.algorithms.overlap_solver import Anchors, Measurements, solve_overlaps
from awlab.backend.algorithms.pixel_maps import hot_pixel_map, saturated_pixel_map
from awlab.backend.algorithms.plate_cards import plate_from_cards
from awlab.backend.algorithms.pointing import match_pointing
from awlab.backend.algorithms.read_noise import measure_read_noise
from awlab.backend.algorithms.reduce import Calibrations, PixelMaps, inverse_variance, reduce_frame
from awlab.backend.algorithms.regions import ReadoutLayout, Region
from awlab.backend.algorithms.regrid import RegridOptions, regrid_frame
from awlab.backend.algorithms.stars import DetectedSources, ReferenceStars
from awlab.backend.algorithms.statistics import image_statistics, sky_level

__all__ = ["prewarm"]

_SHAPE = (32, 32)


def _image(values: npt.NDArray[np.int64], kind: type[np.uint16 | np.float32]) -> AnyImage:
    return cast(AnyImage, np.ascontiguousarray(values, kind))


def prewarm() -> None:
    """Compile every kernel for every type of image, by running each on a tiny one."""
    layout = ReadoutLayout(Region(0, 24, 0, 32), overscan_x=Region(24, 32, 0, 32))
    rows, columns = np.indices(_SHAPE)
    noise = DetectorNoise(1.0, 1.0)
    for kind in (np.uint16, np.float32):
        pattern = 1000 + (7 * rows + 3 * columns) % 5
        frames = [_image(pattern + i, kind) for i in range(3)]
        measure_read_noise(frames[:2])
        bias = master_bias(frames, 1.0, layout).image
        flat = combine_flats([_image(pattern * i, kind) for i in (1, 2, 3)], noise)
        for one in (frames[0], bias):
            image_statistics(one)
            sky_level(one)
        hot = hot_pixel_map(bias).map
        saturated = saturated_pixel_map(frames[0], layout.image, threshold_high=1003, bleed=1).map
        master = master_flat(flat.image, flat.image).image[: hot.shape[0], : hot.shape[1]].copy()
        calibrations = Calibrations(bias=bias, flat=master)
        reduced = reduce_frame(frames[0], layout, calibrations, PixelMaps(hot, saturated=saturated))
        inverse_variance(reduced, master, noise, 10.0)
    hit = np.full(_SHAPE, 100, np.float32)
    hit[9, 9] = hit[9, 10] = np.nan
    hit[20, 20] = 5000
    cosmic_ray_map(hit, noise)
    _prewarm_solutions()
    _prewarm_coadd(np.ascontiguousarray(pattern, np.float32))


def _prewarm_solutions() -> None:
    """Kernels of astrometry, photometry and association."""
    x, y = np.array([0.0, 900.0, 300.0, 700.0]), np.array([0.0, 200.0, 800.0, 500.0])
    cards = {"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": 10.0, "CRVAL2": 10.0}
    cards |= {"CRPIX1": 500.0, "CRPIX2": 500.0, "CDELT1": -1e-4, "CDELT2": 1e-4}
    plate = plate_from_cards(cards)
    sky = plate.pixel_to_sky(x, y)
    # Stars that do not fit: the search goes through all its steps.
    other = plate.pixel_to_sky(y, x**2 / 900.0)
    match_pointing(DetectedSources(x, y, x), plate, ReferenceStars(*other, x))
    match_mutual(sky, sky, 1.0)
    associate([sky, sky])
    index = np.arange(4)
    measurements = Measurements(index[:, None], np.ones((4, 1)), np.ones((4, 1)), x + 1.0, index)
    anchors = Anchors(np.ones(4), np.zeros((4, 1)))
    solve_overlaps(measurements, anchors, np.ones(4), np.zeros((0, 4)))


def _prewarm_coadd(image: npt.NDArray[np.float32]) -> None:
    grid = TanGrid(0.0, 0.0)
    weight = np.ones_like(image)
    weight[5, 6] = 0.0
    cards = grid.cards(GridWindow(0, image.shape[1], 0, image.shape[0]))
    made = regrid_frame(image, weight, cards, grid, RegridOptions(background=image))
    frames = [CoaddFrame.of(made, name) for name in "abc"]
    for combine in ("clipped", "median"):
        coadd_frames(frames, CoaddOptions(combine=combine))
