"""Zeropoints of overlapping frames: what each must be corrected by so that stars agree.

Every frame comes with a zeropoint, such as that of its chip and night. What it is off by has two
parts: that of the exposure, which all its chips have in common, such as thin clouds, and that of
the calibration, which all frames have in common that took it. Stars seen on several frames say how
these differ; how far they may be off holds the solution where overlaps leave it free: the mean
stays, and a frame without overlaps keeps what it had.

References
----------
.. [1] Padmanabhan et al. 2008, ApJ 674, 1217 (ubercalibration).
.. [2] Glazebrook et al. 1994, MNRAS 266, 65 (zeropoints of overlapping CCD frames).
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from awlab.backend.algorithms.arrays import BadArray, Floats, Integers, Marks
from awlab.backend.algorithms.exposure_groups import overlap_groups
from awlab.backend.algorithms.overlap_solver import (
    Anchors,
    Measurements,
    OverlapSolution,
    robust_levels,
    solve_overlaps,
)

__all__ = [
    "FrameMagnitudes",
    "FrameParts",
    "FrameZeropointOptions",
    "FrameZeropoints",
    "solve_frame_zeropoints",
]


@dataclass(frozen=True, eq=False)
class FrameMagnitudes:
    """Magnitudes of stars on overlapping frames, one row per detection.

    Attributes
    ----------
    frame, star : ndarray of int64, shape (n,)
        Frame and star, both from 0 [number].
    magnitude, error : ndarray of float64, shape (n,)
        Magnitude by the zeropoint of the frame, and its error [mag].
    """

    frame: Integers
    star: Integers
    magnitude: Floats
    error: Floats

    def __post_init__(self) -> None:
        shapes = {field.name: np.shape(getattr(self, field.name)) for field in fields(self)}
        if len(set(shapes.values())) != 1 or len(shapes["star"]) != 1:
            raise BadArray(f"the columns have the shapes {shapes}", "give 1-d arrays of one length")


@dataclass(frozen=True, eq=False)
class FrameParts:
    """What frames have in common, one entry per frame.

    Attributes
    ----------
    exposure, calibration : ndarray of int64, shape (frames,)
        Exposure and calibration of each frame, both from 0 [number].
    exposure_error : ndarray of float64, shape (exposures,)
        How far an exposure may be off [mag].
    calibration_error : ndarray of float64, shape (calibrations,)
        How far the zeropoint of a calibration may be off [mag].
    """

    exposure: Integers
    calibration: Integers
    exposure_error: Floats
    calibration_error: Floats

    def __post_init__(self) -> None:
        if np.shape(self.exposure) != np.shape(self.calibration) or not np.size(self.exposure):
            raise BadArray(
                f"{np.size(self.exposure)} exposures and {np.size(self.calibration)} calibrations",
                "give one of each per frame, of one frame at least",
            )
        for what in ("exposure", "calibration"):
            errors, which = getattr(self, f"{what}_error"), getattr(self, what)
            if not (np.isfinite(errors).all() and (errors > 0).all()):
                raise BadArray(f"a {what}_error is not a positive number", "give positive numbers")
            if not 0 <= which.min() <= which.max() < errors.size:
                raise BadArray(
                    f"{what} {which.max()} has no error", f"there are {errors.size} of them"
                )

    @property
    def columns(self) -> Integers:
        """Parameters of each frame, shape (frames, 2)."""
        later = self.calibration + self.exposure_error.size
        return np.stack([self.exposure, later], axis=-1).astype(np.int64)

    @property
    def prior(self) -> Floats:
        """Weights of the parameters, shape (exposures + calibrations,)."""
        return np.concatenate([self.exposure_error, self.calibration_error]) ** -2.0


@dataclass(frozen=True, slots=True)
class FrameZeropointOptions:
    """How frames are solved together.

    Attributes
    ----------
    rejection_threshold : float
        Clipping threshold [sigma].
    iterations : int
        Number of solutions, with clipping between them.
    floor : float
        Error that no detection is better than: flat fields and apertures [mag].
    """

    rejection_threshold: float = 4.0
    iterations: int = 5
    floor: float = 0.005


@dataclass(frozen=True, eq=False, slots=True)
class FrameZeropoints:
    """Corrections of the zeropoints of frames.

    Attributes
    ----------
    correction, error : ndarray of float64, shape (frames,)
        What to add to the zeropoint of each frame; its standard error, beyond that of the mean
        of all frames, which the zeropoints given hold [mag].
    group : ndarray of int64, shape (frames,)
        Exposures of one group are tied to each other by stars [number].
    overlaps : ndarray of int64, shape (frames,)
        Number of stars of each frame that are used on another one too.
    residuals : ndarray of float64, shape (n,)
        Corrected minus mean magnitude of every detection; NaN without any [mag].
    used : ndarray of bool, shape (n,)
        Detections used.
    NOVERLAP : int
        Number of stars used more than once.
    RMS_OVERLAP, before : float
        Scatter of detections about the mean of their star, with and without the corrections; NaN
        without overlaps [mag].
    """

    correction: Floats
    error: Floats
    group: Integers
    overlaps: Integers
    residuals: Floats
    used: Marks
    NOVERLAP: int
    RMS_OVERLAP: float
    before: float


def solve_frame_zeropoints(
    detections: FrameMagnitudes,
    parts: FrameParts,
    options: FrameZeropointOptions | None = None,
) -> FrameZeropoints:
    """Correct the zeropoints of frames so that the stars they share agree.

    Parameters
    ----------
    detections : FrameMagnitudes
        Magnitudes on all frames.
    parts : FrameParts
        Exposures and calibrations of the frames, and how far these may be off.
    options : FrameZeropointOptions, optional
        Clipping and errors.

    Returns
    -------
    FrameZeropoints
        Corrections; 0 for a frame that shares no star.

    Raises
    ------
    BadArray
        If a detection is on a frame that there is not.
    """
    chosen = options or FrameZeropointOptions()
    frame = np.asarray(detections.frame, np.int64)
    if frame.size and not 0 <= frame.min() <= frame.max() < parts.exposure.size:
        raise BadArray(f"frame {frame.max()} of {parts.exposure.size}", "count frames from 0")
    good = np.isfinite(detections.magnitude) & np.isfinite(detections.error)
    good &= detections.error >= 0.0
    rows = np.flatnonzero(good)
    rows = rows[np.argsort(detections.star[rows], kind="stable")]
    _, star = np.unique(detections.star[rows], return_inverse=True)
    error = np.hypot(detections.error[rows], chosen.floor)
    columns = frame[rows], star, error
    found, used = _clipped(columns, detections.magnitude[rows], parts, chosen)
    return _result(detections, rows, columns, parts, (found, used))


def _clipped(
    columns: tuple[Integers, Integers, Floats],
    values: Floats,
    parts: FrameParts,
    options: FrameZeropointOptions,
) -> tuple[OverlapSolution, Marks]:
    """Solve, clip and solve again."""
    frame, star, error = columns
    stars = int(star.max()) + 1 if star.size else 0
    free = Anchors(np.zeros(stars), np.zeros((stars, 1)))
    used: Marks = np.ones(star.size, np.bool_)
    prior = parts.prior
    which, gauge = parts.columns[frame], np.zeros((0, prior.size))
    design = -np.ones(which.shape)
    for step in range(max(options.iterations, 1)):
        weight = used / error**2
        measured = Measurements(which, design, values[:, None], weight, star)
        found = solve_overlaps(measured, free, prior, gauge)
        if step + 1 < options.iterations and star.size:
            level = robust_levels(found, star)[star]
            pulls = np.abs(np.nan_to_num((found.free - level)[:, 0] / error, nan=np.inf))
            several = np.bincount(star)[star] > 1
            typical = pulls[used & several]
            spread = 1.4826 * float(np.median(typical)) if typical.size else 1.0
            used = pulls <= options.rejection_threshold * max(spread, 1.0)
    return found, used


def _result(
    detections: FrameMagnitudes,
    rows: Integers,
    columns: tuple[Integers, Integers, Floats],
    parts: FrameParts,
    solved: tuple[OverlapSolution, Marks],
) -> FrameZeropoints:
    (frame, star, error), (found, used) = columns, solved
    frames = parts.exposure.size
    weight = used / error**2
    inner = _about_mean(found.free[:, 0], star, weight)
    outer = _about_mean(detections.magnitude[rows], star, weight)
    count = np.bincount(star[used], minlength=int(star.max()) + 1 if star.size else 0)
    several = used & (count[star] > 1)
    residuals, marks = np.full(detections.star.size, np.nan), np.zeros(detections.star.size, bool)
    residuals[rows], marks[rows[used]] = inner, True
    number = int(np.count_nonzero(count > 1))
    freedom = int(several.sum()) - number
    exposure = parts.exposure[frame[several]]
    group = overlap_groups(exposure, star[several], parts.exposure_error.size)
    return FrameZeropoints(
        correction=found.parameters[parts.columns, 0].sum(axis=1),
        error=_errors(found.covariance, parts.columns),
        group=group[parts.exposure],
        overlaps=np.bincount(frame[several], minlength=frames),
        residuals=residuals,
        used=marks,
        NOVERLAP=number,
        RMS_OVERLAP=_rms(inner[several], freedom),
        before=_rms(outer[several], freedom),
    )


def _errors(covariance: Floats, columns: Integers) -> Floats:
    """Errors of what each frame differs from the mean of all; of a single one its own."""
    frames = np.zeros((len(columns), len(covariance)))
    for side in columns.T:
        frames[np.arange(len(columns)), side] += 1.0
    if len(frames) > 1:
        frames = frames - frames.mean(axis=0)
    variances = np.einsum("ij,jk,ik->i", frames, covariance, frames)
    return np.asarray(np.sqrt(np.maximum(variances, 0.0)))


def _about_mean(values: Floats, star: Integers, weight: Floats) -> Floats:
    """Values minus the weighted mean of their star; NaN for a star without weight."""
    number = int(star.max()) + 1 if star.size else 0
    total = np.bincount(star, weight, minlength=number)
    sums = np.bincount(star, weight * values, minlength=number)
    means = np.where(total > 0.0, sums / np.maximum(total, 1e-300), np.nan)
    return np.asarray(values - means[star])


def _rms(residuals: Floats, freedom: int) -> float:
    return float(np.sqrt(np.sum(residuals**2) / freedom)) if freedom > 0 else float("nan")
