"""Overlapping exposures whose zeropoints come back from the stars that they share."""

from __future__ import annotations

import numpy as np
import pytest

from awlab.backend.algorithms import (
    BadArray,
    FrameMagnitudes,
    FrameParts,
    FrameZeropointOptions,
    overlap_groups,
    solve_frame_zeropoints,
)


class Night:
    """Exposures of a mosaic under thin clouds, dithered by half of the field."""

    def __init__(self, seed, exposures=8, chips=4, stars=400, scatter=0.1):
        rng = self.rng = np.random.default_rng(seed)
        x, true = rng.uniform(0, chips + 2, stars), rng.uniform(14, 19, stars)
        self.clouds = rng.normal(0, scatter, exposures)
        self.chips = rng.normal(0, 0.01, chips)
        self.exposure, self.chip = (a.ravel() for a in np.indices((exposures, chips)))
        rows = []
        for number, start in enumerate(rng.uniform(0, 2, exposures)):
            for chip in range(chips):
                on = np.flatnonzero((x > start + chip) & (x < start + chip + 1))
                error = 0.003 + 0.02 * 10 ** (0.4 * (true[on] - 18))
                seen = true[on] - self.clouds[number] - self.chips[chip]
                frame = np.full(on.size, number * chips + chip)
                noisy = seen + rng.normal(0, 1, on.size) * error
                rows.append(np.stack([frame, on, noisy, error]))
        frame, star, magnitude, error = np.concatenate(rows, axis=1)
        self.seen = FrameMagnitudes(frame.astype(int), star.astype(int), magnitude, error)

    @property
    def truth(self):
        """What each frame must be corrected by."""
        return self.clouds[self.exposure] + self.chips[self.chip]

    def parts(self, scatter=0.1, chips=0.01):
        exposures, number = self.clouds.size, self.chips.size
        return FrameParts(
            self.exposure, self.chip, np.full(exposures, scatter), np.full(number, chips)
        )


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_exposures_and_chips_come_back(seed):
    night = Night(seed)
    found = solve_frame_zeropoints(night.seen, night.parts())
    apart = found.correction - night.truth
    # The stars say nothing of the mean: the zeropoints given hold it.
    assert abs(apart.mean()) < 4 * 0.1 / np.sqrt(8)
    assert np.std(apart) < 0.0025
    assert 0.3 < np.std(apart) / np.median(found.error) < 2.0, "the errors are believable"
    assert found.before > 0.08 and found.RMS_OVERLAP < 0.03
    assert set(found.group) == {0} and found.NOVERLAP > 300 and (found.overlaps > 20).all()


def test_the_errors_given_hold_the_mean():
    night = Night(4)
    found = solve_frame_zeropoints(night.seen, night.parts())
    assert np.mean(found.correction) == pytest.approx(0.0, abs=1e-3)
    # A chip whose zeropoint nobody measured is put right by its neighbours.
    parts = night.parts()
    parts.calibration_error[2] = 1.0
    night.seen.magnitude[np.isin(night.seen.frame % 4, [2])] -= 0.7
    again = solve_frame_zeropoints(night.seen, parts)
    moved = again.correction - found.correction
    assert np.allclose(moved[night.chip == 2], 0.7, atol=0.02)
    assert np.allclose(moved[night.chip != 2], 0.0, atol=0.02)


def test_wild_magnitudes_are_clipped():
    night = Night(5)
    wild = night.rng.random(night.seen.magnitude.size) < 0.05
    plain = solve_frame_zeropoints(night.seen, night.parts())
    night.seen.magnitude[wild] += night.rng.uniform(0.3, 2.0, int(wild.sum()))
    found = solve_frame_zeropoints(night.seen, night.parts())
    assert not found.used[wild & (night.seen.error < 0.05)].any()
    assert found.used[~wild].mean() > 0.97
    assert np.abs(found.correction - plain.correction).max() < 0.003


