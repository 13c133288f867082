"""Five years of calibrations: how fast they are registered, and what a trend over them costs.

    python benchmarks/history.py [objects ...]

The trend of the zeropoint with its night, chip and filter is read through `trend`, and the same
columns by hand-written SQL in the same run, in turn; the best of each is compared.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from registry import connect_scratch

from awlab.backend.database import current_database
from awlab.backend.demo import make_history
from awlab.backend.quality import trend
from awlab.backend.targets import PhotometricParameters

ROUNDS = 7
BY_HAND = """SELECT p.timestamp_start, p.zeropoint, c.name, f.name FROM "PhotometricParameters" p
    JOIN "Chip" c ON c.id = p.chip JOIN "Filter" f ON f.id = p.filter"""


def by_hand() -> int:
    """Read the rows as anybody would."""
    with current_database().reading() as connection:
        return len(connection.execute(sa.text(BY_HAND)).all())


def seconds(work: Callable[[], Any]) -> float:
    """Time one call."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def measure(objects: int) -> None:
    """Make one history and read a trend of it."""
    connect_scratch()
    made = make_history(objects)
    print(f"{made.objects:,} objects registered in {made.seconds:.1f} s:"
          f" {made.objects / made.seconds:,.0f} objects/s")  # fmt: skip
    before = current_database().statements
    points = len(trend(PhotometricParameters, "zeropoint"))
    statements = current_database().statements - before
    assert by_hand() == points
    pairs = [
        (seconds(lambda: trend(PhotometricParameters, "zeropoint")), seconds(by_hand))
        for _ in range(ROUNDS)
    ]
    ours, hand = (min(column) for column in zip(*pairs, strict=True))
    print(f"trend of {points:,} zeropoints: {1e3 * ours:.1f} ms in {statements} statement(s),"
          f" by hand {1e3 * hand:.1f} ms, ratio {ours / hand:.2f}")  # fmt: skip
    found = trend(PhotometricParameters, "zeropoint")
    spent = seconds(lambda: (found.jumps(), found.outliers()))
    print(f"jumps and outliers of {len(list(found))} series: {1e3 * spent:.0f} ms")


def main() -> None:
    """Measure every size asked for."""
    for objects in [int(word) for word in sys.argv[1:]] or [20_000, 200_000]:
        measure(objects)


if __name__ == "__main__":
    main()
