"""Pages of the query builder over very many rows, against OFFSET and the bare statement.

    python benchmarks/paging.py [rows]

Ten million rows take a few minutes to register and 3 GB of disk; a million is the default. Times
are medians of database and Python together, for the columns that the builder shows by itself.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from registry import connect_scratch

from awlab.backend.database import persistent, read_records, register_bulk
from awlab.backend.datamodel import Chip, Instrument, Judged
from awlab.widgets.query_builder.state import QueryState

ROUNDS = 11
PART = 500_000


class PagedFrame(Judged):
    """A frame among very many."""

    _indexes = (("level",),)
    chip = persistent("Chip", Chip)
    OBJECT = persistent("Object", str, "")
    EXPTIME = persistent("Exposure time [s]", float)
    level = persistent("Level [ADU]", float)
    noise = persistent("Noise; has no index [ADU]", float)


def fill(rows: int) -> None:
    """Register frames, a part at a time."""
    random = np.random.default_rng(9)
    camera = Instrument(name="PAGED")
    chips = np.array([Chip(instrument=camera, name=f"p{i}").commit()._id for i in range(8)])
    started = time.perf_counter()
    for first in range(0, rows, PART):
        size = min(PART, rows - first)
        numbers = np.arange(first, first + size)
        values = {
            "chip": chips[numbers % 8],
            "OBJECT": [f"field{n % 997}" for n in numbers.tolist()],
            "EXPTIME": np.full(size, 300.0),
            "level": random.normal(200, 10, size),
            "noise": random.normal(3, 0.1, size),
        }
        register_bulk(PagedFrame, values)
    print(f"{rows:,} rows registered in {time.perf_counter() - started:.0f} s")


def measure(name: str, work: Callable[[], Any], base: float | None = None) -> float:
    """Print the median time of a piece of work, and its ratio to a base; return the seconds."""
    times = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    middle = statistics.median(times)
    ratio = f"{middle / base:8.2f} x" if base else ""
    print(f"  {name:<56}{middle * 1e3:9.2f} ms {ratio}")
    return middle


def main() -> None:
    """Fill a scratch database, page through it, print."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    connect_scratch()
    fill(rows)
    state = QueryState(PagedFrame)
    query = PagedFrame.select_all()
    floor = measure("floor: one row by its number", lambda: read_records(query.limit(1), ("id",)))
    measure("first page of the builder, 200 rows", state.grid.page, floor)
    newest = int(state.grid.page()["after"][1])
    for share in (0.5, 0.9, 0.999):
        key = (None, int(newest - share * rows))
        measure(f"a page, {share:.1%} down", lambda key=key: state.grid.page(key), floor)
    few = {"join": "and", "not": False, "items": [
        {"path": "chip.name", "op": "==", "value": "p3"},
        {"path": "OBJECT", "op": "==", "value": "field17"},
    ]}  # fmt: skip
    state.ask(few)
    measure("first page of two conditions, one of them on a link", state.grid.page, floor)
    state.ask({"join": "and", "not": False, "items": []}, order="level")
    first = state.grid.page()
    measure("first page sorted by an attribute with an index", state.grid.page, floor)
    measure("the next one", lambda: state.grid.page(first["after"]), floor)
    measure("the count, capped", state.grid.count, floor)
    deep = rows * 9 // 10
    measure("the same page by OFFSET, nine tenths down", lambda: query[deep], floor)


if __name__ == "__main__":
    main()
