"""Fingerprint of an array: same pixels, same hash, on every machine.

References
----------
.. [1] RFC 7693, The BLAKE2 Cryptographic Hash (1 GB/s, faster than MD5).
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["content_hash"]


def content_hash(array: npt.NDArray[Any], *, digest_size: int = 16) -> str:
    """Hash the content of an array: data type, shape and values.

    Parameters
    ----------
    array : ndarray, any shape
        The array [any unit]. Byte order and memory layout do not matter, the type does.
    digest_size : int
        Length of the hash [byte].

    Returns
    -------
    str
        Hexadecimal, two digits per byte.
    """
    little = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
    digest = hashlib.blake2b(digest_size=digest_size)
    digest.update(f"{little.dtype.str}{array.shape}".encode())
    digest.update(little.reshape(-1).view(np.uint8).data)
    return digest.hexdigest()
