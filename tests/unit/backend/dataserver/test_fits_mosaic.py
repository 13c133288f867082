"""Mosaics as written are FITS to astropy, bit for bit."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.io import fits

from awlab.backend.dataserver.fits_mosaic import write_mosaic
from awlab.backend.errors import AlreadyStored

PRIMARY = {
    "INSTRUME": ("WFI", "Instrument used"),
    "MJD-OBS": 51662.96133245,
    "EXPTIME": 0.0,
    "ESO DPR TYPE": "FLAT,DOME",
    "ESO TPL EXPNO": 3,
}


def test_astropy_reads_back_what_was_written(tmp_path):
    rng = np.random.default_rng(3)
    images = [rng.integers(0, 65536, (31, 17), dtype=np.uint16) for _ in range(3)]
    images[0][0, :3] = 0, 32768, 65535
    path = tmp_path / "WFI.2000-04-28T23:04:18.123.fits"
    write_mosaic(
        path,
        PRIMARY,
        [
            ({"EXTNAME": f"CHIP{n}", "ESO DET CHIP NO": n}, image)
            for n, image in enumerate(images, start=1)
        ],
    )
    assert path.stat().st_size % 2880 == 0
    with fits.open(path) as hdus:
        hdus.verify("exception")
        assert len(hdus) == 4
        assert hdus[0].data is None
        for key, value in PRIMARY.items():
            assert hdus[0].header[key] == (value[0] if isinstance(value, tuple) else value)
        assert hdus[0].header.comments["INSTRUME"] == "Instrument used"
        for number, image in enumerate(images, start=1):
            assert hdus[f"CHIP{number}"].header["ESO DET CHIP NO"] == number
            assert hdus[number].data.dtype == np.uint16
            assert np.array_equal(hdus[number].data, image)


def test_a_file_is_never_overwritten(tmp_path):
    path = tmp_path / "frame.fits"
    path.write_bytes(b"raw data is sacred")
    with pytest.raises(AlreadyStored, match=r"frame\.fits exists"):
        write_mosaic(path, PRIMARY, [])
    assert path.read_bytes() == b"raw data is sacred"


def test_nothing_is_left_of_a_file_that_fails_halfway(tmp_path):
    with pytest.raises(ValueError, match="unpack"):
        write_mosaic(tmp_path / "frame.fits", PRIMARY, [({}, np.zeros(5, np.uint16))])
    assert list(tmp_path.iterdir()) == []
