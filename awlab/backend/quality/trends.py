"""How a quantity goes over the years: its columns, drift, jumps, outliers and statistics.

References
----------
The plots of the Astro-WISE quality-control slides: zeropoint and bias level against date, rms of
the sky against rms of the flat.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from awlab.backend.database import Query, class_named
from awlab.backend.errors import QueryError
from awlab.backend.quality.jumps import Jump, days_of, drift, find_jumps
from awlab.backend.quality.outliers import RobustStatistics, robust_statistics, running_outliers

__all__ = ["TREND_PRESETS", "Series", "Trend", "TrendPreset", "time_path", "trend"]

_TIMES = ("DATE_OBS", "timestamp_start", "raw.DATE_OBS", "creation_date")
_YEAR = 365.25  # [d]


@dataclass(frozen=True, slots=True)
class TrendPreset:
    """A plot that people look at.

    Attributes
    ----------
    title : str
        What it shows.
    class_name, y, x, by : str
        Class of the objects, attribute paths of both axes, and of what colours the points.
    """

    title: str
    class_name: str
    y: str
    x: str
    by: str


#: The plots of the slides, then the monitoring quantities of the calibration plan.
TREND_PRESETS = tuple(
    TrendPreset(*words)
    for words in (
        ("zeropoint against date", "PhotometricParameters", "zeropoint", "timestamp_start",
         "filter.name"),
        ("bias level against date", "RawBiasFrame", "imstat.mean", "DATE_OBS", "chip.name"),
        ("sky rms against flat rms", "ReducedScienceFrame", "imstat.stdev", "flat.imstat.stdev",
         "filter.name"),
        ("sky level against date", "ReducedScienceFrame", "imstat.median", "DATE_OBS",
         "filter.name"),
        ("read noise against date", "ReadNoise", "read_noise", "timestamp_start", "chip.name"),
        ("gain against date", "GainLinearity", "gain", "timestamp_start", "chip.name"),
        ("hot pixels against date", "HotPixelMap", "count", "timestamp_start", "chip.name"),
        ("flat response against date", "DomeFlatFrame", "level", "timestamp_start", "filter.name"),
        ("extinction against date", "AtmosphericExtinction", "extinction", "timestamp_start",
         "filter.name"),
        ("seeing against date", "AstrometricParameters", "SEEING", "raw.DATE_OBS", "filter.name"),
    )
)  # fmt: skip


def time_path(cls: Any) -> str:
    """Return the attribute path of the time that an object of a class is about."""
    for path in _TIMES:
        link, _, name = path.rpartition(".")
        holder = cls._attributes.get(link)
        known = cls._attributes if not link else getattr(holder and holder.type, "_attributes", {})
        if name in known:
            return path
    return "creation_date"


@dataclass(frozen=True, eq=False)
class Series:
    """The points of one chip, or of one chip and filter.

    Attributes
    ----------
    name : str
        ``ccd50``, ``ccd50 #842``.
    x : ndarray, shape (m,)
        Times or numbers.
    y : ndarray of float64, shape (m,)
        Values.
    """

    name: str
    x: NDArray[Any]
    y: NDArray[Any]

    def drift(self) -> float:
        """Return the drift per year, or per unit of x; blind to jumps and outliers."""
        return drift(self.x, self.y) * (_YEAR if self.x.dtype.kind == "M" else 1.0)

    def jumps(self, sigma: float = 6.0, *, window: int = 15) -> list[Jump]:
        """Find the jumps; see `find_jumps`."""
        return find_jumps(self.x, self.y, sigma, window=window)


@dataclass(frozen=True, eq=False)
class Trend:
    """One attribute of many objects against another.

    Attributes
    ----------
    query : Query
        The objects.
    y_path, x_path : str
        Attribute paths.
    unit : str
        Unit of y, empty for none.
    x, y : ndarray, shape (n,)
        Columns, masked where missing.
    names : ndarray of str, shape (n,)
        Series that each point belongs to.
    """

    query: Query
    y_path: str
    x_path: str
    unit: str
    x: NDArray[Any]
    y: NDArray[Any]
    names: NDArray[Any] = field(repr=False)

    def __len__(self) -> int:
        return len(self.y)

    def __iter__(self) -> Iterator[Series]:
        """Return the series one after another, in order of their names."""
        for name in np.unique(self.names):
            mine = self.names == name
            yield Series(str(name), self.x[mine], self.y[mine])

    def statistics(self) -> RobustStatistics:
        """Describe the values of all series together."""
        return robust_statistics(self.y)

    def outliers(self, sigma: float = 5.0, *, window: int = 31) -> NDArray[np.bool_]:
        """Find what is far from the running median of its own series, as a mask of shape (n,)."""
        found = np.zeros(len(self), dtype=bool)
        for name in np.unique(self.names):
            mine = np.flatnonzero(self.names == name)
            places = days_of(self.x[mine])
            found[mine] = running_outliers(places, self.y[mine], sigma, window=window)
        return found

    def jumps(self, sigma: float = 6.0, *, window: int = 15) -> list[tuple[Series, Jump]]:
        """Find the jumps of every series; ``series.x[jump.index]`` is when."""
        return [(one, jump) for one in self for jump in one.jumps(sigma, window=window)]


def trend(cls: Any, path: str = "", x: str = "", *, only_good: bool = False, **key: Any) -> Trend:
    """Read how a quantity goes, in one statement however many objects there are.

    Parameters
    ----------
    cls : type or Query
        Class of the objects, or a query.
    path : str
        Attribute path of a number: ``'imstat.mean'``. By default that of the class's preset.
    x : str
        Attribute path of the other axis; by default the time the objects are about.
    only_good : bool
        Whether to leave out what is flagged or invalidated.
    **key
        As in ``Class.select``: ``instrument``, ``chip``, ``filter``.

    Returns
    -------
    Trend
        Columns with unit, per chip and filter.

    Raises
    ------
    QueryError
        If the class has no usual quantity and none is named, or the attribute is no number.
    """
    query = cls if isinstance(cls, Query) else cls.select(
        **{name: value for name, value in key.items() if value is not None}
    )  # fmt: skip
    root = query.root
    path = path or _usual_path(root)
    x = x or time_path(root)
    if only_good and "is_valid" in root._attributes:
        query = query.valid()
    groups = [f"{n}.name" for n in ("chip", "filter") if n in root._attributes]
    found = query.columns(*dict.fromkeys([x, path, *groups]))
    values = found[path]
    if values.dtype.kind not in "fiu":
        raise QueryError(f"{root.__name__}.{path} is not a number", "for instance imstat.mean")
    parts = [np.ma.filled(np.ma.asarray(found[name]), "") for name in groups]
    names = np.array([" ".join(map(str, filter(None, row))) for row in zip(*parts, strict=True)])
    if not groups:
        names = np.full(len(values), root.__name__)
    chain: Any = root
    for name in path.split("."):
        chain = getattr(chain, name)
    return Trend(query, path, x, str(chain._last().unit or ""), found[x], values, names)


def _usual_path(root: Any) -> str:
    for preset in TREND_PRESETS:
        cls = class_named(preset.class_name)
        if cls is not None and issubclass(root, cls):
            return preset.y
    raise QueryError(f"{root.__name__} has no usual quantity", "name one, for instance imstat.mean")
