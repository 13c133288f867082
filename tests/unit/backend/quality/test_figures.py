"""The figures of a quality page: what they show, and that they are made once."""

from __future__ import annotations

import numpy as np
import pytest

from awlab.backend.datamodel import current_dataserver
from awlab.backend.dataserver import read_image
from awlab.backend.errors import QueryError
from awlab.backend.quality import figures, quality_page, read_residuals


@pytest.fixture
def files(sky):
    return quality_page(sky.frame).files


def test_the_picture_is_the_image_with_its_weight_and_histogram(files, sky):
    found = files.picture()
    image, _ = read_image(sky.frame.retrieve(), "IMAGE")
    assert (found.shape, found.binning) == ((200, 100), 1)
    assert np.array_equal(found.pixels[:, 3:], image[:, 3:])
    assert np.isnan(found.pixels[:, :3]).all()  # no good pixel
    assert (found.weight[:, :3] == 0).all() and (found.weight[:, 3:] == 1).all()
    counts, edges = found.histogram
    assert 0.98 * image[:, 3:].size < counts.sum() <= image[:, 3:].size
    assert edges[0] < 2.0 < edges[-1] < 10


def test_a_large_image_is_binned_by_area(files, monkeypatch):
    monkeypatch.setattr(figures, "_SIZE", 50)
    whole = files.section((3, 0, 100, 200))
    assert whole.binning == 4 and whole.pixels.shape == (50, 25)
    image, _ = read_image(files.path(), "IMAGE")
    assert whole.pixels[0, 0] == pytest.approx(image[:4, 3:7].mean(), rel=1e-5)
    part = files.section((8, 18, 16, 26))
    assert part.binning == 1 and part.pixels[2, 2] == 5000.0
    assert (part.x0, part.y0) == (8, 18)


def test_it_is_made_once_and_again_if_the_cache_is_damaged(files, monkeypatch):
    files.picture()
    made = []
    write = figures.FrameFiles._write
    monkeypatch.setattr(
        figures.FrameFiles, "_write", lambda self, p: (made.append(p), write(self, p))
    )
    first = files.picture()
    assert not made
    for path in current_dataserver().cache.root.glob(f"???/*/{files.name}.npz"):
        path.write_bytes(b"torn")
    assert np.array_equal(files.picture().pixels, first.pixels, equal_nan=True)
    assert len(made) == 1


def test_one_pixel_with_weight_and_position(files, sky):
    found = files.pixel(11, 21)
    assert (found["value"], found["weight"]) == (5000.0, 1.0)
    x, y = sky.frame.tan_grid.wcs(sky.frame.window).all_world2pix(found["ra"], found["dec"], 1)
    assert (float(x), float(y)) == pytest.approx((11, 21), abs=1e-6)
    assert files.pixel(1, 1)["weight"] == 0.0
    for place in ((0, 1), (1, 0), (101, 1), (1, 201), (-5, 3)):
        with pytest.raises(QueryError, match="outside"):
            files.pixel(*place)


def test_a_box_without_pixels_is_a_sentence(files):
    with pytest.raises(QueryError, match="holds no pixel"):
        files.section((5, 5, 5, 9))
    with pytest.raises(QueryError, match="outside"):
        files.section((500, 0, 600, 10))


def test_a_reduced_frame_has_the_weight_of_its_raw_frame(sky):
    found = quality_page(sky.frame.reduced).files
    assert found.picture().weight is not None
    # its place on the sky is that of the solution or of the header, whichever is known
    assert found.pixel(50, 100)["ra"] == pytest.approx(201.625)


def test_residuals_come_as_they_were_written(sky):
    solution = sky.frame.astrom_params
    found = read_residuals(solution.filename, solution.file_sha256)
    assert found.ra.shape == (317,)
    assert found.dra.std() == pytest.approx(0.209, rel=0.1)
    assert found.used.sum() == 317 - 64


def test_an_image_of_one_value_or_of_nothing(sky, tmp_path):
    flat = figures._picture(np.full((9, 7), 3.0, np.float32), None, (0, 0), counted=True)
    assert flat.limits[0] < 3.0 < flat.limits[1]
    none = figures._picture(np.full((9, 7), np.nan, np.float32), None, (0, 0), counted=True)
    assert np.isnan(none.pixels).all() and none.histogram[0].size == 0
    assert all(np.isfinite(none.limits))
