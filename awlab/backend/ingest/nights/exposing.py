"""One simulated exposure: light, cosmic rays and readout of the eight chips."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from awlab.backend.ingest.nights.detector import DARK_CURRENT, Chip, read_out
from awlab.backend.ingest.nights.layout import CHIPS, PIXEL_SCALE, Layout
from awlab.backend.ingest.nights.optics import ChipLight
from awlab.backend.ingest.nights.schedule import Exposure, airmass
from awlab.backend.ingest.nights.sky import (
    Pixels,
    add_stars,
    cosmic_rays,
    focal_plane,
    on_chip,
    satellite,
)
from awlab.backend.ingest.nights.truth import FrameTruth

__all__ = ["ON_SKY", "Camera", "expose"]

ON_SKY = frozenset({"twilight", "standard", "science"})
_NOISE_STREAM, _DRIFT_STREAM = 5, 6
_TRACK = (0.25, 0.31)  # offset [half height] and angle [radian] of the satellite
_MARGIN = 80  # pixels around a chip within which a star still sheds light on it
_NO_PIXELS = Pixels(np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros(0, np.float32))
_STAR = np.dtype([("id", "i8"), ("x", "f8"), ("y", "f8"), ("flux", "f8")])


@dataclass(frozen=True, slots=True, eq=False)
class Camera:
    """The simulated camera, the same all night.

    Attributes
    ----------
    layout : Layout
        Format of the mosaic.
    seed : int
        Seed of the night.
    chips : sequence of Chip
        The chips in the order of their extensions.
    light : mapping
        Light path by (chip name, filter name).
    """

    layout: Layout
    seed: int
    chips: Sequence[Chip]
    light: Mapping[tuple[str, str], ChipLight]

    def drift(self, exposure: Exposure) -> list[float]:
        """Bias drift of each chip: a slow trend over the night and a jump per exposure [ADU].

        Parameters
        ----------
        exposure : Exposure
            The exposure.
        """
        rng = np.random.default_rng([self.seed, _DRIFT_STREAM, exposure.index])
        hour = exposure.start.day * 24 + exposure.start.hour - 28 * 24 - 19
        jumps = 0.8 * hour + rng.normal(0, 1.5, len(CHIPS))
        return [float(jumps[chip.place.index]) for chip in self.chips]


def expose(
    camera: Camera, exposure: Exposure, stars: NDArray[np.void]
) -> tuple[list[NDArray[np.uint16]], dict[str, FrameTruth]]:
    """Take one exposure.

    Parameters
    ----------
    camera : Camera
        The camera.
    exposure : Exposure
        What to take.
    stars : ndarray
        Catalogue of the field; ignored for exposures that do not see the sky.

    Returns
    -------
    images : list of ndarray of uint16
        Raw images in the order of the extensions [ADU].
    truth : dict
        What is true of this exposure alone, by chip name.
    """
    fluxes = _fluxes(exposure, stars)
    u, v = focal_plane(stars, exposure.ra, exposure.dec, camera.layout)
    images, truth = [], {}
    for chip, drift in zip(camera.chips, camera.drift(exposure), strict=True):
        rng = np.random.default_rng([camera.seed, _NOISE_STREAM, exposure.index, chip.place.index])
        x, y = on_chip(chip, camera.layout, u, v)
        seen = _near(x, y, camera.layout) & (fluxes > 0)
        table = np.zeros(int(seen.sum()), dtype=_STAR)
        table["id"], table["x"], table["y"] = stars["id"][seen], x[seen], y[seen]
        table["flux"] = fluxes[seen]
        frame = FrameTruth(
            stars=table,
            cosmics=cosmic_rays(camera.layout, exposure.exptime, rng),
            satellite=satellite(chip, camera.layout, *_TRACK) if exposure.satellite else _NO_PIXELS,
        )
        electrons = _charge(camera, exposure, chip, frame)
        images.append(read_out(chip, camera.layout, electrons, drift, rng))
        truth[chip.place.name] = frame
    return images, truth


def _fluxes(exposure: Exposure, stars: NDArray[np.void]) -> NDArray[np.float64]:
    """Light of each star in the whole exposure [electron]."""
    if exposure.kind not in ON_SKY:
        return np.zeros(len(stars))
    band = exposure.band
    thickness = airmass(exposure.ra, exposure.dec, exposure.start)
    dimmed = stars[band.letter] + band.extinction * thickness
    return np.asarray(exposure.exptime * 10 ** (0.4 * (band.zeropoint - dimmed)))


def _near(x: NDArray[np.float64], y: NDArray[np.float64], layout: Layout) -> NDArray[np.bool_]:
    inside_x = (x > -_MARGIN) & (x < layout.width + _MARGIN)
    inside_y = (y > -_MARGIN) & (y < layout.height + _MARGIN)
    return np.asarray(inside_x & inside_y)


def _charge(
    camera: Camera, exposure: Exposure, chip: Chip, frame: FrameTruth
) -> NDArray[np.float32]:
    """Expected charge in the imaging area of one chip [electron]."""
    layout = camera.layout
    light = camera.light[chip.place.name, exposure.band.name]
    level = np.float32(exposure.level)
    if exposure.kind == "dome":
        image = level * light.dome
    elif exposure.kind in ON_SKY:
        image = level * light.illumination
        if exposure.kind != "twilight":
            # Fringes are made by the lines of the night sky; twilight has none.
            image += level * light.fringe
        stars = frame.stars
        fwhm = exposure.seeing / PIXEL_SCALE
        add_stars(image, stars["x"], stars["y"], stars["flux"], fwhm)
        image[frame.satellite.y, frame.satellite.x] += frame.satellite.electrons
    else:
        image = np.zeros((layout.height, layout.width), dtype=np.float32)
    image *= light.response
    image += np.float32(DARK_CURRENT * exposure.exptime)
    image[frame.cosmics.y, frame.cosmics.x] += frame.cosmics.electrons
    return image
