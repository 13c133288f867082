"""Ingest and commit against a floor that only reads and hashes the same files.

    python benchmarks/ingest.py [--full]

Files are taken in groups; for each the floor runs first, then the ingest of the same files, so
that both find them in the page cache and a busy machine slows both. What is printed is the median
over the groups, per frame (one chip of one exposure). ``--full`` adds frames of 2048 x 4096 pixels.

Beside it stands what the disk alone takes for the same bytes: plain copies, each flushed (as by
``dd conv=fsync``), as many at once as ingest has in flight. Where that is more than 10 ms a frame,
no program that keeps its promise to the disk can stay under it; what is left above it is ours.
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

GROUPS = 3
IN_FLIGHT = 4


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


def measure(label: str, paths: list[Path]) -> None:
    """Ingest files in groups and print what a frame costs."""
    rows, frames = [], 0
    for group in (paths[i::GROUPS] for i in range(GROUPS)):
        read_and_hash(group)  # whoever comes first must not pay for the disk
        _, floor, floor_cpu = timed(lambda files=group: read_and_hash(files))
        report, whole, whole_cpu = timed(lambda files=group: ingest(files))
        if report.exit_status or not report.numbers:
            raise SystemExit(str(report))
        with tempfile.TemporaryDirectory(dir=group[0].parent) as copies:
            _, disk, _ = timed(lambda files=group, to=copies: copy_durably(files, Path(to)))
        count = len(report.numbers)
        frames += count
        found = (floor, floor_cpu, disk, whole, whole_cpu, whole - floor, whole - floor - disk)
        rows.append([value / count for value in found])
    middle = [statistics.median(column) for column in zip(*rows, strict=True)]
    print(f"{label:32}{frames:7}" + "".join(f"{value:10.2f}" for value in middle), flush=True)


def main() -> None:
    """Measure mosaics and single images."""
    connect_scratch()
    titles = ("hash", "... CPU", "disk", "ingest", "... CPU", "overhead", "... - disk")
    print(f"{'ms per frame':32}{'frames':>7}" + "".join(f"{title:>10}" for title in titles))
    with tempfile.TemporaryDirectory(prefix="awlab-bench-") as name:
        folder = Path(name)
        ingest(write_frames(folder / "warm", (64, 64), 2))  # tables and imports
        measure("WFI mini night, 8 chips a file", make_wfi_night(folder / "wfi").paths)
        measure("one image of 256 x 512", write_frames(folder / "small", (512, 256), 120))
        measure("one image of 1024 x 1536", write_frames(folder / "middle", (1536, 1024), 120))
        if "--full" in sys.argv:
            measure("one image of 2048 x 4096", write_frames(folder / "large", (4096, 2048), 36))


if __name__ == "__main__":
    main()
