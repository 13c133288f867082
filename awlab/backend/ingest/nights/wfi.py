"""The simulated night: eight WFI chips, one multi-extension FITS file per exposure."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from awlab.backend.dataserver import write_mosaic
from awlab.backend.errors import IngestError
from awlab.backend.ingest.nights.detector import make_chip
from awlab.backend.ingest.nights.exposing import ON_SKY, Camera, expose
from awlab.backend.ingest.nights.headers import chip_header, primary_header
from awlab.backend.ingest.nights.layout import CHIPS, Layout
from awlab.backend.ingest.nights.night_files import (
    NightFiles,
    Progress,
    building,
    finished_night,
    load_night,
    write_marker,
)
from awlab.backend.ingest.nights.optics import BANDS, ChipLight, make_light
from awlab.backend.ingest.nights.schedule import Exposure, plan_night
from awlab.backend.ingest.nights.sky import FIELDS, make_stars
from awlab.backend.ingest.nights.truth import write_chip, write_frame, write_night

__all__ = ["make_wfi_night"]

_NAME = "wfi"
# Raise with every change that alters pixels, headers or truth: older folders are then remade.
_VERSION = 1
_MOST_THREADS = 4
_DARK = frozenset({"bias", "dark"})


def make_wfi_night(
    folder: Path,
    *,
    seed: int = 1,
    size: tuple[int, int] = (256, 512),
    chips: Sequence[str] = CHIPS,
    filters: Sequence[str] = tuple(BANDS),
    progress: Progress | None = None,
) -> NightFiles:
    """Make the simulated WFI night of 2000-04-28, or find it made.

    Ten biases, three darks, dome flats (pairs from 4 to 36 s and a series of ten at 25 s) and five
    twilight flats in B (#842) and R (#844), a standard field before and after, five dithered
    science exposures per filter. The truth is kept in the sub-folder ``truth``.

    Parameters
    ----------
    folder : Path
        Where the night shall be: raw frames in ``raw``, truth in ``truth``. A complete night made
        from the same arguments is used as it is; another demo night is replaced.
    seed : int
        Equal seeds give equal files.
    size : tuple of int
        Imaging area of one chip (width, height) [pixel]; up to the real 2048 x 4096.
    chips, filters : sequence of str
        Only these chips and filters, as they are in the whole night; all by default. Few large
        chips have many stars and take no longer than many small ones.
    progress : callable, optional
        Called with (exposures done, exposures in all).

    Returns
    -------
    NightFiles
        The files, with ``summary`` counting exposures by kind.

    Raises
    ------
    IngestError
        If `folder` holds something else, the size cannot be simulated, or a chip or filter is not
        one of the camera.
    """
    part = _Part(Layout(*size), seed, tuple(chips), tuple(filters))
    recipe = part.recipe()
    found = load_night(folder, _NAME, recipe)
    if found is not None:
        return found
    with building(folder) as scratch:
        exposures = _make(scratch, part, progress)
        kinds = {exposure.file_name: exposure.kind for exposure in exposures}
        write_marker(scratch, _NAME, recipe, kinds)
    return finished_night(folder, _NAME, recipe)


@dataclass(frozen=True, slots=True)
class _Part:
    """What of the night is made."""

    layout: Layout
    seed: int
    chips: tuple[str, ...]
    filters: tuple[str, ...]

    def __post_init__(self) -> None:
        for kind, named, known in (
            ("chip", self.chips, CHIPS),
            ("filter", self.filters, tuple(BANDS)),
        ):
            unknown = set(named) - set(known)
            if unknown or not named:
                raise IngestError(
                    f"the simulated WFI has no {kind} {min(unknown, default='of no name')!r}",
                    f"choose from {', '.join(known)}",
                )

    def recipe(self) -> dict[str, object]:
        """What tells this night from others; that of a whole night does not name its parts."""
        size = [self.layout.width, self.layout.height]
        recipe: dict[str, object] = {"version": _VERSION, "seed": self.seed, "size": size}
        for name, chosen, known in (
            ("chips", self.chips, CHIPS),
            ("filters", self.filters, tuple(BANDS)),
        ):
            if set(chosen) != set(known):
                recipe[name] = sorted(set(chosen))
        return recipe

    def exposures(self) -> tuple[Exposure, ...]:
        """Exposures through the filters; biases and darks need none."""
        night = plan_night(self.layout, self.seed)
        return tuple(e for e in night if e.kind in _DARK or e.band.name in self.filters)


def _make(scratch: Path, part: _Part, progress: Progress | None) -> tuple[Exposure, ...]:
    layout, seed = part.layout, part.seed
    (scratch / "raw").mkdir()
    truth = scratch / "truth"
    truth.mkdir()
    exposures = part.exposures()
    camera = _build_camera(part, truth)
    stars = {name: make_stars(field, layout, seed) for name, field in FIELDS.items()}
    for name, catalogue in stars.items():
        np.save(truth / f"stars_{name}.npy", catalogue)
    drifts = {exposure.file_name: camera.drift(exposure) for exposure in exposures}
    write_night(truth, layout, camera.chips, exposures, drifts)

    def take(exposure: Exposure) -> None:
        field = stars.get(exposure.target, stars["SIM_BLANK"])
        _write_exposure(scratch, camera, exposure, field, exposures)

    # NumPy's generators and arithmetic release the GIL: threads fill the cores without copies.
    with ThreadPoolExecutor(min(_MOST_THREADS, os.cpu_count() or 1)) as pool:
        for done, _ in enumerate(pool.map(take, exposures), start=1):
            if progress is not None:
                progress(done, len(exposures))
    return exposures


def _build_camera(part: _Part, truth: Path) -> Camera:
    layout, seed = part.layout, part.seed
    chips = [make_chip(place, layout, seed) for place in layout.chips if place.name in part.chips]
    light: dict[tuple[str, str], ChipLight] = {}
    for chip in chips:
        paths = {name: make_light(chip, layout, band, seed) for name, band in BANDS.items()}
        write_chip(truth, chip, paths)
        light |= {(chip.place.name, name): path for name, path in paths.items()}
    return Camera(layout, seed, chips, light)


def _write_exposure(
    scratch: Path,
    camera: Camera,
    exposure: Exposure,
    stars: NDArray[np.void],
    exposures: Sequence[Exposure],
) -> None:
    images, frames = expose(camera, exposure, stars)
    mates = [other for other in exposures if other.template_start == exposure.template_start]
    extensions = [
        (chip_header(exposure, chip, camera.layout), image)
        for chip, image in zip(camera.chips, images, strict=True)
    ]
    header = primary_header(exposure, mates.index(exposure) + 1, len(mates))
    write_mosaic(scratch / "raw" / exposure.file_name, header, extensions)
    if exposure.kind in ON_SKY or exposure.kind == "dark":
        write_frame(scratch / "truth", exposure.file_name, frames)
