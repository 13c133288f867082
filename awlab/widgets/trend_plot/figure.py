"""The drawing of a trend plot: bqplot figures whose marks are filled anew, never made anew.

Pitfalls met: a changed `Image` value shows nothing (a new one does); x and y of a mark change
together (``hold_sync``); while an interaction is set, marks get neither hover nor click.
"""

from __future__ import annotations

from typing import Any

import bqplot
import ipywidgets
import numpy as np
from bqplot.interacts import BrushSelector, PanZoom
from numpy.typing import NDArray

from awlab.widgets.theme import PALETTE
from awlab.widgets.trend_plot.picture import density_picture
from awlab.widgets.trend_plot.state import SCATTER_POINTS, TrendState

__all__ = ["COLOURS", "MARKERS", "TrendFigure"]

Window = tuple[tuple[float, float], tuple[float, float]]

COLOURS = [PALETTE[n] for n in ("blue", "orange", "green", "vermillion", "sky", "purple", "yellow")]
COLOURS.append(PALETTE["grey"])
# Colour is never alone: every group has a shape of its own.
MARKERS = ["circle", "square", "triangle-up", "diamond", "cross", "triangle-down", "rectangle",
    "ellipse"]  # fmt: skip
_INK = "var(--jp-ui-font-color1, #1d1d1d)"
_LINE = "var(--jp-border-color2, #d0d0d0)"


