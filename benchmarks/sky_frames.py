"""Simulated dithers for the benchmarks of regridding and coaddition, and SWarp to compare with.

Not a benchmark itself: ``regrid.py`` and ``coadd.py`` import it.
"""

from __future__ import annotations

import math
import resource
import shutil
import statistics
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from astropy.wcs import WCS

from awlab.backend import algorithms as alg
from awlab.backend.dataserver import write_image

SCALE, SIGMA, SEEING = 0.238, 6.0, 1.5  # arcsec/pixel, ADU, sigma of stars in pixels
Works = dict[str, Callable[[], Any]]


@dataclass(frozen=True)
class Dithers:
    """Frames on disk with their truth."""

    folder: Path
    shape: tuple[int, int]
    sky: Any  # (n, 2) RA and Dec of the stars [deg]
    fluxes: Any  # (n,) [ADU]
    grid: alg.TanGrid
    cards: list[dict[str, Any]] = field(default_factory=list)
    hits: list[Any] = field(default_factory=list)

    def names(self) -> list[Path]:
        """The image files; weights lie beside, as ``.weight.fits``."""
        return [self.folder / f"frame{i}.fits" for i in range(len(self.cards))]


def header(shape: tuple[int, int], turn: float, shift: Sequence[float]) -> dict[str, Any]:
    """TPV header with the distortion of a wide-field camera."""
    step, angle = SCALE / 3600, math.radians(turn)
    c, s = math.cos(angle), math.sin(angle)
    return {
        "CTYPE1": "RA---TPV", "CTYPE2": "DEC--TPV", "CRVAL1": 150.0, "CRVAL2": 2.0,
        "CRPIX1": shape[1] / 2 + shift[0], "CRPIX2": shape[0] / 2 + shift[1],
        "CD1_1": -step * c, "CD1_2": step * s, "CD2_1": step * s, "CD2_2": step * c,
        "PV1_0": 0.0, "PV1_1": 1.0, "PV1_2": 0.0, "PV1_4": 0.004, "PV1_7": 0.08,
        "PV2_0": 0.0, "PV2_1": 1.0, "PV2_2": 0.0, "PV2_4": -0.003, "PV2_7": 0.06,
    }  # fmt: skip


def draw(image: Any, places: Any, fluxes: Any) -> None:
    """Add Gaussian stars."""
    for (x, y), flux in zip(places, fluxes, strict=True):
        x0, y0 = round(x), round(y)
        if not (14 < x0 < image.shape[1] - 15 and 14 < y0 < image.shape[0] - 15):
            continue
        rows, columns = np.mgrid[y0 - 12 : y0 + 13, x0 - 12 : x0 + 13]
        star = np.exp(-0.5 * ((columns - x) ** 2 + (rows - y) ** 2) / SEEING**2)
        image[y0 - 12 : y0 + 13, x0 - 12 : x0 + 13] += flux / (2 * np.pi * SEEING**2) * star


