"""Pointing, local and global astrometry: time and true error; against SCAMP when installed.

    python benchmarks/astrometry.py [--small] [--rounds N]

Twelve dithered exposures of eight chips of 2048 x 4096 pixels with 400 stars each (four of two
with --small), a Gaia-like catalogue, one thread. Every round runs all works in turn; a ratio is
the median over the rounds of the ratios within a round. SCAMP reads the same catalogues from
files and runs once: it takes minutes.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from mosaic_survey import Survey, has_scamp, make_survey, scamp, scamp_plates, write_catalogues
from sky_frames import measure, report

from awlab.backend import algorithms as alg

LOCAL = alg.AstrometryOptions(floor=0.003)


def solve_chips(survey: Survey) -> list[alg.MosaicFrame]:
    """Pointing and local solution of every chip."""
    found = []
    for one in survey.frames:
        solution = alg.solve_astrometry(one.sources, one.plate, survey.catalogue, LOCAL)
        found.append(alg.MosaicFrame(one.exposure, one.chip, one.sources, solution.plate))
    return found


def wrong_header(plate: alg.PlateSolution) -> alg.PlateSolution:
    """A pointing off by 2 arcmin, 3 degrees and 2 %."""
    turn = 1.02 * np.exp(1j * np.radians(3))
    matrix = np.array([[turn.real, -turn.imag], [turn.imag, turn.real]])
    ra, dec = alg.deproject(0.02, 0.026, *plate.crval)
    return alg.PlateSolution((float(ra), float(dec)), plate.crpix, matrix @ plate.cd, plate.pv)


def plain_lstsq(survey: Survey) -> None:
    """The floor: one unweighted cubic fit for every chip, matches given."""
    for one, true in zip(survey.frames, survey.truth, strict=True):
        x, y = one.sources.x / 2048 - 0.5, one.sources.y / 4096 - 0.5
        terms = np.stack([x**i * y**j for i in range(4) for j in range(4 - i)], axis=-1)
        plane = np.stack(true.pixel_to_plane(one.sources.x, one.sources.y), axis=-1)
        np.linalg.lstsq(terms, plane, rcond=None)


def against_scamp(survey: Survey, ours: float) -> None:
    """SCAMP on the same sources, once."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = write_catalogues(survey, folder)
        start = time.perf_counter()
        scamp(paths, folder)
        took = time.perf_counter() - start
        error = survey.error(scamp_plates(paths))
    print(f"\nSCAMP: {took:.1f} s, {took / ours:.0f} times ours; true error {error:.2f} mas")


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    survey = make_survey(4, 2, 6000) if asked.small else make_survey(12, 8, 9000)
    chips = solve_chips(survey)
    whole = alg.solve_global_astrometry(chips, survey.catalogue)
    number = len(survey.frames)
    print(f"{number} chips, {sum(one.sources.x.size for one in chips) / number:.0f} stars each")
    print(f"local: true error {survey.error([one.plate for one in chips]):.2f} mas (bound 12)")
    print(
        f"global: true error {survey.error(whole.plates):.2f} mas (bound 6), "
        f"internal {500 * (whole.SIG_DRA_OVERLAP + whole.SIG_DDEC_OVERLAP):.2f} mas (bound 10)"
    )
    lost = [wrong_header(one.plate) for one in survey.frames]
    works: Any = {
        "local astrometry": lambda: solve_chips(survey),
        "pointing, right header": lambda: [
            alg.match_pointing(one.sources, one.plate, survey.catalogue) for one in survey.frames
        ],
        "pointing, wrong header": lambda: [
            alg.match_pointing(one.sources, bad, survey.catalogue)
            for one, bad in zip(survey.frames, lost, strict=True)
        ],
        "global astrometry": lambda: alg.solve_global_astrometry(chips, survey.catalogue),
        "plain cubic fits": lambda: plain_lstsq(survey),
    }
    times = measure(works, asked.rounds)
    report(f"All {number} chips", times, f"local 20 ms a chip: {0.02 * number:.2f} s")
    cost = {name: float(np.median([pair[1] for pair in found])) for name, found in times.items()}
    print(f"\nlocal astrometry: {1e3 * cost['local astrometry'] / number:.1f} ms CPU a chip")
    if has_scamp():
        against_scamp(survey, cost["local astrometry"] + cost["global astrometry"])
    else:
        print("SCAMP is not installed: not compared")


if __name__ == "__main__":
    main()
