"""Ingest and commit against a floor that only reads and hashes the same files.

    python benchmarks/ingest.py [--full]

Files are taken in groups; for each the floor runs first, then the ingest of the same files, so
that both find them in the page cache and a busy machine slows both. What is printed is the median
over the groups, per frame (one chip of one exposure). ``--full`` adds frames of 2048 x 4096 pixels,
whose statistics, copy and flush to the disk grow with their size.
"""

from __future__ import annotations

import hashlib
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from registry import connect_scratch

from awlab.backend.dataserver import write_image
from awlab.backend.ingest import ingest
from awlab.backend.ingest.nights import make_wfi_night

GROUPS = 7


def read_and_hash(paths: list[Path]) -> None:
    """Read every file once and take its SHA-256."""
    for path in paths:
        with path.open("rb", buffering=0) as file:
            hashlib.file_digest(file, "sha256").hexdigest()


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


def measure(label: str, paths: list[Path]) -> None:
    """Ingest files in groups and print what a frame costs."""
    floors, totals, frames = [], [], 0
    for group in (paths[i::GROUPS] for i in range(GROUPS)):
        read_and_hash(group)  # whoever comes first must not pay for the disk
        begin = time.perf_counter()
        read_and_hash(group)
        middle = time.perf_counter()
        report = ingest(group)
        end = time.perf_counter()
        if report.exit_status or not report.numbers:
            raise SystemExit(str(report))
        frames += len(report.numbers)
        floors.append((middle - begin) / len(report.numbers))
        totals.append((end - middle) / len(report.numbers))
    floor, total = statistics.median(floors), statistics.median(totals)
    over = statistics.median(b - a for a, b in zip(floors, totals, strict=True))
    print(
        f"{label:34} {frames:4} frames: floor {floor * 1e3:6.2f} ms, ingest {total * 1e3:6.2f} ms,"
        f" ratio {total / floor:5.1f}, overhead {over * 1e3:6.2f} ms per frame"
    )


def main() -> None:
    """Measure mosaics and single images."""
    connect_scratch()
    with tempfile.TemporaryDirectory(prefix="awlab-bench-") as name:
        folder = Path(name)
        ingest(write_frames(folder / "warm", (64, 64), 2))  # tables and imports
        measure("WFI mini night, 8 chips a file", make_wfi_night(folder / "wfi").paths)
        measure("one image of 256 x 512", write_frames(folder / "small", (512, 256), 70))
        measure("one image of 1024 x 1536", write_frames(folder / "middle", (1536, 1024), 70))
        if "--full" in sys.argv:
            measure("one image of 2048 x 4096", write_frames(folder / "large", (4096, 2048), 28))


if __name__ == "__main__":
    main()
