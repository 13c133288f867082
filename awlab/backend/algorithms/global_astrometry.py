"""Global astrometry: all chips of overlapping exposures in one solution.

The focal plane is a polynomial of every chip, the same in all exposures; every exposure adds a
polynomial of the focal plane: pointing, rotation, scale, refraction and flexure. Stars seen more
than once tie the exposures together, reference stars tie them to the sky. Gauss-Newton steps on
the sphere: each exposure has its own tangent plane, turned by its position angle, so nothing is
special at the poles.

References
----------
.. [1] Bertin 2006, ASP Conf. 351, 112 (SCAMP).
.. [2] Astro-WISE GAstrometric: NOVERLAP, RMS_OVERLAP, SIG_DRA_OVERLAP, SIG_DDEC_OVERLAP.
.. [3] Bernstein et al. 2017, PASP 129, 074503 (chip and exposure maps of a mosaic camera).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from awlab.backend.algorithms.arrays import BadArray, Floats, Integers, Marks
from awlab.backend.algorithms.focal_plane import ARCSEC, FocalPlane
from awlab.backend.algorithms.mosaic import Mosaic, MosaicFrame, gather
from awlab.backend.algorithms.overlap_solver import (
    Anchors,
    Measurements,
    robust_levels,
    solve_overlaps,
)
from awlab.backend.algorithms.stars import ReferenceStars
from awlab.backend.algorithms.tangent_plane import PlateSolution

__all__ = ["GlobalAstrometry", "GlobalOptions", "MosaicFrame", "solve_global_astrometry"]

# Exposures differ by this much beyond pointing; looser than any telescope [arcsec].
_EXPOSURE_SIGMA = 30.0


@dataclass(frozen=True, slots=True)
class GlobalOptions:
    """How exposures are solved together.

    Attributes
    ----------
    match_radius : float
        Radius within which detections are one star [arcsec].
    chip_order, exposure_order : int
        Order of the polynomials of chips and of exposures.
    iterations : int
        Number of Gauss-Newton steps; outliers are clipped from the second on.
    rejection_threshold : float
        Clipping threshold [sigma].
    source_error, reference_error : float
        Standard error of a coordinate where the lists have none [pixel, arcsec].
    floor : float
        Error that no detection is better than [arcsec].
    epoch : float, optional
        Epoch of the exposures, for proper motions [Julian year].
    """

    match_radius: float = 1.5
    chip_order: int = 3
    exposure_order: int = 2
    iterations: int = 4
    rejection_threshold: float = 4.0
    source_error: float = 0.1
    reference_error: float = 0.02
    floor: float = 0.003
    epoch: float | None = None


@dataclass(frozen=True, eq=False, slots=True)
class GlobalAstrometry:
    """One solution for all frames, or the reason why there is none.

    Attributes
    ----------
    plates : tuple of PlateSolution
        Solution of every frame, in the order given; those given after a failure.
    frame, source : ndarray of int64, shape (n,)
        Frame and source of every detection of a star.
    star : ndarray of int64, shape (n,)
        Star of every detection.
    dra, ddec : ndarray of float64, shape (n,)
        Mean of the star minus detection; in right ascension times cos(dec) [arcsec].
    used : ndarray of bool, shape (n,)
        Whether the detection was not clipped.
    reference : ndarray of int64, shape (stars,)
        Reference star of every star, -1 without.
    ra, dec : ndarray of float64, shape (stars,)
        Mean position of every star [degree].
    NREF, NOVERLAP : int
        Number of stars with a reference, and of stars detected more than once.
    SIG_DRA, SIG_DDEC, MEAN_DRA, MEAN_DDEC, RMS : float
        External: reference minus mean of the detections [arcsec].
    SIG_DRA_OVERLAP, SIG_DDEC_OVERLAP, RMS_OVERLAP : float
        Internal: detections about the mean of their star [arcsec].
    reason : str
        Why there is no solution; empty after success.
    """

    plates: tuple[PlateSolution, ...]
    frame: Integers
    source: Integers
    star: Integers
    dra: Floats
    ddec: Floats
    used: Marks
    reference: Integers
    ra: Floats
    dec: Floats
    NREF: int = 0
    NOVERLAP: int = 0
    SIG_DRA: float = float("nan")
    SIG_DDEC: float = float("nan")
    MEAN_DRA: float = float("nan")
    MEAN_DDEC: float = float("nan")
    RMS: float = float("nan")
    SIG_DRA_OVERLAP: float = float("nan")
    SIG_DDEC_OVERLAP: float = float("nan")
    RMS_OVERLAP: float = float("nan")
    reason: str = ""


def solve_global_astrometry(
    frames: Sequence[MosaicFrame],
    reference: ReferenceStars,
    options: GlobalOptions | None = None,
) -> GlobalAstrometry:
    """Solve all frames of overlapping exposures together.

    Parameters
    ----------
    frames : sequence of MosaicFrame
        Sources and local solution of every chip of every exposure.
    reference : ReferenceStars
        Stars of a field that covers the exposures, at least in part.
    options : GlobalOptions, optional
        Orders, errors, clipping.

    Returns
    -------
    GlobalAstrometry
        Solution and residuals; too few stars are a reason, not an exception.

    Raises
    ------
    BadArray
        If no frame is given, or a chip of an exposure is given twice.
    """
    chosen = options or GlobalOptions()
    if not frames:
        raise BadArray("no frames to solve", "give the chips of at least one exposure")
    seen = {(one.exposure, one.chip) for one in frames}
    if len(seen) < len(frames):
        raise BadArray(
            f"{len(frames)} frames have {len(seen)} pairs of exposure and chip",
            "give every chip of an exposure once",
        )
    mosaic = gather(frames, reference, chosen.match_radius, chosen.epoch)
    plane = FocalPlane(frames, chosen.chip_order, chosen.exposure_order)
    if mosaic.anchored.sum() < 3:
        return _failure(frames, "fewer than three stars of the exposures are in the reference")
    if mosaic.star.size < plane.number:
        return _failure(frames, f"{mosaic.star.size} detections do not determine the exposures")
    used, anchored = _iterate(mosaic, plane, chosen)
    return _result(frames, mosaic, plane, used, anchored)


def _iterate(mosaic: Mosaic, plane: FocalPlane, options: GlobalOptions) -> tuple[Marks, Marks]:
    """Gauss-Newton steps; returns which detections and which references were kept."""
    error = np.hypot(mosaic.error(options.source_error), options.floor)
    reference_error = np.hypot(mosaic.reference_error(options.reference_error), options.floor)
    used: Marks = np.ones(error.size, np.bool_)
    anchored = mosaic.anchored
    prior = np.where(plane.is_exposure, _EXPOSURE_SIGMA**-2.0, 0.0)
    for step in range(max(options.iterations, 1)):
        columns, design, place = plane.linearised(mosaic.frame, mosaic.x, mosaic.y)
        star = plane.project(mosaic.vectors[mosaic.star], mosaic.frame)
        known = plane.offsets(mosaic.reference_vectors, mosaic.vectors)
        solution = solve_overlaps(
            Measurements(columns, -design, place - star, used / error**2, mosaic.star),
            Anchors(anchored / reference_error**2, np.where(anchored[:, None], known, 0.0)),
            prior,
            plane.gauge(),
        )
        plane.update(solution.parameters)
        mosaic.move(plane.shifted(mosaic.vectors, np.nan_to_num(solution.stars)))
        if step + 1 < options.iterations:
            # Against the median: the mean would drag the good half of a star away with the bad.
            level = robust_levels(solution, mosaic.star)
            pulls = np.hypot(*(solution.free - level[mosaic.star]).T) / error
            used = _kept(pulls, used, options.rejection_threshold)
            apart = np.hypot(*(known - level).T) / reference_error
            apart = np.where(mosaic.anchored, apart, np.inf)
            anchored = _kept(apart, anchored, options.rejection_threshold)
    return used, anchored


def _kept(pulls: Floats, before: Marks, threshold: float) -> Marks:
    """Pulls within the threshold; the scale is the median of a Rayleigh distribution."""
    spread = float(np.median(pulls[before])) / 1.1774 if before.any() else 1.0
    kept: Marks = np.nan_to_num(pulls, nan=np.inf) <= threshold * np.sqrt(2.0) * max(spread, 1e-6)
    return kept


def _result(
    frames: Sequence[MosaicFrame],
    mosaic: Mosaic,
    plane: FocalPlane,
    used: Marks,
    anchored: Marks,
) -> GlobalAstrometry:
    plates = tuple(plane.plate(k, frames[k].plate) for k in range(len(frames)))
    seen = plane.sky_vectors(mosaic.frame, mosaic.x, mosaic.y)
    number = np.bincount(mosaic.star, used, minlength=mosaic.anchored.size)
    total = np.stack(
        [np.bincount(mosaic.star, used * seen[:, k], minlength=number.size) for k in range(3)], -1
    )
    length = np.linalg.norm(total, axis=1, keepdims=True)
    mean = np.where(length > 0.0, total / np.maximum(length, 1e-300), mosaic.vectors)
    east, north = (_north_offsets(mean[mosaic.star], seen) * ARCSEC).T
    several = used & (number[mosaic.star] > 1)
    freedom = max(float(several.sum() - np.count_nonzero(number > 1)), 1.0)
    inner = [float(np.sqrt(np.sum(d[several] ** 2) / freedom)) for d in (east, north)]
    compared = anchored & (number > 0)
    outer = _north_offsets(mosaic.reference_vectors[compared], mean[compared]) * ARCSEC
    spread = outer.std(axis=0, ddof=1) if len(outer) > 1 else np.full(2, np.nan)
    return GlobalAstrometry(
        plates,
        frame=mosaic.frame,
        source=mosaic.source,
        star=mosaic.star,
        dra=east,
        ddec=north,
        used=used,
        reference=mosaic.reference,
        ra=np.mod(np.degrees(np.arctan2(mean[:, 1], mean[:, 0])), 360.0),
        dec=np.degrees(np.arctan2(mean[:, 2], np.hypot(mean[:, 0], mean[:, 1]))),
        NREF=int(compared.sum()),
        NOVERLAP=int(np.count_nonzero(number > 1)),
        SIG_DRA=float(spread[0]),
        SIG_DDEC=float(spread[1]),
        MEAN_DRA=float(outer[:, 0].mean()),
        MEAN_DDEC=float(outer[:, 1].mean()),
        RMS=float(np.sqrt(np.mean(np.sum(outer**2, axis=1)))),
        SIG_DRA_OVERLAP=inner[0],
        SIG_DDEC_OVERLAP=inner[1],
        RMS_OVERLAP=float(np.hypot(inner[0], inner[1])),
    )


def _north_offsets(to: Floats, origin: Floats) -> Floats:
    """Offsets to the east and north between unit vectors [radian]."""
    across = np.hypot(origin[:, 0], origin[:, 1])
    across = np.maximum(across, 1e-12)
    east = np.stack([-origin[:, 1], origin[:, 0], np.zeros_like(across)], -1) / across[:, None]
    north = np.cross(origin, east)
    return np.stack([np.sum((to - origin) * axis, axis=1) for axis in (east, north)], -1)


def _failure(frames: Sequence[MosaicFrame], reason: str) -> GlobalAstrometry:
    none, empty = np.empty(0, np.int64), np.empty(0)
    return GlobalAstrometry(
        tuple(one.plate for one in frames),
        frame=none,
        source=none,
        star=none,
        dra=empty,
        ddec=empty,
        used=np.empty(0, np.bool_),
        reference=none,
        ra=empty,
        dec=empty,
        reason=reason,
    )
