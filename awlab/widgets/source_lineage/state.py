"""The grid of extreme data lineage as plain data: sources by exposure, frames by class."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from awlab.backend.database import DBObject, class_named
from awlab.backend.datamodel import DataObject
from awlab.backend.errors import AwlabError, ObjectNotFound, QueryError
from awlab.backend.targets import BaseList, Source, SourceTrace, cut_out

__all__ = ["LEADING", "PAGE", "SourceState", "grid_rows"]

PAGE = 5  # sources read at a time
_SIZES = (16, 24, 32, 48, 64)
#: Columns of the original table, in its order; they stand there even where nothing was used.
LEADING: dict[str, str] = {
    "RawScienceFrame": "RawFrame",
    "ReducedScienceFrame": "ReducedFrame",
    "RegriddedFrame": "RegriddedFrame",
    "CoaddedRegriddedFrame": "CoaddedRegriddedFrame",
    "BiasFrame": "BiasFrame",
    "ColdPixelMap": "ColdPixelMap",
    "MasterFlatFrame": "MasterFlatFrame",
    "FringeFrame": "FringeFrame",
    "HotPixelMap": "HotPixelMap",
    "IlluminationCorrectionFrame": "IlluminationCorrection",
}


def grid_rows(trace: Any) -> list[dict[str, Any]]:
    """Return the rows of a source: one per exposure that shows it, frames by class.

    Parameters
    ----------
    trace : SourceTrace
        ``SLID, SID, RA, DEC`` and ``places``, each with ``exposure, class_name, object_id,
        filename, x, y``.

    Returns
    -------
    list of dict
        ``exposure``, ``x`` and ``y`` of the source in the last frame, ``cells`` by class name; one
        row without an exposure where only a coadd shows it.
    """
    shown: dict[str, dict[str, Any]] = {}
    common: dict[str, Any] = {}
    for place in trace.places:
        if place.x is None:
            continue
        cell = {
            "object_id": place.object_id,
            "class_name": place.class_name,
            "filename": place.filename,
            "x": float(place.x),
            "y": float(place.y),
        }
        cells = shown.setdefault(place.exposure, {}) if place.exposure else common
        cells[place.class_name] = cell
    rows = []
    for exposure, cells in (shown or {"": {}}).items():
        every = cells | common
        order = (*list(LEADING)[3::-1],)
        last = next((every[name] for name in order if name in every), None)
        rows.append(
            {
                "SLID": int(trace.SLID),
                "SID": int(trace.SID),
                "RA": float(trace.RA),
                "DEC": float(trace.DEC),
                "x": last and last["x"],
                "y": last and last["y"],
                "exposure": exposure,
                "cells": every,
            }
        )
    return rows


class SourceState:
    """Sources and the frames they were seen in.

    Parameters
    ----------
    sources : BaseList, Source, SourceTrace, or a sequence of these
        What to show; of a list the sources named by ``sids``, or all in order.
    sids : sequence of int, optional
        Sources of the list.

    Raises
    ------
    QueryError
        If it is none of these.
    """

    def __init__(self, sources: Any, sids: Sequence[int] | None = None) -> None:
        self._waiting = self._traces(sources, sids)
        self._more = True
        self._objects: dict[str, Any] = {}
        self.rows: list[dict[str, Any]] = []

    def _traces(self, sources: Any, sids: Sequence[int] | None) -> Iterator[Any]:
        if isinstance(sources, BaseList):
            items: Iterable[Any] = sources if sids is None else (sources[sid] for sid in sids)
        elif isinstance(sources, Source | SourceTrace):
            items = [sources]
        elif isinstance(sources, list | tuple):
            items = sources
        else:
            raise QueryError(
                f"{type(sources).__name__} has no sources",
                "give a SourceList, a source of it such as list[5], or several",
            )
        return (item.lineage() if isinstance(item, Source) else item for item in items)

    def more(self) -> dict[str, Any]:
        """Read the lineage of the next sources.

        Returns
        -------
        dict
            The new rows, whether there may be more, and all columns so far.
        """
        traces = list(islice(self._waiting, PAGE))
        new = [row for trace in traces for row in grid_rows(trace)]
        self.rows += new
        self._more = len(traces) == PAGE
        return self._told(new)

    def opening(self) -> dict[str, Any]:
        """Return all rows that were read so far, or the first ones."""
        if not self.rows:
            return self.more()
        return self._told(self.rows)

    def _told(self, rows: list[dict[str, Any]]) -> dict[str, Any]:
        columns = self.columns()
        own = [name for name, _ in columns if getattr(class_named(name), "_is_calibration", False)]
        return {"rows": rows, "more": self._more, "columns": columns, "calibrations": own}

    def columns(self) -> list[list[str]]:
        """Return class and title of each column: those of the original, then all others used."""
        used = {name for row in self.rows for name in row["cells"]}
        others = sorted(used - set(LEADING))
        return [*([name, title] for name, title in LEADING.items()), *([n, n] for n in others)]

    def cutouts(self, row: int, size: int = 32) -> tuple[dict[str, Any], list[bytes]]:
        """Return the cut-outs of a row.

        Parameters
        ----------
        row : int
            Number of the row.
        size : int
            Side [pixel].

        Returns
        -------
        dict, list of bytes
            Per class the range of values that shows sky and source, or why there is none; float32
            pixels, the first row the lowest, of those that there are.

        Raises
        ------
        QueryError
            If there is no such row or size.
        """
        if size not in _SIZES or not 0 <= int(row) < len(self.rows):
            raise QueryError(f"no cut-out of {size} pixels in row {row}", f"sizes: {_SIZES}")
        cells = self.rows[int(row)]["cells"]
        self._read([cell["object_id"] for cell in cells.values()])
        told, buffers = [], []
        for name, cell in cells.items():
            try:
                item = self._objects[cell["object_id"]]
                pixels = cut_out(item, (cell["x"], cell["y"]), int(size))
            except (AwlabError, KeyError) as exc:
                told.append({"class_name": name, "missing": " ".join(str(exc).split())})
                continue
            told.append({"class_name": name, "limits": list(_range(pixels))})
            buffers.append(pixels.tobytes())
        return {"cells": told, "size": int(size)}, buffers

    def _read(self, object_ids: list[str]) -> None:
        """Read the objects that are not known yet: a statement to find them, one per class."""
        new = [one for one in dict.fromkeys(object_ids) if one not in self._objects]
        if new:
            found: Any = DataObject.object_id
            self._objects |= {item.object_id: item for item in found.in_(new)}

    def object(self, object_id: str) -> Any:
        """Return a frame of the grid.

        Raises
        ------
        ObjectNotFound
            If it is none of the grid's.
        """
        known = {cell["object_id"] for row in self.rows for cell in row["cells"].values()}
        if object_id not in known:
            raise ObjectNotFound(f"no frame of these sources is {object_id!r}")
        return self._objects.get(object_id) or DBObject(object_id=object_id)

    def portrait(self, object_id: str) -> dict[str, Any]:
        """Return what is told of a frame that was chosen."""
        item = self.object(object_id)
        name = type(item).__name__
        verdict = item.verdict() if hasattr(item, "verdict") else ""
        return {
            "title": f"{name} {item.filename}",
            "verdict": verdict,
            "python": f"{name}(object_id={item.object_id!r})",
        }


def _range(pixels: NDArray[np.float32]) -> tuple[float, float]:
    """Range of grey levels: two sigma below the sky to the brightest, eight sigma at least."""
    good = pixels[np.isfinite(pixels)].astype(np.float64)
    if not good.size:
        return 0.0, 1.0
    sky = float(np.median(good))
    sigma = 1.4826 * float(np.median(np.abs(good - sky)))
    if sigma == 0.0:
        low, high = float(good.min()), float(good.max())
        return (low, high) if low < high else (low - 0.5, low + 0.5)
    return sky - 2.0 * sigma, max(sky + 8.0 * sigma, float(np.quantile(good, 0.995)))
