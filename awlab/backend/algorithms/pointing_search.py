"""The search behind ``pointing``: candidates by votes, refined and judged by their odds.

References
----------
.. [1] Bertin 2006, ASP Conf. 351, 112 (SCAMP: rotation and scale from pairs, then the offset).
.. [2] Lang et al. 2010, AJ 139, 1782 (a match is accepted by its odds against chance).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np

from awlab.backend.algorithms.arrays import Floats, Integers
from awlab.backend.algorithms.stars import DetectedSources, ReferenceStars
from awlab.backend.algorithms.tangent_plane import (
    PlateSolution,
    deproject,
    plate_from_samples,
    project,
    sample_grid,
)

__all__ = ["Field", "MatchFailure", "Orientation", "PointingOptions", "Trial"]

_ROTATION_STEP, _SCALE_STEP = math.radians(0.1), 0.002
_CANDIDATES = 12
# Pairs go with the square of the number: so many of the brightest are enough.
_VOTERS = 80
# Share of the sources (or stars) that a right orientation matches, however bad the lists are.
_BEYOND_DOUBT = 0.3
# Pairs closer than this part of the field say little about direction.
_LEAST_SEPARATION = 0.1
_OFFSET_STEP = 3.0
# A reference pixel is near within this part of the way from the middle to the farthest source.
_NEAR_REFERENCE = 0.3


class MatchFailure(Enum):
    """Why there is no solution; the value is the reason in words."""

    NONE = ""
    NO_SOURCES = "there are fewer than three sources with finite positions and magnitudes"
    NO_REFERENCE = "there are fewer than three reference stars with finite positions"
    NOT_COVERED = "the reference catalogue has fewer than three stars near the frame"
    DEGENERATE = "the sources all lie at one position or on a line"
    NOT_SIGNIFICANT = "no orientation matches more stars than chance would"
    TOO_FEW_MATCHES = "too few sources match a reference star"
    SINGULAR = "the matched stars do not determine the solution"


@dataclass(frozen=True, slots=True)
class PointingOptions:
    """How far and how hard to search.

    Attributes
    ----------
    search_radius : float
        Largest pointing error in a coordinate, at the middle of the chip [arcsec].
    rotation_range : float
        Largest error of the position angle, also about an upside-down chip; at most 90 [degree].
    scale_range : float
        Largest relative error of the pixel scale.
    tolerance : float
        Largest separation of a match after refinement [arcsec].
    maximum_sources : int
        Number of brightest sources that vote.
    minimum_significance : float
        Smallest -log10 of the probability that chance gives as good a match.
    """

    search_radius: float = 200.0
    rotation_range: float = 5.0
    scale_range: float = 0.035
    tolerance: float = 2.0
    maximum_sources: int = 200
    minimum_significance: float = 3.0


@dataclass(frozen=True, slots=True)
class Orientation:
    """A candidate: rotation [radian], scale and parity."""

    rotation: float
    scale: float
    flipped: bool


@dataclass(frozen=True, slots=True)
class Trial:
    """Similarity from sources to stars about the pivot: z -> turn * z + shift [arcsec]."""

    turn: complex = 1.0 + 0.0j
    shift: complex = 0.0j
    flipped: bool = False
    matches: int = 0
    significance: float = -math.inf


class Field:
    """Sources and stars in one tangent plane about the middle of the sources [arcsec]."""

    def __init__(
        self,
        sources: DetectedSources,
        rows: Integers,
        plate: PlateSolution,
        reference: ReferenceStars,
        options: PointingOptions,
        epoch: float | None,
    ) -> None:
        from scipy.spatial import cKDTree

        self.plate, self.options = plate, options
        self.box = [f(v[rows]) for v in (sources.x, sources.y) for f in (np.min, np.max)]
        middle = 0.5 * (self.box[0] + self.box[1]), 0.5 * (self.box[2] + self.box[3])
        ra, dec = plate.pixel_to_sky(*middle)
        self.middle = float(ra), float(dec)
        self.failure = MatchFailure.NONE
        x, y = self._plane(*plate.pixel_to_sky(sources.x[rows], sources.y[rows]))
        self.reach = float(np.hypot(x, y).max())
        # A header turns and mirrors about its reference pixel. One far off the chip belongs to a
        # mosaic: its chips are turned one by one.
        xi, eta = self._plane(*plate.crval)
        near = np.hypot(xi, eta) < _NEAR_REFERENCE * self.reach
        self.pivot = complex(xi, eta) if near else 0.0j
        if not min(np.ptp(x), np.ptp(y)) > self.options.tolerance:
            self.failure = MatchFailure.DEGENERATE
            return
        stars, mag = self._stars(reference, epoch)
        if stars.size < 3:
            self.failure = MatchFailure.NOT_COVERED
            return
        spread = (np.ptp(x) + 2 * options.search_radius) * (np.ptp(y) + 2 * options.search_radius)
        bright = np.argsort(sources.mag[rows], kind="stable")[: options.maximum_sources]
        self.sources = x[bright] + 1j * y[bright]
        # As many stars as the voting sources would be over the larger area, and half as many more:
        # the two brightness scales differ, and bright stars may be saturated.
        # The fewer the sources, the less their order by brightness says.
        likely = bright.size * spread / (np.ptp(x) * np.ptp(y))
        most = int(1.5 * likely + 10.0 * math.sqrt(likely))
        self.stars = stars[np.argsort(mag, kind="stable")[: min(most, 1000)]]
        share = min(_VOTERS / bright.size, 1.0)
        by_x = self.stars[: max(int(self.stars.size * share), 40)]
        self.voting_stars = _columns(by_x[np.argsort(by_x.real, kind="stable")])
        self.tree = cKDTree(_columns(self.stars))
        self.density = self.stars.size / spread

    def _plane(self, ra: Any, dec: Any) -> tuple[Floats, Floats]:
        xi, eta = project(ra, dec, *self.middle)
        return xi * 3600.0, eta * 3600.0

    def _stars(self, reference: ReferenceStars, epoch: float | None) -> tuple[Any, Floats]:
        """Stars that may fall on the chip, as complex numbers, and their magnitudes."""
        rows = reference.usable()
        ra, dec = reference.at_epoch(epoch)
        # A box in declination first: projecting a whole catalogue takes longer than matching.
        reach = self.reach * (1.0 + self.options.scale_range) + 2.0 * abs(self.pivot)
        margin = (reach + 1.5 * self.options.search_radius) / 3600.0
        rows = rows[np.abs(dec[rows] - self.middle[1]) < margin * 1.1]
        xi, eta = self._plane(ra[rows], dec[rows])
        inside = np.hypot(xi, eta) < margin * 3600.0
        return xi[inside] + 1j * eta[inside], reference.mag[rows][inside]

    @property
    def trials(self) -> float:
        """Number of distinguishable orientations in the search."""
        reach, tolerance = self.reach, self.options.tolerance
        turns = 2.0 * math.radians(self.options.rotation_range) * reach / tolerance
        stretches = 2.0 * self.options.scale_range * reach / tolerance
        return 4.0 * max(turns, 1.0) * max(stretches, 1.0)

    def settled(self, trial: Trial) -> bool:
        """Whether a candidate is beyond doubt, also against one that fits a part of the field."""
        share = trial.matches / min(self.sources.size, self.stars.size)
        return share > _BEYOND_DOUBT and (
            trial.significance > self.options.minimum_significance + 5.0
        )

    def orientations(self) -> list[Orientation]:
        """Orientations with most votes, both parities, each also upside down."""
        from awlab.backend.algorithms.pointing_kernel import pair_shapes, vote_orientations

        turn = math.radians(min(self.options.rotation_range, 90.0))
        stretch = math.log1p(self.options.scale_range)
        bins = (
            max(int(2 * turn / _ROTATION_STEP), 4),
            max(int(2 * stretch / _SCALE_STEP), 4),
        )
        few = self.sources[:_VOTERS]
        share = few.size / self.sources.size
        stars = self.stars[: max(int(self.stars.size * share), 40)]
        longest = 2.0 * self.reach * (1.0 + self.options.scale_range)
        least = _LEAST_SEPARATION * self.reach
        length, direction = pair_shapes(stars.real.copy(), stars.imag.copy(), least, longest)
        order = np.argsort(length, kind="stable")
        catalogue = length[order], direction[order]
        found = []
        for flipped in (False, True):
            side = -1.0 if flipped else 1.0
            pairs = pair_shapes(side * few.real, few.imag.copy(), least, longest)
            votes = vote_orientations(pairs, catalogue, (turn, stretch), bins)
            for row, column, height in _peaks(votes, _CANDIDATES):
                rotation = (row + 0.5) / bins[0] * 2.0 * turn - turn
                scale = math.exp((column + 0.5) / bins[1] * 2.0 * stretch - stretch)
                found += [
                    (height, Orientation(rotation + half, scale, flipped))
                    for half in (0.0, math.pi)
                ]
        found.sort(key=lambda one: -one[0])
        return [orientation for _, orientation in found]

    def refined(self, orientation: Orientation, trials: float) -> Trial:
        """Best offset of an orientation, refined on the matches, with its odds.

        Parameters
        ----------
        orientation : Orientation
            The candidate.
        trials : float
            Number of distinguishable orientations that are tried.
        """
        from awlab.backend.algorithms.pointing_kernel import vote_offsets

        start = orientation.scale * np.exp(1j * orientation.rotation)
        z = self._upright(self.sources, flipped=orientation.flipped)
        half = self.options.search_radius
        voters = _columns(start * z[:_VOTERS] + self.pivot)
        votes = vote_offsets(voters, self.voting_stars, half, _OFFSET_STEP)
        best = Trial()
        for row, column, _ in _peaks(votes, 2):
            shift = complex((row + 0.5) * _OFFSET_STEP - half, (column + 0.5) * _OFFSET_STEP - half)
            first = Trial(start, shift + self.pivot, orientation.flipped)
            trial = self._polished(first, z, trials)
            best = max(best, trial, key=lambda one: one.significance)
        return best

    def _upright(self, z: Any, *, flipped: bool) -> Any:
        """Positions about the pivot, mirrored if need be."""
        return -np.conj(z - self.pivot) if flipped else z - self.pivot

    def shift(self, trial: Trial) -> complex:
        """Where the middle of the chip goes [arcsec]."""
        return complex(trial.turn * self._upright(0.0j, flipped=trial.flipped) + trial.shift)

    def _polished(self, trial: Trial, z: Any, trials: float) -> Trial:
        """Similarity by least squares on ever closer matches."""
        tolerance = self.options.tolerance
        turn, shift = trial.turn, trial.shift
        for reach in (8.0, 6.0, 4.0, 2.0 * tolerance, tolerance, tolerance):
            own, star = self._matches(turn * z + shift, max(reach, tolerance))
            if own.size < 3:
                return trial
            a, b = z[own], self.stars[star]
            spread = a - a.mean()
            power = float(np.vdot(spread, spread).real)
            if not power > 0.0:
                return trial
            turn = complex(np.vdot(spread, b - b.mean())) / power
            shift = complex(b.mean() - turn * a.mean())
        own, _ = self._matches(turn * z + shift, tolerance)
        if abs(math.log(max(abs(turn), 1e-9))) > 1.5 * math.log1p(self.options.scale_range):
            return trial
        odds = _chance(own.size, z.size * self.density * math.pi * tolerance**2)
        places = trials * (2.0 * self.options.search_radius) ** 2 / (math.pi * tolerance**2)
        return Trial(turn, shift, trial.flipped, int(own.size), odds - math.log10(max(places, 1.0)))

    def _matches(self, z: Any, reach: float) -> tuple[Integers, Integers]:
        """Sources whose nearest star is within reach, one per star."""
        distance, nearest = self.tree.query(_columns(z), distance_upper_bound=reach)
        own = np.flatnonzero(np.isfinite(distance))
        own = own[np.argsort(distance[own], kind="stable")]
        star, first = np.unique(nearest[own], return_index=True)
        return own[first], star

    def corrected(self, trial: Trial) -> PlateSolution:
        """The plate solution after the similarity."""
        order = max(self.plate.order, 1)
        pixels = sample_grid(self.box, order + 1)

        def moved(ra: Any, dec: Any) -> tuple[Floats, Floats]:
            xi, eta = self._plane(ra, dec)
            z = xi + 1j * eta
            z = trial.turn * self._upright(z, flipped=trial.flipped) + trial.shift
            return deproject(z.real / 3600.0, z.imag / 3600.0, *self.middle)

        ra, dec = (float(v) for v in moved(*self.plate.crval))
        sky = moved(*self.plate.pixel_to_sky(*pixels))
        return plate_from_samples(
            pixels, project(*sky, ra, dec), (ra, dec), self.plate.crpix, order
        )


def _columns(z: Any) -> Floats:
    """Complex numbers as rows of two."""
    return np.ascontiguousarray(np.stack([z.real, z.imag], axis=-1))


def _peaks(votes: Integers, number: int) -> list[tuple[int, int, float]]:
    """Places with most votes in a square of 3 by 3 bins, each at least two bins from the others."""
    padded = np.pad(votes, 1)
    total = (
        sum(
            padded[i : i + votes.shape[0], j : j + votes.shape[1]]
            for i in range(3)
            for j in range(3)
        )
        + 0.5 * votes
    )
    found = []
    for _ in range(number):
        row, column = (int(k) for k in np.unravel_index(int(np.argmax(total)), votes.shape))
        if total[row, column] <= 0:
            break
        found.append((row, column, float(total[row, column])))
        total[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2] = 0
    return found


def _chance(number: int, expected: float) -> float:
    """-log10 of the Poisson probability of so many matches, to within a factor of two."""
    if number <= expected or number < 3:
        return 0.0
    expected = max(expected, 1e-6)
    log = number * math.log(expected) - expected - math.lgamma(number + 1)
    return max(-log / math.log(10.0), 0.0)
