"""Cosmic rays against astroscrappy on the same frame in the same run.

    python benchmarks/cosmic_rays.py [--small] [--rounds N]

A frame of 2048 x 4096 pixels (512 x 1024 with --small) with stars and cosmic rays. Works take turns
in every round; a ratio is the median over the rounds of the ratios within a round, of CPU time.
Completeness is the share of the pixels with more than 5 sigma of a cosmic ray that were found,
purity the share of those found that touch one; star cores are those within a pixel of a star.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import ndimage

from awlab.backend import algorithms as alg

GAIN, READ_NOISE, SKY = 2.0, 2.5, 300.0  # electron/ADU, ADU, ADU
FWHM = 3.0
SQUARE = np.ones((3, 3), bool)


def stamp(x: float, y: float, flux: float) -> tuple[Any, Any, Any]:
    """Rows, columns and light of a Gaussian star."""
    sigma, reach = FWHM / 2.3548, 9
    ys, xs = (np.arange(round(at) - reach, round(at) + reach + 1) for at in (y, x))
    light = np.exp(-0.5 * (((ys - y)[:, None]) ** 2 + (xs - x) ** 2) / sigma**2)
    return ys, xs, flux * light / (2 * np.pi * sigma**2)


def make_frame(shape: tuple[int, int]) -> tuple[Any, Any, Any]:
    """Frame, what of it cosmic rays are [ADU], and where the stars are."""
    rng = np.random.default_rng(1)
    ny, nx = shape
    light = np.full(shape, SKY * GAIN)
    number = ny * nx // 4000
    stars = rng.uniform((10, 10), (ny - 10, nx - 10), (number, 2))
    for (y, x), flux in zip(stars, 10 ** rng.uniform(2.5, 5.5, number), strict=True):
        ys, xs, what = stamp(x, y, flux)
        inside = np.ix_(*(np.clip(at, 0, n - 1) for at, n in ((ys, ny), (xs, nx))))
        light[inside] += what
    hits = np.zeros(shape)
    for _ in range(ny * nx // 10_000):
        x, y, angle = rng.uniform((0, 0, 0), (nx, ny, np.pi))
        charge, length = rng.lognormal(7, 0.7), 1 + rng.exponential(4)
        for step in np.arange(0, length, 0.5):
            column, row = int(x + step * np.cos(angle)), int(y + step * np.sin(angle))
            if 0 <= column < nx and 0 <= row < ny:
                hits[row, column] += charge / 2
    electrons = rng.poisson(light) + hits + rng.normal(0, READ_NOISE * GAIN, shape)
    return (electrons / GAIN).astype(np.float32), hits / GAIN, stars


def judge(found: Any, hits: Any, stars: Any) -> str:
    """Completeness, purity and star cores hit."""
    deep = hits > 5 * (READ_NOISE**2 + SKY / GAIN) ** 0.5
    near = ndimage.binary_dilation(hits > 0, SQUARE)
    cores = np.zeros(found.shape, bool)
    cores[tuple(stars.round().astype(int).T)] = True
    cores = ndimage.binary_dilation(cores, SQUARE) & ~ndimage.binary_dilation(near, SQUARE)
    return (
        f"complete {(found & deep).sum() / deep.sum():.4f}  "
        f"pure {(found & near).sum() / max(found.sum(), 1):.4f}  "
        f"star cores hit {ndimage.label(cores & found)[1]} of {len(stars)}"
    )


def main() -> None:
    """Measure in turn and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--small", action="store_true", help="512 x 1024 pixels, for a quick look")
    parser.add_argument("--rounds", type=int, default=5, help="rounds that count")
    chosen = parser.parse_args()
    shape = (1024, 512) if chosen.small else (4096, 2048)
    image, hits, stars = make_frame(shape)
    noise = alg.DetectorNoise(READ_NOISE, GAIN)

    def peer() -> Any:
        from astroscrappy import detect_cosmics

        return detect_cosmics(
            image, gain=GAIN, readnoise=READ_NOISE * GAIN, satlevel=1e9, sigclip=4.5, sigfrac=0.3,
            objlim=5.0, niter=4,
        )[0]  # fmt: skip

    works: dict[str, Callable[[], Any]] = {
        "awlab cosmic_ray_map": lambda: (
            alg.cosmic_ray_map(image, noise, alg.CosmicRayOptions(threads=1)).map == 0
        ),
        "astroscrappy": peer,
        "copy of the same bytes": image.copy,
    }
    results = {name: work() for name, work in works.items()}
    times: dict[str, list[float]] = {name: [] for name in works}
    for turn in range(chosen.rounds):
        for name in list(works) if turn % 2 else list(works)[::-1]:
            started = time.process_time()
            works[name]()
            times[name].append(time.process_time() - started)
    print(f"{shape[1]} x {shape[0]} pixels, {chosen.rounds} rounds (bound: astroscrappy 15 x)")
    first = next(iter(times.values()))
    for name, found in times.items():
        ratio = statistics.median(a / b for a, b in zip(found, first, strict=True))
        judged = judge(results[name], hits, stars) if results[name].dtype == bool else ""
        print(f"{name:25}{statistics.median(found) * 1e3:9.1f} ms CPU{ratio:8.2f} x  {judged}")


if __name__ == "__main__":
    main()
