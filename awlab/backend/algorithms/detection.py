"""Detection of sources: connected pixels above a threshold, deblended.

The buffers of the library are of fixed size; on crowded frames they overflow. They are made
larger and the detection is done again, so that no frame is too crowded.

References
----------
.. [1] Bertin & Arnouts 1996, A&AS 117, 393, sections 5 and 6 (detection, deblending).
.. [2] Barbary 2016, JOSS 1, 58 (sep).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from awlab.backend.algorithms.arrays import BadArray, FloatImage

__all__ = ["DEFAULT_FILTER", "DetectedSources", "DetectionOptions", "detect"]

DEFAULT_FILTER = ((1.0, 2.0, 1.0), (2.0, 4.0, 2.0), (1.0, 2.0, 1.0))
"""SExtractor's default.conv, FWHM 2 pixels."""

_LARGEST_BUFFER = 2**31 - 1
_MOST_SUBOBJECTS = 2**16


@dataclass(frozen=True, slots=True)
class DetectionOptions:
    """How sources are detected; names are those of SExtractor.

    Attributes
    ----------
    DETECT_THRESH : float
        Threshold [sigma of the background].
    DETECT_MINAREA : int
        Least number of pixels above it.
    DEBLEND_NTHRESH : int
        Number of thresholds for deblending.
    DEBLEND_MINCONT : float
        Least part of the flux that a deblended source has; 1 switches deblending off.
    FILTER : tuple of tuple of float, or None
        Kernel that the frame is convolved with for the detection; None for no convolution.
    CLEAN : bool
        Whether sources that the wings of a neighbour would make are removed.
    CLEAN_PARAM : float
        Efficiency of that.
    """

    DETECT_THRESH: float = 1.5
    DETECT_MINAREA: int = 5
    DEBLEND_NTHRESH: int = 32
    DEBLEND_MINCONT: float = 0.005
    FILTER: tuple[tuple[float, ...], ...] | None = DEFAULT_FILTER
    CLEAN: bool = True
    CLEAN_PARAM: float = 1.0

    def __post_init__(self) -> None:
        if not (self.DETECT_THRESH > 0 and self.DETECT_MINAREA >= 1 and self.DEBLEND_NTHRESH >= 1):
            raise BadArray(
                f"DETECT_THRESH {self.DETECT_THRESH}, DETECT_MINAREA {self.DETECT_MINAREA} and "
                f"DEBLEND_NTHRESH {self.DEBLEND_NTHRESH}",
                "the threshold is positive, the numbers are at least 1",
            )


@dataclass(frozen=True, eq=False, slots=True)
class DetectedSources:
    """Sources and the pixels they are made of.

    Attributes
    ----------
    objects : ndarray, shape (n,)
        Structured array of the library: position (0-based) [pixel], moments, peak, flags.
    segments : ndarray of int32, shape (ny, nx)
        0 for the background, i + 1 for pixels of source i.
    """

    objects: npt.NDArray[np.void]
    segments: npt.NDArray[np.int32]


def detect(
    image: FloatImage,
    noise: FloatImage | float,
    mask: npt.NDArray[np.bool_] | None,
    options: DetectionOptions,
    *,
    gain: float | None = None,
) -> DetectedSources:
    """Detect sources on a frame without background.

    Parameters
    ----------
    image : ndarray of float32, shape (ny, nx)
        Frame without its background, finite everywhere [ADU].
    noise : float, or ndarray of float32, shape (ny, nx)
        Noise of a pixel [ADU]; a frame without any has no sources.
    mask : ndarray of bool, shape (ny, nx), or None
        Pixels that do not count [true or false].
    options : DetectionOptions
        Threshold, area, deblending, filter.
    gain : float, optional
        Gain for the errors of positions [electron/ADU].

    Returns
    -------
    DetectedSources
        Sources, and the map of their pixels.
    """
    import sep

    arguments = {
        "err": noise,
        "mask": mask,
        "gain": gain,
        "minarea": options.DETECT_MINAREA,
        "filter_kernel": None if options.FILTER is None else np.array(options.FILTER, np.float32),
        "filter_type": "conv",
        "deblend_nthresh": options.DEBLEND_NTHRESH,
        "deblend_cont": options.DEBLEND_MINCONT,
        "clean": options.CLEAN,
        "clean_param": options.CLEAN_PARAM,
        "segmentation_map": True,
    }
    if (mask is not None and mask.all()) or not np.max(noise) > 0:
        image, arguments["mask"], arguments["err"] = np.zeros_like(image), None, 1.0
    stack, subobjects = sep.get_extract_pixstack(), sep.get_sub_object_limit()
    try:
        objects, segments = _with_room(image, options.DETECT_THRESH, arguments)
    finally:
        sep.set_extract_pixstack(stack)
        sep.set_sub_object_limit(subobjects)
    return DetectedSources(objects, segments)


def _with_room(image: FloatImage, threshold: float, arguments: dict[str, Any]) -> Any:
    """Extract; make the buffer that overflows larger and try again."""
    import sep

    while True:
        try:
            return sep.extract(image, threshold, **arguments)
        except Exception as exc:  # the library raises nothing more precise
            text = str(exc)
            if "pixel buffer" in text and sep.get_extract_pixstack() < 4 * image.size:
                sep.set_extract_pixstack(min(4 * sep.get_extract_pixstack(), _LARGEST_BUFFER))
            elif "deblending overflow" in text and sep.get_sub_object_limit() < _MOST_SUBOBJECTS:
                sep.set_sub_object_limit(4 * sep.get_sub_object_limit())
            elif "deblending overflow" in text and arguments["deblend_cont"] < 1.0:
                arguments["deblend_cont"] = 1.0
            else:
                raise
