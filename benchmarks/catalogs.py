"""Catalogues: association of two large lists, light curves, cones and parts against full scans.

    python benchmarks/catalogs.py [--small] [--rounds N]

Two lists of 500,000 sources in 100 square degrees (50,000 with --small) are ingested into a scratch
database; the second is scattered by 0.2 arcsec and shuffled. Every round runs all works in turn; a
ratio is the median over the rounds of the ratios within a round. Answers are compared first.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from astropy.table import Table
from registry import connect_scratch
from sky_frames import measure, peak_memory, report

from awlab.backend.algorithms import associate
from awlab.backend.catalogs import separation
from awlab.backend.process import new_work_folder
from awlab.backend.targets import AssociateList, CombinedList, ingest_catalog

CONE = 2.0 / 60.0
CENTRE = (1.0, -40.0)


def make_lists(number: int) -> tuple[Any, Any]:
    """Two lists of the same sources across 0 h, with as many columns as an extraction gives."""
    rng = np.random.default_rng(1)
    ra, dec = rng.uniform(-5, 5, number), rng.uniform(-45, -35, number)
    found = []
    for scatter, order in ((0.0, np.arange(number)), (0.2 / 3600, rng.permutation(number))):
        east, north = rng.normal(0, 1, (2, number)) * scatter
        columns: dict[str, Any] = {
            "RA": np.mod(ra + east / np.cos(np.radians(dec)), 360)[order],
            "DEC": (dec + north)[order],
            "FLAGS": np.zeros(number, np.int16),
            "MAG_AUTO": rng.uniform(15, 25, number),
            "MAGERR_AUTO": np.full(number, 0.02),
        }
        columns |= {f"OWN_{k}": rng.normal(size=number) for k in range(30)}
        found.append(ingest_catalog(Table(columns), name=f"list of {number}, {scatter}"))
    return found[0], found[1]


def associated(lists: Any) -> AssociateList:
    """Make an association list: read, associate, write its file."""
    with new_work_folder():
        found = AssociateList(input_lists=list(lists))
        found.make()
        return found


def milliseconds(works: dict[str, Callable[[], Any]], rounds: int, title: str) -> None:
    """Measure works of milliseconds, and print them against the first."""
    times = measure(works, rounds)
    print(f"\n{title}")
    base = next(iter(times.values()))
    for name, found in times.items():
        wall = statistics.median(pair[0] for pair in found) * 1e3
        ratio = statistics.median(a[0] / b[0] for a, b in zip(found, base, strict=True))
        print(f"{name:44}{wall:10.1f} ms{ratio:9.2f} x", flush=True)


def reading(one: Any, rounds: int) -> bool:
    """Cones, single sources and columns against reading the file, and astropy."""
    path = one.retrieve()
    table = pq.read_table(path, columns=["SID", "RA", "DEC"])
    distance = separation(table["RA"].to_numpy(), table["DEC"].to_numpy(), *CENTRE)
    inside = set(table["SID"].to_numpy()[distance <= CONE].tolist())
    same = set(one.cone(*CENTRE, CONE, ["SID"])["SID"].tolist()) == inside
    print(f"\na cone of 2' holds {len(inside)} sources, as a full scan finds: {same}")
    works: dict[str, Callable[[], Any]] = {
        "cone, all columns": lambda: one.cone(*CENTRE, CONE),
        "cone, three columns": lambda: one.cone(*CENTRE, CONE, ["SID"]),
        "one source by its SID": lambda: one[one.nsources // 2],
        "two columns of all": lambda: one.sources(["SID", "MAG_AUTO"]),
        "full scan, pyarrow, all columns": lambda: pq.read_table(path),
        "full scan, pyarrow, three columns": lambda: pq.read_table(
            path, columns=["SID", "RA", "DEC"]
        ),
        "full read, astropy Table": lambda: Table.read(path),
    }
    milliseconds(works, rounds, f"Reading {one.nsources:,} sources, 38 columns")
    return same


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    connect_scratch()
    lists = make_lists(50_000 if asked.small else 500_000)
    positions = [(rows["RA"], rows["DEC"]) for rows in (x.sources(["RA", "DEC"]) for x in lists)]
    made = AssociateList.get(input_lists=list(lists))
    plain = associate(positions)
    same = made.associate_count == int(plain.AID.max()) + 1
    print(f"{made.associate_count:,} associations, as by the algorithm alone: {same}")
    works: dict[str, Callable[[], Any]] = {
        "associate, arrays": lambda: associate(positions),
        "AssociateList.make, files": lambda: associated(lists),
        "reading both lists": lambda: [x.sources(["SLID", "SID", "RA", "DEC"]) for x in lists],
    }
    report("Association", measure(works, asked.rounds), "500,000 x 500,000 under 1 s")
    combined = CombinedList.get(associate_list=made)
    same &= reading(lists[0], asked.rounds)
    works = {
        "members of one association": lambda: made.members(made.associate_count // 2),
        "light curve of one source": lambda: combined.light_curve(combined.nsources // 2),
    }
    milliseconds(works, asked.rounds, f"{made.nsources:,} rows, {combined.nsources:,} sources")
    print(f"\npeak memory {peak_memory():.2f} GB")
    sys.exit(not same)


if __name__ == "__main__":
    main()
