"""The focal plane of a mosaic: polynomials of chips, polynomials of exposures.

References
----------
.. [1] Bernstein et al. 2017, PASP 129, 074503 (chip and exposure maps of a mosaic camera).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from awlab.backend.algorithms.arrays import Floats, Integers, Marks
from awlab.backend.algorithms.mosaic import MosaicFrame, unit_vectors
from awlab.backend.algorithms.tangent_plane import (
    PlateSolution,
    plate_from_samples,
    polynomial_terms,
    project,
    sample_grid,
)

__all__ = ["ARCSEC", "FocalPlane"]

ARCSEC = float(np.degrees(1.0)) * 3600.0


class FocalPlane:
    """Positions in turned tangent planes from pixels, by polynomials [arcsec].

    Parameters are the coefficients of all chips, then those of all exposures; both coordinates
    have the same, so one matrix serves them.

    Parameters
    ----------
    frames : sequence of MosaicFrame
        Frames with approximate solutions.
    chip_order, exposure_order : int
        Orders of the polynomials.
    """

    def __init__(self, frames: Sequence[MosaicFrame], chip_order: int, exposure_order: int) -> None:
        self.orders = chip_order, exposure_order
        exposures, self.exposure = np.unique([one.exposure for one in frames], return_inverse=True)
        chips, self.chip = np.unique([one.chip for one in frames], return_inverse=True)
        self.sizes = tuple((n + 1) * (n + 2) // 2 for n in self.orders)
        self.counts = chips.size, exposures.size
        self.boxes = [_box(frames, self.chip == k) for k in range(chips.size)]
        grids = [sample_grid(self.boxes[k], chip_order + 1) for k in self.chip]
        sky = [
            unit_vectors(*one.plate.pixel_to_sky(*grid))
            for one, grid in zip(frames, grids, strict=True)
        ]
        self._make_bases(frames)
        planes = self._turn_exposures(sky)
        self.chips = np.zeros((chips.size, self.sizes[0], 2))
        for k in range(chips.size):
            mine = np.flatnonzero(self.chip == k)
            mean = np.mean([planes[f] for f in mine], axis=0)
            terms = polynomial_terms(*self._scaled(k, *grids[mine[0]]), chip_order)
            self.chips[k] = np.linalg.lstsq(terms, mean, rcond=None)[0]
        self.exposures = np.zeros((exposures.size, self.sizes[1], 2))
        self.reach = float(max(np.abs(plane).max() for plane in planes))

    def _make_bases(self, frames: Sequence[MosaicFrame]) -> None:
        """Tangent plane of every exposure: two axes in it, and its pole."""
        poles = unit_vectors(*np.array([one.plate.crval for one in frames]).T)
        pole = np.array([poles[self.exposure == k].sum(axis=0) for k in range(self.counts[1])])
        pole /= np.linalg.norm(pole, axis=1, keepdims=True)
        centre = pole.sum(axis=0) / np.linalg.norm(pole.sum(axis=0))
        self.axis = np.cross([0.0, 0.0, 1.0] if abs(centre[2]) < 0.9 else [0.0, 1.0, 0.0], centre)
        self.bases = np.stack([*_local_axes(pole, self.axis), pole], axis=1)

    def _turn_exposures(self, sky: list[Floats]) -> list[Floats]:
        """Turn the axes of every exposure to the position angle of those before."""
        known: dict[int, Floats] = {}
        planes: list[Floats] = [np.empty(0)] * len(sky)
        for k in range(self.counts[1]):
            mine = np.flatnonzero(self.exposure == k)
            turn = 0.0j
            for frame in mine:
                z = self.project(sky[frame], np.full(len(sky[frame]), frame)) @ [1.0, 1.0j]
                before = known.get(int(self.chip[frame]))
                if before is not None:
                    turn += np.vdot(before - before.mean(), z - z.mean())
            if turn:
                u, v, pole = self.bases[k]
                c, s = turn.real / abs(turn), turn.imag / abs(turn)
                self.bases[k] = c * u + s * v, c * v - s * u, pole
            for frame in mine:
                planes[frame] = self.project(sky[frame], np.full(len(sky[frame]), frame))
                known.setdefault(int(self.chip[frame]), planes[frame] @ [1.0, 1.0j])
        return planes

    @property
    def number(self) -> int:
        """Number of parameters of a coordinate."""
        return self.counts[0] * self.sizes[0] + self.counts[1] * self.sizes[1]

    @property
    def is_exposure(self) -> Marks:
        """Whether a parameter belongs to an exposure, shape (number,)."""
        later: Marks = np.arange(self.number) >= self.counts[0] * self.sizes[0]
        return later

    def gauge(self) -> Floats:
        """Sums over the exposures of each coefficient: what the chips can take over."""
        first = self.counts[0] * self.sizes[0]
        rows = np.zeros((self.sizes[1], self.number))
        for term in range(self.sizes[1]):
            rows[term, first + term :: self.sizes[1]] = 1.0
        return rows

    def _scaled(self, chip: int, x: Floats, y: Floats) -> tuple[Floats, Floats]:
        left, right, low, high = self.boxes[chip]
        half = max(0.5 * max(right - left, high - low), 1.0)
        return (x - 0.5 * (left + right)) / half, (y - 0.5 * (low + high)) / half

    def linearised(self, frame: Integers, x: Floats, y: Floats) -> tuple[Integers, Floats, Floats]:
        """Design of the parameters at pixels, and the places that they give.

        The derivative by a chip's coefficients is taken without the exposure's slope, a
        thousandth; the places are exact, so the steps converge to the same.

        Parameters
        ----------
        frame : ndarray of int64, shape (n,)
            Frame of each pixel [number].
        x, y : ndarray of float64, shape (n,)
            Pixels counted from 0 [pixel].

        Returns
        -------
        columns : ndarray of int64, shape (n, k)
            Parameters.
        design : ndarray of float64, shape (n, k)
            Derivatives.
        place : ndarray of float64, shape (n, 2)
            Positions in the tangent plane of the exposure [arcsec].
        """
        chip, exposure = self.chip[frame], self.exposure[frame]
        u, v = np.empty_like(x), np.empty_like(y)
        for k in range(self.counts[0]):
            mine = chip == k
            u[mine], v[mine] = self._scaled(k, x[mine], y[mine])
        near = polynomial_terms(u, v, self.orders[0])
        focal = np.einsum("nk,nkc->nc", near, self.chips[chip])
        far = polynomial_terms(focal[:, 0] / self.reach, focal[:, 1] / self.reach, self.orders[1])
        place = focal + np.einsum("nk,nkc->nc", far, self.exposures[exposure])
        first = chip[:, None] * self.sizes[0] + np.arange(self.sizes[0])
        second = exposure[:, None] * self.sizes[1] + np.arange(self.sizes[1])
        columns = np.concatenate([first, second + self.counts[0] * self.sizes[0]], axis=1)
        return columns, np.concatenate([near, far], axis=1), place

    def update(self, step: Floats) -> None:
        """Add a step to the parameters.

        Parameters
        ----------
        step : ndarray of float64, shape (number, 2)
            Changes [arcsec].
        """
        split = self.counts[0] * self.sizes[0]
        self.chips = self.chips + step[:split].reshape(self.chips.shape)
        self.exposures = self.exposures + step[split:].reshape(self.exposures.shape)

    def project(self, vectors: Floats, frame: Integers) -> Floats:
        """Project directions onto the tangent planes of the exposures.

        Parameters
        ----------
        vectors : ndarray of float64, shape (n, 3)
            Unit vectors [number].
        frame : ndarray of int64, shape (n,)
            Frame of each [number].

        Returns
        -------
        ndarray of float64, shape (n, 2)
            Positions in the plane [arcsec].
        """
        places = np.einsum("nck,nk->nc", self.bases[self.exposure[frame]], vectors)
        return np.asarray(places[:, :2] / places[:, 2:] * ARCSEC)

    def sky_vectors(self, frame: Integers, x: Floats, y: Floats) -> Floats:
        """Directions of pixels.

        Parameters
        ----------
        frame : ndarray of int64, shape (n,)
            Frame of each pixel [number].
        x, y : ndarray of float64, shape (n,)
            Pixels counted from 0 [pixel].

        Returns
        -------
        ndarray of float64, shape (n, 3)
            Unit vectors.
        """
        place = self.linearised(frame, x, y)[2] / ARCSEC
        whole = np.concatenate([place, np.ones((len(place), 1))], axis=1)
        vectors = np.einsum("nc,nck->nk", whole, self.bases[self.exposure[frame]])
        return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))

    def offsets(self, to: Floats, origin: Floats) -> Floats:
        """Offsets between directions, along axes parallel to those of the exposures.

        Parameters
        ----------
        to, origin : ndarray of float64, shape (n, 3)
            Unit vectors [number].

        Returns
        -------
        ndarray of float64, shape (n, 2)
            Offsets [arcsec].
        """
        axes = _local_axes(origin, self.axis)
        return np.stack([np.sum((to - origin) * axis, axis=1) for axis in axes], -1) * ARCSEC

    def shifted(self, vectors: Floats, step: Floats) -> Floats:
        """Directions after small offsets.

        Parameters
        ----------
        vectors : ndarray of float64, shape (n, 3)
            Unit vectors [number].
        step : ndarray of float64, shape (n, 2)
            Offsets along axes parallel to those of the exposures [arcsec].

        Returns
        -------
        ndarray of float64, shape (n, 3)
            Unit vectors.
        """
        u, v = _local_axes(vectors, self.axis)
        moved = vectors + (step[:, :1] * u + step[:, 1:] * v) / ARCSEC
        return np.asarray(moved / np.linalg.norm(moved, axis=1, keepdims=True))

    def plate(self, frame: int, before: PlateSolution) -> PlateSolution:
        """Plate solution of a frame, about the tangent point it had.

        Parameters
        ----------
        frame : int
            Which frame.
        before : PlateSolution
            Its local solution.
        """
        order = min(max(self.orders) + 1, 7)
        x, y = sample_grid(self.boxes[self.chip[frame]], order + 1)
        vectors = self.sky_vectors(np.full(x.size, frame), x, y)
        ra = np.degrees(np.arctan2(vectors[:, 1], vectors[:, 0]))
        dec = np.degrees(np.arctan2(vectors[:, 2], np.hypot(vectors[:, 0], vectors[:, 1])))
        plane = project(ra, dec, *before.crval)
        return plate_from_samples((x, y), plane, before.crval, before.crpix, order)


def _local_axes(vectors: Floats, axis: Floats) -> tuple[Floats, Floats]:
    """Two axes across each direction, the first nearest to the one given."""
    u = axis - (vectors @ axis)[:, None] * vectors
    u /= np.linalg.norm(u, axis=1, keepdims=True)
    return u, np.cross(vectors, u)


def _box(frames: Sequence[MosaicFrame], mine: Marks) -> Floats:
    """Extent of the usable sources of all frames of a chip [pixel]."""
    lists = [one.sources for one, is_mine in zip(frames, mine, strict=True) if is_mine]
    columns = [np.concatenate([getattr(s, c)[s.usable()] for s in lists]) for c in ("x", "y")]
    return np.array(
        [f(v) if v.size else 0.0 for v in columns for f in (np.min, np.max)], np.float64
    )
