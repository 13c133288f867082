"""A regridded frame with all it is made from, committed, with small files of known content."""

from __future__ import annotations

from datetime import datetime, timedelta
from types import SimpleNamespace

import numpy as np
import pytest

from awlab.backend.catalogs import SourceTable, write_catalog
from awlab.backend.datamodel import (
    Astrom,
    Chip,
    Filter,
    Imstat,
    Instrument,
    ObservingBlock,
    RawScienceFrame,
)
from awlab.backend.dataserver import write_image, write_mosaic
from awlab.backend.targets import (
    AstrometricParameters,
    CoaddedRegriddedFrame,
    PhotometricParameters,
    ReducedScienceFrame,
    RegriddedFrame,
    WeightFrame,
)

START = datetime(2002, 3, 18, 3, 35, 21)
GRID = "TAN 201.500000 -31.500000 0.2000"


def pixels(shape, level, seed=1):
    """Noise about a level, with one bright pixel at (x, y) = (11, 21) of FITS."""
    image = np.random.default_rng(seed).normal(level, 1.0, shape).astype(np.float32)
    image[20, 10] = 5000.0
    return image


def plane(shape):
    """A weight whose first three columns are bad."""
    weight = np.ones(shape, np.float32)
    weight[:, :3] = 0
    return weight


def _solution(raw, reduced, folder, n):
    """Astrometry of 317 stars, a fifth of them clipped."""
    rng = np.random.default_rng(n)
    stars = {
        "RA": rng.uniform(201.4, 201.6, 317), "DEC": rng.uniform(-31.6, -31.4, 317),
        "X_IMAGE": rng.uniform(1, 100, 317), "Y_IMAGE": rng.uniform(1, 200, 317),
        "DRA": rng.normal(-0.001, 0.209, 317), "DDEC": rng.normal(0.002, 0.178, 317),
        "USED": (np.arange(317) % 5 > 0).astype(np.uint8),
    }  # fmt: skip
    path = folder / f"residuals{n}.parquet"
    write_catalog(path, SourceTable(stars))
    found = AstrometricParameters(
        path, raw=raw, reduced=reduced, instrument=raw.instrument, chip=raw.chip,
        RMS=0.252, SEEING=0.856, NREF=317, SIG_DRA=0.209, SIG_DDEC=0.178, MEAN_DRA=-0.001,
        MEAN_DDEC=0.002, RA=201.5, DEC=-31.5,
        anisotropy={"stars": {"x": [10.0, 50.0], "y": [20.0, 90.0], "e1": [0.1, 0.0],
                              "e2": [0.0, -0.1]}, "map": {}, "residual": 0.01},
    )  # fmt: skip
    return found.store()


def _frame(n, folder, things):
    shape = (200, 100)
    when = START + timedelta(minutes=10 * n)
    path = folder / f"raw{n}.fits"
    write_image(path, np.full(shape, 300 + n, np.uint16))
    common = {"instrument": things.instrument, "chip": things.chip}
    raw = RawScienceFrame(
        path, **common, filter=things.filter, observing_block=things.block, DATE_OBS=when,
        MJD_OBS=52351.1495509 + n / 144, EXPTIME=299.9176, OBJECT="Sha-W", OBSERVER="UNKNOWN",
        AIRMSTRT=1.246, AIRMEND=1.246, night="2002-03-17", NAXIS1=100, NAXIS2=200,
        astrom=Astrom(CRVAL1=201.625, CRVAL2=-31.645722, CRPIX1=50.0, CRPIX2=100.0,
                      CD1_1=-5e-5, CD1_2=0.0, CD2_1=0.0, CD2_2=5e-5, CTYPE1="RA---TAN",
                      CTYPE2="DEC--TAN"),
    ).store()  # fmt: skip
    path = folder / f"reduced{n}.fits"
    write_image(path, pixels(shape, 100.0, n))
    reduced = ReducedScienceFrame(
        path, **common, raw=raw, filter=things.filter, DATE_OBS=when, OBJECT="Sha-W",
        astrom=raw.astrom, NAXIS1=100, NAXIS2=200,
    ).store()  # fmt: skip
    path = folder / f"weight{n}.fits"
    write_image(path, plane(shape))
    weight = WeightFrame(path, **common, raw=raw).store()
    path = folder / f"regridded{n}.fits"
    image = pixels(shape, 0.5 * n, n)
    write_mosaic(path, {}, [({"EXTNAME": "IMAGE"}, image),
                            ({"EXTNAME": "WEIGHT"}, plane(shape))])  # fmt: skip
    return RegriddedFrame(
        path, **common, filter=things.filter, raw=raw, reduced=reduced, weight=weight,
        astrom_params=_solution(raw, reduced, folder, n), photom_params=things.zeropoint,
        grid=GRID, window_x0=-50, window_y0=-100, NAXIS1=100, NAXIS2=200, RA=201.625,
        DEC=-31.645722, DATE_OBS=when, OBJECT="Sha-W", EXPTIME=299.9176, zeropoint=25.0,
        quality_flags=(1 << 5) if n == 4 else 0,
        imstat=Imstat(mean=93.27 if n == 4 else 80.0 + n, median=88.87, stdev=2945.0,
                      min=-6.036e6, max=3.727e6, npix=20000),
    ).store()  # fmt: skip


@pytest.fixture(scope="module")
def database(new_home, connected_to):
    """A database of its own for each module: the frames of another would be neighbours."""
    with connected_to(new_home()) as database:
        yield database


@pytest.fixture(scope="module")
def sky(database, tmp_path_factory):
    """Eight regridded frames in a row; the fifth is the one that pages are about."""
    folder = tmp_path_factory.mktemp("frames")
    instrument = Instrument(name="WFI").commit()
    things = SimpleNamespace(
        instrument=instrument,
        chip=Chip(name="ccd50", instrument=instrument).commit(),
        filter=Filter(name="#842", instrument=instrument, mag_id="JohnsonB").commit(),
        block=ObservingBlock(name="ZWQVARD008", block_id="1").commit(),
    )
    things.zeropoint = PhotometricParameters(
        instrument=instrument, chip=things.chip, filter=things.filter, zeropoint=24.759,
        zp_error=0.0, zp_origin="derived", num_sources=173,
        timestamp_start=START, timestamp_end=START + timedelta(1),
    ).commit()  # fmt: skip
    things.frames = [_frame(n, folder, things).commit() for n in range(8)]
    things.frame = things.frames[4]
    path = folder / "coadd.fits"
    planes = [({"EXTNAME": name}, plane((200, 100))) for name in ("IMAGE", "WEIGHT")]
    write_mosaic(path, {}, planes)
    things.coadd = CoaddedRegriddedFrame(
        path, instrument=instrument, filter=things.filter, regridded_frames=things.frames,
        grid=GRID, NAXIS1=100, NAXIS2=200, OBJECT="Sha-W", imstat=Imstat(mean=1.0),
    ).store().commit()  # fmt: skip
    return things


@pytest.fixture
def statements(database):
    """Count the statements of a piece of work."""

    def count(work):
        before = database.statements
        work()
        return database.statements - before

    return count
