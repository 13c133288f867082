"""Global photometric solution: zeropoints of all exposures and chips, and the illumination map.

Stars seen more than once say how exposures, chips and places in the field differ; reference stars
say where the whole stands. Overlaps alone leave gradients over the field nearly free, so a
solution without references is refused.

References
----------
.. [1] Padmanabhan et al. 2008, ApJ 674, 1217 (ubercalibration).
.. [2] Astro-WISE IlluminationCorrection: polynomial of the zeropoint residuals over the mosaic.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from awlab.backend.algorithms.arrays import BadArray, Floats, Integers, Marks
from awlab.backend.algorithms.overlap_solver import (
    Anchors,
    Measurements,
    OverlapSolution,
    robust_levels,
    solve_overlaps,
)
from awlab.backend.algorithms.tangent_plane import polynomial_terms

__all__ = [
    "FieldMagnitudes",
    "IlluminationMap",
    "PhotometricOptions",
    "PhotometricSolution",
    "solve_photometry",
]


@dataclass(frozen=True, eq=False)
class FieldMagnitudes:
    """Magnitudes of stars on overlapping exposures, one row per detection.

    Attributes
    ----------
    star : ndarray of int64, shape (n,)
        Star, from 0.
    exposure, chip : ndarray of int64, shape (n,)
        Any numbers that tell exposures and chips apart.
    x, y : ndarray of float64, shape (n,)
        Position in the field of view, for the illumination map [any unit].
    instrumental, error : ndarray of float64, shape (n,)
        Magnitude for a second of exposure, corrected for extinction if wanted; error [mag].
    """

    star: Integers
    exposure: Integers
    chip: Integers
    x: Floats
    y: Floats
    instrumental: Floats
    error: Floats

    def __post_init__(self) -> None:
        shapes = {field.name: np.shape(getattr(self, field.name)) for field in fields(self)}
        if len(set(shapes.values())) != 1 or len(shapes["star"]) != 1:
            raise BadArray(f"the columns have the shapes {shapes}", "give 1-d arrays of one length")


@dataclass(frozen=True, slots=True)
class PhotometricOptions:
    """How exposures are solved together.

    Attributes
    ----------
    illumination_order : int
        Order of the illumination map; 0 for none.
    separate_frames : bool
        A zeropoint for every pair of exposure and chip, instead of one for each exposure and a
        constant offset for each chip.
    rejection_threshold : float
        Clipping threshold [sigma].
    iterations : int
        Number of solutions, with clipping between them.
    floor : float
        Error that no detection is better than: flat fields and apertures [mag].
    minimum_references : int
        Smallest number of reference stars.
    """

    illumination_order: int = 3
    separate_frames: bool = False
    rejection_threshold: float = 4.0
    iterations: int = 4
    floor: float = 0.002
    minimum_references: int = 3


@dataclass(frozen=True, eq=False, slots=True)
class IlluminationMap:
    """Zeropoint over the field of view, minus its mean over the detections.

    Attributes
    ----------
    order : int
        Order of the polynomial.
    centre, half : tuple of float
        Middle and half width of the field [unit of the positions].
    means, coefficients : ndarray of float64, shape (terms,)
        Mean of each term over the detections, and coefficients [mag].
    """

    order: int
    centre: tuple[float, float]
    half: tuple[float, float]
    means: Floats
    coefficients: Floats

    def terms(self, x: Floats, y: Floats) -> Floats:
        """Terms of the polynomial, without the constant and their means.

        Parameters
        ----------
        x, y : ndarray of float64, shape (n,)
            Positions in the field of view [as given].

        Returns
        -------
        ndarray of float64, shape (n, terms)
            Terms.
        """
        u, v = (x - self.centre[0]) / self.half[0], (y - self.centre[1]) / self.half[1]
        return polynomial_terms(u, v, self.order)[..., 1:] - self.means

    def evaluate(self, x: Floats, y: Floats) -> Floats:
        """Correction to the zeropoint.

        Parameters
        ----------
        x, y : ndarray of float64, shape (n,)
            Positions in the field of view [as given].

        Returns
        -------
        ndarray of float64, shape (n,)
            To be added to the zeropoint [mag].
        """
        return np.asarray(self.terms(x, y) @ self.coefficients)


@dataclass(frozen=True, eq=False, slots=True)
class PhotometricSolution:
    """Zeropoints of all frames, or the reason why there are none.

    Attributes
    ----------
    exposure, chip : ndarray of int64, shape (frames,)
        The frames that were measured.
    zeropoint, zp_error : ndarray of float64, shape (frames,)
        Zeropoint of each frame at the mean of the map, and its standard error [mag].
    illumination : IlluminationMap, optional
        What to add to the zeropoint over the field.
    magnitude : ndarray of float64, shape (stars,)
        Calibrated magnitude of every star; NaN where none is used [mag].
    residuals : ndarray of float64, shape (n,)
        Calibrated minus mean magnitude of every detection [mag].
    used : ndarray of bool, shape (n,)
        Detections used.
    NREF, NOVERLAP : int
        Number of stars with a reference, and of stars used more than once.
    RMS, RMS_OVERLAP : float
        Scatter of stars about their reference, and of detections about their star [mag].
    reason : str
        Why there is no solution; empty after success.
    """

    exposure: npt.NDArray[Any]
    chip: npt.NDArray[Any]
    zeropoint: Floats
    zp_error: Floats
    illumination: IlluminationMap | None
    magnitude: Floats
    residuals: Floats
    used: Marks
    NREF: int = 0
    NOVERLAP: int = 0
    RMS: float = float("nan")
    RMS_OVERLAP: float = float("nan")
    reason: str = ""


def solve_photometry(
    detections: FieldMagnitudes,
    reference: tuple[Floats, Floats],
    options: PhotometricOptions | None = None,
) -> PhotometricSolution:
    """Solve for the zeropoints of all frames and the illumination map.

    Parameters
    ----------
    detections : FieldMagnitudes
        Magnitudes on all frames.
    reference : tuple of ndarray of float64, shape (stars,)
        Reference magnitude of every star in the band of the frames, NaN where unknown, and its
        error [mag].
    options : PhotometricOptions, optional
        Map, model, clipping.

    Returns
    -------
    PhotometricSolution
        Zeropoints and map, or the reason why not.

    Raises
    ------
    BadArray
        If a star number is beyond the references.
    """
    chosen = options or PhotometricOptions()
    known, known_error = (np.asarray(column, np.float64) for column in reference)
    anchored = np.isfinite(known) & np.isfinite(known_error) & (known_error >= 0.0)
    good = np.isfinite(detections.instrumental) & (detections.error >= 0.0)
    good &= np.isfinite(detections.error) & np.isfinite(detections.x) & np.isfinite(detections.y)
    if (
        detections.star.size
        and not 0 <= detections.star.min() <= detections.star.max() < known.size
    ):
        raise BadArray(
            f"stars go up to {detections.star.max()}, references to {known.size - 1}",
            "give a reference (or NaN) for every star",
        )
    seen = np.zeros(known.size, np.bool_)
    seen[detections.star[good]] = True
    if np.count_nonzero(anchored & seen) < chosen.minimum_references:
        return _failure(
            detections,
            known.size,
            f"{np.count_nonzero(anchored & seen)} reference stars measured, "
            f"{chosen.minimum_references} needed: overlaps alone do not fix a zeropoint",
        )
    rows = np.flatnonzero(good)
    rows = rows[np.argsort(detections.star[rows], kind="stable")]
    model = _Model(detections, rows, chosen)
    weight = np.where(anchored, 1.0 / np.hypot(known_error, chosen.floor) ** 2, 0.0)
    return model.solve(weight, np.where(anchored, known, 0.0))


class _Model:
    """Detections sorted by star, and what their magnitudes depend on."""

    def __init__(
        self, detections: FieldMagnitudes, rows: Integers, options: PhotometricOptions
    ) -> None:
        self.detections, self.rows, self.options = detections, rows, options
        pairs = np.stack([detections.exposure[rows], detections.chip[rows]])
        self.frames, frame = np.unique(pairs, axis=1, return_inverse=True)
        frame = frame.reshape(-1)
        columns, self.gauge_groups = self._labels(frame)
        self.map = self._map()
        terms = self.map.terms(detections.x[rows], detections.y[rows])
        self.first = int(columns.max()) + 1
        far = np.broadcast_to(self.first + np.arange(terms.shape[1]), terms.shape)
        self.columns = np.concatenate([columns, far], axis=1)
        self.design = np.concatenate([np.ones(columns.shape), terms], axis=1)
        self.frame_columns = np.zeros((self.frames.shape[1], columns.shape[1]), np.int64)
        self.frame_columns[frame] = columns

    def _labels(self, frame: Integers) -> tuple[Integers, list[Integers]]:
        """Columns of the zeropoints of each detection; groups of columns that sum to 0."""
        if self.options.separate_frames:
            return frame[:, None], []
        exposures, e = np.unique(self.frames[0], return_inverse=True)
        chips, c = np.unique(self.frames[1], return_inverse=True)
        columns = np.stack([e[frame], exposures.size + c[frame]], axis=-1)
        return columns, [exposures.size + np.arange(chips.size)]

    def _map(self) -> IlluminationMap:
        x, y = self.detections.x[self.rows], self.detections.y[self.rows]
        centre = float(0.5 * (x.min() + x.max())), float(0.5 * (y.min() + y.max()))
        half = float(np.ptp(x)) / 2 or 1.0, float(np.ptp(y)) / 2 or 1.0
        number = (self.options.illumination_order + 1) * (self.options.illumination_order + 2) // 2
        zeros = np.zeros(number - 1)
        plain = IlluminationMap(self.options.illumination_order, centre, half, zeros, zeros)
        means = plain.terms(x, y).mean(axis=0)
        return IlluminationMap(plain.order, centre, half, means, zeros)

    def solve(self, anchor_weight: Floats, anchor: Floats) -> PhotometricSolution:
        """Solve, clip and solve again.

        Parameters
        ----------
        anchor_weight : ndarray of float64, shape (stars,)
            Inverse variance of the reference of every star, 0 without [1/mag^2].
        anchor : ndarray of float64, shape (stars,)
            Reference magnitude [mag].
        """
        star = self.detections.star[self.rows]
        error = np.hypot(self.detections.error[self.rows], self.options.floor)
        values = self.detections.instrumental[self.rows][:, None]
        number = self.first + self.map.coefficients.size
        gauge = np.zeros((len(self.gauge_groups), number))
        for k, group in enumerate(self.gauge_groups):
            gauge[k, group] = 1.0
        used: Marks = np.ones(star.size, np.bool_)
        weight, known = anchor_weight.copy(), anchor[:, None]
        for step in range(max(self.options.iterations, 1)):
            found = solve_overlaps(
                Measurements(self.columns, -self.design, values, used / error**2, star),
                Anchors(weight, known),
                np.zeros(number),
                gauge,
            )
            if step + 1 < self.options.iterations:
                level = robust_levels(found, star)
                used = _within((found.free - level[star])[:, 0] / error, used, self.options)
                apart = (known - level)[:, 0] * np.sqrt(anchor_weight)
                kept = _within(apart, weight > 0.0, self.options) & (anchor_weight > 0.0)
                weight = np.where(kept, anchor_weight, 0.0)
        return self._result(found, used, weight > 0.0, anchor)

    def _result(
        self, found: OverlapSolution, used: Marks, anchored: Marks, anchor: Floats
    ) -> PhotometricSolution:
        parameters = found.parameters[:, 0]
        zeropoint = parameters[self.frame_columns].sum(axis=1)
        errors = [np.sqrt(found.covariance[np.ix_(row, row)].sum()) for row in self.frame_columns]
        star, calibrated = self.detections.star[self.rows], found.free[:, 0]
        # Against the mean of the detections alone: the reference must not hide what they say.
        weight = used / np.hypot(self.detections.error[self.rows], self.options.floor) ** 2
        total = np.bincount(star, weight, minlength=anchor.size)
        sums = np.bincount(star, weight * calibrated, minlength=anchor.size)
        magnitude = np.where(total > 0.0, sums / np.maximum(total, 1e-300), np.nan)
        residuals = np.full(self.detections.star.size, np.nan)
        residuals[self.rows] = calibrated - magnitude[star]
        marks = np.zeros(residuals.size, np.bool_)
        marks[self.rows[used]] = True
        count = np.bincount(star[used], minlength=anchor.size)
        several = used & (count[star] > 1)
        freedom = max(int(several.sum()) - int(np.count_nonzero(count > 1)), 1)
        inner = residuals[self.rows[several]]
        compared = anchored & (total > 0.0)
        mapped = IlluminationMap(
            self.map.order, self.map.centre, self.map.half, self.map.means, parameters[self.first :]
        )
        return PhotometricSolution(
            exposure=self.frames[0],
            chip=self.frames[1],
            zeropoint=zeropoint,
            zp_error=np.array(errors),
            illumination=mapped if mapped.order > 0 else None,
            magnitude=magnitude,
            residuals=residuals,
            used=marks,
            NREF=int(compared.sum()),
            NOVERLAP=int(np.count_nonzero(count > 1)),
            RMS=float(np.sqrt(np.mean((magnitude - anchor)[compared] ** 2))),
            RMS_OVERLAP=float(np.sqrt(np.sum(inner**2) / freedom)),
        )


def _within(pulls: Floats, before: Marks, options: PhotometricOptions) -> Marks:
    """Pulls within the threshold, in units of their own spread when that is above 1."""
    finite = np.abs(np.where(np.isfinite(pulls), pulls, np.inf))
    spread = 1.4826 * float(np.median(finite[before])) if before.any() else 1.0
    kept: Marks = finite <= options.rejection_threshold * max(spread, 1.0)
    return kept


def _failure(detections: FieldMagnitudes, stars: int, reason: str) -> PhotometricSolution:
    none, empty = np.empty(0, np.int64), np.empty(0)
    return PhotometricSolution(
        *(none, none, empty, empty, None),
        magnitude=np.full(stars, np.nan),
        residuals=np.full(detections.star.size, np.nan),
        used=np.zeros(detections.star.size, np.bool_),
        reason=reason,
    )
