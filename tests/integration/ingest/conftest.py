"""A private PostgreSQL per module, and small FITS files as telescopes write them."""

from __future__ import annotations

import os

import numpy as np
import pytest

from awlab.backend.dataserver import write_image, write_mosaic

SHAPE = (40, 50)


@pytest.fixture(scope="module", autouse=True)
def home(tmp_path_factory):
    """A private PostgreSQL and data server for this module."""
    folder = tmp_path_factory.mktemp("home")
    os.environ["AWLAB_HOME"] = str(folder)
    from awlab.backend.database import close_database, start_embedded
    from awlab.backend.datamodel import connect

    connect()
    yield folder
    close_database()
    start_embedded(folder).stop()
    os.environ["AWLAB_HOME"] = os.devnull + "/a-test-must-set-its-own-home"


@pytest.fixture
def pixels():
    """Other pixels in every call: the same content is the same frame."""
    rng = np.random.default_rng()
    return lambda: rng.integers(200, 60000, SHAPE, dtype=np.uint16)


def write_single(path, image, **cards):
    """Write a bias frame as a small camera does."""
    header = {
        "INSTRUME": "little", "IMAGETYP": "bias", "EXPTIME": 0.0, "OBJECT": "BIAS",
        "DATE-OBS": "2000-04-29T02:04:18.5", **cards,
    }  # fmt: skip
    write_image(path, image, {key: value for key, value in header.items() if value is not None})
    return path


def write_wfi(path, images, **cards):
    """Write an exposure of the WFI in a tiny format."""
    header = {
        "INSTRUME": "WFI", "OBJECT": "BIAS", "EXPTIME": 0.0, "DATE-OBS": "2000-04-29T01:00:00",
        "ESO DPR TYPE": "BIAS", "ESO DPR CATG": "CALIB", "ESO TPL ID": "WFI_cal_Bias",
        **cards,
    }  # fmt: skip
    chips = [
        ({"EXTNAME": f"WIN1.CHIP{i}.OUT1", "ESO DET CHIP1 ID": f"ccd{49 + i}"}, image)
        for i, image in enumerate(images, 1)
    ]
    write_mosaic(path, header, chips)
    return path


@pytest.fixture
def single():
    """Write a bias frame of one image."""
    return write_single


@pytest.fixture
def mosaic():
    """Write a bias frame of eight chips."""
    return write_wfi
