"""Several images at once: waiting for one disk read or page copy overlaps with the next.

Reading and writing spend their time in the kernel and in NumPy, which leave Python's lock free.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from awlab.backend.dataserver.fits_file import read_image, write_image

__all__ = ["read_images", "write_images"]

# More threads than that only fight for the memory bus.
_THREADS = 2


def read_images(paths: Sequence[Path | str]) -> list[NDArray[Any]]:
    """Read the first image of several files.

    Parameters
    ----------
    paths : sequence of Path or str
        FITS files.

    Returns
    -------
    list of ndarray
        Pixels as `read_image` gives them, in the order of the paths.

    Raises
    ------
    FileMissing, IngestError, AccessDenied, StorageFailed
        As `read_image`; of several the first in the order of the paths.
    """
    with ThreadPoolExecutor(_THREADS) as pool:
        return list(pool.map(lambda path: read_image(path)[0], paths))


def write_images(
    images: Mapping[Path | str, NDArray[Any]], header: Mapping[str, Any] | None = None
) -> None:
    """Write several files of one image each.

    Parameters
    ----------
    images : mapping of path to ndarray
        Pixels by the file to make.
    header : mapping, optional
        Keywords that all of them get.

    Raises
    ------
    AlreadyStored, IngestError, AccessDenied, StorageFailed
        As `write_image`.
    """
    with ThreadPoolExecutor(_THREADS) as pool:
        list(
            pool.map(lambda item: write_image(item[0], np.asarray(item[1]), header), images.items())
        )
