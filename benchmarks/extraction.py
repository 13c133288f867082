"""Extraction of sources against source-extractor on the same file in the same run.

    python benchmarks/extraction.py [--small] [--rounds N]

A frame of 2048 x 4096 pixels (512 x 1024 with --small) with stars and galaxies. Both read the file,
detect with the same thresholds and measure the same columns; source-extractor runs with its
defaults for threads (one) and writes a catalogue. Works take turns in every round; a ratio is the
median over the rounds of the ratios within a round, of CPU time. Without source-extractor (Debian:
apt-get install source-extractor) awlab's own times are printed alone.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import statistics
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import ascii as table_file
from scipy.spatial import cKDTree

from awlab.backend import algorithms as alg
from awlab.backend.dataserver import read_image, write_image

PROGRAM = shutil.which("source-extractor") or shutil.which("sex")
APERTURES = (6.0, 10.0, 24.0)
COLUMNS = """NUMBER X_IMAGE Y_IMAGE XWIN_IMAGE YWIN_IMAGE X2_IMAGE Y2_IMAGE XY_IMAGE A_IMAGE B_IMAGE
THETA_IMAGE FLUX_APER(3) FLUXERR_APER(3) MAG_APER(3) MAGERR_APER(3) FLUX_AUTO FLUXERR_AUTO FLUX_ISO
FLUXERR_ISO KRON_RADIUS FLUX_RADIUS FWHM_IMAGE ELONGATION ELLIPTICITY FLUX_MAX BACKGROUND
ISOAREA_IMAGE FLAGS CLASS_STAR"""
SETTINGS = {
    "CATALOG_TYPE": "ASCII_HEAD", "DETECT_THRESH": "1.5", "ANALYSIS_THRESH": "1.5",
    "DETECT_MINAREA": "5", "FILTER": "Y", "DEBLEND_NTHRESH": "32", "DEBLEND_MINCONT": "0.005",
    "PHOT_APERTURES": ",".join(map(str, APERTURES)), "PHOT_AUTOPARAMS": "2.5,3.5", "GAIN": "2.0",
    "SATUR_LEVEL": "60000", "BACK_SIZE": "64", "BACK_FILTERSIZE": "3", "VERBOSE_TYPE": "QUIET",
    "PIXEL_SCALE": "0.238", "SEEING_FWHM": "0.8", "MEMORY_PIXSTACK": "3000000",
    "WEIGHT_TYPE": "NONE",
}  # fmt: skip
NETWORK = Path("/usr/share/source-extractor/default.nnw")
KERNEL = "CONV NORM\n1 2 1\n2 4 2\n1 2 1\n"


def make_frame(shape: tuple[int, int]) -> Any:
    """Sky, Moffat stars and round galaxies, 1 source per 1500 pixels."""
    rng = np.random.default_rng(1)
    ny, nx = shape
    light = np.full((ny + 80, nx + 80), 400.0)
    offsets = np.arange(-30, 31)
    for y, x in rng.uniform((40, 40), (ny + 40, nx + 40), (ny * nx // 1500, 2)):
        core = 2.8 if rng.random() < 0.6 else rng.uniform(3, 7)
        r2 = ((offsets - y % 1)[:, None] ** 2 + (offsets - x % 1) ** 2) / core**2
        flux = 10 ** rng.uniform(2.8, 5.3)
        box = np.s_[int(y) - 30 : int(y) + 31, int(x) - 30 : int(x) + 31]
        light[box] += flux * 2 / (np.pi * core**2) * (1 + r2) ** -3
    return (rng.poisson(2 * light[40:-40, 40:-40]) / 2).astype(np.float32)


def ours(folder: Path) -> alg.ExtractedSources:
    """Read the file, extract."""
    pixels = np.ascontiguousarray(read_image(folder / "frame.fits")[0], np.float32)
    options = alg.ExtractionOptions(PHOT_APERTURES=APERTURES, GAIN=2.0, SATUR_LEVEL=60000.0)
    return alg.extract_sources(alg.ExtractionFrame(pixels), options)


def theirs(folder: Path) -> None:
    """Run the program."""
    assert PROGRAM is not None
    chosen = SETTINGS | {
        "CATALOG_NAME": str(folder / "peer.cat"), "PARAMETERS_NAME": str(folder / "peer.param"),
        "FILTER_NAME": str(folder / "peer.conv"), "STARNNW_NAME": str(NETWORK),
    }  # fmt: skip
    words = [word for name, value in chosen.items() for word in (f"-{name}", value)]
    arguments = [PROGRAM, str(folder / "frame.fits"), "-c", str(folder / "peer.sex"), *words]
    subprocess.run(arguments, check=True, capture_output=True)


def cpu_seconds() -> float:
    """CPU time of this process and of those it has waited for."""
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in used)


def compare(sources: Any, catalogue: Path) -> str:
    """How many of the peer's sources are matched, and how their fluxes agree."""
    peer = table_file.read(catalogue, format="sextractor")
    tree = cKDTree(np.stack([sources["X_IMAGE"], sources["Y_IMAGE"]], axis=1))
    distance, index = tree.query(np.stack([peer["X_IMAGE"], peer["Y_IMAGE"]], axis=1))
    near = distance < 0.5
    mine = sources[index]
    clean = near & (peer["FLAGS"] == 0) & (peer["FLUX_APER"] > 10 * peer["FLUXERR_APER"])
    off = np.abs(mine["FLUX_APER"][clean, 0] / peer["FLUX_APER"][clean] - 1)
    auto = np.abs(mine["FLUX_AUTO"][clean] / peer["FLUX_AUTO"][clean] - 1)
    place = np.hypot(
        mine["XWIN_IMAGE"] - peer["XWIN_IMAGE"], mine["YWIN_IMAGE"] - peer["YWIN_IMAGE"]
    )[clean]
    return (
        f"{len(sources)} sources, {len(peer)} of source-extractor, {near.mean():.4f} of them "
        f"matched; unblended with S/N > 10, medians: apertures {np.median(off):.1e}, "
        f"AUTO {np.median(auto):.1e}, windowed positions {np.median(place):.1e} px"
    )