def make_dithers(folder: Path, shape: tuple[int, int], number: int, *, noisy: bool) -> Dithers:
    """Write frames and weights; noisy ones have cosmic rays and bad columns too."""
    rng = np.random.default_rng(3)
    x, y = np.meshgrid(np.arange(60, shape[1] - 60, 64.0), np.arange(60, shape[0] - 60, 64.0))
    x, y = (a.ravel() + rng.uniform(-3, 3, a.size) for a in (x, y))
    sky = np.column_stack(WCS(header(shape, 0, (0, 0))).all_pix2world(x, y, 0))
    first = header(shape, 0, (0, 0))
    made = Dithers(
        folder, shape, sky, rng.uniform(2e4, 1e5, len(sky)), alg.common_grid([(first, shape)])
    )
    for i in range(number):
        shift = rng.uniform(-20, 20, 2) if number > 1 else (0.0, 0.0)
        cards = header(shape, rng.uniform(0.3, 1.0), shift)
        image, weight = np.zeros(shape), np.full(shape, SIGMA**-2, np.float32)
        draw(image, WCS(cards).all_world2pix(sky, 0), made.fluxes)
        hits = rng.integers(12, np.array(shape[::-1]) - 12, (math.prod(shape) // 8000, 2))
        if noisy:
            image = rng.poisson(image) + rng.normal(0, SIGMA, shape)
            image[hits[:, 1], hits[:, 0]] += 60 * SIGMA
            weight[:, :: shape[1] // 3] = 0
        path = made.folder / f"frame{i}.fits"
        write_image(path, image.astype(np.float32), cards)
        write_image(path.with_suffix(".weight.fits"), weight)
        made.cards.append(cards)
        made.hits.append(hits)
    return made


def photometry(image: Any, places: Any, radius: float = 15.0) -> tuple[Any, Any, Any]:
    """Counts in an aperture, and the centroid under a Gaussian window, iterated."""
    found = []
    for place in places:
        x, y = place
        x0, y0 = round(x), round(y)
        rows, columns = np.mgrid[y0 - 18 : y0 + 19, x0 - 18 : x0 + 19]
        part = image[y0 - 18 : y0 + 19, x0 - 18 : x0 + 19].astype(float)
        total = part[(columns - x) ** 2 + (rows - y) ** 2 <= radius**2].sum()
        for _ in range(12):
            window = part * np.exp(-0.5 * ((columns - x) ** 2 + (rows - y) ** 2) / 1.8**2)
            x += 2 * (window * (columns - x)).sum() / window.sum()
            y += 2 * (window * (rows - y)).sum() / window.sum()
        found.append((total, x, y))
    flux, x, y = np.array(found).T
    return flux, x, y


def score(name: str, image: Any, wcs: WCS, dithers: Dithers) -> str:
    """Flux and position of the stars against the truth, as a line."""
    places = wcs.wcs_world2pix(dithers.sky, 0)
    margin = 90
    inside = (
        (places.min(axis=1) > margin)
        & (places[:, 0] < image.shape[1] - margin)
        & (places[:, 1] < image.shape[0] - margin)
    )
    places = places[inside]
    flux, x, y = photometry(image, places)
    ratio = flux / dithers.fluxes[inside]
    away = np.hypot(x - places[:, 0], y - places[:, 1]) * dithers.grid.pixel_scale * 1000
    return (
        f"{name:30}flux {np.median(ratio):.5f} +- {ratio.std():.5f}   "
        f"position {np.sqrt(np.median(away**2) / math.log(2)):.2f} mas rms   ({len(flux)} stars)"
    )


def swarp(dithers: Dithers, files: list[Path], **options: str) -> None:
    """Run SWarp, one thread, on frames with weights."""
    ra, dec = dithers.grid.ra, dithers.grid.dec
    settings = {
        "WEIGHT_TYPE": "MAP_WEIGHT", "RESAMPLING_TYPE": "LANCZOS3", "NTHREADS": "1",
        "CENTER_TYPE": "MANUAL", "CENTER": f"{ra},{dec}", "PIXELSCALE_TYPE": "MANUAL",
        "PIXEL_SCALE": str(dithers.grid.pixel_scale), "SUBTRACT_BACK": "N", "WRITE_XML": "N",
        "VERBOSE_TYPE": "QUIET", "RESAMPLE_DIR": str(dithers.folder), "INTERPOLATE": "Y",
        "FSCALASTRO_TYPE": "VARIABLE", "MEM_MAX": "1024", "COMBINE_BUFSIZE": "1024",
        "VMEM_DIR": str(dithers.folder), "RESCALE_WEIGHTS": "N", **options,
    }  # fmt: skip
    arguments = [word for key, value in settings.items() for word in (f"-{key}", value)]
    subprocess.run(
        ["SWarp", *map(str, files), *arguments],
        check=True,
        cwd=dithers.folder,
        stderr=subprocess.DEVNULL,
    )


def has_swarp() -> bool:
    """Whether SWarp is installed; says so if not."""
    if shutil.which("SWarp"):
        return True
    print("SWarp is not installed (Debian: swarp); measured without it")
    return False


def measure(works: Works, rounds: int) -> dict[str, list[tuple[float, float]]]:
    """Wall and CPU seconds of each work in each round, child processes counted.

    Each runs twice in a row and the second run counts: the first pays the system for memory that
    another process has just given back, three times more than in a process at work.
    """
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in works}
    for turn in range(rounds):
        for name in list(works) if turn % 2 else list(works)[::-1]:
            works[name]()
            wall, cpu = time.perf_counter(), _cpu()
            works[name]()
            times[name].append((time.perf_counter() - wall, _cpu() - cpu))
    return times


def _cpu() -> float:
    return sum(
        part.ru_utime + part.ru_stime
        for part in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )


def report(title: str, times: dict[str, list[tuple[float, float]]], bound: str) -> None:
    """Print the times, and how many times slower each is than the first."""
    print(f"\n{title}   (bound: {bound})")
    print(f"{'':30}{'wall s':>10}{'CPU s':>10}{'x wall':>9}{'x CPU':>9}")
    first = next(iter(times.values()))
    for name, found in times.items():
        wall, cpu = (statistics.median(pair[i] for pair in found) for i in (0, 1))
        ratios = [
            statistics.median(pair[i] / base[i] for pair, base in zip(found, first, strict=True))
            for i in (0, 1)
        ]
        print(f"{name:30}{wall:10.2f}{cpu:10.2f}{ratios[0]:9.2f}{ratios[1]:9.2f}", flush=True)


def peak_memory() -> float:
    """Largest resident memory of this process so far [GB]."""
    status = Path("/proc/self/status")
    if status.exists():  # what getrusage says there includes the parent before exec
        lines = status.read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1e6
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
