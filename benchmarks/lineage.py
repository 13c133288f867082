"""Lineage walks against the bare recursive statement, and bulk registration against bare COPY.

    python benchmarks/lineage.py [ancestors]

A coadd of that many ancestors among ten times as many objects. The floors run in the same
process, interleaved with what they are compared with; ratios are of medians of wall times.
"""

from __future__ import annotations

import io
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from registry import connect_scratch

from awlab.backend.database import (
    DBObject,
    current_database,
    objects_with_ids,
    persistent,
    register_bulk,
)

ROUNDS = 15
COADDS = 10
BARE = """WITH RECURSIVE met(id) AS (
    SELECT {go} FROM edge WHERE {come} = %s
    UNION SELECT e.{go} FROM edge e JOIN met ON e.{come} = met.id)
SELECT id FROM met"""
UPSTREAM = BARE.format(come="target", go="source")
DOWNSTREAM = BARE.format(come="source", go="target")


class BenchRaw(DBObject):
    """Raw frame."""

    level = persistent("Level [ADU]", float)


class BenchReduced(DBObject):
    """Made from one raw frame and a master bias."""

    raw = persistent("Raw frame", BenchRaw)
    bias = persistent("Master bias", DBObject, dependency=True)
    level = persistent("Level [ADU]", float)


class BenchBias(DBObject):
    """Made from ten raw frames."""

    raws = persistent("Raw frames", BenchRaw, [])


class BenchCoadd(DBObject):
    """Made from many reduced frames."""

    frames = persistent("Frames", BenchReduced, [])


def _offsets(count: int, each: int) -> NDArray[Any]:
    return np.arange(0, (count + 1) * each, each)


def fill(ancestors: int) -> tuple[Any, Any]:
    """Register ten coadds of ``ancestors`` ancestors each; return a coadd and its bias."""
    each = max(1, (ancestors - 11) // 2)
    frames = COADDS * each
    raws = register_bulk(BenchRaw, {"level": np.arange(frames + 10 * COADDS, dtype=float)})
    bias = register_bulk(BenchBias, {}, {"raws": (_offsets(COADDS, 10), raws[frames:])})
    reduced = register_bulk(
        BenchReduced,
        {"raw": raws[:frames], "bias": np.repeat(bias, each), "level": np.ones(frames)},
    )
    coadds = register_bulk(BenchCoadd, {}, {"frames": (_offsets(COADDS, each), reduced)})
    pair = np.array([coadds[0], bias[0]])
    coadd, first = objects_with_ids(current_database(), pair, DBObject)
    return coadd, first


def bare(statement: str, number: int) -> int:
    """Run the bare recursive statement with psycopg2."""
    with current_database().autocommit() as connection:
        cursor = connection.connection.cursor()
        cursor.execute(statement, (number,))
        rows = cursor.fetchall()
        cursor.close()
    return len(rows)


def compare(title: str, works: dict[str, Callable[[], int]]) -> None:
    """Run works in turn; print medians and ratios to the first, the floor."""
    database = current_database()
    times: dict[str, list[float]] = {name: [] for name in works}
    told: dict[str, str] = {}
    for turn in range(ROUNDS + 1):
        for name, work in works.items():
            before, started = database.statements, time.perf_counter()
            found = work()
            if turn:
                times[name].append(time.perf_counter() - started)
            told[name] = f"{found:,} objects, {database.statements - before} statements"
    base = statistics.median(next(iter(times.values())))
    print(title)
    for name, taken in times.items():
        middle = statistics.median(taken)
        print(f"  {name:<24}{middle * 1e3:9.1f} ms{middle / base:7.2f} x  {told[name]}")


def walks(coadd: Any, bias: Any) -> None:
    """Compare walks with the bare statements."""
    compare(
        "all ancestors of a coadd",
        {
            "bare recursive CTE": lambda: bare(UPSTREAM, coadd._id),
            "coadd.upstream()": lambda: len(coadd.upstream()),
            ".objects(BenchReduced)": lambda: len(coadd.upstream().objects(BenchReduced)),
            "upstream and its edges": lambda: len(coadd.upstream().edges()),
        },
    )
    compare(
        "all descendants of a bias",
        {
            "bare recursive CTE": lambda: bare(DOWNSTREAM, bias._id),
            "bias.downstream()": lambda: len(bias.downstream()),
        },
    )


TABLES = {
    "BenchReduced": 'SELECT * FROM "BenchReduced" WHERE id BETWEEN %s AND %s',
    "dbobject": "SELECT * FROM dbobject WHERE id BETWEEN %s AND %s",
    "edge": "SELECT * FROM edge WHERE target BETWEEN %s AND %s",
}


def copy_again(ids: NDArray[Any]) -> float:
    """Copy the rows just registered into bare tables with the same indexes; return the seconds.

    No trigger, no foreign key, no check: what COPY can do at best.
    """
    with current_database().transaction() as connection:
        cursor = connection.connection.cursor()
        streams = {}
        for name, select in TABLES.items():
            rows = cursor.mogrify(select, (int(ids[0]), int(ids[-1])))
            streams[name] = io.BytesIO()
            cursor.copy_expert(b"COPY (" + rows + b") TO STDOUT (FORMAT binary)", streams[name])
            cursor.execute(
                f'CREATE TABLE IF NOT EXISTS "bare {name}" (LIKE "{name}" INCLUDING ALL)'
            )
            cursor.execute(f'TRUNCATE "bare {name}"')
        connection.connection.commit()
        started = time.perf_counter()
        for name, stream in streams.items():
            stream.seek(0)
            cursor.copy_expert(f'COPY "bare {name}" FROM STDIN (FORMAT binary)', stream)
        connection.connection.commit()
        return time.perf_counter() - started


def registration(count: int = 50_000) -> None:
    """Compare bulk registration with COPY of the same rows into bare tables."""
    raws = register_bulk(BenchRaw, {"level": np.ones(count)})
    bias = register_bulk(BenchBias, {}, {"raws": ([0, 1], raws[:1])})
    columns = {"raw": raws, "bias": np.repeat(bias, count), "level": np.ones(count)}
    mine, floor = [], []
    for _ in range(3):
        started = time.perf_counter()
        ids = register_bulk(BenchReduced, columns)
        mine.append(time.perf_counter() - started)
        floor.append(copy_again(ids))
    best, least = statistics.median(mine), statistics.median(floor)
    print(f"registering {count:,} objects with {2 * count:,} edges")
    print(f"  {'bare COPY':<24}{count / least:9,.0f} objects/s")
    print(f"  {'register_bulk':<24}{count / best:9,.0f} objects/s  {least / best:.0%} of it")


def main() -> None:
    """Fill a scratch database, measure, print."""
    ancestors = int(sys.argv[1]) if len(sys.argv) > 1 else 5_000
    connect_scratch()
    coadd, bias = fill(ancestors)
    walks(coadd, bias)
    registration()


if __name__ == "__main__":
    main()
