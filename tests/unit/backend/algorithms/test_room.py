"""The room as a whole: lazy, prewarmed, and content hashes."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from awlab.backend import algorithms
from awlab.backend.algorithms import content_hash, prewarm


def test_every_public_name_loads_and_nothing_else_is_public():
    for name in algorithms.__all__:
        assert getattr(algorithms, name).__doc__
    assert sorted(algorithms._HOME) == sorted(algorithms.__all__) == dir(algorithms)
    with pytest.raises(AttributeError, match="nonsense"):
        _ = algorithms.nonsense


@pytest.mark.parametrize(
    "line", ["import awlab.backend.algorithms", "from {} import combine_frames"]
)
def test_numba_and_scipy_wait_for_the_first_call(line):
    code = line.format("awlab.backend.algorithms") + (
        "\nimport sys; print(sorted({'numba', 'scipy', 'astropy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_prewarm_leaves_nothing_to_compile():
    prewarm()
    from awlab.backend.algorithms import (
        coadd_growth_kernel,
        coadd_kernel,
        coadd_mean_kernel,
        combine_kernel,
        reduce_kernel,
        regrid_kernel,
        statistics_kernel,
    )

    kernels = [
        combine_kernel.combine_mean,
        combine_kernel.combine_weighted,
        reduce_kernel.reduce_rows,
        statistics_kernel.core_moments,
        regrid_kernel.prepare_rows,
        regrid_kernel.fill_rows,
        regrid_kernel.regrid_rows,
        coadd_kernel.load_rows,
        coadd_kernel.clip_rows,
        coadd_growth_kernel.grow_runs,
        coadd_mean_kernel.average_rows,
    ]
    before = [len(kernel.signatures) for kernel in kernels]
    assert min(before) > 0
    data = [np.full((8, 8), 5 + i, np.uint16) for i in range(5)]
    noise = algorithms.DetectorNoise(1.0, 2.0)
    algorithms.combine_frames(data, noise)
    algorithms.combine_flats(data, noise)
    layout = algorithms.ReadoutLayout(algorithms.Region(0, 8, 0, 8))
    algorithms.reduce_frame(data[0], layout, algorithms.Calibrations(overscan_correction=0))
    grid = algorithms.TanGrid(10.0, 20.0, 0.5)
    cards = grid.cards(algorithms.GridWindow(0, 8, 0, 8))
    made = algorithms.regrid_frame(np.ones((8, 8), np.float32), None, cards, grid)
    algorithms.coadd_frames([algorithms.CoaddFrame.of(made, name) for name in "ab"])
    assert [len(kernel.signatures) for kernel in kernels] == before


def test_content_hash():
    image = np.arange(12, dtype=np.float32).reshape(3, 4)
    known = content_hash(image)
    assert len(known) == 32
    assert content_hash(image.copy()) == known
    assert content_hash(image.astype(">f4")) == known, "byte order is not content"
    assert content_hash(np.asfortranarray(image)) == known, "memory layout is not content"
    assert content_hash(image.reshape(4, 3)) != known
    assert content_hash(image.astype(np.uint16)) != known
    changed = image.copy()
    changed[2, 3] += 1
    assert content_hash(changed) != known
    assert len(content_hash(image, digest_size=8)) == 16
    # Kept here, because it is kept in databases: the hash may never change.
    assert content_hash(np.arange(3, dtype=np.uint16)) == "b205dc07d91fb5b7d544b30616d54226"
