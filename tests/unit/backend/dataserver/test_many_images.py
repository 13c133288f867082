"""Several images at once are what one after the other would be."""

from __future__ import annotations

import numpy as np
import pytest

from awlab.backend.dataserver import read_image, read_images, write_images
from awlab.backend.errors import AlreadyStored, FileMissing


def test_what_is_written_together_is_read_together_in_order(tmp_path):
    rng = np.random.default_rng(1)
    images = {
        tmp_path / f"{n}.fits": rng.normal(size=(20 + n, 30)).astype(np.float32) for n in range(7)
    }
    write_images(images, {"OBJECT": "many"})
    back = read_images(list(images))
    for path, found, pixels in zip(images, back, images.values(), strict=True):
        assert np.array_equal(found, pixels)
        assert read_image(path)[1]["OBJECT"] == "many"
    assert read_images([]) == []


def test_the_first_that_fails_is_told(tmp_path):
    good = tmp_path / "good.fits"
    write_images({good: np.zeros((4, 4), np.float32)})
    with pytest.raises(FileMissing, match=r"first\.fits"):
        read_images([good, tmp_path / "first.fits", tmp_path / "second.fits"])
    with pytest.raises(AlreadyStored, match=r"good\.fits"):
        write_images({tmp_path / "new.fits": np.zeros((4, 4), np.float32), good: np.zeros((2, 2))})
    assert (tmp_path / "new.fits").exists()
