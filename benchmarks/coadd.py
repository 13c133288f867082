"""Regrid and clipped coadd of twelve frames against SWarp, from files to files.

    python benchmarks/coadd.py [--small] [--rounds N] [--frames N]

Frames of 2048 x 4096 pixels (512 x 1024 with --small) with weights, noise, cosmic rays and bad
columns, one thread each. Both write image and weight of the coadd; awlab also keeps the regridded
frames, and maps of exposures and exposure time. Peak memory is that of a process of its own.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from astropy.wcs import WCS
from regrid import regrid_files
from sky_frames import Dithers, has_swarp, make_dithers, measure, peak_memory, report, score, swarp

from awlab.backend import algorithms as alg
from awlab.backend.dataserver import read_image, read_section, write_image

EXPTIME = 300.0


def frame_of_files(path: Path, made: alg.RegriddedImage) -> alg.CoaddFrame:
    """A frame whose rows are read from its files."""
    ends, columns = (".ours.fits", ".ours.weight.fits"), slice(0, made.window.shape[1])

    def read(first: int, last: int) -> Any:
        return [read_section(path.with_suffix(end), slice(first, last), columns) for end in ends]

    return alg.CoaddFrame(path.stem, made.grid, made.window, read, exposure_time=EXPTIME)


def coadd_files(dithers: Dithers) -> alg.CoaddedImage:
    """Regrid all frames to files, coadd these, and write the coadd."""
    frames = []
    for i, path in enumerate(dithers.names()):
        frames.append(frame_of_files(path, regrid_files(dithers, i)))
    made = alg.coadd_frames(frames, alg.CoaddOptions(threads=1))
    for name in ("image", "weight", "exposures", "exposure_time"):
        path = dithers.folder / f"ours_{name}.fits"
        path.unlink(missing_ok=True)
        write_image(path, getattr(made, name), made.cards)
    return made


def swarp_files(dithers: Dithers) -> None:
    """Resample and coadd with SWarp."""
    # Without a gain SWarp does not clip at all.
    clip = {"CLIP_SIGMA": "4.0", "CLIP_AMPFRAC": "0.1", "GAIN_DEFAULT": "1.0"}
    swarp(dithers, dithers.names(), COMBINE_TYPE="CLIPPED", **clip)


def residual(image: Any, weight: Any, wcs: WCS, dithers: Dithers) -> float:
    """Mean left of the cosmic rays, in sigma of the sky, away from stars."""
    sky = np.zeros(image.shape, bool)
    for x, y in wcs.wcs_world2pix(dithers.sky, 0).round().astype(int):
        sky[max(y - 15, 0) : y + 16, max(x - 15, 0) : x + 16] = True
    pull = image * np.sqrt(weight)
    left = []
    for cards, hits in zip(dithers.cards, dithers.hits, strict=True):
        places = wcs.wcs_world2pix(WCS(cards).all_pix2world(hits, 0), 0)
        for x, y in places.round().astype(int):
            if 90 < y < image.shape[0] - 90 and 90 < x < image.shape[1] - 90 and not sky[y, x]:
                left.append(pull[y - 1 : y + 2, x - 1 : x + 2].mean())
    return float(np.mean(left))


def measure_memory(shape: tuple[int, int], number: int) -> None:
    """Print the peak of this process, which has regridded and coadded alone."""
    with tempfile.TemporaryDirectory() as folder:
        dithers = make_dithers(Path(folder), shape, 1, noisy=False)
        before = peak_memory()
        regrid = regrid_files(dithers)
        after = peak_memory()
        path = dithers.names()[0]
        frame = frame_of_files(path, regrid)
        frames = [
            alg.CoaddFrame(f"frame{i}", frame.grid, frame.window, frame.read) for i in range(number)
        ]
        alg.coadd_frames(frames)
        print(
            f"peak memory: {before:.2f} GB with one simulated frame, {after:.2f} GB after"
            f" regridding it, {peak_memory():.2f} GB after coadding {number}   (bound: 2 GB)"
        )


def main() -> None:
    """Measure in turn and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--small", action="store_true", help="512 x 1024 pixels, for a quick look")
    parser.add_argument("--rounds", type=int, default=5, help="rounds that count")
    parser.add_argument("--frames", type=int, default=12, help="frames to coadd")
    parser.add_argument("--memory", action="store_true", help="only print the peak memory")
    chosen = parser.parse_args()
    shape = (1024, 512) if chosen.small else (4096, 2048)
    warnings.simplefilter("ignore")
    if chosen.memory:
        measure_memory(shape, chosen.frames)
        return
    with tempfile.TemporaryDirectory() as folder:
        dithers = make_dithers(Path(folder), shape, chosen.frames, noisy=True)
        print(f"{chosen.frames} frames of {shape[1]} x {shape[0]} pixels")
        made = coadd_files(dithers)
        wcs = WCS(made.cards)
        print(score("awlab, clipped", made.image, wcs, dithers))
        print(
            f"{'':30}cosmic rays leave {residual(made.image, made.weight, wcs, dithers):.2f} sigma"
        )
        works: dict[str, Any] = {"awlab, files to files": lambda: coadd_files(dithers)}
        if has_swarp():
            swarp_files(dithers)
            image, cards = read_image(dithers.folder / "coadd.fits")
            weight, _ = read_image(dithers.folder / "coadd.weight.fits")
            wcs = WCS(dict(cards))
            print(score("SWarp CLIPPED", np.asarray(image), wcs, dithers))
            left = residual(image, weight, wcs, dithers)
            print(f"{'':30}cosmic rays leave {left:.2f} sigma")
            works["SWarp CLIPPED, files to files"] = lambda: swarp_files(dithers)
        report("Regrid + clipped coadd", measure(works, chosen.rounds), "SWarp at least 6 x")
    arguments = [sys.executable, __file__, "--memory", "--frames", "100"]
    subprocess.run([*arguments, *(["--small"] if chosen.small else [])], check=True)


if __name__ == "__main__":
    main()
