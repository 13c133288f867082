"""Trend plots without a browser: axes, groups, densities, outliers, selections, the controls."""

from __future__ import annotations

import asyncio
import struct
import zlib
from datetime import datetime, timedelta

import numpy as np
import pytest

from awlab.backend.database import DBObject, current_database, persistent, read_numbered
from awlab.backend.datamodel import BaseFrame, Chip, Instrument, Judged
from awlab.backend.errors import AwlabError, QueryError
from awlab.widgets import TrendPlot
from awlab.widgets.trend_plot.axis import PlotAxis
from awlab.widgets.trend_plot.controls import number_paths
from awlab.widgets.trend_plot.picture import density_picture, encode_png
from awlab.widgets.trend_plot.state import TrendState

START = datetime(2000, 4, 28, 22)


class TrendThing(Judged):
    """A measurement."""

    chip = persistent("Chip", Chip)
    kind = persistent("Kind", str, "")
    level = persistent("Level [ADU]", float)
    error = persistent("Its error [ADU]", float)
    when = persistent("When", datetime)


@pytest.fixture(scope="module")
def things(database):
    camera = Instrument(name="TREND")
    chips = [Chip(name=f"trend{i}", instrument=camera).commit() for i in (0, 1)]
    for i in range(60):
        level = {40: 900.0, 50: None}.get(i, 100.0 + (i * 7) % 11)
        TrendThing(
            chip=chips[i % 2] if i else None,
            kind=f"k{i % 12}",
            level=level,
            error=1.0,
            when=START + timedelta(minutes=10 * i),
        ).commit()
    return TrendThing.select_all()


@pytest.fixture
def state(things):
    return TrendState(things, "level", "when", "chip.name", "error")


@pytest.fixture
def plot(things):
    return TrendPlot(things, "level", "when", by="chip.name", error="error")


# -- reading -------------------------------------------------------------------------------


def test_two_statements_however_many_points(things, statements):
    make = lambda: TrendState(things, "level", "when", "chip.name")  # noqa: E731
    make()
    assert statements(make) <= 3  # columns, and the names of the chips


def test_numbered_columns_are_those_of_the_query(things):
    ids, columns = read_numbered(things, ("level", "chip", "when"))
    by_id = {item._id: item for item in things}
    assert set(ids.tolist()) == set(by_id)
    for i, number in enumerate(ids.tolist()):
        item = by_id[number]
        assert item.level == (
            None if np.ma.getmaskarray(columns["level"])[i] else columns["level"][i]
        )
        assert columns["when"][i] == np.datetime64(item.when)
    texts_too = read_numbered(things, ("kind", "level"))
    assert sorted(texts_too[0].tolist()) == sorted(ids.tolist())
    with pytest.raises(QueryError, match="not a plain value"):
        read_numbered(BaseFrame.select_all(), ("imstat",))


def test_groups_are_chips(state):
    assert state.names == ["none", "trend0", "trend1"]
    assert np.bincount(state.groups).tolist() == [1, 29, 30]


def test_many_groups_share_the_last_colour(things):
    state = TrendState(things, "level", "when", "kind")
    assert len(state.names) == 8
    assert state.names[-1] == "others"
    assert np.bincount(state.groups).sum() == 60


def test_missing_values_have_no_place(state):
    assert int(state.there.sum()) == 59
    (x0, x1), (y0, y1) = state.extent()
    assert x0 < 22 * 3600 < x1
    assert y0 < 100
    assert y1 > 900


def test_what_is_no_number_is_refused(things):
    with pytest.raises(QueryError, match="not a number"):
        TrendState(things, "kind", "when")
    with pytest.raises(AwlabError):
        TrendState(things, "no_such", "when")


def test_nothing_at_all(things):
    empty = TrendState(things & (TrendThing.level > 1e9), "level", "when", "chip.name")
    assert empty.extent() == ((0.0, 1.0), (0.0, 1.0))
    plot = TrendPlot(TrendThing.level > 1e9, "level", "when")
    assert "no points: no object has both values" in plot._told.value


# -- statistics, outliers, selections ------------------------------------------------------


def test_statistics_are_robust(state):
    told = state.statistics(state.there)
    assert told["count"] == 59
    assert told["median"] == pytest.approx(105, abs=1)
    assert told["stdev"] > 50
    assert told["sigma"] < 10


def test_histogram_is_that_of_numpy(state):
    window = state.extent()[1]
    edges, every, some = state.histogram(window, state.groups == 1)
    np.testing.assert_array_equal(every, np.histogram(state.y[state.there], edges)[0])
    chosen = state.there & (state.groups == 1)
    np.testing.assert_array_equal(some, np.histogram(state.y[chosen], edges)[0])


