"""Regridding against SWarp LANCZOS3 from file to file, and against reproject in memory.

    python benchmarks/regrid.py [--small] [--rounds N]

A frame of 2048 x 4096 pixels (512 x 1024 with --small) with its weight, one thread each. Every
round runs all works in turn; a ratio is the median over the rounds of the ratios within a round.
Accuracy is measured on the same frame without noise: counts and positions of its stars.
"""

from __future__ import annotations

import argparse
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from astropy.wcs import WCS
from sky_frames import Dithers, has_swarp, make_dithers, measure, report, score, swarp

from awlab.backend import algorithms as alg
from awlab.backend.dataserver import read_image, write_image

ONE_THREAD = alg.RegridOptions(threads=1)


def regrid_files(dithers: Dithers, number: int = 0) -> alg.RegriddedImage:
    """Read image and weight, regrid, write image and weight."""
    path = dithers.names()[number]
    image, cards = read_image(path)
    weight, _ = read_image(path.with_suffix(".weight.fits"))
    made = alg.regrid_frame(image, weight, dict(cards), dithers.grid, ONE_THREAD)
    for end, pixels in ((".ours.fits", made.image), (".ours.weight.fits", made.weight)):
        path.with_suffix(end).unlink(missing_ok=True)
        write_image(path.with_suffix(end), pixels, made.cards)
    return made


def swarp_files(dithers: Dithers) -> None:
    """Resample with SWarp, from file to file."""
    swarp(dithers, dithers.names()[:1], COMBINE="N", DELETE_TMPFILES="N")


def memory_works(dithers: Dithers, *, small: bool) -> dict[str, Any]:
    """Works in memory; reproject only on small frames, it takes a minute on large ones."""
    path = dithers.names()[0]
    image, cards = read_image(path)
    weight, _ = read_image(path.with_suffix(".weight.fits"))
    known = dict(cards)
    made = alg.regrid_frame(image, weight, known, dithers.grid)
    works: dict[str, Any] = {
        "awlab in memory": lambda: alg.regrid_frame(image, weight, known, dithers.grid, ONE_THREAD),
        "copy of the same bytes": lambda: [a.copy() for a in (image, weight, made.image)],
    }
    if small:
        from reproject import reproject_adaptive, reproject_interp

        wcs, out = WCS(known), made.grid.wcs(made.window)
        works["reproject_interp, bicubic"] = lambda: reproject_interp(
            (image, wcs), out, made.window.shape, order="bicubic"
        )
        works["reproject_adaptive"] = lambda: reproject_adaptive(
            (image, wcs), out, made.window.shape, conserve_flux=True
        )
    return works


def main() -> None:
    """Measure in turn and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--small", action="store_true", help="512 x 1024 pixels, and reproject")
    parser.add_argument("--rounds", type=int, default=5, help="rounds that count")
    chosen = parser.parse_args()
    shape = (1024, 512) if chosen.small else (4096, 2048)
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        dithers = make_dithers(Path(folder), shape, 1, noisy=False)
        made = regrid_files(dithers)
        print(f"{shape[1]} x {shape[0]} pixels to {made.window.shape[1]} x {made.window.shape[0]}")
        print(score("awlab", made.image, WCS(made.cards), dithers))
        works: dict[str, Any] = {"awlab, file to file": lambda: regrid_files(dithers)}
        if has_swarp():
            swarp_files(dithers)
            image, cards = read_image(dithers.folder / "frame0.resamp.fits")
            print(score("SWarp LANCZOS3", np.asarray(image), WCS(dict(cards)), dithers))
            works["SWarp LANCZOS3, file to file"] = lambda: swarp_files(dithers)
        report("Regrid with I/O", measure(works, chosen.rounds), "SWarp at least 5 x")
        found = measure(memory_works(dithers, small=chosen.small), chosen.rounds)
        report("Regrid in memory", found, "none; reproject with --small")


if __name__ == "__main__":
    main()
