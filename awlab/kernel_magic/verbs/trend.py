"""``%awe trend``: how a quantity goes over the years: statistics, drift, jumps, outliers.

In a notebook a plot; in a terminal, or with ``--text``, a table with a line per chip and filter.
Without an attribute the usual one of the class is taken: zeropoint, read_noise, count ...

Examples: ``%awe trend PhotometricParameters chip=ccd50``, ``%awe trend RawBiasFrame.imstat.mean``,
``%awe trend --text --good ReadNoise read_noise chip=ccd5*``,
``%awe trend ReducedScienceFrame imstat.stdev --x flat.imstat.stdev``.
Python: ``trend(ReadNoise, 'read_noise', chip='ccd50')`` of ``awlab.backend.quality``,
``TrendPlot(ReadNoise, 'read_noise', 'timestamp_start')`` of ``awlab.widgets``.
"""

from __future__ import annotations

import argparse
from importlib import import_module
from typing import Any

import numpy as np

from awlab.backend.errors import QueryError
from awlab.backend.quality import Series, Trend, robust_statistics, running_outliers, trend
from awlab.kernel_magic.display import Table
from awlab.kernel_magic.words import in_notebook, key_of, named_class

_JUMPS = 3  # so many are told of a series, the largest ones


def arguments(parser: argparse.ArgumentParser) -> None:
    """Take a class, an attribute and a key."""
    parser.add_argument("--x", metavar="ATTRIBUTE", default="", help="the other axis; time if none")
    parser.add_argument("--good", action="store_true", help="leave out what is flagged or invalid")
    parser.add_argument("--sigma", type=float, default=5.0, metavar="NUMBER", help="of an outlier")
    parser.add_argument("--text", action="store_true", help="no plot")
    parser.add_argument("source", metavar="CLASS")
    parser.add_argument("key", nargs="*", default=[], metavar="ATTRIBUTE")


def run(options: argparse.Namespace, shell: Any) -> Any:
    """Return the plot, or the table."""
    words = list(options.key)
    # Python writes it as one word, and so may the line: BiasFrame.imstat.mean.
    source, _, path = options.source.partition(".")
    if not path and words and "=" not in words[0]:
        path = words.pop(0)
    found = trend(
        named_class(source), path, options.x, only_good=options.good, **key_of(words, shell)
    )
    if in_notebook(shell) and not options.text:
        by = next(
            (f"{n}.name" for n in ("filter", "chip") if n in found.query.root._attributes), ""
        )
        plot = import_module("awlab.widgets").TrendPlot
        return plot(found.query, found.y_path, found.x_path, by=by)
    return _table(found, options.sigma)


def _table(found: Trend, sigma: float) -> Table:
    if not sigma > 0:
        raise QueryError(f"a threshold of {sigma} sigma", "give a positive number")
    is_time = found.x.dtype.kind == "M"
    rows = [_row(series, sigma, is_time=is_time) for series in found]
    root, unit = found.query.root.__name__, f" [{found.unit}]" if found.unit else ""
    outliers = sum(row[5] for row in rows)
    caption = (
        f"{root}.{found.y_path}{unit} against {found.x_path}: {len(found):,} objects,"
        f" {outliers:,} outliers beyond {sigma:g} sigma of the running median"
    )
    head = ["series", "objects", "median", "sigma", "drift / year" if is_time else "drift",
            "outliers", "jumps"]  # fmt: skip
    return Table(head, rows, caption)


def _row(series: Series, sigma: float, *, is_time: bool) -> tuple[Any, ...]:
    stats = robust_statistics(series.y)
    out = running_outliers(_places(series), series.y, sigma)
    drift = series.drift()
    jumps = sorted(series.jumps(), key=lambda jump: -jump.significance)[:_JUMPS] if is_time else []
    told = ", ".join(
        f"{str(series.x[jump.index])[:10]} {jump.size:+.3g}"
        for jump in sorted(jumps, key=lambda jump: str(series.x[jump.index]))
    )
    return (series.name, stats.count, stats.median, stats.sigma,
            drift if np.isfinite(drift) else None, int(out.sum()), told)  # fmt: skip


def _places(series: Series) -> Any:
    x = series.x
    return x.astype("datetime64[s]").astype(float) if x.dtype.kind == "M" else x
