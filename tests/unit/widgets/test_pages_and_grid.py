"""Pages by key: complete, in order, without repetition, whatever is missing or equal."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from awlab.backend.database import DBObject, persistent, read_page, register_bulk
from awlab.backend.datamodel import Flag, Judged
from awlab.backend.errors import QueryError, UnknownAttribute
from awlab.widgets.result_grid import GridState, cell_text, default_columns


class GridThing(Judged):
    """Something to be listed."""

    FLAGS = (Flag(16, "GRID_ODD", "odd"),)
    name = persistent("Name", str, "")
    level = persistent("Level [ADU]", float)
    when = persistent("When", datetime)


class GridOther(Judged):
    """Something else, whose bits mean something else."""

    FLAGS = (Flag(16, "GRID_STRANGE", "strange"),)


class GridKind(DBObject, abstract=True):
    """Two kinds of one family."""

    size = persistent("Size [pixel]", int)


class GridBig(GridKind):
    """One kind."""


class GridSmall(GridKind):
    """The other kind."""


@pytest.fixture(scope="module")
def things(database):
    start = datetime(2000, 1, 1)
    for i in range(47):
        level = None if i % 7 == 0 else float(i % 5)
        GridThing(name=f"t{i:02}", level=level, when=start + timedelta(hours=i // 3)).commit()
    register_bulk(GridBig, {"size": range(5)})
    register_bulk(GridSmall, {"size": range(3, 9)})
    return GridThing.select_all()


def all_rows(query, paths, limit):
    rows, after, pages = [], None, 0
    while True:
        page = read_page(query, paths, after=after, limit=limit)
        assert len(page.rows) == len(page.object_ids) == len(page.class_names) <= limit
        rows += [(*row, oid) for row, oid in zip(page.rows, page.object_ids, strict=True)]
        after, pages = page.after, pages + 1
        assert pages < 100
        if after is None:
            return rows


@pytest.mark.parametrize("limit", [1, 5, 46, 47, 48])
@pytest.mark.parametrize("order", ["", "level", "-level", "when", "-when", "name", "-object_id"])
def test_pages_are_the_whole(things, order, limit):
    query = things.order_by(order) if order else things
    found = all_rows(query, ["name", "level"], limit)
    assert len({row[-1] for row in found}) == len(found) == 47
    if order:
        wanted = query.columns(order.removeprefix("-"))[order.removeprefix("-")].tolist()
        got = {"level": 1, "name": 0}.get(order.removeprefix("-"))
        if got is not None:
            assert [row[got] for row in found] == wanted
    else:
        assert [row[0] for row in found] == [f"t{i:02}" for i in reversed(range(47))]


def test_one_statement_a_page(things, statements):
    read_page(things, ["name"])
    assert statements(lambda: read_page(things, ["name", "level"], after=(None, 10**9))) == 1


def test_several_classes_say_which(things):
    page = read_page(GridKind.select_all().order_by("size"), ["size"], limit=20)
    assert [row[0] for row in page.rows] == [0, 1, 2, 3, 3, 4, 4, 5, 6, 7, 8]
    assert page.class_names[0] == "GridBig"
    assert page.class_names[-1] == "GridSmall"


@pytest.mark.parametrize("after", [(1,), (None, "x"), ("no number", 3), (1.0, True)])
def test_bad_keys(things, after):
    with pytest.raises((QueryError, TypeError)):
        read_page(things.order_by("level"), ["name"], after=after)


def test_cut_queries_have_no_pages(things):
    with pytest.raises(QueryError, match="whole query"):
        read_page(things.limit(3), ["name"])


def test_the_grid_goes_on_where_the_page_ended(things, monkeypatch):
    monkeypatch.setattr("awlab.widgets.result_grid.state.PAGE", 20)
    state = GridState(things, ["name", "level", "when"])
    seen, after = [], None
    for _ in range(3):
        page = state.page(after, "-when")
        seen += [row[0] for row in page["rows"]]
        after = page["after"]  # as it went through JSON: a date is a text
        assert after is None or isinstance(after[0], str)
    assert sorted(seen) == [f"t{i:02}" for i in range(47)]
    assert after is None


def test_columns_have_units_and_words(things):
    state = GridState(things, ["name", "level", "quality_flags"])
    assert [column["unit"] for column in state.columns] == ["", "adu", ""]
    assert [column["number"] for column in state.columns] == [False, True, False]
    GridThing(name="flagged", quality_flags=1 << 16).commit()
    first = state.page()["rows"][0]
    assert first == ["flagged", "–", "65536 (GRID_ODD)"]


def test_rows_of_a_base_class_say_what_they_are_and_what_their_flags_mean(things):
    GridThing(name="odd", quality_flags=1 << 16).commit()
    GridOther(quality_flags=1 << 16).commit()
    state = GridState(Judged.quality_flags == 1 << 16, ["quality_flags"])
    page = state.page()
    assert [column["path"] for column in page["columns"]] == ["class", "quality_flags"]
    assert not page["columns"][0]["sortable"]
    rows = {tuple(row) for row in page["rows"]}
    assert {("GridThing", "65536 (GRID_ODD)"), ("GridOther", "65536 (GRID_STRANGE)")} <= rows
    alone = GridState(things, ["name"]).page()
    assert [column["path"] for column in alone["columns"]] == ["name"]


def test_counting_stops(things, monkeypatch):
    assert GridState(things).count()["more"] is False
    monkeypatch.setattr("awlab.widgets.result_grid.state.CAP", 10)
    assert GridState(things).count() == {"count": 10, "more": True}


def test_default_columns(things):
    assert default_columns(GridThing) == [
        "name", "level", "when", "is_valid", "quality_flags", "creation_date",
    ]  # fmt: skip
    assert default_columns(GridBig) == ["object_id", "size", "creation_date"]


def test_unknown_columns(things):
    with pytest.raises(UnknownAttribute, match="levl"):
        GridState(things, ["levl"])


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"), (True, "True"), (1 / 3, "0.333333"), (3, "3"), ("a\n b", "a b"),
        (b"abc", "3 bytes"), (datetime(2000, 1, 2, 3), "2000-01-02 03:00:00"),
        ("x" * 300, "x" * 199 + "…"),
    ],
)  # fmt: skip
def test_cells(value, text):
    assert cell_text(value) == text
