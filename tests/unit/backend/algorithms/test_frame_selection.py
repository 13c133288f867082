"""Selection of frames: every limit gives its reason, and only the frames it should."""

from __future__ import annotations

import math

import pytest

from awlab.backend.algorithms import BadArray, FrameQuality, SelectionLimits, select_frames

GOOD = [FrameQuality(f"good{i}", 0.8 + 0.02 * i, 500.0 + 5 * i) for i in range(5)]


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (FrameQuality("bad", 2.4, 500), ('seeing 2.40" above 2.00"', "1.5 x median")),
        (FrameQuality("bad", 1.4, 500), ("1.5 x median 0.85",)),
        (FrameQuality("bad", 0.8, 2000), ("background 2000 ADU above 3.0 x median 512",)),
        (FrameQuality("bad", 0.8, 500, quality_flags=6), ("quality flags 6",)),
        (FrameQuality("bad", 0.8, 500, is_valid=0), ("is_valid is 0",)),
        (FrameQuality("bad", 3.0, 9000, 1, 0), ("is_valid", "flags 1", "2.00", "median", "ADU")),
    ],
)
def test_a_bad_frame_is_left_out_with_all_its_reasons(bad, words):
    made = select_frames([*GOOD[:2], bad, *GOOD[2:]])
    assert made.selected == tuple(frame.name for frame in GOOD)
    assert list(made.rejected) == ["bad"]
    assert len(made.rejected["bad"]) == len(words)
    for word, reason in zip(words, made.rejected["bad"], strict=True):
        assert word in reason


def test_what_is_not_measured_is_judged_only_when_asked():
    unknown = FrameQuality("unknown")
    assert "unknown" in select_frames([*GOOD, unknown]).selected
    made = select_frames([*GOOD, unknown], SelectionLimits(measured=True))
    assert made.rejected["unknown"] == ("seeing was not measured", "background was not measured")


def test_flags_can_be_let_through():
    frame = FrameQuality("frame", 0.8, 500, quality_flags=4)
    assert not select_frames([frame]).selected
    assert select_frames([frame], SelectionLimits(flags=~4)).selected == ("frame",)


def test_frames_already_bad_do_not_shift_the_median():
    blurred = [FrameQuality(f"blurred{i}", 3.0, 9000) for i in range(9)]
    made = select_frames([*blurred, *GOOD])
    assert made.selected == tuple(frame.name for frame in GOOD)


def test_subtracted_backgrounds_and_no_frames():
    frames = [FrameQuality(f"{i}", 0.8, level) for i, level in enumerate((-1.0, 0.2, -0.3))]
    assert len(select_frames(frames).selected) == 3
    assert select_frames([]).selected == ()


def test_bad_input():
    with pytest.raises(BadArray, match="same name"):
        select_frames([GOOD[0], GOOD[0]])
    with pytest.raises(BadArray, match="positive"):
        SelectionLimits(maximum_seeing=-1)
    assert select_frames(GOOD, SelectionLimits(maximum_seeing=math.inf)).selected
