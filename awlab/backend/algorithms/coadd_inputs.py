"""What is coadded, and how: frames by the function that reads their rows, and options.

References
----------
.. [1] Bertin et al. 2002, ASP Conf. 281, 228 (SWarp: WEIGHTED, MEDIAN, CLIPPED).
.. [2] Astro-WISE CoaddedRegriddedFrame: all frames share the grid target.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from awlab.backend.algorithms.arrays import BadArray, FloatImage
from awlab.backend.algorithms.grid import GridWindow, TanGrid
from awlab.backend.algorithms.regrid import RegriddedImage

__all__ = ["CoaddFrame", "CoaddOptions", "StripReader", "coadd_window"]

StripReader: TypeAlias = Callable[[int, int], tuple[FloatImage, FloatImage]]

COMBINATIONS = ("clipped", "mean", "median")
MOST_FRAMES = 65535  # the map of exposures is uint16
# A run of rejected pixels: of 16 rings about one of them 12 hold another, with no gap above 2.
RUN_REACH, RUN_RINGS, RUN_GAP = 16, 12, 2


@dataclass(frozen=True, eq=False, slots=True)
class CoaddFrame:
    """A regridded frame to coadd.

    Attributes
    ----------
    name : str
        What to call it in reasons.
    grid : TanGrid
        Its grid.
    window : GridWindow
        What it covers of the grid.
    read : callable
        ``read(first, last)`` gives image [ADU] and weight of these rows of the window, each an
        ndarray of float32 of shape (last - first, nx); weight 0 is bad.
    exposure_time : float
        Exposure time [second].
    variance : float
        Variance of the sky where the weight is 1; leave 1 for weights in 1/ADU^2 [ADU^2].
    scale : float
        Factor to a common zeropoint, if it was not applied when regridding.
    background : float
        Level that is still in the image [ADU].
    """

    name: str
    grid: TanGrid
    window: GridWindow
    read: StripReader
    exposure_time: float = 1.0
    variance: float = 1.0
    scale: float = 1.0
    background: float = 0.0

    def __post_init__(self) -> None:
        positive = all(0.0 < value < math.inf for value in (self.variance, self.scale))
        if not (positive and 0.0 <= self.exposure_time < math.inf):
            raise BadArray(
                f"frame {self.name} has variance {self.variance} ADU^2, scale {self.scale},"
                f" exposure time {self.exposure_time} s",
                "variance and scale are positive, the time is not negative",
            )
        if not math.isfinite(self.background):
            raise BadArray(f"frame {self.name} has background {self.background}", "measure it")

    @classmethod
    def of(cls, regridded: RegriddedImage, name: str, **known: float) -> CoaddFrame:
        """Frame of an image in memory.

        Parameters
        ----------
        regridded : RegriddedImage
            From `regrid_frame`.
        name : str
            What to call it.
        **known : float
            Exposure time, variance, scale, background.

        Returns
        -------
        CoaddFrame
            The frame.
        """

        def read(first: int, last: int) -> tuple[FloatImage, FloatImage]:
            return regridded.image[first:last], regridded.weight[first:last]

        return cls(name, regridded.grid, regridded.window, read, **known)


@dataclass(frozen=True, slots=True)
class CoaddOptions:
    """How frames are coadded.

    Attributes
    ----------
    combine : str
        "clipped", "mean" or "median".
    sigma_clip : float
        Clipping threshold [sigma of the sky].
    amplitude : float
        Share of the median signal by which a value may differ besides.
    grow : int
        How far rejected runs grow; 0 leaves them [pixel].
    window : GridWindow, optional
        Part of the grid that is wanted; all that the frames cover by default.
    memory : int
        Memory for the rows being worked on; 16 rows and those that decide about them are held in
        any case, 1 MB for each frame of 2500 columns that lies there [byte].
    threads : int
        Number of threads.
    """

    combine: str = "clipped"
    sigma_clip: float = 4.0
    amplitude: float = 0.1
    grow: int = 3
    window: GridWindow | None = None
    memory: int = 256_000_000
    threads: int = 2

    def __post_init__(self) -> None:
        if self.combine not in COMBINATIONS:
            raise BadArray(f"combination {self.combine!r}", f"use one of {COMBINATIONS}")
        if not (self.sigma_clip > 0 and self.amplitude >= 0 and self.grow >= 0 < self.memory):
            raise BadArray(
                f"clipping at {self.sigma_clip} sigma + {self.amplitude} of the median, grown by"
                f" {self.grow} px, in {self.memory} bytes",
                "use a positive threshold and memory, and nothing negative",
            )

    @property
    def halo(self) -> int:
        """Rows on either side of a strip that decide about its pixels [pixel]."""
        return RUN_REACH + self.grow if self.combine == "clipped" and self.grow else 0


def coadd_window(frames: Sequence[CoaddFrame], options: CoaddOptions) -> GridWindow:
    """Window of the coadd, after seeing that the frames belong together.

    Parameters
    ----------
    frames : sequence of CoaddFrame
        The frames.
    options : CoaddOptions
        The window asked for.

    Returns
    -------
    GridWindow
        What the coadd will cover.

    Raises
    ------
    BadArray
        If there are none, they differ in grid or share a name, or none lies in the window.
    """
    if not 0 < len(frames) <= MOST_FRAMES:
        raise BadArray(f"{len(frames)} frames to coadd", f"give 1 to {MOST_FRAMES}")
    names = [frame.name for frame in frames]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise BadArray(f"frame {twice} is given twice", "coadd every frame once")
    window = frames[0].window
    for frame in frames:
        if frame.grid != frames[0].grid:
            raise BadArray(
                f"frame {frame.name} is on {_describe(frame.grid)}, not on"
                f" {_describe(frames[0].grid)} like {frames[0].name}",
                "regrid all frames of a coadd onto one grid",
            )
        window = window | frame.window
    wanted = options.window or window
    if not any(frame.window & wanted for frame in frames):
        raise BadArray(f"none of {len(frames)} frames lies in {wanted}", "ask for another window")
    return wanted


def _describe(grid: TanGrid) -> str:
    return f'the grid RA {grid.ra:.4f}, Dec {grid.dec:.4f} deg, {grid.pixel_scale}"/px'
