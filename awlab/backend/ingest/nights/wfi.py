"""The simulated night: eight WFI chips, one multi-extension FITS file per exposure."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from awlab.backend.dataserver import write_mosaic
from awlab.backend.ingest.nights.detector import make_chip
from awlab.backend.ingest.nights.exposing import ON_SKY, Camera, expose
from awlab.backend.ingest.nights.headers import chip_header, primary_header
from awlab.backend.ingest.nights.layout import Layout
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


def make_wfi_night(
    folder: Path,
    *,
    seed: int = 1,
    size: tuple[int, int] = (256, 512),
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
    progress : callable, optional
        Called with (exposures done, exposures in all).

    Returns
    -------
    NightFiles
        The files, with ``summary`` counting exposures by kind.

    Raises
    ------
    IngestError
        If `folder` holds something else, or the size cannot be simulated.
    """
    layout = Layout(*size)
    recipe = {"version": _VERSION, "seed": seed, "size": list(size)}
    found = load_night(folder, _NAME, recipe)
    if found is not None:
        return found
    with building(folder) as scratch:
        exposures = _make(scratch, layout, seed, progress)
        kinds = {exposure.file_name: exposure.kind for exposure in exposures}
        write_marker(scratch, _NAME, recipe, kinds)
    return finished_night(folder, _NAME, recipe)


def _make(
    scratch: Path, layout: Layout, seed: int, progress: Progress | None
) -> tuple[Exposure, ...]:
    (scratch / "raw").mkdir()
    truth = scratch / "truth"
    truth.mkdir()
    exposures = plan_night(layout, seed)
    camera = _build_camera(layout, seed, truth)
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


def _build_camera(layout: Layout, seed: int, truth: Path) -> Camera:
    chips = [make_chip(place, layout, seed) for place in layout.chips]
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
