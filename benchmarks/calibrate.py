"""Pixel steps against ccdproc on the same arrays, and against a copy of the same bytes.

    python benchmarks/calibrate.py [--small] [--rounds N]

Frames of 2048 x 4096 pixels with overscan (512 x 1024 with --small). Every round runs all works
in turn, so a busy machine slows all of them alike; a ratio is the median over the rounds of the
ratios within a round, of wall time and of CPU time. Peak memory is that of a process of its own.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from awlab.backend import algorithms as alg

GAIN, READ_NOISE, SKY = 2.0, 2.5, 800.0
OVERSCAN = 48
BIASES = 10
Works = dict[str, Callable[[], Any]]


@dataclass(frozen=True)
class Frames:
    """Raw frames and calibrations, the same arrays for everybody."""

    layout: alg.ReadoutLayout
    biases: list[Any]
    science: Any
    bias: Any
    flat: Any
    maps: alg.PixelMaps


def make_frames(shape: tuple[int, int]) -> Frames:
    """Simulate ten biases and a science frame."""
    rng = np.random.default_rng(1)
    ny, nx = shape
    layout = alg.ReadoutLayout(
        alg.Region(0, nx, 0, ny), overscan_x=alg.Region(nx, nx + OVERSCAN, 0, ny)
    )

    def raw(light: float) -> Any:
        noise = rng.standard_normal((ny, nx + OVERSCAN), dtype=np.float32)
        noise *= np.float32((READ_NOISE**2 + light / GAIN) ** 0.5)
        noise += 300
        noise[:, :nx] += np.float32(light)
        return np.rint(noise).astype(np.uint16)

    biases = [raw(0.0) for _ in range(BIASES)]
    hot, cold, full = (np.ones(shape, np.uint8) for _ in range(3))
    for one in (hot, cold, full):
        one.flat[rng.choice(one.size, one.size // 1000, replace=False)] = 0
    flat = 1 + np.float32(0.01) * rng.standard_normal(shape, dtype=np.float32)
    bias = alg.master_bias(biases, READ_NOISE, layout).image
    return Frames(layout, biases, raw(SKY), bias, flat, alg.PixelMaps(hot, cold, full))


def reduce_ours(frames: Frames) -> alg.ReducedImage:
    """Image, weight and flags."""
    calibrations = alg.Calibrations(bias=frames.bias, flat=frames.flat)
    return alg.reduce_frame(frames.science, frames.layout, calibrations, frames.maps)


def reduce_peer(ccd: Any, bias: Any, flat: Any) -> Any:
    """Run ccdproc's steps with uncertainty, as its guide recommends them."""
    import astropy.units as u
    import ccdproc

    nx = bias.shape[1]
    frame = ccdproc.subtract_overscan(ccd, overscan=ccd[:, nx:], median=True)
    frame = ccdproc.trim_image(frame[:, :nx])
    frame = ccdproc.create_deviation(
        frame, gain=GAIN * u.electron / u.adu, readnoise=READ_NOISE * GAIN * u.electron,
        disregard_nan=True,
    )  # fmt: skip
    frame = ccdproc.subtract_bias(frame, bias)
    return ccdproc.flat_correct(frame, flat)


def memory_works(frames: Frames) -> tuple[Works, Works]:
    """Works in memory: combination, and reduction."""
    import ccdproc
    from astropy.nddata import CCDData

    cubes = [CCDData(frame, unit="adu") for frame in frames.biases]
    science = CCDData(frames.science, unit="adu")
    # ccdproc turns raw integers into float64; given float32 it has half the bytes to move.
    floats = CCDData(frames.science.astype(np.float32), unit="adu")
    bias, flat = CCDData(frames.bias, unit="adu"), CCDData(frames.flat, unit="adu")
    noise = alg.DetectorNoise(READ_NOISE)

    def plain_mean() -> Any:
        total = np.zeros(frames.biases[0].shape, np.float32)
        for frame in frames.biases:
            total += frame
        total /= BIASES
        return total

    traffic = [frames.bias, frames.flat, frames.bias, frames.flat, frames.science]
    combining: Works = {
        "awlab combine_frames": lambda: alg.combine_frames(frames.biases, noise),
        "awlab master_bias": lambda: alg.master_bias(frames.biases, READ_NOISE, frames.layout),
        "ccdproc.combine, sigma_clip": lambda: ccdproc.combine(
            cubes, method="average", sigma_clip=True, dtype=np.float32
        ),
        "numpy plain mean": plain_mean,
        "copy of the same bytes": lambda: [frame.copy() for frame in frames.biases],
    }
    reducing: Works = {
        "awlab reduce, weight, flags": lambda: reduce_ours(frames),
        "... and inverse variance": lambda: alg.inverse_variance(
            reduce_ours(frames), frames.flat, alg.DetectorNoise(READ_NOISE, GAIN), SKY
        ),
        "ccdproc with uncertainty": lambda: reduce_peer(science, bias, flat),
        "... given the raw as float32": lambda: reduce_peer(floats, bias, flat),
        "copy of the same bytes": lambda: [array.copy() for array in traffic],
    }
    return combining, reducing