@pytest.mark.parametrize("method", ["clip", "running"])
def test_the_one_outlier_is_found(state, method):
    found = list(state.query_of(state.outliers(method, 5.0)))
    assert [item.level for item in found] == [900.0]
    with pytest.raises(QueryError, match="no way"):
        state.outliers("guess", 5.0)


def test_a_selection_is_a_range(state):
    low, high = 22 * 3600.0, 23 * 3600.0
    window = ((low - 1, high + 1), (102.0, 106.0))
    query = state.query_in(window)
    assert "between" in str(query)
    assert {item._id for item in query} == set(state.ids[state.inside(window)].tolist())
    assert 0 < len(query) < 7


def test_errors_and_nearest(state):
    keep = state.inside(state.extent())
    low, high = state.errors(keep)
    np.testing.assert_allclose(high - low, 2.0)
    index = int(np.flatnonzero(keep)[5])
    found = state.nearest(state.x[index], state.y[index], state.extent())
    assert found == state.object_at(index)


# -- axes ----------------------------------------------------------------------------------


def test_times_go_there_and_back():
    axis = PlotAxis("when", origin=datetime(2000, 4, 28))
    values = np.array([START, START + timedelta(seconds=1.5)], dtype="datetime64[us]")
    places = axis.places(np.ma.masked_array(values, [False, False]))
    np.testing.assert_allclose(places, [22 * 3600, 22 * 3600 + 1.5])
    assert axis.value(places[1]) == START + timedelta(seconds=1.5)
    assert axis.place_of(axis.text(places[0])) == places[0]
    assert axis.place_of("2000-04-29") == 86400


@pytest.mark.parametrize("span", [5, 90, 4000, 50_000, 300_000, 1e7, 3e8, 1e9])
def test_time_ticks_are_few_and_inside(span):
    axis = PlotAxis("when", origin=datetime(2000, 1, 1))
    places, texts = axis.ticks(1234.5, 1234.5 + span)
    assert 2 <= len(places) <= 8
    assert all(1234.5 <= place <= 1234.5 + span for place in places)
    assert len(texts) == len(places)
    assert all(float(place).is_integer() for place in places)


def test_below_a_second_ticks_have_a_decimal():
    places, texts = PlotAxis("when", origin=datetime(2000, 1, 1)).ticks(7.62, 8.7)
    assert places == [7.8, 8.0, 8.2, 8.4, 8.6]
    assert list(texts) == ["7.8", "8", "8.2", "8.4", "8.6"]  # as JavaScript spells them
    assert texts["8"] == "00:00:08.0" and texts["8.2"] == "00:00:08.2"


def test_zero_has_no_sign():
    places, texts = PlotAxis("x").ticks(-0.3, 0.5)
    assert texts["0"] == "0.0" and 0.0 in places


@pytest.mark.parametrize(("low", "high"), [(0, 1), (170.84, 877.16), (-3e-5, 8e-5), (1e6, 1e6 + 3)])
def test_number_ticks_are_round(low, high):
    places, texts = PlotAxis("x").ticks(low, high)
    assert 3 <= len(places) <= 8
    assert all(low <= place <= high for place in places)
    assert [float(text) for text in texts.values()] == pytest.approx(places)


def test_logarithms():
    axis = PlotAxis("x", log=True)
    places = axis.places(np.array([1.0, 100.0, 0.0, -1.0]))
    np.testing.assert_array_equal(places, [0, 2, np.nan, np.nan])
    assert axis.value(2.0) == 100
    assert axis.place_of("1000") == 3
    assert list(axis.ticks(-0.2, 3.3)[1].values()) == ["1", "10", "100", "1e+03"]
    assert len(axis.ticks(2.1, 2.3)[0]) == 3
    with pytest.raises(QueryError, match="no place"):
        axis.place_of("-1")


@pytest.mark.parametrize("text", ["", "many", "nan", "inf"])
def test_bad_numbers(text):
    with pytest.raises(QueryError):
        PlotAxis("x").place_of(text)


# -- pictures ------------------------------------------------------------------------------


def decode(content):
    """Read a PNG of one IDAT chunk without filters."""
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", content[16:24])
    place, found = 8, {}
    while place < len(content):
        (length,) = struct.unpack(">I", content[place : place + 4])
        kind, data = content[place + 4 : place + 8], content[place + 8 : place + 8 + length]
        assert struct.unpack(">I", content[place + 8 + length : place + 12 + length])[
            0
        ] == zlib.crc32(kind + data)
        found[kind] = data
        place += 12 + length
    rows = np.frombuffer(zlib.decompress(found[b"IDAT"]), dtype=np.uint8).reshape(height, -1)
    return rows[:, 1:].reshape(height, width, 4)


