"""What a sky view shows and what is chosen on it, as plain data and buffers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from awlab.backend.database import DBObject, Query, class_named
from awlab.backend.datamodel import DataObject
from awlab.backend.errors import ObjectNotFound, QueryError
from awlab.backend.quality import Footprint, sky_picture
from awlab.widgets.sky_view.layers import FrameLayer, SourceLayer, field_of, layer_of

__all__ = ["SkyState"]

Answer = tuple[dict[str, Any], list[bytes]]
_COLUMNS = (
    ("layer", "Which layer it is of"),
    ("class", "What it is"),
    ("chip", "Detector chip"),
    ("filter", "Filter"),
    ("OBJECT", "Name of the object observed"),
    ("DATE_OBS", "Start of the observation, UTC"),
    ("RA", "Middle, right ascension [deg]"),
    ("DEC", "Middle, declination [deg]"),
    ("state", "Its verdict"),
    ("from", "Where its coordinates are from: grid, solution or header"),
)


class SkyState:
    """Layers of frames and sources.

    Parameters
    ----------
    things : iterable
        Queries, objects and lists of them, one layer each.
    """

    def __init__(self, things: Iterable[Any] = ()) -> None:
        self.layers: list[FrameLayer | SourceLayer] = []
        for thing in things:
            self.add(thing)

    def add(self, thing: Any) -> None:
        """Add a layer.

        Raises
        ------
        QueryError
            If it can be nowhere on the sky.
        """
        middle = field_of([layer for layer in self.layers if isinstance(layer, FrameLayer)])
        cone = None if middle is None else (*middle[:2], min(90.0, middle[2]))
        self.layers.append(layer_of(thing, cone))

    # -- showing ---------------------------------------------------------------------------

    def opening(self) -> Answer:
        """Return all layers; positions travel as buffers, RA and Dec of each layer in turn."""
        told, buffers = [], []
        for layer in self.layers:
            ra, dec = layer.positions()
            one: dict[str, Any] = {
                "name": layer.name, "kind": layer.kind, "count": layer.count,
                "told": layer.told, "python": layer.python,
            }  # fmt: skip
            buffers += [np.ascontiguousarray(ra).tobytes(), np.ascontiguousarray(dec).tobytes()]
            if isinstance(layer, SourceLayer):
                one["magnitude"] = layer.magnitude
                if layer.magnitude:
                    values = layer.table[layer.magnitude].astype(np.float32)
                    buffers.append(np.ascontiguousarray(values).tobytes())
            told.append(one)
        middle = field_of(self.layers)
        return {"layers": told, "field": middle, **self._table()}, buffers

    def _table(self) -> dict[str, Any]:
        """Return the frames as rows of a grid."""
        rows, ids, classes, places = [], [], [], []
        for number, layer in enumerate(self.layers):
            if not isinstance(layer, FrameLayer):
                continue
            for index, one in enumerate(layer.frames):
                rows.append(_cells(number, one))
                ids.append(one.object_id)
                classes.append(one.class_name)
                places.append([number, index])
        columns = [
            {"path": name, "doc": doc, "unit": "", "number": name in ("RA", "DEC"),
             "sortable": False} for name, doc in _COLUMNS
        ]  # fmt: skip
        return {
            "columns": columns, "rows": rows, "object_ids": ids, "class_names": classes,
            "places": places,
        }  # fmt: skip

    def picture(self, layer: int, index: int) -> Answer:
        """Return the picture of a frame: pixels, and world coordinates as FITS keywords."""
        found = sky_picture(self._object(layer, index))
        ny, nx = found.picture.pixels.shape
        return {
            "nx": nx,
            "ny": ny,
            "limits": [float(value) for value in found.picture.limits],
            "cards": found.cards,
        }, [np.ascontiguousarray(found.picture.pixels, np.float32).tobytes()]

    # -- choosing --------------------------------------------------------------------------

    def _layer(self, layer: int, *rows: int) -> FrameLayer | SourceLayer:
        known = self.layers[layer] if 0 <= int(layer) < len(self.layers) else None
        if known is None or not all(0 <= int(row) < known.count for row in rows):
            raise ObjectNotFound(f"nothing is shown as number {rows} of layer {layer}")
        return known

    def _object(self, layer: int, index: int) -> Any:
        known = self._layer(layer, index)
        if isinstance(known, SourceLayer):
            raise QueryError("a source has no image of its own", "choose a frame")
        return DBObject(object_id=known.frames[index].object_id)

    def choose(self, layer: int, index: int) -> tuple[Any, dict[str, Any]]:
        """Return a frame or a source, and what is told of it."""
        known = self._layer(int(layer), int(index))
        if isinstance(known, FrameLayer):
            item = self._object(layer, index)
            one = known.frames[index]
            title = f"{one.class_name} {getattr(item, 'filename', '') or one.object_id}"
            python = f"{one.class_name}(object_id={one.object_id!r})"
            verdict = item.verdict() if hasattr(item, "verdict") else ""
            return item, {"title": title, "verdict": verdict, "python": python}
        rows = known.sources([int(index)])
        place = f"RA {rows['RA'][0]:.6f} Dec {rows['DEC'][0]:+.6f}"
        if "SID" in rows and hasattr(known.owner, "SLID"):
            sid = int(rows["SID"][0])
            told = {"title": f"source {sid} of {known.name}", "python": f"{known.python}[{sid}]"}
            return known.owner[sid], told | {"verdict": place + _brightness(known, index)}
        python = f"{known.python}.cone({rows['RA'][0]:.6f}, {rows['DEC'][0]:.6f}, 1 / 3600)"
        told = {"title": f"a source of {known.name}", "python": python}
        return rows, told | {"verdict": place + _brightness(known, index)}

    def area(self, found: Mapping[str, Sequence[int]]) -> tuple[Any, dict[str, Any]]:
        """Return what lies in a part of the sky: a query on the frames, or sources of one list.

        Parameters
        ----------
        found : mapping of str to sequence of int
            Rows of each layer that lie in it, by number of the layer.
        """
        chosen = {int(n): [int(row) for row in rows] for n, rows in found.items() if rows}
        layers = {n: self._layer(n, *rows) for n, rows in chosen.items()}
        frames = [layer.frames[row] for n, layer in layers.items() if isinstance(layer, FrameLayer)
                  for row in chosen[n]]  # fmt: skip
        if frames:
            query = _query_on(frames)
            return query, {"title": f"{len(frames)} frames", "verdict": "", "python": str(query)}
        for n, layer in layers.items():
            if isinstance(layer, SourceLayer):
                rows = layer.sources(chosen[n])
                title = f"{rows.count} sources of {layer.name}"
                python = f"{layer.python}.sources()"
                if "SID" in rows and hasattr(layer.owner, "SLID"):
                    python = f"{layer.python}.sources(sids={np.sort(rows['SID']).tolist()!r})"
                return rows, {"title": title, "verdict": "", "python": python}
        return None, {"title": "nothing lies there", "verdict": "", "python": ""}

    def rows_of(self, marked: Any) -> list[list[int]]:
        """Return which frames shown here are in a query, or are an object: layer and row."""
        if marked is None:
            return []
        if isinstance(marked, Query):
            ids = set(marked.columns("object_id")["object_id"].tolist())
        else:
            items = [marked] if isinstance(marked, DBObject) else list(marked)
            ids = {item.object_id for item in items}
        return [
            [number, row]
            for number, layer in enumerate(self.layers)
            if isinstance(layer, FrameLayer)
            for row, one in enumerate(layer.frames)
            if one.object_id in ids
        ]


def _cells(layer: int, one: Footprint) -> list[str]:
    state = "invalid" if one.is_valid <= 0 else "flagged" if one.quality_flags else "good"
    ra, dec, _ = field_of([FrameLayer("", "", [one], "")]) or (0.0, 0.0, 0.0)
    facts = [one.facts[name] for name in ("chip", "filter", "OBJECT", "DATE_OBS")]
    return [str(layer + 1), one.class_name, *facts, f"{ra:.5f}", f"{dec:+.5f}", state, one.origin]


def _brightness(layer: SourceLayer, index: int) -> str:
    if not layer.magnitude:
        return ""
    return f", {layer.magnitude} {float(layer.table[layer.magnitude][index]):.2f}"


def _query_on(frames: list[Footprint]) -> Query:
    """Return the query on these frames: of their class, or of all files if they have several."""
    names = {one.class_name for one in frames}
    cls: Any = class_named(next(iter(names))) if len(names) == 1 else DataObject
    found: Query = cls.object_id.in_([one.object_id for one in frames])
    return found