class TrendFigure:
    """Plot and histogram.

    Attributes
    ----------
    main, side : bqplot.Figure
        The plot, and the histogram of its y beside it.
    x, y : bqplot.LinearScale
        Scales of the plot: their ends are the window.
    brush : BrushSelector
        Selects a range.
    """

    def __init__(self, height: int) -> None:
        self.x, self.y = bqplot.LinearScale(), bqplot.LinearScale()
        self.scales = {"x": self.x, "y": self.y}
        style = {
            "label_color": _INK,
            "color": _INK,
            "grid_color": _LINE,
            "tick_style": {"fill": _INK},
        }
        self.x_axis = bqplot.Axis(scale=self.x, num_ticks=6, **style)
        self.y_axis = bqplot.Axis(scale=self.y, side="left", num_ticks=6, **style)
        self.y_axis.label_offset = "58px"
        self.points = [self._scatter(c, m) for c, m in zip(COLOURS, MARKERS, strict=True)]
        self.rings = self._scatter(PALETTE["vermillion"], "circle")
        self.rings.set_trait("fill", False)
        self.rings.set_trait("default_size", 130)
        self.rings.set_trait("stroke_width", 2)
        self.bars = bqplot.Lines(
            x=[], y=[], scales=self.scales, colors=[PALETTE["grey"]], stroke_width=1
        )
        self.levels = bqplot.Lines(
            x=[], y=[], scales=self.scales, colors=[_INK], stroke_width=1, line_style="dashed"
        )
        self.picture = bqplot.Image(
            image=ipywidgets.Image(value=b"", format="png"), x=[0, 1], y=[0, 1], scales=self.scales
        )
        self.brush = BrushSelector(x_scale=self.x, y_scale=self.y, color=PALETTE["blue"])
        self.pan = PanZoom(scales={"x": [self.x], "y": [self.y]})
        marks = [self.picture, self.levels, self.bars, *self.points, self.rings]
        self.main = self._figure(marks, [self.x_axis, self.y_axis], height, left=80)
        self.main.layout.flex = "1 1 420px"
        self._make_side(height, style)

    def _scatter(self, colour: str, marker: str) -> Any:
        return bqplot.Scatter(
            x=[], y=[], scales=self.scales, colors=[colour], marker=marker, default_size=26,
            stroke=None, enable_hover=True,
        )  # fmt: skip

    def _figure(self, marks: list[Any], axes: list[Any], height: int, *, left: int) -> Any:
        figure = bqplot.Figure(
            marks=marks, axes=axes, animation_duration=0, padding_x=0, padding_y=0,
            display_toolbar=False,
            fig_margin={"top": 12, "bottom": 46, "left": left, "right": 16},
            background_style={"fill": "var(--jp-layout-color1, #ffffff)"},
        )  # fmt: skip
        figure.layout = ipywidgets.Layout(height=f"{height}px", min_width="0", width="auto")
        return figure

    def _make_side(self, height: int, style: dict[str, Any]) -> None:
        self.count = bqplot.LinearScale(min=0)
        scales = {"x": self.count, "y": self.y}
        # Not `Bars`: those widen the domain of the scale that they share with the plot.
        self.every, self.some = (
            bqplot.Lines(
                x=[], y=[], scales=scales, colors=[PALETTE[name]], fill="inside", stroke_width=1,
                fill_opacities=[opacity], fill_colors=[PALETTE[name]], close_path=True,
            )
            for name, opacity in (("sky", 0.7), ("vermillion", 0.9))
        )  # fmt: skip
        self.count_axis = axis = bqplot.Axis(scale=self.count, label="objects", **style)
        axis.grid_lines = "none"
        self.side = self._figure([self.every, self.some], [axis], height, left=8)
        self.side.layout.flex = "0 0 150px"

    # -- window ----------------------------------------------------------------------------

    def window(self) -> Window:
        """Return what is in sight."""
        return (self.x.min, self.x.max), (self.y.min, self.y.max)

    def look_at(self, window: Window) -> None:
        """Show a window."""
        for scale, (low, high) in zip((self.x, self.y), window, strict=True):
            with scale.hold_sync():
                scale.min, scale.max = float(low), float(high)

    def set_mode(self, mode: str) -> None:
        """Let the mouse inspect, pan or select."""
        self.main.interaction = {"pan": self.pan, "select": self.brush}.get(mode)

    # -- filling ---------------------------------------------------------------------------

    def fill(self, state: TrendState) -> bool:
        """Draw what is in the window; return True where single points are drawn."""
        window = self.window()
        inside = state.inside(window)
        single = int(inside.sum()) <= SCATTER_POINTS
        if single:
            self._fill_points(state, inside)
        else:
            self._fill_picture(state, window)
        self.picture.visible = not single
        self._fill_ticks(state, window)
        return single

    def _fill_points(self, state: TrendState, inside: NDArray[Any]) -> None:
        for group, mark in enumerate(self.points):
            mine = inside & (state.groups == group)
            _place(mark, state.x[mine], state.y[mine])
        ends = state.errors(inside)
        if ends is None or not inside.any():
            _place(self.bars, [], [])
            return
        low, high = ends
        across = np.stack([state.x[inside]] * 2, axis=1)
        up = np.stack([low, high], axis=1)
        known = np.isfinite(up).all(axis=1)
        _place(self.bars, across[known], up[known])

    def _fill_picture(self, state: TrendState, window: Window) -> None:
        for mark in (*self.points, self.bars):
            if len(mark.x):
                _place(mark, [], [])
        colours = COLOURS[: len(state.names)]
        content = density_picture((state.x, state.y), state.groups, colours, window)
        old = self.picture.image
        with self.picture.hold_sync():
            self.picture.image = ipywidgets.Image(value=content, format="png")
            self.picture.x, self.picture.y = list(window[0]), list(window[1])
        old.close()

    def _fill_ticks(self, state: TrendState, window: Window) -> None:
        pairs = ((self.x_axis, state.x_axis), (self.y_axis, state.y_axis))
        for (axis, told), (low, high) in zip(pairs, window, strict=True):
            ticks = told.ticks(low, high)
            axis.label = told.label
            # Labels first: new places are drawn at once, with the labels there are.
            axis.tick_labels = ticks[1]
            axis.tick_values = np.array(ticks[0])

    def fill_histogram(self, state: TrendState, chosen: NDArray[Any] | None) -> None:
        """Draw the histogram of y over the window, that of the chosen points before it."""
        edges, every, some = state.histogram(self.window()[1], chosen)
        _place(self.every, *_steps(edges, every))
        _place(self.some, *_steps(edges, some))
        self.some.visible = bool(some.any())
        most = max(int(every.max()), 1)
        self.count.max = most * 1.05
        places = sorted({0, most // 2, most})
        self.count_axis.tick_values = np.array(places)
        self.count_axis.tick_labels = {str(n): _short(n) for n in places}

    def fill_rings(self, state: TrendState, chosen: NDArray[Any] | None) -> None:
        """Ring the chosen points, where they are few enough to tell apart."""
        few = chosen is not None and int(chosen.sum()) <= SCATTER_POINTS
        keep = chosen & state.there if few and chosen is not None else np.zeros(0, dtype=int)
        _place(self.rings, state.x[keep], state.y[keep])

    def fill_levels(self, state: TrendState, median: float, sigma: float) -> None:
        """Draw the median, and three robust standard deviations about it."""
        if not np.isfinite(median) or state.y_axis.origin is not None:
            _place(self.levels, [], [])
            return
        heights = state.y_axis.places(np.array([median, median - 3 * sigma, median + 3 * sigma]))
        heights = heights[np.isfinite(heights)]
        low, high = self.window()[0]
        _place(self.levels, np.tile([low, high], (len(heights), 1)), np.stack([heights] * 2, 1))


def _short(count: int) -> str:
    return f"{count:,}" if count < 10_000 else f"{count / 1000:,.0f}k"


def _steps(edges: NDArray[Any], counts: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Outline of a histogram that lies on its side."""
    x = np.concatenate([[0], np.repeat(counts, 2), [0]])
    return x, np.repeat(edges, 2)


def _place(mark: Any, x: Any, y: Any) -> None:
    with mark.hold_sync():
        mark.x, mark.y = x, y