def test_png_reads_back():
    pixels = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)
    np.testing.assert_array_equal(decode(encode_png(pixels)), pixels)


def test_a_density_shows_every_point_where_it_is():
    x, y = np.array([0.05, 0.95, 0.95, np.nan, 3.0]), np.array([0.05, 0.95, 0.95, 0.5, 0.5])
    groups = np.array([0, 1, 1, 0, 0])
    content = density_picture((x, y), groups, ["#0072B2", "#E69F00"], ((0, 1), (0, 1)), (10, 10))
    pixels = decode(content)
    assert np.argwhere(pixels[..., 3]).tolist() == [[0, 9], [9, 0]]
    assert pixels[9, 0, :3].tolist() == [0x00, 0x72, 0xB2]
    assert pixels[0, 9, :3].tolist() == [0xE6, 0x9F, 0x00]
    assert pixels[0, 9, 3] > pixels[9, 0, 3] > 80


def test_nothing_in_sight_is_a_clear_picture():
    empty = np.zeros(0)
    content = density_picture(
        (empty, empty), empty.astype(int), ["#0072B2"], ((0, 1), (0, 1)), (4, 3)
    )
    assert not decode(content).any()


# -- the widget ----------------------------------------------------------------------------


def test_few_points_are_drawn_one_by_one(plot):
    drawn = [len(mark.x) for mark in plot.figure.points]
    assert sum(drawn) == 59
    assert drawn[:3] == [1, 28, 30]
    assert not plot.figure.picture.visible
    assert len(plot.figure.bars.x) == 59
    assert "59 of 59 points in sight; 1 without a value" in plot._told.value
    assert "trend0" in plot._legend.value


def test_many_points_are_a_picture(plot, monkeypatch):
    monkeypatch.setattr("awlab.widgets.trend_plot.figure.SCATTER_POINTS", 20)
    before = plot.figure.picture.image
    plot.show_all()
    assert plot.figure.picture.visible
    assert plot.figure.picture.image is not before  # a changed one would show nothing
    assert before.comm is None
    assert all(len(mark.x) == 0 for mark in plot.figure.points)
    assert "zoom in" in plot._told.value
    plot.controls.x_range.value = "2000-04-28 22:00 … 2000-04-28 22:30"
    assert not plot.figure.picture.visible


def test_ranges_can_be_typed(plot):
    plot.controls.y_range.value = "100 .. 110"
    assert plot.figure.window()[1] == (100.0, 110.0)
    assert "58 of 59" in plot._told.value
    plot.controls.y_range.value = "110 … 100"
    assert "not a range" in plot._failure.value
    plot.controls.x_range.value = "yesterday … tomorrow"
    assert "not a date" in plot._failure.value
    plot.show_all()


def test_controls(plot):
    plot.controls.log_y.value = True
    assert plot.state.y_axis.log
    assert plot.figure.window()[1][1] < 3.1
    plot.controls.y.value = "error"
    assert plot.state.y_path == "error"
    plot.controls.y.value = "nonsense"
    assert "nonsense" in plot._failure.value
    plot.controls.by.value = ""
    plot.controls.mode.value = "pan"
    assert plot.figure.main.interaction is plot.figure.pan
    plot.controls.mode.value = "inspect"
    assert plot.figure.main.interaction is None


def test_it_is_a_table_too(plot):
    plot.controls.table.value = True
    (grid,) = plot._table.children
    assert [column["path"] for column in grid.state.columns] == ["when", "level", "chip.name"]
    assert len(grid.state.page()["rows"]) == 59
    plot.controls.table.value = False
    assert plot._table.children == ()


def test_moving_is_drawn_once_it_rests(plot):
    async def wheel():
        drawn = []
        plot.draw = lambda: drawn.append(plot.figure.window())
        for i in range(20):
            plot.figure.x.min = plot.figure.x.min + i
        await asyncio.sleep(0.3)
        return drawn

    assert len(asyncio.run(wheel())) == 1


def test_paths_that_fit():
    paths = number_paths(TrendThing)
    assert {"level", "when", "creation_date"} <= set(paths)
    assert "kind" not in paths
    assert {"kind", "chip.name"} <= set(number_paths(TrendThing, texts=True))


def test_its_python_makes_it_again(plot):
    again = eval(plot.state.python())
    assert again.state.python() == plot.state.python()
    assert isinstance(plot.state.object_at(0), DBObject)
    assert current_database().statements > 0
