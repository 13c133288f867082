"""``TrendPlot``: any attribute against any other, or against time.

Drawn by core bqplot and core widgets; of the room's own is the lasso alone.
"""

from __future__ import annotations

import asyncio
import html
import uuid
from collections.abc import Callable, Sequence
from typing import Any

import ipywidgets
import numpy as np
import traitlets
from numpy.typing import NDArray

from awlab.backend.database import Query, class_named
from awlab.backend.errors import QueryError
from awlab.widgets.awlab_widget import one_line
from awlab.widgets.result_grid import ResultGrid
from awlab.widgets.trend_plot.controls import Controls, legend, presets_here
from awlab.widgets.trend_plot.figure import TrendFigure, Window
from awlab.widgets.trend_plot.judging import MOST_JUDGED, judge
from awlab.widgets.trend_plot.lasso import Corners, Lasso
from awlab.widgets.trend_plot.state import TrendState
from awlab.widgets.trend_plot.words import words_about

__all__ = ["TrendPlot"]

# After the last move of the mouse the picture is drawn anew, and later what is said about it [s].
_CALM = 0.06
_REST = 0.35


class TrendPlot(ipywidgets.VBox):
    """A plot of one attribute of the objects of a query against another.

    Parameters
    ----------
    query : Query or type
        Objects; a class means all of it.
    y, x : str
        Attribute paths: ``TrendPlot(BiasFrame, "imstat.mean", "timestamp_start")``.
    by : str
        Path that colours and shapes the points: ``"chip.name"``.
    error : str
        Path of the error of y.
    height : int
        Height of the plot [pixel].

    Attributes
    ----------
    selection : Query or DBObject
        What was brushed, found or clicked last.
    python : str
        The Python of it, as shown below the plot.
    """

    selection = traitlets.Any(None, allow_none=True)

    def __init__(
        self, query: Any, y: str, x: str = "creation_date", *, by: str = "", error: str = "",
        height: int = 400,
    ) -> None:  # fmt: skip
        found = query if isinstance(query, Query) else query.select_all()
        self.state = TrendState(found, y, x, by, error)
        self.figure = TrendFigure(height)
        self.controls = Controls()
        self._chosen: NDArray[Any] | None = None
        self._peers: list[TrendPlot] = []
        self._timers: dict[str, Any] = {}
        self._quiet = False
        self._done = ""  # what was done with the selection
        name = f"awlab-trend-{uuid.uuid4().hex[:12]}"
        self.figure.main.add_class(name)
        self.lasso = Lasso(name, self._safely(self._enclosed))
        self._failure = ipywidgets.HTML()
        self._legend = ipywidgets.HTML()
        self._told = ipywidgets.HTML()
        self._code = ipywidgets.HTML()
        self._table, self._twin = ipywidgets.VBox(), ipywidgets.VBox()
        plots = ipywidgets.HBox([self.figure.main, self.figure.side])
        super().__init__(
            [*self.controls.rows(), self._failure, self._legend, plots, self._told,
             *self.controls.lower_rows(), self._code, self._table, self._twin, self.lasso],
            layout={"width": "100%", "overflow": "hidden"},
        )  # fmt: skip
        self._fail("")
        self._begin()
        self._listen()

    # -- beginning -------------------------------------------------------------------------

    def _begin(self) -> None:
        """Show a new state from the start."""
        state, controls = self.state, self.controls
        self._quiet = True
        controls.offer(state.query.root)
        controls.y.value, controls.x.value = state.y_path, state.x_path
        controls.by.value = state.by_path
        controls.log_x.value, controls.log_y.value = state.log["x"], state.log["y"]
        self._quiet = False
        self._say(state.python())
        self._legend.value = legend(state.names if state.by_path else [])
        self._chosen = None
        self.show_all()

    def _listen(self) -> None:
        c = self.controls
        for path in (c.y, c.x, c.by):
            path.observe(self._safely(self._change_paths), "value")
        for log in (c.log_x, c.log_y):
            log.observe(self._safely(self._change_logs), "value")
        c.preset.observe(self._safely(self._take_preset), "value")
        c.mode.observe(self._change_mode, "value")
        c.table.observe(self._safely(self._show_table), "value")
        c.twin.observe(self._safely(self._show_twin), "value")
        for field in (c.x_range, c.y_range):
            field.observe(self._safely(self._type_range), "value")
        c.all.on_click(lambda _: self.show_all())
        c.find.on_click(self._safely(self._find))
        c.judge.on_click(self._safely(self._judge))
        for scale in (self.figure.x, self.figure.y):
            scale.observe(self._moved, ["min", "max"])
        self.figure.brush.observe(self._safely(self._brushed), ["selected_x", "selected_y"])
        self.figure.brush.observe(self._safely(self._brushed), "brushing")
        for group, mark in enumerate(self.figure.points):
            mark.on_element_click(self._safely(self._clicker(group)))

    def _safely(self, work: Callable[..., Any]) -> Callable[..., None]:
        """Run a piece of work; what goes wrong is one line above the plot."""

        def run(*values: Any) -> None:
            if self._quiet:
                return
            try:
                work(*values)
                self._fail("")
            except Exception as exc:
                self._fail(f"✕ failed: {one_line(exc)}")

        return run

    def _say(self, python: str) -> None:
        """Show Python that a click selects as a whole, to be copied."""
        self.python = python
        style = "white-space:normal;overflow-wrap:anywhere;user-select:all"
        self._code.value = (
            f'<div style="line-height:1.4"><code style="{style}">{html.escape(python)}</code></div>'
        )

    def _fail(self, text: str) -> None:
        self._failure.value = _wrapped(text)
        self._failure.layout.display = "" if text else "none"

    # -- drawing ---------------------------------------------------------------------------

    def show_all(self) -> None:
        """Show all points."""
        self._look_at(self.state.extent())

    def _look_at(self, window: Window) -> None:
        self._quiet = True
        self.figure.look_at(window)
        self._quiet = False
        self.lasso.push("clear")
        self.draw()

    def _moved(self, _: Any) -> None:
        """Draw anew when the mouse rests; until then the browser stretches what it has."""
        if not self._quiet:
            self._after(_CALM, "draw", self.draw)

    def _after(self, pause: float, name: str, work: Callable[[], None]) -> None:
        """Do a piece of work after a pause, unless it is asked for again before that."""
        if name in self._timers:
            self._timers.pop(name).cancel()
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:  # no kernel: nothing to wait for
            work()
            return
        self._timers[name] = loop.call_later(pause, self._safely(work))

    def draw(self) -> None:
        """Draw what is in sight; what is said about it follows when the mouse rests."""
        figure, window = self.figure, self.figure.window()
        single = figure.fill(self.state)
        self._fill_ranges(window)
        self._after(_REST, "tell", lambda: self._describe(window, single=single))

    def _describe(self, window: Window, *, single: bool) -> None:
        state, figure = self.state, self.figure
        figure.fill_histogram(state, self._chosen)
        figure.fill_rings(state, self._chosen)
        inside = state.inside(window)
        told = state.statistics(inside)
        figure.fill_levels(state, told.get("median", np.nan), told.get("sigma", np.nan))
        said = words_about(state, inside, self._chosen, single=single)
        self._told.value = _wrapped("; ".join(filter(None, [said, self._done])))

    def _fill_ranges(self, window: Window) -> None:
        state = self.state
        self._quiet = True
        for field, axis, ends in zip(
            (self.controls.x_range, self.controls.y_range), (state.x_axis, state.y_axis), window,
            strict=True,
        ):  # fmt: skip
            field.value = " … ".join(axis.text(end, ends[1] - ends[0]) for end in ends)
        self._quiet = False

    # -- controls --------------------------------------------------------------------------

    def _change_paths(self, _: Any) -> None:
        c, old = self.controls, self.state
        self.state = TrendState(old.query, c.y.value, c.x.value, c.by.value, "")
        self._begin()

    def _change_mode(self, change: Any) -> None:
        self.figure.set_mode(change["new"])
        self.lasso.active = change["new"] == "lasso"

    def _change_logs(self, _: Any) -> None:
        c = self.controls
        self.state.log = {"x": c.log_x.value, "y": c.log_y.value}
        self.state.rescale()
        self.show_all()

    def _take_preset(self, change: Any) -> None:
        preset = next((p for p in presets_here() if p[0] == change["new"]), None)
        if preset is not None:
            _, name, y, x, by = preset
            cls: Any = class_named(name)
            self.state = TrendState(cls.select_all(), y, x, by)
            self._begin()

    def _type_range(self, _: Any) -> None:
        c, state = self.controls, self.state
        window = []
        for field, axis in ((c.x_range, state.x_axis), (c.y_range, state.y_axis)):
            ends = [axis.place_of(text) for text in field.value.replace("..", "…").split("…")]
            if len(ends) != 2 or not ends[0] < ends[1]:
                raise QueryError(f"{axis.path}: {field.value!r} is not a range", "low … high")
            window.append((ends[0], ends[1]))
        self._look_at((window[0], window[1]))

    def _show_table(self, change: Any) -> None:
        for old in self._table.children:
            old.close()
        self._table.children = ()
        if change["new"]:
            state = self.state
            brushed = self._chosen is not None and isinstance(self.selection, Query)
            shown = self.selection if brushed else state.query_in(self.figure.window())
            paths = dict.fromkeys(filter(None, (state.x_path, state.y_path, state.by_path)))
            self._table.children = (ResultGrid(shown, list(paths)),)

    def _show_twin(self, change: Any) -> None:
        for old in self._twin.children:
            self._peers.remove(old)
            old.close()
        self._twin.children = ()
        if change["new"]:
            self._twin.children = (self.beside(),)

    # -- selecting -------------------------------------------------------------------------

    def _brushed(self, _: Any) -> None:
        brush = self.figure.brush
        if brush.brushing or brush.selected_x is None or len(brush.selected_x) < 2:
            return
        (x0, x1), (y0, y1) = sorted(brush.selected_x), sorted(brush.selected_y)
        self.select_range(((float(x0), float(x1)), (float(y0), float(y1))))

    def select_range(self, window: Window) -> None:
        """Select the objects in a window; `selection` is a query for that range."""
        self._choose(self.state.inside(window), self.state.query_in(window))

    def select_within(self, corners: Sequence[tuple[Any, Any]]) -> Query:
        """Select the objects inside a polygon, as the lasso does.

        Parameters
        ----------
        corners : sequence of (x, y)
            Values on the axes: numbers, times, or texts of them; three at least.

        Raises
        ------
        QueryError
            If a corner is not on the axes.
        """
        mask = self.state.enclosed(self.state.corners(corners))
        query = self.state.query_of(mask, f"plot.select_within({list(corners)!r})")
        self._choose(mask, query)
        return query

    def _enclosed(self, corners: Corners) -> None:
        """Select what the lasso encloses."""
        self.select_within(self.state.values_at(corners, self.figure.window()))

    def _choose(self, mask: NDArray[Any], query: Query) -> None:
        self.selection, self._done = query, ""
        self.mark(self.state.ids[mask])
        for peer in self._peers:
            peer.mark(self.state.ids[mask])
        self._say(str(query))

    def mark(self, ids: NDArray[Any]) -> None:
        """Ring the points of objects, as a plot beside this one asks for."""
        self._chosen = np.isin(self.state.ids, ids)
        self.controls.judge.disabled = not 0 < len(ids) <= MOST_JUDGED
        self.draw()

    def brush_with(self, other: TrendPlot) -> None:
        """Let a selection in one plot show in the other, and the other way round."""
        self._peers.append(other)
        other._peers.append(self)

    def beside(self, y: str = "", x: str = "") -> TrendPlot:
        """Return another plot of the same objects, brushed together with this one.

        Parameters
        ----------
        y, x : str
            Attribute paths; those of this plot by default.
        """
        state = self.state
        words = {"by": state.by_path, "error": "" if y else state.error_path}
        height = int(self.figure.main.layout.height.removesuffix("px"))
        other = TrendPlot(state.query, y or state.y_path, x or state.x_path, height=height, **words)
        self.brush_with(other)
        return other

    def find_outliers(self, method: str = "clip", sigma: float = 4.0) -> Query:
        """Select what is far from the median, or from a running median.

        Parameters
        ----------
        method : {'clip', 'running'}
            From what.
        sigma : float
            How far, in robust standard deviations.
        """
        mask = self.state.outliers(method, sigma)
        query = self.state.query_of(mask)
        self._choose(mask, query)
        self._say(f"plot.find_outliers({method!r}, {sigma})")
        return query

    def _find(self, _: Any) -> None:
        self.find_outliers(self.controls.method.value, self.controls.sigma.value)

    def _clicker(self, group: int) -> Callable[..., None]:
        def clicked(_: Any, event: Any) -> None:
            inside = self.state.inside(self.figure.window()) & (self.state.groups == group)
            index = int(np.flatnonzero(inside)[int(event["data"]["index"])])
            self.selection = self.state.object_at(index)
            self.controls.judge.disabled = False
            self._say(f"{type(self.selection).__name__}(object_id={self.selection.object_id!r})")

        return clicked

    def _judge(self, _: Any) -> None:
        """Give the verdict, and show what is so now: the query may no longer hold all of them."""
        c, chosen = self.controls, self.selection
        items = list(chosen) if isinstance(chosen, Query) else [chosen]
        self._done = judge(items, c.verdict.value, c.reason.value)
        c.reason.value = ""
        self.state.read()
        self.mark(np.array([item._id for item in items], dtype=np.int64))


def _wrapped(text: str) -> str:
    """Text that wraps where the page is narrow; a `Label` would be cut."""
    return f'<div style="line-height:1.4">{html.escape(text, quote=False)}</div>'
