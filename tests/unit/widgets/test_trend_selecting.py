"""Selecting in a trend plot: by brush, lasso, click, outliers; a verdict on what was selected."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pytest

from awlab.backend.database import persistent
from awlab.backend.datamodel import Chip, Instrument, Judged
from awlab.backend.errors import QueryError
from awlab.widgets import TrendPlot
from awlab.widgets.trend_plot.polygon import inside_polygon

START = datetime(2000, 4, 28, 22)


class ChosenThing(Judged):
    """A measurement."""

    chip = persistent("Chip", Chip)
    level = persistent("Level [ADU]", float)
    error = persistent("Its error [ADU]", float)
    when = persistent("When", datetime)


@pytest.fixture(scope="module")
def things(database):
    camera = Instrument(name="CHOSEN")
    chips = [Chip(name=f"chosen{i}", instrument=camera).commit() for i in (0, 1)]
    for i in range(60):
        level = {40: 900.0, 50: None}.get(i, 100.0 + (i * 7) % 11)
        when = START + timedelta(minutes=10 * i)
        chip = chips[i % 2] if i else None
        ChosenThing(chip=chip, level=level, error=1.0, when=when).commit()
    return ChosenThing.select_all()


@pytest.fixture
def plot(things):
    return TrendPlot(things, "level", "when", by="chip.name", error="error")


def test_brushing_selects_a_query(plot):
    brush = plot.figure.brush
    brush.brushing = True
    brush.selected_x, brush.selected_y = (
        np.array([22 * 3600 - 1, 23 * 3600.0]),
        np.array([90, 950.0]),
    )
    assert plot.selection is None
    brush.brushing = False
    assert len(plot.selection) == 7
    assert "7 selected" in plot._told.value
    assert len(plot.figure.rings.x) == 7
    assert plot.python == str(plot.selection)


def test_two_plots_are_brushed_together(things, plot):
    other = TrendPlot(things, "error", "level")
    plot.brush_with(other)
    plot.select_range(((22 * 3600 - 1, 23 * 3600.0), (90, 950.0)))
    assert set(other.state.ids[other._chosen]) == set(plot.state.ids[plot._chosen])
    assert len(other.figure.rings.x) == 7
    other.find_outliers("clip", 5.0)
    assert int(plot._chosen.sum()) == int(other._chosen.sum())


def test_a_click_is_the_object(plot):
    group = 1
    index = int(np.flatnonzero(plot.state.there & (plot.state.groups == group))[4])
    plot._safely(plot._clicker(group))("x", {"data": {"index": 4}})
    assert plot.selection == plot.state.object_at(index)
    assert plot.python == f"ChosenThing(object_id={plot.selection.object_id!r})"


def test_outliers_are_flagged_with_a_reason(plot):
    c = plot.controls
    assert c.judge.disabled
    c.sigma.value = 5.0
    c.find.click()
    assert [item.level for item in plot.selection] == [900.0]
    c.judge.click()
    assert "no reason" in plot._failure.value
    c.reason.value = "saturated <b>lamp"
    c.judge.click()
    (item,) = plot.selection
    assert ChosenThing(object_id=item.object_id).is_valid == 0
    assert item.history()[-1].reason == "saturated <b>lamp"
    assert "1 objects are marked 0: bad; saturated &lt;b&gt;lamp" in plot._told.value
    assert plot._failure.layout.display == "none"
    c.verdict.value, c.reason.value = 2, "it was the lamp"
    c.judge.click()
    assert ChosenThing(object_id=item.object_id).is_valid == 2
    assert int(plot._chosen.sum()) == 1


def test_what_is_flagged_leaves_a_plot_of_the_valid(things):
    plot = TrendPlot(things.valid() & (ChosenThing.level < 102), "level", "when")
    before = len(plot.state.ids)
    plot._clicker(0)("x", {"data": {"index": 0}})
    assert not plot.controls.judge.disabled
    plot.controls.reason.value = "cloud"
    plot.controls.judge.click()
    assert len(plot.state.ids) == before - 1
    item = plot.selection
    item.set_valid(1, "taken back")


def test_the_lasso_selects_what_it_encloses(plot, things):
    corners = [("2000-04-28 22:30", 99), ("2000-04-29 02:00", 99), ("2000-04-29 02:00", 121)]
    query = plot.select_within(corners)
    steps = [(10 * i, 100.0 + (i * 7) % 11) for i in range(60) if i not in (40, 50)]
    # below the line from the first corner to the last, before two o'clock
    wanted = [v for m, v in steps if 30 < m < 240 and 99 < v < 99 + 22 * (m - 30) / 210]
    assert sorted(item.level for item in query) == sorted(wanted)
    assert plot.selection is query
    assert plot.python == str(query) == f"plot.select_within({corners!r})"
    assert len(plot.figure.rings.x) == len(wanted)
    with pytest.raises(QueryError, match="three corners"):
        plot.select_within(corners[:2])
    with pytest.raises(QueryError, match="not a number"):
        plot.select_within([(*pair[:1], "high") for pair in corners])


def test_the_lasso_layer_is_on_in_its_mode_alone_and_hears_shares(plot):
    lasso = plot.lasso
    assert lasso.figure in plot.figure.main._dom_classes
    assert not lasso.active
    plot.controls.mode.value = "lasso"
    assert lasso.active and plot.figure.main.interaction is None
    lasso.answer("enclose", {"corners": [[0, 0], [1, 0], [1, 1], [0, 1]]})
    assert len(plot.selection) == 59
    plot.controls.mode.value = "pan"
    assert not lasso.active
    for bad in (None, [[0, 0]], [[0, 0], [1, 1], ["x", 2]], [[0, 0], [1, 1], [float("nan"), 2]],
                [[0, 0, 0]] * 3, [[0, 0]] * 501):  # fmt: skip
        with pytest.raises(QueryError):
            lasso.answer("enclose", {"corners": bad})


def test_inside_a_polygon_is_what_crossings_say():
    rng = np.random.default_rng(3)
    x, y = rng.uniform(-1.5, 1.5, (2, 4000))
    angle = np.arange(10) * np.pi / 5
    radius = np.where(np.arange(10) % 2, 0.4, 1.2)  # a star with five rays
    corners = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    found = inside_polygon(x, y, corners)
    wedge = np.mod(np.arctan2(y, x), 2 * np.pi / 5)
    wedge = np.minimum(wedge, 2 * np.pi / 5 - wedge)  # folded into half a ray
    a, b = np.array([1.2, 0]), 0.4 * np.array([np.cos(np.pi / 5), np.sin(np.pi / 5)])
    px, py = np.hypot(x, y) * np.cos(wedge), np.hypot(x, y) * np.sin(wedge)
    expected = (b[0] - a[0]) * (py - a[1]) - (b[1] - a[1]) * (px - a[0]) > 0
    np.testing.assert_array_equal(found, expected)
    holes = inside_polygon(np.array([np.nan, 0.0]), np.array([0.0, np.inf]), corners)
    assert not holes.any()


def test_a_second_plot_stands_below_and_is_brushed_together(plot):
    plot.controls.twin.value = True
    (other,) = plot._twin.children
    assert other.state.python() == plot.state.python()
    plot.select_range(((22 * 3600 - 1, 23 * 3600.0), (90, 950.0)))
    assert int(other._chosen.sum()) == 7
    other.controls.y.value = "error"
    other.find_outliers("clip", 5.0)
    assert int(plot._chosen.sum()) == 0
    plot.controls.twin.value = False
    assert plot._twin.children == () and plot._peers == []
