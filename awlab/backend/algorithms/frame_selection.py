"""Select the frames that are worth coadding, with a reason for each one left out.

Limits are absolute (seeing) and relative to the median of the usable frames (seeing and
background): a frame twice as blurred as the others spoils the coadd's PSF more than its depth
helps, and one with a bright sky (moon, twilight, cloud) has hardly any weight but structure in
its background.

References
----------
.. [1] Astro-WISE users select by psf_radius and imstat.median before a coadd.
.. [2] de Jong et al. 2015, A&A 582, A62 (KiDS: frames of a coadd are chosen by seeing and sky).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from awlab.backend.algorithms.arrays import BadArray

__all__ = ["FrameQuality", "FrameSelection", "SelectionLimits", "select_frames"]

EVERY_FLAG = -1


@dataclass(frozen=True, slots=True)
class FrameQuality:
    """What is known of a frame before it is coadded.

    Attributes
    ----------
    name : str
        What to call it.
    seeing : float
        FWHM of stars; NaN if it was not measured [arcsec].
    background : float
        Median of the frame before the background is subtracted; NaN if not measured [ADU].
    quality_flags : int
        Its quality bits; 0 is good.
    is_valid : int
        Astro-WISE verdict; 0 is bad.
    """

    name: str
    seeing: float = math.nan
    background: float = math.nan
    quality_flags: int = 0
    is_valid: int = 1


@dataclass(frozen=True, slots=True)
class SelectionLimits:
    """Which frames are left out.

    Attributes
    ----------
    maximum_seeing : float
        Largest FWHM [arcsec].
    seeing_ratio : float
        Largest FWHM over the median of the usable frames.
    background_ratio : float
        Largest background over the median of the usable frames; without meaning, and without
        effect, where that median is not positive.
    flags : int
        Quality bits that exclude a frame; all by default.
    measured : bool
        Whether a frame without seeing or background is left out.
    """

    maximum_seeing: float = 2.0
    seeing_ratio: float = 1.5
    background_ratio: float = 3.0
    flags: int = EVERY_FLAG
    measured: bool = False

    def __post_init__(self) -> None:
        limits = self.maximum_seeing, self.seeing_ratio, self.background_ratio
        if not all(limit > 0 for limit in limits):
            raise BadArray(f"limits {limits} of seeing and background", "they are positive")


@dataclass(frozen=True, slots=True)
class FrameSelection:
    """Result of a selection.

    Attributes
    ----------
    selected : tuple of str
        Names of the frames to coadd, in the order given.
    rejected : dict
        Name to reasons of the others.
    """

    selected: tuple[str, ...]
    rejected: dict[str, tuple[str, ...]]


def select_frames(
    frames: Sequence[FrameQuality], limits: SelectionLimits | None = None
) -> FrameSelection:
    """Select frames by verdict, flags, seeing and background.

    Parameters
    ----------
    frames : sequence of FrameQuality
        The frames.
    limits : SelectionLimits, optional
        Which are left out.

    Returns
    -------
    FrameSelection
        Names selected, and reasons of those that are not.

    Raises
    ------
    BadArray
        If two frames have the same name.
    """
    chosen = limits or SelectionLimits()
    names = [frame.name for frame in frames]
    if len(set(names)) < len(names):
        raise BadArray("two frames to select from have the same name", "give every frame once")
    verdicts = {frame.name: _verdict(frame, chosen) for frame in frames}
    usable = [frame for frame in frames if not verdicts[frame.name]]
    seeing = _median(frame.seeing for frame in usable)
    background = _median(frame.background for frame in usable)
    for frame in frames:
        verdicts[frame.name] += _compared(frame, chosen, seeing, background)
    return FrameSelection(
        tuple(name for name in names if not verdicts[name]),
        {name: tuple(reasons) for name, reasons in verdicts.items() if reasons},
    )


def _verdict(frame: FrameQuality, limits: SelectionLimits) -> list[str]:
    """Reasons that a frame has by itself."""
    reasons = []
    if frame.is_valid <= 0:
        reasons.append(f"is_valid is {frame.is_valid}")
    if frame.quality_flags & limits.flags:
        reasons.append(f"quality flags {frame.quality_flags & limits.flags}")
    if frame.seeing > limits.maximum_seeing:
        reasons.append(f'seeing {frame.seeing:.2f}" above {limits.maximum_seeing:.2f}"')
    if limits.measured:
        reasons += [
            f"{name} was not measured"
            for name in ("seeing", "background")
            if not math.isfinite(getattr(frame, name))
        ]
    return reasons


def _compared(
    frame: FrameQuality, limits: SelectionLimits, seeing: float, background: float
) -> list[str]:
    """Reasons that a frame has beside the others."""
    reasons = []
    if seeing > 0 and frame.seeing > limits.seeing_ratio * seeing:
        reasons.append(
            f'seeing {frame.seeing:.2f}" above {limits.seeing_ratio} x median {seeing:.2f}"'
        )
    if background > 0 and frame.background > limits.background_ratio * background:
        reasons.append(
            f"background {frame.background:.0f} ADU above {limits.background_ratio}"
            f" x median {background:.0f} ADU"
        )
    return reasons


def _median(values: Iterable[float]) -> float:
    """Median of what is finite; NaN of nothing."""
    known = [value for value in values if math.isfinite(value)]
    return float(np.median(known)) if known else math.nan