def test_groups_that_share_no_star_keep_their_zeropoints():
    night = Night(6, scatter=0.05)
    later = night.exposure[night.seen.frame] >= 4
    star = np.where(later, night.seen.star + 1000, night.seen.star)
    apart = FrameMagnitudes(night.seen.frame, star, night.seen.magnitude, night.seen.error)
    found = solve_frame_zeropoints(apart, night.parts())
    assert set(found.group[night.exposure < 4]) == {0}
    assert set(found.group[night.exposure >= 4]) == {1}
    together = solve_frame_zeropoints(night.seen, night.parts())
    assert np.median(found.error) > 4 * np.median(together.error), "and it is known less well"
    for half in (night.exposure < 4, night.exposure >= 4):
        assert np.std((found.correction - night.truth)[half]) < 0.004


def test_no_overlaps_no_correction():
    alone = FrameMagnitudes(
        np.array([0, 0, 1]), np.array([0, 1, 2]), np.array([15.0, 16.0, 17.0]), np.full(3, 0.01)
    )
    parts = FrameParts(np.arange(2), np.zeros(2, int), np.full(2, 0.1), np.array([0.01]))
    found = solve_frame_zeropoints(alone, parts)
    assert np.abs(found.correction).max() == 0.0 and found.NOVERLAP == 0
    assert list(found.group) == [0, 1] and np.isnan(found.RMS_OVERLAP)
    nothing = FrameMagnitudes(*(np.zeros(0, k) for k in (int, int, float, float)))
    empty = solve_frame_zeropoints(nothing, parts)
    assert np.abs(empty.correction).max() == 0.0 and empty.used.size == 0


def test_what_is_not_finite_does_not_count():
    night = Night(7)
    plain = solve_frame_zeropoints(night.seen, night.parts())
    bad = night.rng.choice(night.seen.magnitude.size, 20, replace=False)
    night.seen.magnitude[bad[:10]] = np.nan
    night.seen.error[bad[10:]] = -1.0
    found = solve_frame_zeropoints(night.seen, night.parts(), FrameZeropointOptions(iterations=3))
    assert not found.used[bad].any() and np.isnan(found.residuals[bad]).all()
    assert np.abs(found.correction - plain.correction).max() < 0.005


def test_bad_arrays_are_refused():
    night, parts = Night(8), Night(8).parts()
    with pytest.raises(BadArray, match="frame 32 of 32"):
        seen = FrameMagnitudes(*(np.append(c, v) for c, v in (
            (night.seen.frame, 32), (night.seen.star, 0), (night.seen.magnitude, 15.0),
            (night.seen.error, 0.1))))  # fmt: skip
        solve_frame_zeropoints(seen, parts)
    with pytest.raises(BadArray, match="shapes"):
        FrameMagnitudes(np.zeros(2, int), np.zeros(3, int), np.zeros(2), np.zeros(2))
    for exposure, error, match in (
        (np.zeros(1, int), np.array([0.0]), "exposure_error is not a positive"),
        (np.ones(1, int), np.array([0.1]), "exposure 1 has no error"),
        (np.zeros(0, int), np.array([0.1]), "of one frame at least"),
    ):
        with pytest.raises(BadArray, match=match):
            FrameParts(exposure, np.zeros(exposure.size, int), error, np.array([0.1]))


def test_groups_of_exposures():
    exposure, star = np.array([0, 2, 1, 4, 2]), np.array([5, 5, 6, 6, 7])
    assert list(overlap_groups(exposure, star, 5)) == [0, 1, 0, 2, 1]
    assert list(overlap_groups(np.zeros(0, int), np.zeros(0, int), 2)) == [0, 1]
    with pytest.raises(BadArray, match="exposure 5 of 5"):
        overlap_groups(np.array([5]), np.array([0]), 5)
    with pytest.raises(BadArray, match="one length"):
        overlap_groups(np.zeros(2, int), np.zeros(3, int), 5)