_PRODUCTS = ("image", "weight", "flags")


def disk_works(frames: Frames, folder: Path) -> Works:
    """Works from file to file: all inputs are read; image, weight and flags are written.

    ccdproc reads no maps, and writes image and uncertainty.
    """
    from astropy.nddata import CCDData

    from awlab.backend.dataserver import read_images, write_image, write_images

    names = {
        "raw": frames.science, "bias": frames.bias, "flat": frames.flat,
        "hot": frames.maps.hot, "cold": frames.maps.cold, "saturated": frames.maps.saturated,
    }  # fmt: skip
    for name, pixels in names.items():
        write_image(folder / f"{name}.fits", pixels)

    def ours() -> None:
        images = read_images([folder / f"{name}.fits" for name in names])
        read = dict(zip(names, images, strict=True))
        maps = alg.PixelMaps(read["hot"], read["cold"], read["saturated"])
        files = Frames(frames.layout, [], read["raw"], read["bias"], read["flat"], maps)
        made = reduce_ours(files)
        products = {folder / f"out_{name}.fits": getattr(made, name) for name in _PRODUCTS}
        for path in products:
            # Products are new files; replacing one makes ext4 flush it, which is not asked of
            # ccdproc either: astropy removes the old file first.
            path.unlink(missing_ok=True)
        write_images(products)

    def peer() -> None:
        raw, bias, flat = (
            CCDData.read(folder / f"{name}.fits", unit="adu") for name in ("raw", "bias", "flat")
        )
        reduce_peer(raw, bias, flat).write(folder / "peer.fits", overwrite=True)

    return {"awlab, file to file": ours, "ccdproc, file to file": peer}


def measure(works: Works, rounds: int) -> dict[str, list[tuple[float, float]]]:
    """Wall and CPU seconds of each work in each round; the first round is thrown away."""
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in works}
    for turn in range(rounds + 1):
        order = list(works) if turn % 2 else list(works)[::-1]
        for name in order:
            wall, cpu = time.perf_counter(), time.process_time()
            works[name]()
            if turn:
                times[name].append((time.perf_counter() - wall, time.process_time() - cpu))
    return times


def report(title: str, times: dict[str, list[tuple[float, float]]], bound: str) -> None:
    """Print the times, and how many times slower each is than the first."""
    print(f"\n{title}   (bound: {bound})")
    print(f"{'':30}{'wall ms':>10}{'CPU ms':>10}{'x wall':>9}{'x CPU':>9}")
    first = next(iter(times.values()))
    for name, found in times.items():
        wall, cpu = (statistics.median(pair[i] for pair in found) * 1e3 for i in (0, 1))
        ratios = [
            statistics.median(
                pair[i] / max(base[i], 1e-9) for pair, base in zip(found, first, strict=True)
            )
            for i in (0, 1)
        ]
        print(f"{name:30}{wall:10.1f}{cpu:10.1f}{ratios[0]:9.2f}{ratios[1]:9.2f}")


def peak_memory(shape: tuple[int, int]) -> None:
    """Print the peak of this process, which has run awlab's steps alone."""
    frames = make_frames(shape)
    reduce_ours(frames)
    status = Path("/proc/self/status")
    if status.exists():  # what getrusage says there includes the parent before exec
        lines = status.read_text(encoding="ascii").splitlines()
        peak = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) * 1024
    else:
        unit = 1 if sys.platform == "darwin" else 1024
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    print(f"peak memory, ten biases and a reduction: {peak / 1e9:.2f} GB   (bound: 1.5 GB)")


def main() -> None:
    """Measure in turn and print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--small", action="store_true", help="512 x 1024 pixels, for a quick look")
    parser.add_argument("--rounds", type=int, default=5, help="rounds that count")
    parser.add_argument("--memory", action="store_true", help="only print the peak memory")
    chosen = parser.parse_args()
    shape = (1024, 512) if chosen.small else (4096, 2048)
    if chosen.memory:
        peak_memory(shape)
        return
    warnings.simplefilter("ignore")
    started = time.perf_counter()
    alg.prewarm()
    print(f"{shape[1]} x {shape[0]} pixels, {chosen.rounds} rounds; ", end="")
    print(f"kernels loaded in {time.perf_counter() - started:.1f} s")
    frames = make_frames(shape)
    combining, reducing = memory_works(frames)
    report(f"{BIASES} biases", measure(combining, chosen.rounds), "ccdproc at least 15 x")
    report("Reduction in memory", measure(reducing, chosen.rounds), "ccdproc at least 8 x")
    with tempfile.TemporaryDirectory() as folder:
        times = measure(disk_works(frames, Path(folder)), chosen.rounds)
    report("Reduction, file to file", times, "ccdproc at least 4 x")
    print(flush=True)
    arguments = [sys.executable, __file__, "--memory", *(["--small"] if chosen.small else [])]
    subprocess.run(arguments, check=True)


if __name__ == "__main__":
    main()
