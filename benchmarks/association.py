"""Association of source lists on the sky against astropy, the same lists and the same answers.

    python benchmarks/association.py [--small] [--rounds N]

Two lists of 500,000 sources in 100 square degrees (50,000 with --small), the second scattered by
0.2 arcsec and shuffled. Every round runs all works in turn; a ratio is the median over the rounds
of the ratios within a round. The answers are compared first.
"""

from __future__ import annotations

import argparse
import sys
from typing import Any

import numpy as np
from astropy.coordinates import SkyCoord
from sky_frames import measure, report

from awlab.backend import algorithms as alg

RADIUS = 1.0


def make_lists(number: int) -> tuple[Any, Any]:
    """Two lists of the same sources across 0 h."""
    rng = np.random.default_rng(1)
    ra, dec = rng.uniform(-5, 5, number), rng.uniform(-45, -35, number)
    east, north = rng.normal(0, 0.2 / 3600, (2, number))
    order = rng.permutation(number)
    second = (ra + east / np.cos(np.radians(dec)))[order], (dec + north)[order]
    return (np.mod(ra, 360), dec), (np.mod(second[0], 360), second[1])


def astropy_nearest(first: Any, second: Any) -> Any:
    """Match as astropy's users do, from plain arrays to indices."""
    one, other = SkyCoord(*first, unit="deg"), SkyCoord(*second, unit="deg")
    index, angle, _ = one.match_to_catalog_sky(other)
    return np.where(angle.arcsec <= RADIUS, index, -1)


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    number = 50_000 if asked.small else 500_000
    first, second = make_lists(number)
    alg.match_nearest((first[0][:9], first[1][:9]), second, RADIUS)
    alg.associate([(first[0][:9], first[1][:9])] * 2)
    same = np.array_equal(
        alg.match_nearest(first, second, RADIUS)[0], astropy_nearest(first, second)
    )
    print(f"{number} x {number} sources, the same answers as astropy: {same}")
    works: Any = {
        "awlab match_nearest": lambda: alg.match_nearest(first, second, RADIUS),
        "awlab match_pairs": lambda: alg.match_pairs(first, second, RADIUS),
        "awlab match_mutual": lambda: alg.match_mutual(first, second, RADIUS),
        "awlab associate, chain": lambda: alg.associate([first, second], RADIUS),
        "astropy match_to_catalog_sky": lambda: astropy_nearest(first, second),
        "sorting both lists": lambda: [np.argsort(one[0]) for one in (first, second)],
    }
    report("Association", measure(works, asked.rounds), "500,000 x 500,000 under 1 s")
    sys.exit(not same)


if __name__ == "__main__":
    main()
