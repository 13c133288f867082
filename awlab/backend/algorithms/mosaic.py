"""Stars of overlapping exposures: which detections of which frames are one star.

References
----------
.. [1] Bertin 2006, ASP Conf. 351, 112 (SCAMP: cross-identification of overlapping exposures).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from awlab.backend.algorithms.arrays import Floats, Integers, Marks
from awlab.backend.algorithms.association import (
    AssociationFlag,
    associate,
    match_mutual,
    mean_positions,
)
from awlab.backend.algorithms.stars import DetectedSources, ReferenceStars
from awlab.backend.algorithms.tangent_plane import PlateSolution

__all__ = ["Mosaic", "MosaicFrame", "gather", "unit_vectors"]


@dataclass(frozen=True, eq=False, slots=True)
class MosaicFrame:
    """One chip of one exposure.

    Attributes
    ----------
    exposure, chip : int
        Any numbers that tell exposures and chips apart.
    sources : DetectedSources
        Sources of the chip.
    plate : PlateSolution
        Its local solution, good to the match radius.
    """

    exposure: int
    chip: int
    sources: DetectedSources
    plate: PlateSolution


@dataclass(eq=False)
class Mosaic:
    """Detections sorted by star; positions of the stars are improved by ``move``.

    Attributes
    ----------
    frame, source, star : ndarray of int64, shape (n,)
        Frame, source in it, and star of every detection.
    x, y : ndarray of float64, shape (n,)
        Position in the frame, counted from 0 [pixel].
    vectors : ndarray of float64, shape (stars, 3)
        Unit vectors of the stars.
    reference : ndarray of int64, shape (stars,)
        Index of the reference star, -1 without.
    reference_vectors : ndarray of float64, shape (stars, 3)
        Unit vectors of the reference stars; those of the stars without.
    """

    frame: Integers
    source: Integers
    star: Integers
    x: Floats
    y: Floats
    vectors: Floats
    reference: Integers
    reference_vectors: Floats
    given_error: Floats
    pixel_scale: Floats
    catalogue_error: Floats | None

    @property
    def anchored(self) -> Marks:
        """Whether a star has a reference, shape (stars,)."""
        known: Marks = self.reference >= 0
        return known

    def error(self, default: float) -> Floats:
        """Standard error of every detection [arcsec].

        Parameters
        ----------
        default : float
            Where the list has none [pixel].
        """
        return np.where(np.isnan(self.given_error), default, self.given_error) * self.pixel_scale

    def reference_error(self, default: float) -> Floats:
        """Standard error of the reference of every star [arcsec].

        Parameters
        ----------
        default : float
            Where the catalogue has none [arcsec].
        """
        if self.catalogue_error is None:
            return np.full(self.reference.size, default)
        error = self.catalogue_error[np.maximum(self.reference, 0)]
        return np.where(self.anchored & np.isfinite(error), error, default)

    def move(self, vectors: Floats) -> None:
        """Set improved positions of the stars.

        Parameters
        ----------
        vectors : ndarray of float64, shape (stars, 3)
            Unit vectors [number].
        """
        self.vectors = vectors


def unit_vectors(ra: Floats, dec: Floats) -> Floats:
    """Unit vectors of positions.

    Parameters
    ----------
    ra, dec : ndarray of float64, any shape
        Positions [degree].

    Returns
    -------
    ndarray of float64, the same shape and (3,)
        Vectors.
    """
    a, d = np.radians(ra), np.radians(dec)
    return np.stack([np.cos(d) * np.cos(a), np.cos(d) * np.sin(a), np.sin(d)], axis=-1)


def gather(
    frames: Sequence[MosaicFrame],
    reference: ReferenceStars,
    radius: float,
    epoch: float | None = None,
) -> Mosaic:
    """Find the stars of all frames; detections that could be two stars are left out.

    Parameters
    ----------
    frames : sequence of MosaicFrame
        Sources and approximate solutions.
    reference : ReferenceStars
        Reference catalogue.
    radius : float
        Radius within which detections are one star [arcsec].
    epoch : float, optional
        Epoch of the exposures, for proper motions [Julian year].

    Returns
    -------
    Mosaic
        Stars that are seen twice or have a reference.
    """
    rows = [one.sources.usable() for one in frames]
    lists = [
        one.plate.pixel_to_sky(one.sources.x[row], one.sources.y[row])
        for one, row in zip(frames, rows, strict=True)
    ]
    found = associate(lists, radius)
    ra, dec = mean_positions(found, lists)
    stars = reference.usable()
    catalogue = tuple(column[stars] for column in reference.at_epoch(epoch))
    pairs = match_mutual((ra, dec), (catalogue[0], catalogue[1]), radius)
    matched = np.full(ra.size, -1, np.int64)
    matched[pairs.first] = pairs.second
    count = np.bincount(found.AID, minlength=ra.size)
    single = np.bincount(found.AID, found.FLAG & AssociationFlag.AMBIGUOUS, minlength=ra.size) == 0
    wanted = single & ((count > 1) | (matched >= 0))
    kept = np.flatnonzero(wanted[found.AID])
    frame, sid = found.list_index[kept], found.SID[kept]
    starts = np.cumsum([0, *(row.size for row in rows)])
    flat = starts[frame] + sid
    vectors = unit_vectors(ra[wanted], dec[wanted])
    matched = matched[wanted]
    known = unit_vectors(*catalogue)[matched] if stars.size else vectors
    return Mosaic(
        frame=frame,
        source=np.concatenate(rows)[flat],
        star=(np.cumsum(wanted) - 1)[found.AID[kept]],
        x=np.concatenate([f.sources.x[r] for f, r in zip(frames, rows, strict=True)])[flat],
        y=np.concatenate([f.sources.y[r] for f, r in zip(frames, rows, strict=True)])[flat],
        vectors=vectors,
        reference=np.where(matched >= 0, stars[matched] if stars.size else -1, -1),
        reference_vectors=np.where((matched >= 0)[:, None], known, vectors),
        given_error=np.concatenate(
            [_errors(f.sources, r) for f, r in zip(frames, rows, strict=True)]
        )[flat],
        pixel_scale=np.array([one.plate.pixel_scale for one in frames])[frame],
        catalogue_error=reference.error,
    )


def _errors(sources: DetectedSources, rows: Integers) -> Floats:
    return np.full(rows.size, np.nan) if sources.error is None else sources.error[rows]