def main() -> None:
    """Measure in turn and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--small", action="store_true", help="512 x 1024 pixels, for a quick look")
    parser.add_argument("--rounds", type=int, default=5, help="rounds that count")
    chosen = parser.parse_args()
    shape = (1024, 512) if chosen.small else (4096, 2048)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_image(folder / "frame.fits", make_frame(shape))
        (folder / "peer.param").write_text("\n".join(COLUMNS.split()), encoding="ascii")
        (folder / "peer.conv").write_text(KERNEL, encoding="ascii")
        (folder / "peer.sex").write_text("", encoding="ascii")
        works: dict[str, Callable[[], Any]] = {"awlab extract_sources": lambda: ours(folder)}
        if PROGRAM and NETWORK.exists():
            works["source-extractor"] = lambda: theirs(folder)
        times: dict[str, list[float]] = {work: [] for work in works}
        for turn in range(chosen.rounds + 1):
            for work in list(works) if turn % 2 else list(works)[::-1]:
                started = cpu_seconds()
                works[work]()
                if turn:
                    times[work].append(cpu_seconds() - started)
        print(f"{shape[1]} x {shape[0]} pixels, {chosen.rounds} rounds (bound: 1.0 x or more)")
        first = next(iter(times.values()))
        for work, found in times.items():
            ratio = statistics.median(a / b for a, b in zip(found, first, strict=True))
            print(f"{work:25}{statistics.median(found) * 1e3:9.0f} ms CPU{ratio:8.2f} x")
        if "source-extractor" in works:
            print(compare(ours(folder).sources, folder / "peer.cat"))
        else:
            print("source-extractor is not installed: nothing to compare with")


if __name__ == "__main__":
    main()
