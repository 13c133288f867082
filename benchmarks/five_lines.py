"""The five-line script over a large registry, against hand-written SQL with psycopg2.

    python benchmarks/five_lines.py [objects]

The floor runs in the same process, interleaved; ratios are of medians of wall times.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

from registry import connect_scratch, fill

from awlab.backend.database import Query, current_database
from awlab.backend.targets import ReducedScienceFrame

ROUNDS = 7
SQL = """SELECT r.imstat_stdev, f.imstat_stdev FROM "ReducedScienceFrame" r
JOIN "Chip" c ON r.chip = c.id JOIN "Filter" b ON r.filter = b.id
JOIN "MasterFlatFrame" f ON r.flat = f.id WHERE c.name LIKE %s AND b.name LIKE %s"""


def five_lines() -> int:
    """Run the slides' list comprehensions."""
    q = (ReducedScienceFrame.chip.name.like("ccd*")) & (ReducedScienceFrame.filter.name.like("#*"))
    x = [k.imstat.stdev for k in q]
    y = [k.flat.imstat.stdev for k in q]
    return len(x) + len(y)


def columns() -> int:
    """Ask for the same as arrays."""
    q: Query = ReducedScienceFrame.chip.name.like("ccd*") & ReducedScienceFrame.filter.name.like(
        "#*"
    )
    return len(q.columns("imstat.stdev", "flat.imstat.stdev")["imstat.stdev"])


def floor() -> int:
    """Fetch both columns with hand-written SQL and split them into two lists."""
    with current_database().autocommit() as connection:
        cursor = connection.connection.cursor()
        cursor.execute(SQL, ("ccd%", "#%"))
        rows = cursor.fetchall()
        cursor.close()
    return len([row[0] for row in rows]) + len([row[1] for row in rows])


def main() -> None:
    """Measure in turn and print the ratios."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    connect_scratch()
    fill(count)
    works: dict[str, Callable[[], Any]] = {
        "hand-written SQL": floor,
        "five lines": five_lines,
        "q.columns": columns,
    }
    times: dict[str, list[float]] = {name: [] for name in works}
    statements: dict[str, int] = {}
    for turn in range(ROUNDS + 1):
        for name, work in works.items():
            before, started = current_database().statements, time.perf_counter()
            work()
            if turn:
                times[name].append(time.perf_counter() - started)
            statements[name] = current_database().statements - before
    base = statistics.median(times["hand-written SQL"])
    print(f"{count:,} objects")
    for name, found in times.items():
        middle = statistics.median(found)
        print(
            f"{name:<18}{middle * 1e3:9.1f} ms{middle / base:7.2f} x  {statements[name]} statements"
        )


if __name__ == "__main__":
    main()
