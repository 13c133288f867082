"""What a trend plot shows, as plain data: columns, groups, statistics, outliers, selections."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from awlab.backend.database import (
    DBObject,
    Query,
    WithIds,
    current_database,
    objects_with_ids,
    read_numbered,
)
from awlab.backend.errors import QueryError
from awlab.backend.quality import (
    TREND_PRESETS,
    clip_outliers,
    robust_statistics,
    running_outliers,
)
from awlab.widgets.trend_plot.axis import PlotAxis
from awlab.widgets.trend_plot.polygon import inside_polygon

__all__ = ["PRESETS", "SCATTER_POINTS", "TrendState"]

# SVG stays fluid below this many points; beyond it a picture of the density is drawn.
SCATTER_POINTS = 1_500
_GROUPS = 8
_BINS = 50

# The plots of the slides: title, class, y, x, colour.
PRESETS: list[tuple[str, str, str, str, str]] = [
    (preset.title, preset.class_name, preset.y, preset.x, preset.by) for preset in TREND_PRESETS
]


class TrendState:
    """The points of one plot.

    Parameters
    ----------
    query : Query
        Objects.
    y, x : str
        Attribute paths.
    by : str
        Path that colours and shapes the points; empty for none.
    error : str
        Path of the error of y; empty for none.
    """

    def __init__(self, query: Query, y: str, x: str, by: str = "", error: str = "") -> None:
        self.query, self.y_path, self.x_path = query, y, x
        self.by_path, self.error_path = by, error
        self.log = {"x": False, "y": False}
        self.read()

    def read(self) -> None:
        """Read the columns: one statement, and one for the names of the groups."""
        colour = _link_of(self.query.root, self.by_path)
        paths = [self.x_path, self.y_path, *filter(None, (colour, self.error_path))]
        self.ids, self._columns = read_numbered(self.query, tuple(dict.fromkeys(paths)))
        self._group_by(self._columns[colour] if colour else None, colour != self.by_path)
        self.rescale()

    def rescale(self) -> None:
        """Bring the columns onto the axes as they are now."""
        self.x_axis = self._axis(self.x_path, log=self.log["x"])
        self.y_axis = self._axis(self.y_path, log=self.log["y"])
        self.x = self.x_axis.places(self._columns[self.x_path])
        self.y = self.y_axis.places(self._columns[self.y_path])
        self.there = np.isfinite(self.x) & np.isfinite(self.y)

    def _axis(self, path: str, *, log: bool) -> PlotAxis:
        values = self._columns[path]
        unit = _attribute(self.query.root, path).unit or ""
        if values.dtype.kind == "M":
            known = np.ma.masked_array(values).compressed()
            # From midnight: ticks at whole hours are then whole numbers.
            day = known.min().astype("datetime64[D]") if len(known) else np.datetime64("2000-01-01")
            return PlotAxis(path, unit, origin=day.astype("datetime64[us]").item(), log=False)
        if values.dtype.kind not in "fi":
            raise QueryError(
                f"{self.query.root.__name__}.{path} is not a number and not a time",
                "colour by it instead: by=...",
            )
        return PlotAxis(path, unit, log=log)

    def _group_by(self, values: Any, are_links: bool) -> None:  # noqa: FBT001
        if values is None:
            self.groups, self.names = np.zeros(len(self.ids), dtype=np.int64), ["all"]
            return
        known, where = np.unique(np.ma.filled(values, 0 if are_links else ""), return_inverse=True)
        names = _names_of(known) if are_links else [str(name) or "none" for name in known.tolist()]
        if len(names) > _GROUPS:
            # The most frequent ones keep their colours, the rest shares the last one.
            often = np.argsort(-np.bincount(where), kind="stable")[: _GROUPS - 1]
            often = np.sort(often)
            new = np.full(len(names), _GROUPS - 1)
            new[often] = np.arange(len(often))
            where, names = new[where], [*(names[i] for i in often.tolist()), "others"]
        self.groups, self.names = where, names

    # -- what is seen ----------------------------------------------------------------------

    def extent(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """Return the window that holds all points, with some air around."""
        return _around(self.x[self.there]), _around(self.y[self.there])

    def inside(self, window: tuple[tuple[float, float], tuple[float, float]]) -> NDArray[Any]:
        """Return which points lie in a window, as a mask of shape (n,)."""
        (x0, x1), (y0, y1) = window
        found: NDArray[Any] = (
            self.there & (self.x >= x0) & (self.x <= x1) & (self.y >= y0) & (self.y <= y1)
        )
        return found

    def enclosed(self, corners: NDArray[Any]) -> NDArray[Any]:
        """Return which points lie inside a polygon of places, as a mask of shape (n,)."""
        return inside_polygon(self.x, self.y, corners)

    def corners(self, values: Sequence[tuple[Any, Any]]) -> NDArray[Any]:
        """Return the places of corners given as values: numbers, times or texts.

        Raises
        ------
        QueryError
            If one of them is not on the axes, or they are fewer than three.
        """
        if len(values) < 3:
            raise QueryError("a polygon has three corners at least", "[(x, y), (x, y), (x, y)]")
        pairs = [(self.x_axis.place_of(str(x)), self.y_axis.place_of(str(y))) for x, y in values]
        return np.array(pairs, dtype=np.float64)

    def values_at(
        self,
        shares: Sequence[tuple[float, float]],
        window: tuple[tuple[float, float], tuple[float, float]],
    ) -> list[tuple[Any, Any]]:
        """Return corners given as shares of a window as values that can be typed."""
        axes = (self.x_axis, self.y_axis)
        return [
            (
                axes[0].typed(window[0][0] + x * (window[0][1] - window[0][0])),
                axes[1].typed(window[1][0] + y * (window[1][1] - window[1][0])),
            )
            for x, y in shares
        ]

    def errors(self, keep: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]] | None:
        """Return lower and upper ends of the error bars, None where there is no error column."""
        if not self.error_path:
            return None
        size, value = (_floats(self._columns[path]) for path in (self.error_path, self.y_path))
        ends = [self.y_axis.places(value[keep] + s * size[keep]) for s in (-1, 1)]
        return ends[0], ends[1]

    def statistics(self, keep: NDArray[Any]) -> dict[str, float | int]:
        """Return robust statistics of the values of y of some points."""
        values = np.ma.asarray(self._columns[self.y_path])
        if values.dtype.kind == "M":
            return {"count": int(keep.sum())}
        found = robust_statistics(values[keep])
        return {
            "count": found.count, "median": found.median, "sigma": found.sigma,
            "mean": found.mean, "stdev": found.stdev, "low": found.low, "high": found.high,
        }  # fmt: skip

    def histogram(
        self, window: tuple[float, float], chosen: NDArray[Any] | None
    ) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        """Return edges of bins over the y axis, counts of all points and of the chosen ones."""
        edges = np.linspace(window[0], window[1], _BINS + 1)
        every = _counted(self.y, window)
        some = _counted(self.y[chosen], window) if chosen is not None else np.zeros_like(every)
        return edges, every, some

    def outliers(self, method: str, sigma: float) -> NDArray[Any]:
        """Find outliers in y: ``clip`` against the median, ``running`` against a running one."""
        if method == "clip":
            return clip_outliers(np.ma.masked_invalid(self.y), sigma)
        if method == "running":
            return running_outliers(self.x, np.ma.masked_invalid(self.y), sigma)
        raise QueryError(f"{method!r} is no way to find outliers", "clip or running")

    # -- what is taken along ---------------------------------------------------------------

    def query_in(self, window: tuple[tuple[float, float], tuple[float, float]]) -> Query:
        """Return the objects in a window as a query: a range, however many they are."""
        (x0, x1), (y0, y1) = window
        found: Query = self.query
        for path, axis, low, high in (
            (self.x_path, self.x_axis, x0, x1),
            (self.y_path, self.y_axis, y0, y1),
        ):
            found = found & _path(self.query.root, path).between(axis.value(low), axis.value(high))
        return found

    def query_of(self, mask: NDArray[Any], text: str = "") -> Query:
        """Return the objects of some points as a query; ``text`` is the Python that found them."""
        return Query(self.query.root, WithIds(tuple(self.ids[mask].tolist()), text))

    def nearest(
        self, x: float, y: float, window: tuple[tuple[float, float], tuple[float, float]]
    ) -> Any:
        """Return the object whose point is nearest to a place, in units of the window."""
        where = np.flatnonzero(self.inside(window))
        if not len(where):
            raise QueryError("there is no point in sight")
        (x0, x1), (y0, y1) = window
        far = np.hypot((self.x[where] - x) / (x1 - x0), (self.y[where] - y) / (y1 - y0))
        return self.object_at(int(where[np.argmin(far)]))

    def object_at(self, index: int) -> Any:
        """Return the object of one point."""
        number = np.array([self.ids[index]], dtype=np.int64)
        return objects_with_ids(current_database(), number, DBObject)[0]

    def python(self) -> str:
        """Return the Python that makes this plot."""
        more = f", by={self.by_path!r}" if self.by_path else ""
        more += f", error={self.error_path!r}" if self.error_path else ""
        return f"TrendPlot({self.query}, {self.y_path!r}, {self.x_path!r}{more})"


def _counted(values: NDArray[Any], window: tuple[float, float]) -> NDArray[Any]:
    """Counts in bins of one width: several times faster than a search for every value."""
    place = (values - window[0]) * (_BINS / (window[1] - window[0]))
    inside = place[(place >= 0) & (place < _BINS)]
    return np.bincount(inside.astype(np.int64), minlength=_BINS)


def _floats(values: Any) -> NDArray[Any]:
    found: NDArray[Any] = np.ma.filled(np.ma.asarray(values, dtype=float), np.nan)
    return found


def _path(root: Any, path: str) -> Any:
    chain = root
    for name in path.split("."):
        chain = getattr(chain, name)
    return chain


def _attribute(root: Any, path: str) -> Any:
    return _path(root, path)._last()


def _link_of(root: Any, path: str) -> str:
    """Return the link whose names colour the points, or the path itself."""
    link, _, last = path.rpartition(".")
    if last == "name" and link and _attribute(root, link).kind == "link":
        return link
    return path


def _names_of(numbers: NDArray[Any]) -> list[str]:
    some = numbers[numbers != 0]
    rows = objects_with_ids(current_database(), some, DBObject)
    names = [str(getattr(item, "name", item.object_id)) for item in rows]
    return (["none"] if len(some) < len(numbers) else []) + names


def _around(values: NDArray[Any]) -> tuple[float, float]:
    if not len(values):
        return 0.0, 1.0
    low, high = float(values.min()), float(values.max())
    air = 0.04 * (high - low) or 0.5 * abs(high) or 0.5
    return low - air, high + air
