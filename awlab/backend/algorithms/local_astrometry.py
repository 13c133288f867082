"""Local astrometry: the plate solution of one chip from its sources and a reference catalogue.

Sources and stars are matched with ever closer radii while the polynomial grows; then a clipped,
weighted least-squares fit of each order that the number of stars allows is made, and the order
with the least information criterion is kept: distortion that the noise hides is not fitted.

References
----------
.. [1] Astro-WISE AstrometricParameters: NREF, SIG_DRA, SIG_DDEC, MEAN_DRA, MEAN_DDEC, RMS and the
   residual table; DRA = RA of the reference - RA extracted (man_howto_qcastrom).
.. [2] Hurvich & Tsai 1989, Biometrika 76, 297 (Akaike's information criterion, few data).
.. [3] "The TPV World Coordinate System", FITS registry of conventions, 2011.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from awlab.backend.algorithms.arrays import Floats, Integers
from awlab.backend.algorithms.association import match_mutual
from awlab.backend.algorithms.pointing import (
    MatchFailure,
    PointingOptions,
    match_pointing,
)
from awlab.backend.algorithms.stars import DetectedSources, ReferenceStars
from awlab.backend.algorithms.tangent_plane import (
    PlateSolution,
    plate_from_samples,
    polynomial_terms,
    project,
    sample_grid,
)

__all__ = ["AstrometryOptions", "LocalAstrometry", "Residuals", "solve_astrometry"]

_LEAST_MATCHES = 4
_POINTING = PointingOptions()
_CLIPPING_ROUNDS = 8


@dataclass(frozen=True, slots=True)
class AstrometryOptions:
    """How a chip is solved.

    Attributes
    ----------
    pointing : PointingOptions, optional
        How to look for the pointing; without it the plate solution is taken to be right to
        within the radius of the first match.
    match_radius : float
        Radius of the first match [arcsec].
    maximum_order : int
        Highest order of the polynomials, 1 to 7.
    stars_per_coefficient : float
        An order needs so many stars for each of its coefficients in a coordinate.
    rejection_threshold : float
        Stars further than this from the fit are clipped [sigma].
    source_error, reference_error : float
        Standard error of a coordinate where the lists have none [pixel, arcsec].
    floor : float
        Error that no star is better than: seeing and guiding [arcsec].
    epoch : float, optional
        Epoch of the frame, for proper motions [Julian year].
    """

    pointing: PointingOptions | None = _POINTING
    match_radius: float = 3.0
    maximum_order: int = 3
    stars_per_coefficient: float = 4.0
    rejection_threshold: float = 3.5
    source_error: float = 0.1
    reference_error: float = 0.02
    floor: float = 0.005
    epoch: float | None = None


@dataclass(frozen=True, eq=False, slots=True)
class Residuals:
    """Table of the matched stars.

    Attributes
    ----------
    source, star : ndarray of int64, shape (n,)
        Indices in the lists given.
    x, y : ndarray of float64, shape (n,)
        Position, counted from 0 [pixel].
    ra, dec : ndarray of float64, shape (n,)
        Position extracted, by the solution [degree].
    dra, ddec : ndarray of float64, shape (n,)
        Reference minus extracted; in right ascension times cos(dec) [arcsec].
    used : ndarray of bool, shape (n,)
        Whether the star was not clipped.
    """

    source: Integers
    star: Integers
    x: Floats
    y: Floats
    ra: Floats
    dec: Floats
    dra: Floats
    ddec: Floats
    used: npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False, slots=True)
class LocalAstrometry:
    """Solution of a chip, or the reason why there is none.

    Attributes
    ----------
    plate : PlateSolution
        The solution; the one given after a failure.
    order : int
        Order of its polynomials.
    NREF : int
        Number of stars used.
    SIG_DRA, SIG_DDEC, MEAN_DRA, MEAN_DDEC : float
        Standard deviation and mean of the residuals [arcsec].
    RMS : float
        Root of the mean squared separation of reference and extracted positions [arcsec].
    residuals : Residuals, optional
        Table of the matched stars.
    significance : float
        Of the pointing match; 0 without one.
    failure : MatchFailure
        NONE, or why there is no solution.
    """

    plate: PlateSolution
    order: int = 0
    NREF: int = 0
    SIG_DRA: float = float("nan")
    SIG_DDEC: float = float("nan")
    MEAN_DRA: float = float("nan")
    MEAN_DDEC: float = float("nan")
    RMS: float = float("nan")
    residuals: Residuals | None = None
    significance: float = 0.0
    failure: MatchFailure = MatchFailure.NONE

    @property
    def reason(self) -> str:
        """Why there is no solution; empty after success."""
        return self.failure.value


def solve_astrometry(
    sources: DetectedSources,
    plate: PlateSolution,
    reference: ReferenceStars,
    options: AstrometryOptions | None = None,
) -> LocalAstrometry:
    """Find the plate solution of a chip.

    Parameters
    ----------
    sources : DetectedSources
        Sources of the chip.
    plate : PlateSolution
        Approximate solution, as the header has it.
    reference : ReferenceStars
        Stars of a field that covers the chip.
    options : AstrometryOptions, optional
        Search, orders, errors and clipping.

    Returns
    -------
    LocalAstrometry
        Solution and residuals; bad data is a failure with its reason, never an exception.
    """
    chosen = options or AstrometryOptions()
    start, significance = plate, 0.0
    if chosen.pointing is not None:
        match = match_pointing(sources, plate, reference, chosen.pointing, chosen.epoch)
        if match.failure is not MatchFailure.NONE:
            return LocalAstrometry(plate, significance=match.significance, failure=match.failure)
        start, significance = match.plate, match.significance
    chip = _Chip(sources, reference, chosen, start)
    fit = chip.solve(start)
    if fit is None:
        failure = chip.failure
        return LocalAstrometry(plate, significance=significance, failure=failure)
    return _result(chip, fit, significance)


@dataclass(frozen=True, eq=False, slots=True)
class _Fit:
    """A polynomial through matched stars."""

    plate: PlateSolution
    order: int
    source: Integers
    star: Integers
    used: npt.NDArray[np.bool_]
    sigma: float


class _Chip:
    """Usable sources and stars of a chip."""

    def __init__(
        self,
        sources: DetectedSources,
        reference: ReferenceStars,
        options: AstrometryOptions,
        plate: PlateSolution,
    ) -> None:
        self.options, self.failure = options, MatchFailure.TOO_FEW_MATCHES
        self.rows = sources.usable()
        self.x, self.y = sources.x[self.rows], sources.y[self.rows]
        self.box = [float(f(v)) for v in (self.x, self.y) for f in (_lowest, _highest)]
        self.stars = reference.usable()
        ra, dec = reference.at_epoch(options.epoch)
        self.stars = self._near(plate, ra, dec)
        self.ra, self.dec = ra[self.stars], dec[self.stars]
        given = sources.error
        error = np.full(self.x.size, options.source_error) if given is None else given[self.rows]
        self.source_error = error * plate.pixel_scale
        given = reference.error
        self.star_error = np.full(self.stars.size, options.reference_error)
        if given is not None:
            own = given[self.stars]
            self.star_error = np.where(np.isfinite(own) & (own >= 0), own, options.reference_error)

    def _near(self, plate: PlateSolution, ra: Floats, dec: Floats) -> Integers:
        """Stars on the chip or beside it; the rest of a catalogue only costs time."""
        if not self.rows.size or not self.stars.size:
            return self.stars[:0]
        left, right, low, high = self.box
        xi, eta = plate.pixel_to_plane([left, right, left, right], [low, low, high, high])
        margin = 2.0 * self.options.match_radius / 3600.0
        a, b = project(ra[self.stars], dec[self.stars], *plate.crval)
        inside = (a > xi.min() - margin) & (a < xi.max() + margin)
        inside &= (b > eta.min() - margin) & (b < eta.max() + margin)
        near: Integers = self.stars[inside]
        return near

    def match(self, plate: PlateSolution, radius: float) -> tuple[Integers, Integers]:
        """Mutually nearest sources and stars, by index among the usable ones."""
        pairs = match_mutual(plate.pixel_to_sky(self.x, self.y), (self.ra, self.dec), radius)
        return pairs.first, pairs.second

    def solve(self, plate: PlateSolution) -> _Fit | None:
        """Match and fit with growing order and shrinking radius."""
        radius, fit = self.options.match_radius, None
        for order in (1, 2, self.options.maximum_order):
            pairs = self.match(plate, radius)
            if pairs[0].size < _LEAST_MATCHES:
                return None
            fit = self._best_fit(plate, *pairs, min(order, self.options.maximum_order))
            if fit is None:
                self.failure = MatchFailure.SINGULAR
                return None
            plate = fit.plate
            radius = min(radius, max(5.0 * fit.sigma, 0.5))
        return fit

    def _best_fit(
        self, plate: PlateSolution, source: Integers, star: Integers, highest: int
    ) -> _Fit | None:
        """Fit of the best order that the number of stars allows."""
        best, least = None, np.inf
        for order in range(1, highest + 1):
            needed = self.options.stars_per_coefficient * _coefficients(order)
            if order > 1 and source.size < needed:
                break
            found = self._fit(plate, source, star, order)
            if found is None:
                break
            fit, criterion = found
            if criterion < least:
                best, least = fit, criterion
        return best

    def _fit(
        self, plate: PlateSolution, source: Integers, star: Integers, order: int
    ) -> tuple[_Fit, float] | None:
        """Clipped, weighted polynomial fit and its information criterion."""
        xi, eta = project(self.ra[star], self.dec[star], *plate.crval)
        values = np.stack([xi, eta], axis=-1) * 3600.0
        terms = polynomial_terms(*self._scaled(self.x[source], self.y[source]), order)
        error = np.sqrt(
            self.source_error[source] ** 2 + self.star_error[star] ** 2 + self.options.floor**2
        )
        used = np.ones(source.size, np.bool_)
        for _ in range(_CLIPPING_ROUNDS):
            if used.sum() < _coefficients(order) + 1:
                return None
            # Coordinates reach from -1 to 1: the normal equations are well conditioned.
            weighted = terms[used] / error[used, None] ** 2
            normal = weighted.T @ terms[used]
            if np.linalg.cond(normal) > 1e10:
                return None
            solution = np.linalg.solve(normal, weighted.T @ values[used])
            pulls = np.hypot(*(values - terms @ solution).T) / error
            # The median of a Rayleigh distribution is 1.1774 sigma.
            spread = float(np.median(pulls[used])) / 1.1774
            kept = pulls <= self.options.rejection_threshold * max(spread, 1e-3) * np.sqrt(2.0)
            if np.array_equal(kept, used):
                break
            used = kept
        chi2 = np.minimum(pulls / max(spread, 1e-3), 4.0) ** 2
        number, freedom = 2 * source.size, 2 * _coefficients(order) + 1
        penalty = 2.0 * freedom * number / max(number - freedom - 1, 1)
        criterion = float(number * np.log(chi2.mean() * spread**2 + 1e-12) + penalty)
        left = np.hypot(*(values - terms @ solution).T)
        sigma = float(np.median(left[used])) / 1.1774
        grid = sample_grid(self.box, order)
        plane = polynomial_terms(*self._scaled(*grid), order) @ solution / 3600.0
        solved = plate_from_samples(
            grid, (plane[:, 0], plane[:, 1]), plate.crval, plate.crpix, order
        )
        return _Fit(solved, order, source, star, used, sigma), criterion

    def _scaled(self, x: Floats, y: Floats) -> tuple[Floats, Floats]:
        left, right, low, high = self.box
        half = max(0.5 * max(right - left, high - low), 1.0)
        return (x - 0.5 * (left + right)) / half, (y - 0.5 * (low + high)) / half


def _lowest(values: Floats) -> float:
    return float(values.min(initial=np.inf))


def _highest(values: Floats) -> float:
    return float(values.max(initial=-np.inf))


def _coefficients(order: int) -> int:
    return (order + 1) * (order + 2) // 2


def _result(chip: _Chip, fit: _Fit, significance: float) -> LocalAstrometry:
    x, y = chip.x[fit.source], chip.y[fit.source]
    ra, dec = fit.plate.pixel_to_sky(x, y)
    east, north = project(chip.ra[fit.star], chip.dec[fit.star], ra, dec)
    dra, ddec, used = east * 3600.0, north * 3600.0, fit.used
    table = Residuals(chip.rows[fit.source], chip.stars[fit.star], x, y, ra, dec, dra, ddec, used)
    number = int(used.sum())
    return LocalAstrometry(
        fit.plate,
        order=fit.order,
        NREF=number,
        SIG_DRA=float(np.std(dra[used], ddof=1)),
        SIG_DDEC=float(np.std(ddec[used], ddof=1)),
        MEAN_DRA=float(np.mean(dra[used])),
        MEAN_DDEC=float(np.mean(ddec[used])),
        RMS=float(np.sqrt(np.mean(dra[used] ** 2 + ddec[used] ** 2))),
        residuals=table,
        significance=significance,
    )
