"""One frame through the whole chain: CPU seconds from the raw file to the regridded one.

    python benchmarks/chain.py [--small] [--frames N]

Frames of 2048 x 4096 pixels (512 x 1024 with --small) of a simulated night. Calibrations, the
zeropoint of the night and a first frame (kernels, tables) are made before; what is measured for
every further frame are the targets that it has of its own: reduced frame, maps of saturated pixels,
cosmic rays and satellites, weight, astrometry, regridded frame and source list, each with its file,
its checksum, its row and its lineage. CPU time is that of this process; PostgreSQL's is beside it.
The floor reads the raw file and writes as many bytes as the products have.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

from registry import connect_scratch
from sky_frames import peak_memory

from awlab.backend.ingest import ingest
from awlab.backend.ingest.nights import make_wfi_night
from awlab.backend.ingest.nights.references import ingest_references

CHIP, FILTER, FIELD = "ccd53", "#842", "SIM_DEEP_1"
# Calibrations are not measured: few exposures are enough.
KEPT = {"bias": 5, "dark": 3, "dome": 20, "twilight": 5, "standard": 2, "science": 99}


def some_of(night: Any) -> list[Path]:
    """Raw files of the night: not more of a kind than are needed."""
    from awlab.backend.ingest.nights import NightTruth

    exposures = NightTruth(night.truth).exposures
    left = dict(KEPT)
    chosen = []
    for path in night.paths:
        kind = exposures[path.name]["kind"]
        left[kind] -= 1
        chosen += [path] if left[kind] >= 0 else []
    return chosen


class Meter:
    """CPU time of this process between the targets of a plan, by class."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._last = time.process_time()

    def __call__(self, _done: int, _total: int, name: str) -> None:
        """Add what was used since the last target to the class of this one."""
        now = time.process_time()
        self.seconds[name.split(maxsplit=1)[0]] += now - self._last
        self._last = now


def pull(raw: Any) -> tuple[dict[str, float], list[Any]]:
    """Make all that a raw frame has of its own; CPU seconds by class, and the objects."""
    from awlab.backend.targets import RegriddedFrame, SourceList

    meter = Meter()
    made = []
    for cls in (RegriddedFrame, SourceList):
        made += cls.plan(raw=raw).run(progress=meter)
    return dict(meter.seconds), made


def floor(raw: Any, size: int, folder: Path) -> float:
    """CPU seconds to read the raw file and to write so many bytes."""
    before = time.process_time()
    Path(raw.retrieve()).read_bytes()
    block = bytes(1 << 20)
    with (folder / "floor").open("wb") as file:
        for _ in range(size >> 20):
            file.write(block)
    return time.process_time() - before


def own_bytes(raw: Any) -> int:
    """Bytes of the files that were made of a raw frame."""
    from awlab.backend.datamodel import DataObject

    return sum(
        int(item.file_size or 0)
        for item in raw.downstream()
        if isinstance(item, DataObject) and getattr(item, "raw", None) == raw
    )


def main() -> None:
    """Prepare, measure frame by frame, print the medians."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--small", action="store_true", help="512 x 1024 pixels, for a quick look")
    parser.add_argument("--frames", type=int, default=4, help="frames that count, 4 at most")
    chosen = parser.parse_args()
    size = (512, 1024) if chosen.small else (2048, 4096)
    connect_scratch()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        night = make_wfi_night(folder / "night", size=size, chips=[CHIP], filters=[FILTER])
        ingest(some_of(night))
        ingest_references(night)
        measure(folder, chosen.frames, size)


def measure(folder: Path, number: int, size: tuple[int, int]) -> None:
    """Pull frames one by one and print what they cost."""
    from awlab.backend.datamodel import RawScienceFrame

    raws = list(RawScienceFrame.select(object=FIELD).order_by("DATE_OBS"))[: number + 1]
    started = time.process_time()
    pull(raws[0])
    print(f"calibrations and first frame: {time.process_time() - started:.0f} s CPU")
    rows, floors, wall = [], [], []
    for raw in raws[1:]:
        begun = time.perf_counter()
        rows.append(pull(raw)[0])
        wall.append(time.perf_counter() - begun)
        floors.append(floor(raw, own_bytes(raw), folder))
    print(f"\n{size[0]} x {size[1]} pixels, {len(rows)} frames, medians   (bound: 4 s CPU a frame)")
    for cls in rows[0]:
        print(f"{cls:26}{statistics.median(row[cls] for row in rows):8.2f} s CPU")
    total = statistics.median(sum(row.values()) for row in rows)
    least = statistics.median(floors)
    print(f"{'all':26}{total:8.2f} s CPU, {statistics.median(wall):.2f} s of the clock")
    print(f"{'floor: the bytes alone':26}{least:8.2f} s CPU{total / max(least, 1e-3):8.1f} x")
    print(f"peak memory of this process: {peak_memory():.2f} GB   (bound: 2 GB)")


if __name__ == "__main__":
    main()
