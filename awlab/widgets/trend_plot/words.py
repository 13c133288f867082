"""What is said below a plot."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from awlab.widgets.trend_plot.state import TrendState

__all__ = ["words_about"]


def words_about(
    state: TrendState, inside: NDArray[Any], chosen: NDArray[Any] | None, *, single: bool
) -> str:
    """Say how many points are in sight, what they are like, and how many are chosen.

    Parameters
    ----------
    state : TrendState
        The points.
    inside, chosen : ndarray of bool, shape (n,)
        Which of them are in sight, and which are chosen.
    single : bool
        Whether they are drawn one by one.
    """
    there = int(state.there.sum())
    if not there:
        return "no points: no object has both values"
    words = [f"{int(inside.sum()):,} of {there:,} points in sight"]
    missing = len(state.ids) - there
    words += [f"{missing:,} without a value"] if missing else []
    told = state.statistics(inside)
    if "median" in told and np.any(inside):
        unit = f" {state.y_axis.unit}" if state.y_axis.unit else ""
        words.append(f"median {told['median']:.5g}, robust sigma {told['sigma']:.3g}{unit}")
        words.append(f"mean {told['mean']:.5g}, stdev {told['stdev']:.3g}{unit}")
    words += [] if single else ["density: zoom in for single objects"]
    words += [] if chosen is None else [f"{int(chosen.sum()):,} selected"]
    return "; ".join(words)
