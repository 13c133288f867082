"""A synthetic registry of science frames through the public bulk API.

    python benchmarks/registry.py [objects]

One chip, filter and flat for every 50 frames; prints how fast it was registered.
"""

from __future__ import annotations

import atexit
import shutil
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from awlab.backend.database import close_database, register_bulk, start_embedded
from awlab.backend.datamodel import Chip, Filter, Instrument, connect
from awlab.backend.settings import Settings
from awlab.backend.targets import BiasFrame, MasterFlatFrame, ReducedScienceFrame

__all__ = ["connect_scratch", "fill"]

FRAMES_PER_FLAT = 50


def connect_scratch() -> Path:
    """Connect to a private database in a folder of its own, which goes when the program ends."""
    home = Path(tempfile.mkdtemp(prefix="awlab-bench-"))
    connect(settings=Settings(home=home))
    atexit.register(_clear, home)
    return home


def _clear(home: Path) -> None:
    close_database()
    start_embedded(home).stop()
    shutil.rmtree(home, ignore_errors=True)


def fill(count: int = 100_000, seed: int = 1) -> float:
    """Register ``count`` objects, most of them reduced frames; return the seconds it took."""
    random = np.random.default_rng(seed)
    camera = Instrument(name="WFI", timezone=-4.0).commit()
    chips = [Chip(instrument=camera, name=f"ccd5{i}").commit()._id for i in range(8)]
    bands = [Filter(instrument=camera, name=f"#84{i}").commit()._id for i in (2, 4)]
    started = time.perf_counter()
    flats = max(16, count // FRAMES_PER_FLAT)
    frames = count - 2 * flats
    chip = np.asarray(chips)[np.arange(flats) % 8]
    bias = register_bulk(
        BiasFrame,
        {"instrument": camera, "chip": chip, "imstat.stdev": random.normal(2, 0.1, flats)},
    )
    flat = register_bulk(
        MasterFlatFrame,
        {
            "instrument": camera,
            "chip": chip,
            "filter": np.asarray(bands)[np.arange(flats) // 8 % 2],
            "imstat.stdev": random.normal(0.04, 0.01, flats),
        },
    )
    which = np.arange(frames) % flats
    register_bulk(
        ReducedScienceFrame,
        {
            "instrument": camera,
            "chip": chip[which],
            "filter": np.asarray(bands)[which // 8 % 2],
            "bias": bias[which],
            "flat": flat[which],
            "imstat.stdev": random.normal(20, 3, frames),
            "EXPTIME": np.full(frames, 300.0),
        },
    )
    return time.perf_counter() - started


def main() -> None:
    """Fill a scratch database and say how fast it went."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    connect_scratch()
    seconds = fill(count)
    print(f"registered {count:,} objects in {seconds:.2f} s: {count / seconds:,.0f} objects/s")


if __name__ == "__main__":
    main()
