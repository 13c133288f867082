"""Looking closer at objects of a tree: a small picture of one, the differences of two."""

from __future__ import annotations

from typing import Any

import numpy as np

from awlab.backend.algorithms import binned_mean
from awlab.backend.errors import AwlabError
from awlab.backend.lineage import Difference
from awlab.backend.quality import frame_files

__all__ = ["plain_difference", "small_picture"]

_SIZE = 240  # of the longer side [pixel]


def small_picture(item: Any) -> tuple[dict[str, Any], list[bytes]]:
    """Return an image of a few hundred pixels with the range of its grey levels.

    Parameters
    ----------
    item : DBObject
        Committed object.

    Returns
    -------
    dict, list of bytes
        ``nx``, ``ny``, ``limits`` and ``told``, and the float32 pixels, the first row the lowest;
        ``told`` says why there is no picture.
    """
    try:
        files = frame_files(item)
        found = None if files is None else files.picture()
    except AwlabError as exc:  # the words about the object are shown all the same
        return {"nx": 0, "ny": 0, "told": " ".join(str(exc).split())}, []
    if found is None:
        return {"nx": 0, "ny": 0, "told": ""}, []
    step = max(1, -(-max(found.pixels.shape) // _SIZE))
    pixels = np.ascontiguousarray(binned_mean(found.pixels, None, step), dtype=np.float32)
    rows, columns = found.shape
    low, high = (float(value) if np.isfinite(value) else 0.0 for value in found.limits)
    told = {
        "nx": pixels.shape[1],
        "ny": pixels.shape[0],
        "limits": [low, high],
        "told": f"{columns} × {rows} pixel",
    }
    return told, [pixels.tobytes()]


def plain_difference(found: Difference) -> dict[str, Any]:
    """Return a difference, and why the inputs differ, as plain data."""
    return {
        "first": found.first,
        "second": found.second,
        "rows": [list(row) for row in found.rows],
        "because": [[role, plain_difference(inner)] for role, inner in found.because.items()],
    }
