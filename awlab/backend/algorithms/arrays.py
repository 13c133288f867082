"""What an array must be to enter a kernel, checked in one place.

Kernels walk memory by pointer and by vector register, so they take native-endian, C-contiguous
arrays of exactly the type they were compiled for. FITS floats are big-endian: the reader makes
them native, and every public function asserts it here.

References
----------
.. [1] FITS Standard 4.0, section 5 (all binary data are big-endian).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from awlab.backend.errors import BadArray

__all__ = [
    "AnyImage",
    "BadArray",
    "FloatImage",
    "Floats",
    "Integers",
    "Marks",
    "PixelMap",
    "check_frames",
    "check_image",
]

FloatImage: TypeAlias = npt.NDArray[np.float32]
AnyImage: TypeAlias = npt.NDArray[np.float32] | npt.NDArray[np.uint16]
Floats: TypeAlias = npt.NDArray[np.float64]
Integers: TypeAlias = npt.NDArray[np.int64]
Marks: TypeAlias = npt.NDArray[np.bool_]
PixelMap: TypeAlias = npt.NDArray[np.uint8]

IMAGE_TYPES = ("float32", "uint16")


def check_image(
    array: npt.NDArray[Any],
    name: str,
    *,
    shape: tuple[int, int] | None = None,
    types: tuple[str, ...] = IMAGE_TYPES,
) -> None:
    """Assert that an array may enter a kernel.

    Parameters
    ----------
    array : ndarray, shape (ny, nx)
        The array to check [any unit].
    name : str
        What to call it in the error.
    shape : tuple of int, optional
        Shape (ny, nx) it must have [pixel].
    types : tuple of str
        Names of the data types allowed.

    Raises
    ------
    BadArray
        If it is not a native, C-contiguous, non-empty 2-d array of such a type and shape.
    """
    if not isinstance(array, np.ndarray) or array.ndim != 2 or array.size == 0:
        kind = f"shape {array.shape}" if isinstance(array, np.ndarray) else type(array).__name__
        raise BadArray(f"{name} is not a 2-d image but {kind}", "give a 2-d numpy array")
    if array.dtype.name not in types or not array.dtype.isnative:
        raise BadArray(
            f"{name} has the data type {array.dtype.str}, not native {' or '.join(types)}",
            "read FITS files through the data server, which makes them native",
        )
    if not array.flags.c_contiguous:
        raise BadArray(f"{name} is not C-contiguous", "use numpy.ascontiguousarray")
    if shape is not None and array.shape != shape:
        raise BadArray(
            f"{name} has the shape {array.shape}, expected {shape}",
            "use frames of the same chip and the same read-out window",
        )


def check_frames(frames: Sequence[AnyImage], name: str, *, least: int = 1) -> None:
    """Assert that frames belong together: enough of them, of one type and one shape.

    Parameters
    ----------
    frames : sequence of ndarray, shape (ny, nx)
        The frames [ADU].
    name : str
        What to call them in the error.
    least : int
        Smallest number allowed.

    Raises
    ------
    BadArray
        If there are too few, or one differs from the first.
    """
    if len(frames) < least:
        raise BadArray(f"{len(frames)} {name} given, at least {least} needed", "add frames")
    for i, frame in enumerate(frames):
        check_image(frame, f"{name}[{i}]", shape=frames[0].shape, types=(frames[0].dtype.name,))
    check_image(frames[0], f"{name}[0]")
