"""What the widgets cost the database: lineage trees, pages by key, columns of a plot.

    python benchmarks/widgets.py [objects]

Floors run in the same process: the bare recursive statement for a tree, OFFSET for a page. Ratios
are of medians of wall times.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from lineage import BenchBias, BenchCoadd, BenchRaw, BenchReduced
from registry import connect_scratch

from awlab.backend.database import (
    DBObject,
    current_database,
    objects_with_ids,
    read_numbered,
    read_page,
    register_bulk,
)
from awlab.widgets.lineage_tree.state import LineageState
from awlab.widgets.trend_plot.picture import density_picture

ROUNDS = 9


def measure(name: str, work: Callable[[], Any], base: float | None = None) -> float:
    """Print the median wall time and the statements of a piece of work; return the seconds."""
    database = current_database()
    times = []
    for turn in range(ROUNDS + 1):
        before, started = database.statements, time.perf_counter()
        work()
        if turn:
            times.append(time.perf_counter() - started)
    middle = statistics.median(times)
    ratio = f"{middle / base:7.2f} x" if base else " " * 9
    print(f"  {name:<44}{middle * 1e3:9.1f} ms {ratio}  {database.statements - before} statements")
    return middle


def fill(count: int) -> tuple[Any, Any, Any]:
    """Register frames; return a coadd of 5,000 ancestors, a bias of many frames and one of 50."""
    raws = register_bulk(BenchRaw, {"level": np.arange(count, dtype=float)})
    bias = register_bulk(BenchBias, {}, {"raws": ([0, 10, 20], raws[:20])})
    which = np.where(np.arange(count) < 50, bias[1], bias[0])
    level = np.random.default_rng(1).normal(200, 10, count)
    reduced = register_bulk(BenchReduced, {"raw": raws, "bias": which, "level": level})
    coadd = register_bulk(BenchCoadd, {}, {"frames": ([0, 2500], reduced[100:2600])})
    found = objects_with_ids(current_database(), np.array([coadd[0], bias[0], bias[1]]), DBObject)
    return found[0], found[1], found[2]


def main() -> None:
    """Fill a scratch database, measure, print."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    connect_scratch()
    coadd, many, few = fill(count)
    print("opening a lineage tree")
    walk = measure("floor: coadd.upstream(), 5,000 ancestors", coadd.upstream)
    measure("tree of the coadd", lambda: LineageState(coadd).opening(), walk)
    small = measure("floor: tree of a bias of 50 frames", lambda: LineageState(few).opening())
    measure(f"tree of a bias of {count - 50:,} frames", lambda: LineageState(many).opening(), small)
    group = (many.object_id, "downstream", "bias", "BenchReduced")
    measure("first page of its frames", lambda: LineageState(many).members(*group), small)

    print(f"pages of {count:,} frames")
    query = BenchReduced.select_all()
    deep = count * 9 // 10
    first = measure("first page", lambda: read_page(query, ["level", "raw.level"]))
    key = (None, int(query[deep]._id))
    measure("page by key, nine tenths down", lambda: read_page(query, ["level"], after=key), first)
    measure("the same by OFFSET", lambda: query[deep : deep + 100].columns("level"), first)
    sort = query.order_by("level")
    measure("first page sorted by a value", lambda: read_page(sort, ["level"]), first)

    print(f"a plot of {count:,} points")
    read = measure("columns and row numbers", lambda: read_numbered(query, ("raw", "level")))
    x, y = np.random.default_rng(2).normal(size=(2, 1_000_000))
    groups = np.zeros(1_000_000, dtype=np.int64)
    window = ((-4.0, 4.0), (-4.0, 4.0))
    work = lambda: density_picture((x, y), groups, ["#0072B2"], window)  # noqa: E731
    measure("density picture of 1,000,000 points", work, read)


if __name__ == "__main__":
    main()
