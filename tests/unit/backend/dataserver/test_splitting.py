"""A mosaic taken apart in one pass gives what taking out each extension gives."""

from __future__ import annotations

import gzip

import numpy as np
import pytest

from awlab.backend.dataserver import (
    hash_file,
    read_image,
    split_mosaic,
    write_extension_as_image,
    write_mosaic,
)
from awlab.backend.errors import IngestError

SHAPE = (12, 17)


@pytest.fixture
def mosaic(tmp_path):
    rng = np.random.default_rng(3)
    kinds = (np.uint16, np.float32, np.int16)
    images = [rng.integers(0, 3000, SHAPE).astype(kind) for kind in kinds]
    path = tmp_path / "m.fits"
    chips = [({"EXTNAME": f"c{i}", "GAIN": 2.0}, image) for i, image in enumerate(images)]
    write_mosaic(path, {"OBJECT": "M 1", "GAIN": 1.0}, chips)
    return path, images


def test_the_files_are_those_of_write_extension_as_image(mosaic, tmp_path):
    path, images = mosaic
    seen = []
    for number, target, checksum, pixels in split_mosaic(path, {1, 2, 3}, tmp_path):
        one = tmp_path / f"one{number}.fits"
        write_extension_as_image(path, number, one)
        assert target.read_bytes() == one.read_bytes()
        assert hash_file(target) == checksum
        np.testing.assert_array_equal(pixels, images[number - 1])
        assert pixels.dtype == images[number - 1].dtype
        seen.append(number)
    assert seen == [1, 2, 3]


def test_only_what_is_wanted_is_written_and_may_be_removed(mosaic, tmp_path):
    path, _ = mosaic
    found = []
    for item in split_mosaic(path, [2], tmp_path):
        item.path.unlink()
        found.append(item.number)
    assert found == [2]
    assert [p.name for p in tmp_path.iterdir()] == ["m.fits"]


def test_compressed_mosaics(mosaic, tmp_path):
    from astropy.io import fits

    path, images = mosaic
    packed = tmp_path / "m.fits.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    for item in split_mosaic(packed, {1, 3}, tmp_path):
        np.testing.assert_array_equal(item.pixels, images[item.number - 1])
    (tmp_path / "fz").mkdir()
    tiled = tmp_path / "m.fits.fz"
    fits.HDUList([fits.PrimaryHDU(), fits.CompImageHDU(images[0])]).writeto(tiled)
    (item,) = split_mosaic(tiled, {1}, tmp_path / "fz")
    np.testing.assert_array_equal(item.pixels, images[0])
    np.testing.assert_array_equal(read_image(item.path)[0], images[0])
    assert hash_file(item.path) == item.checksum
    item.path.unlink()


def test_a_mosaic_that_is_cut_short_is_refused(mosaic, tmp_path):
    path, _ = mosaic
    path.write_bytes(path.read_bytes()[:-2880])
    with pytest.raises(IngestError, match="is damaged"):
        list(split_mosaic(path, {3}, tmp_path))
