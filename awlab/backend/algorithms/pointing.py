"""Pointing: where a frame really looks, by voting on pairs of sources and reference stars.

The header's orientation is tried first: differences of position vote for an offset. When that is
not significant, pairs of sources and pairs of stars vote for rotation and scale, upright and
mirrored, and the best orientations are tried. A candidate is refined on its own matches and
judged by the probability that a random field would give as many.

References
----------
.. [1] Bertin 2006, ASP Conf. 351, 112 (SCAMP: rotation and scale from pairs, then the offset).
.. [2] Lang et al. 2010, AJ 139, 1782 (a match is accepted by its odds against chance).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from awlab.backend.algorithms.pointing_search import (
    Field,
    MatchFailure,
    Orientation,
    PointingOptions,
)
from awlab.backend.algorithms.stars import DetectedSources, ReferenceStars
from awlab.backend.algorithms.tangent_plane import PlateSolution

__all__ = ["MatchFailure", "PointingMatch", "PointingOptions", "match_pointing"]


@dataclass(frozen=True, eq=False, slots=True)
class PointingMatch:
    """The plate solution brought to the sky, or the reason why not.

    Attributes
    ----------
    plate : PlateSolution
        Corrected solution; the one given after a failure.
    offset : tuple of float
        Shift of the middle of the chip, east and north [arcsec].
    rotation : float
        Rotation applied, from east to north [degree].
    scale : float
        Factor applied to the pixel scale.
    flipped : bool
        Whether the parity was wrong.
    matches : int
        Number of matched stars among those that voted.
    significance : float
        -log10 of the probability that chance gives as good a match in the whole search.
    failure : MatchFailure
        NONE, or why there is no match.
    """

    plate: PlateSolution
    offset: tuple[float, float] = (0.0, 0.0)
    rotation: float = 0.0
    scale: float = 1.0
    flipped: bool = False
    matches: int = 0
    significance: float = 0.0
    failure: MatchFailure = MatchFailure.NONE

    @property
    def reason(self) -> str:
        """Why there is no match; empty after success."""
        return self.failure.value


def match_pointing(
    sources: DetectedSources,
    plate: PlateSolution,
    reference: ReferenceStars,
    options: PointingOptions | None = None,
    epoch: float | None = None,
) -> PointingMatch:
    """Correct an approximate plate solution by offset, rotation, scale and parity.

    Parameters
    ----------
    sources : DetectedSources
        Sources of one chip.
    plate : PlateSolution
        Approximate solution, as the header has it.
    reference : ReferenceStars
        Stars of a field that covers the chip and the search radius.
    options : PointingOptions, optional
        Range of the search and threshold.
    epoch : float, optional
        Epoch of the frame, for proper motions [Julian year].

    Returns
    -------
    PointingMatch
        Corrected solution; bad data is a failure with its reason, never an exception.
    """
    chosen = options or PointingOptions()
    rows = sources.usable()
    if rows.size < 3:
        return PointingMatch(plate, failure=MatchFailure.NO_SOURCES)
    if reference.usable().size < 3:
        return PointingMatch(plate, failure=MatchFailure.NO_REFERENCE)
    field = Field(sources, rows, plate, reference, chosen, epoch)
    if field.failure is not MatchFailure.NONE:
        return PointingMatch(plate, failure=field.failure)
    best = field.refined(Orientation(0.0, 1.0, flipped=False), 1.0)
    if not field.settled(best):
        for orientation in field.orientations():
            trial = field.refined(orientation, field.trials)
            best = max(best, trial, key=lambda one: one.significance)
            if field.settled(best):
                break
    if best.significance < chosen.minimum_significance:
        return PointingMatch(
            plate,
            matches=best.matches,
            significance=best.significance,
            failure=MatchFailure.NOT_SIGNIFICANT,
        )
    shift = field.shift(best)
    return PointingMatch(
        field.corrected(best),
        offset=(shift.real, shift.imag),
        rotation=math.degrees(math.atan2(best.turn.imag, best.turn.real)),
        scale=abs(best.turn),
        flipped=best.flipped,
        matches=best.matches,
        significance=best.significance,
    )
