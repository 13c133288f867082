"""The grid of the sky: its centre, its pixels, and how it is written."""

from __future__ import annotations

import pytest

from awlab.backend.errors import TargetError
from awlab.backend.process import Pointing
from awlab.backend.targets.sky_grid import choose_grid, grid_from_text, grid_scale


@pytest.mark.parametrize(
    ("own", "wanted"),
    [
        ([0.0], 0.2),
        ([], 0.2),
        ([0.238, 0.2382], 0.2),
        ([0.21], 0.2),
        ([0.3], 0.2),
        ([0.31], 0.31),
        ([1.1157, 1.1163, 1.1172], 1.1),
        ([12.34, 0.0], 12.0),
    ],
)
def test_pixels_are_not_much_finer_than_the_camera(own, wanted):
    assert grid_scale(own) == pytest.approx(wanted)


def test_solutions_that_differ_a_little_share_a_grid():
    one = choose_grid([Pointing(310.611, 0.138, 1.1157), Pointing(310.613, 0.136, 1.1163)])
    other = choose_grid([Pointing(310.61, 0.137, 1.1171)])
    assert one == other == "TAN 311.000000 +0.000000 1.1000"
    assert grid_from_text(one).pixel_scale == 1.1


def test_the_middle_of_frames_on_both_sides_of_zero():
    grid = grid_from_text(choose_grid([Pointing(359.9, 10.1), Pointing(0.3, 9.9)]))
    assert (grid.ra, grid.dec, grid.pixel_scale) == (0.0, 10.0, 0.2)


def test_what_is_no_grid_is_one_sentence():
    with pytest.raises(TargetError, match="'SIN 1 2 3' is no grid"):
        grid_from_text("SIN 1 2 3")
