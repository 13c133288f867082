"""A lasso over the plot.

bqplot's own selects among the marks that are drawn, and of very many points none is: here the
corners travel, and NumPy says what lies inside.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import traitlets

from awlab.backend.errors import QueryError
from awlab.widgets.awlab_widget import AwlabWidget, answers

__all__ = ["Lasso"]

_MOST = 500

Corners = list[tuple[float, float]]


class Lasso(AwlabWidget):
    """A layer above a figure on which a line is drawn around points.

    Parameters
    ----------
    figure : str
        Style class that the figure has, and nothing else in the page.
    heard : callable
        Gets the corners as shares of the plot, from the lower left.

    Attributes
    ----------
    active : bool
        Whether the mouse draws.
    """

    active = traitlets.Bool(False).tag(sync=True)
    figure = traitlets.Unicode("").tag(sync=True)

    def __init__(self, figure: str, heard: Callable[[Corners], None]) -> None:
        super().__init__(figure=figure)
        self._heard = heard

    @answers
    def enclose(self, corners: Any) -> dict[str, Any]:
        """Take the corners of a line that was drawn.

        Raises
        ------
        QueryError
            If they are none.
        """
        if not isinstance(corners, list) or not 3 <= len(corners) <= _MOST:
            raise QueryError("a lasso has three corners at least", f"{_MOST} at most")
        try:
            found = [(float(x), float(y)) for x, y in corners]
        except (TypeError, ValueError):
            raise QueryError("a corner of a lasso is a pair of numbers") from None
        if not all(math.isfinite(share) for pair in found for share in pair):
            raise QueryError("a corner of a lasso is a pair of finite numbers")
        self._heard(found)
        return {}
