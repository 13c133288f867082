"""The headers of the simulated WFI night are read as what they were written for."""

from __future__ import annotations

from collections import Counter
from datetime import date

import pytest

from awlab.backend.ingest import FrameDescription, builtin_instruments, describe
from awlab.backend.ingest.nights.headers import chip_header, primary_header
from awlab.backend.ingest.nights.layout import CHIPS, Layout
from awlab.backend.ingest.nights.schedule import plan_night

LAYOUT = Layout(256, 512)


class _Chip:
    def __init__(self, place) -> None:
        self.place = place


def plain(cards) -> dict[str, object]:
    return {k: v[0] if isinstance(v, tuple) else v for k, v in cards.items()}


@pytest.fixture(scope="module")
def night() -> list[tuple[str, FrameDescription]]:
    """Kind that was simulated, and description, of every frame."""
    rows, columns = LAYOUT.raw_shape
    size = {"XTENSION": "IMAGE", "NAXIS": 2, "NAXIS1": columns, "NAXIS2": rows, "BITPIX": 16}
    found = []
    for exposure in plan_night(LAYOUT, seed=1):
        headers = [{"NAXIS": 0, **plain(primary_header(exposure, 1, 5))}]
        headers += [
            {**size, **plain(chip_header(exposure, _Chip(place), LAYOUT))} for place in LAYOUT.chips
        ]
        frames = describe(headers, builtin_instruments(), exposure.file_name)
        found += [(exposure.kind, frame) for frame in frames]
    return found


def test_every_frame_is_of_the_kind_that_was_simulated(night):
    pairs = Counter((made, f.kind, f.purpose) for made, f in night)
    assert {(made, kind) for made, kind, _ in pairs} == {
        ("bias", "bias"), ("dark", "dark"), ("dome", "dome"), ("twilight", "twilight"),
        ("standard", "science"), ("science", "science"),
    }  # fmt: skip
    assert pairs["standard", "science", "photom"] == 4 * len(CHIPS)
    assert pairs["science", "science", "science"] == 10 * len(CHIPS)


def test_one_night_eight_chips_two_filters_no_doubts(night):
    frames = [f for _, f in night]
    assert {f.night for f in frames} == {date(2000, 4, 28)}
    assert {f.chip for f in frames} == set(CHIPS)
    assert {f.filter for f in frames} == {None, "#842", "#844"}
    assert [p for f in frames for p in f.problems] == []


def test_the_imaging_area_is_the_simulated_one(night):
    rows, columns = LAYOUT.imaging
    for _, frame in night:
        trim = frame.trim
        assert (trim.x1 - 1, trim.x2, trim.y1 - 1, trim.y2) == (
            columns.start, columns.stop, rows.start, rows.stop,
        )  # fmt: skip
        assert frame.overscan_x is not None and frame.overscan_x.width == LAYOUT.overscan_x
        assert frame.prescan_x is not None and frame.prescan_x.width == LAYOUT.prescan_x


def test_frames_on_the_sky_have_coordinates(night):
    for made, frame in night:
        assert (frame.wcs is not None) == (made in {"twilight", "standard", "science"})
        if frame.wcs is not None:
            assert frame.wcs.pixel_scale == pytest.approx(0.238)
