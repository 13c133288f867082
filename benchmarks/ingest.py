"""Ingest and commit against a floor that only reads and hashes the same files.

    python benchmarks/ingest.py [--full]

Files are taken in groups; for each the floor runs first, then the ingest of the same files, so
that both find them in the page cache and a busy machine slows both. Groups are copied and moved
(``move=True``) in turn. What is printed is the median over the groups of a kind, per frame (one
chip of one exposure). ``--full`` adds frames of 2048 x 4096 pixels. Files are on the disk before
anything is measured, as those of a night are.

Beside it stands what the disk alone takes for the same bytes: plain copies, each flushed (as by
``dd conv=fsync``), as many at once as ingest has in flight. Where that is more than 10 ms a frame,
no program that copies and keeps its promise to the disk can stay under it; what is left above it is
ours. The ratio is ingest against reading and hashing, for copies with the disk's time added. The
last column is the smallest overhead of a group: on a busy machine the one nearest to a quiet one's.
CPU time is this process's alone and does not care who else works here: with idle cores and a fast
disk the overhead is CPU time / cores minus that of the floor.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from registry import connect_scratch

from awlab.backend.dataserver import write_image
from awlab.backend.ingest import ingest
from awlab.backend.ingest.nights import make_wfi_night

GROUPS = 5
IN_FLIGHT = 4
_OVERHEAD = 5  # its place in a row of numbers


def read_and_hash(paths: list[Path]) -> None:
    """Read every file once and take its SHA-256."""
    for path in paths:
        with path.open("rb", buffering=0) as file:
            hashlib.file_digest(file, "sha256").hexdigest()


def copy_durably(paths: list[Path], folder: Path) -> None:
    """Copy every file and flush it to the disk, several at once."""

    def copy(path: Path) -> None:
        with path.open("rb") as source, (folder / path.name).open("wb") as target:
            shutil.copyfileobj(source, target, 1 << 20)
            target.flush()
            os.fsync(target.fileno())

    with ThreadPoolExecutor(IN_FLIGHT) as pool:
        list(pool.map(copy, paths))


def write_frames(folder: Path, shape: tuple[int, int], count: int) -> list[Path]:
    """Write bias frames of one image each, no two alike."""
    rng = np.random.default_rng(1)
    folder.mkdir()
    paths = []
    for number in range(count):
        path = folder / f"bias-{number:03}.fits"
        pixels = rng.normal(300, 5, shape).astype(np.uint16)
        header = {
            "INSTRUME": "benchmark",
            "IMAGETYP": "bias",
            "EXPTIME": 0.0,
            "DATE-OBS": f"2000-04-28T22:{number // 60:02}:{number % 60:02}",
        }
        write_image(path, pixels, header)
        paths.append(path)
    return paths


def timed(work: Callable[[], Any]) -> tuple[Any, float, float]:
    """Result, wall and CPU milliseconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = work()
    return result, (time.perf_counter() - wall) * 1e3, (time.process_time() - cpu) * 1e3


def measure(label: str, paths: list[Path], *, can_move: bool = True) -> None:
    """Ingest files in groups, copied and moved in turn, and print what a frame costs."""
    ways = (False, True) if can_move else (False,)
    os.sync()
    found: dict[bool, list[list[float]]] = {move: [] for move in ways}
    frames = dict.fromkeys(ways, 0)
    parts = GROUPS * len(ways)
    for number in range(parts):
        move = ways[number % len(ways)]
        row, count = measure_group(paths[number::parts], move=move)
        found[move].append(row)
        frames[move] += count
    for move, rows in found.items():
        middle = [statistics.median(column) for column in zip(*rows, strict=True)]
        middle.append(min(row[_OVERHEAD] for row in rows))
        text = f"{label}, {'move' if move else 'copy'}"
        numbers = "".join(f"{value:10.2f}" for value in middle)
        print(f"{text:38}{frames[move]:7}{numbers}", flush=True)


def measure_group(group: list[Path], *, move: bool) -> tuple[list[float], int]:
    """Milliseconds per frame, the ratio to the floor, and the number of frames."""
    read_and_hash(group)  # whoever comes first must not pay for the disk
    with tempfile.TemporaryDirectory(dir=group[0].parent) as copies:
        _, disk, _ = timed(lambda: copy_durably(group, Path(copies)))
    _, floor, floor_cpu = timed(lambda: read_and_hash(group))
    report, whole, whole_cpu = timed(lambda: ingest(group, move=move))
    if report.exit_status or not report.numbers or report.moved != move * len(group):
        raise SystemExit(str(report))
    count = len(report.numbers)
    found = (floor, floor_cpu, disk, whole, whole_cpu, whole - floor)
    ratio = whole / (floor if move else floor + disk)
    return [*(value / count for value in found), ratio], count


def main() -> None:
    """Measure mosaics and single images."""
    os.environ["AWLAB_HOME"] = str(connect_scratch())  # notes of stored files are there
    titles = ("hash", "... CPU", "disk", "ingest", "... CPU", "overhead", "ratio", "least")
    print(f"{'ms per frame':38}{'frames':>7}" + "".join(f"{title:>10}" for title in titles))
    with tempfile.TemporaryDirectory(prefix="awlab-bench-") as name:
        folder = Path(name)
        ingest(write_frames(folder / "warm", (64, 64), 2))  # tables and imports
        night = make_wfi_night(folder / "wfi").paths
        measure("WFI mini night, 8 chips a file", night, can_move=False)
        measure("one image of 256 x 512", write_frames(folder / "small", (512, 256), 400))
        measure("one image of 1024 x 1536", write_frames(folder / "middle", (1536, 1024), 200))
        if "--full" in sys.argv:
            measure("one image of 2048 x 4096", write_frames(folder / "large", (4096, 2048), 80))


if __name__ == "__main__":
    main()
