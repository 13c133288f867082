"""From choices to queries: every operator, groups, bad input, completion, files."""

from __future__ import annotations

import io
from datetime import datetime

import numpy as np
import pytest

from awlab.backend.database import DBObject, Struct, class_named, commit_objects, persistent
from awlab.backend.datamodel import Chip, Instrument
from awlab.backend.errors import AwlabError, QueryError
from awlab.backend.process import ProcessParameters
from awlab.widgets import QueryBuilder
from awlab.widgets.query_builder.choices import (
    attributes_of,
    class_list,
    find_attributes,
    values_of,
)
from awlab.widgets.query_builder.export import FORMATS, export
from awlab.widgets.query_builder.state import QueryState, build_query


class AskStat(Struct):
    """Statistics."""

    mean = persistent("Mean [ADU]", float)


class AskFlat(DBObject):
    """A flat."""

    title = persistent("Title", str, "")
    stat = persistent("Statistics", AskStat)


class AskFrame(DBObject):
    """A frame to be asked for.

    With a second paragraph.
    """

    title = persistent("Title", str, "")
    chip = persistent("Chip", Chip)
    flat = persistent("Flat", AskFlat)
    inputs = persistent("Inputs", AskFlat, [])
    level = persistent("Level [ADU]", float)
    number = persistent("Number", int)
    good = persistent("Whether it is good", bool)
    when = persistent("When", datetime)
    prev = persistent("Previous", DBObject, dependency=False)


@pytest.fixture(scope="module")
def frames(database):
    chips = [Chip(name=f"ask{i}", instrument=Instrument(name="ASK")) for i in (0, 1)]
    flats = [AskFlat(title=f"flat{i}", stat=AskStat(mean=float(i))) for i in range(3)]
    frames = [
        AskFrame(
            title=f"f{i}",
            chip=chips[i % 2],
            flat=flats[i % 3],
            inputs=flats[: i % 3],
            level=None if i == 5 else i / 2,
            number=i,
            good=i % 2 == 0,
            when=datetime(2000, 1, 1 + i),
        )
        for i in range(6)
    ]
    commit_objects(frames)
    return frames


def one(path, op, value="", high=""):
    return {"join": "and", "items": [{"path": path, "op": op, "value": value, "high": high}]}


def titles(group):
    return sorted(frame.title for frame in build_query(AskFrame, group))


@pytest.mark.parametrize(
    ("group", "wanted"),
    [
        (one("title", "==", "f1"), "1"),
        (one("title", "!=", "f1"), "02345"),
        (one("title", "like", "f?"), "012345"),
        (one("title", "in", "f1, f3 ,"), "13"),
        (one("title", "in", ["f1"]), "1"),
        (one("number", "<", "2"), "01"),
        (one("number", "<=", 2), "012"),
        (one("level", ">", "1.0"), "34"),
        (one("level", ">=", "1e0"), "234"),
        (one("level", "between", "0.5", "1.5"), "123"),
        (one("level", "is null"), "5"),
        (one("level", "is not null"), "01234"),
        (one("good", "==", "true"), "024"),
        (one("when", "<", "2000-01-03"), "01"),
        (one("chip", "==", "ask1"), "135"),
        (one("chip", "like", "*0"), "024"),
        (one("chip", "in", "ask0,ask1"), "012345"),
        (one("flat.stat.mean", ">", "1"), "25"),
        (one("inputs.title", "==", "flat1"), "25"),
        (one("inputs", "is null"), "03"),
        (one("title", "==", ""), "012345"),
        (one("level", "between", "1", ""), "012345"),
        ({"join": "and", "items": []}, "012345"),
    ],
)
def test_operators(frames, group, wanted):
    assert titles(group) == [f"f{n}" for n in wanted]


def test_groups_and_not(frames):
    inner = {
        "join": "or",
        "items": [*one("number", "==", "1")["items"], *one("number", "==", "4")["items"]],
    }
    both = {"join": "and", "items": [inner, *one("good", "==", "True")["items"]]}
    assert titles(both) == ["f4"]
    assert titles({**inner, "not": True}) == ["f0", "f2", "f3", "f5"]
    with_empty = [{**inner, "not": True}, {"join": "or", "items": []}]
    assert titles({"join": "and", "items": with_empty}) == ["f0", "f2", "f3", "f5"]


@pytest.mark.parametrize(
    "group",
    [
        None,
        "x",
        {"join": "xor", "items": []},
        {"join": "and", "items": "x"},
        {"join": "and", "items": [None]},
        one("levl", "==", "1"),
        one("level", "==", "many"),
        one("level", "==", "nan"),
        one("number", "==", "1.5"),
        one("good", "==", "perhaps"),
        one("when", "<", "yesterday"),
        one("level", "like", "1"),
        one("level", "drop table", "1"),
        one("__class__", "==", "1"),
        one("level.like", "==", "1"),
        one("like", "==", "1"),
        one("", "==", "1"),
        {"join": "and", "items": [{"join": "and", "items": []}] * 300},
    ],
)
def test_bad_conditions_are_one_sentence(frames, group):
    with pytest.raises(AwlabError):
        build_query(AskFrame, group)


def test_too_deep(frames):
    group = {"join": "and", "items": []}
    for _ in range(20):
        group = {"join": "and", "items": [group]}
    with pytest.raises(QueryError, match="too many"):
        build_query(AskFrame, group)


def test_python_and_sql_are_those_of_the_query(frames):
    state = QueryState(AskFrame)
    told = state.ask(one("flat.stat.mean", ">", "1"), ["title", "flat.stat.mean"], "-level")
    assert told["python"] == "(AskFrame.flat.stat.mean > 1.0).order_by('-level')"
    assert list(eval(told["python"])) == list(state.query)
    assert told["sql"] == state.query.sql()
    assert state.grid.page()["rows"] == [["f2", "2"], ["f5", "2"]]
    assert state.grid.count() == {"count": 2, "more": False}


def test_a_mistake_leaves_the_query_as_it_was(frames):
    state = QueryState(AskFrame)
    state.ask(one("title", "==", "f1"))
    with pytest.raises(AwlabError):
        state.ask(one("title", "==", "f1"), ["nothing"])
    assert str(state.query) == "AskFrame.title == 'f1'"
    assert state.told()["columns"] == state.grid.paths


def test_the_widget_keeps_the_selection(frames):
    widget = QueryBuilder("AskFrame")
    widget.answer("ask", {"group": one("title", "==", "f1")})
    assert [frame.title for frame in widget.selection] == ["f1"]
    widget.answer("choose", {"object_id": frames[2].object_id})
    assert widget.row == frames[2]
    assert widget.answer("set_class", {"name": "AskFlat"})["class_name"] == "AskFlat"
    assert len(widget.selection) == 3
    with pytest.raises(QueryError, match="NoClass"):
        widget.answer("set_class", {"name": "NoClass"})


def test_free_sql_only_reads(frames):
    widget = QueryBuilder(AskFrame)
    found = widget.answer("sql", {"text": "select title, level from askframe order by title"})
    assert [column["path"] for column in found["columns"]] == ["title", "level"]
    assert found["rows"][5] == ["f5", "–"]
    for text in ("delete from askframe", "", 3):
        with pytest.raises(QueryError):
            widget.answer("sql", {"text": text})


def test_classes_and_their_words(frames):
    told = {one["name"]: one for one in class_list()}
    assert told["AskFrame"]["doc"] == "A frame to be asked for."
    assert told["ProcessTarget"]["abstract"]
    assert not any(issubclass(class_named(name), ProcessParameters) for name in told)
    assert "AstrometricParameters" in told


def test_attributes_with_units_own_ones_first(frames):
    names = [item["name"] for item in attributes_of(AskFrame)]
    assert names[0] == "title"
    assert names.index("object_id") > names.index("when")
    told = {item["path"]: item for item in attributes_of(AskFrame, "flat")}
    assert told["flat.stat"]["inner"]
    assert not told["flat.stat"]["column"]
    level = next(item for item in attributes_of(AskFrame) if item["name"] == "level")
    assert (level["unit"], level["type"], level["operators"][0]) == ("adu", "float", "==")


def test_finding_attributes(frames):
    paths = [item["path"] for item in find_attributes(AskFrame, "MEAN")]
    assert paths == ["flat.stat.mean", "inputs.stat.mean"]
    assert "level" in [item["path"] for item in find_attributes(AskFrame, "adu")]
    assert find_attributes(AskFrame, "no such thing") == []


def test_values_to_complete_with(frames):
    assert values_of(AskFrame, "title")["values"] == [f"f{i}" for i in range(6)]
    assert set(values_of(AskFrame, "chip")["values"]) >= {"ask0", "ask1"}
    assert values_of(AskFrame, "inputs.title")["values"] == ["flat0", "flat1", "flat2"]
    assert values_of(AskFrame, "good")["values"] == ["True", "False"]
    assert values_of(AskFrame, "level")["values"] == []


@pytest.mark.parametrize("kind", sorted(FORMATS))
def test_files_read_back(frames, kind):
    from astropy.table import Table

    query = AskFrame.select_all().order_by("title")
    content = export(query, ["title", "level", "number", "when"], kind)
    if kind == "parquet":
        from pyarrow import parquet

        table = parquet.read_table(io.BytesIO(content))
        assert table["level"].to_pylist() == [0.0, 0.5, 1.0, 1.5, 2.0, None]
        assert table.schema.field("level").metadata[b"unit"] == b"adu"
        assert table["when"].to_pylist()[1] == datetime(2000, 1, 2)
        return
    table = Table.read(io.BytesIO(content), format=FORMATS[kind][1])
    assert list(table["title"]) == [f"f{i}" for i in range(6)]
    np.testing.assert_array_equal(np.ma.getmaskarray(table["level"]), [False] * 5 + [True])
    assert list(table["number"]) == list(range(6))
    assert str(table["when"][1]).startswith("2000-01-02")
    if kind != "csv":
        assert str(table["level"].unit) == "adu"


def test_unknown_formats_and_too_many_rows(frames, monkeypatch):
    with pytest.raises(QueryError, match="not a format"):
        export(AskFrame.select_all(), ["title"], "xlsx")
    monkeypatch.setattr("awlab.widgets.query_builder.export.MOST", 3)
    with pytest.raises(QueryError, match="too many"):
        export(AskFrame.select_all(), ["title"], "csv")


def test_nothing_to_write_is_a_file_too(frames):
    content = export(AskFrame.title == "none", ["title", "level", "when"], "csv")
    assert content.decode().splitlines()[0] == "object_id,title,level,when"
