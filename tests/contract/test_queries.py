"""Contract, section 3: queries against a brute-force look at the same objects."""

from __future__ import annotations

import operator
import warnings
from datetime import datetime

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from awlab.backend.database import DBObject, Query, Struct, commit_objects, persistent
from awlab.backend.errors import AmbiguousTruth, QueryError, UnknownAttribute, WrongType


class QStat(Struct):
    stdev = persistent("Scatter [ADU]", float)
    npix = persistent("Pixels counted [pixel]", int)


class QChip(DBObject):
    _lineage_node = False
    name = persistent("Name", str, "")


class QBase(DBObject, abstract=True):
    chip = persistent("Chip", QChip)
    stat = persistent("Statistics", QStat)
    level = persistent("Level [ADU]", float)


class QFlat(QBase):
    parts = persistent("Parts", QChip, [], dependency=True)


class QScience(QBase):
    flat = persistent("Flat", QFlat)
    OBJECT = persistent("Object", str)


@pytest.fixture(scope="module")
def frames(home):
    chips = [QChip(name=f"ccd5{i}") for i in range(3)]
    flats = [
        QFlat(chip=chips[i], stat=QStat(stdev=float(i)), level=i or None, parts=chips[: i + 1])
        for i in range(3)
    ]
    names = ["KIDS_1_i", "KIDS_2_i", None, "a%b_c", "it's"]
    science = [
        QScience(
            chip=chips[i % 3],
            flat=flats[i % 3] if i % 4 else None,
            OBJECT=names[i % 5],
            level=float(i) if i % 7 else None,
            stat=QStat(stdev=i * 2.0, npix=i if i % 2 else None),
        )
        for i in range(40)
    ]
    commit_objects(science)
    return list(Query(QScience).order_by("stat.stdev"))


def test_five_lines_are_three_statements(frames, database):
    before = database.statements
    q = (QScience.chip.name == "ccd51") & (QScience.level > 3)
    x = [k.stat.stdev for k in q]
    y = [k.flat.stat.stdev if k.flat is not None else None for k in q]
    assert database.statements - before <= 3
    expected = [f for f in frames if f.chip.name == "ccd51" and (f.level or 0) > 3]
    assert sorted(x) == [f.stat.stdev for f in expected]
    assert len(y) == len(x)
    assert {value for value in y if value is not None} == {1.0}


_OPS = {"==": operator.eq, "!=": operator.ne, "<": operator.lt, ">=": operator.ge}
_PATHS = {
    "level": st.sampled_from([0.0, 3.0, 17.0, 39.0]),
    "flat.level": st.sampled_from([0.0, 1.0, 2.0]),
    "flat.chip.name": st.sampled_from(["ccd50", "ccd52", "none"]),
    "OBJECT": st.sampled_from(["KIDS_1_i", "it's", ""]),
}


@st.composite
def _trees(draw, depth=3):
    kind = draw(st.sampled_from(["leaf", "and", "or", "not"] if depth else ["leaf"]))
    if kind == "leaf":
        path = draw(st.sampled_from(sorted(_PATHS)))
        ordered = ["==", "!="] if path in ("OBJECT", "flat.chip.name") else sorted(_OPS)
        return ("leaf", path, draw(st.sampled_from(ordered)), draw(_PATHS[path]))
    if kind == "not":
        return ("not", draw(_trees(depth=depth - 1)))
    return (kind, draw(_trees(depth=depth - 1)), draw(_trees(depth=depth - 1)))


def _query(tree):
    if tree[0] == "leaf":
        path = QScience
        for name in tree[1].split("."):
            path = getattr(path, name)
        return _OPS[tree[2]](path, tree[3])
    if tree[0] == "not":
        return ~_query(tree[1])
    left, right = _query(tree[1]), _query(tree[2])
    return left & right if tree[0] == "and" else left | right


def _holds(tree, frame):
    if tree[0] == "leaf":
        value = frame
        for name in tree[1].split("."):
            value = None if value is None else getattr(value, name)
        if tree[2] == "!=":
            return value != tree[3]
        return value is not None and _OPS[tree[2]](value, tree[3])
    if tree[0] == "not":
        return not _holds(tree[1], frame)
    both = _holds(tree[1], frame), _holds(tree[2], frame)
    return all(both) if tree[0] == "and" else any(both)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(tree=_trees())
def test_any_condition_equals_brute_force(frames, tree):
    expected = {frame.object_id for frame in frames if _holds(tree, frame)}
    assert {frame.object_id for frame in _query(tree)} == expected


def test_patterns_and_lists(frames):
    assert {f.OBJECT for f in QScience.OBJECT.like("KIDS_?_i")} == {"KIDS_1_i", "KIDS_2_i"}
    assert {f.OBJECT for f in QScience.OBJECT.like("a%b_*")} == {"a%b_c"}
    assert len(QScience.OBJECT.like("a?b*")) == 8
    assert {f.level for f in QScience.level.in_([1.0, 2.0, 99.0])} == {1.0, 2.0}
    assert {f.level for f in QScience.level.between(10, 12)} == {10.0, 11.0, 12.0}
    assert len(QScience.flat.is_null()) == 10
    assert len(QScience.chip == "ccd50") == len(QScience.chip.name == "ccd50")
    assert len(QFlat.parts.name == "ccd52") == 1
    assert len(QScience.flat.parts.name == "ccd51") == sum(
        f.flat is not None and f.chip.name != "ccd50" for f in frames
    )


def test_base_class_gives_all(frames):
    assert len(Query(QBase)) == 43
    assert {type(item).__name__ for item in QBase.chip.name == "ccd50"} == {"QFlat", "QScience"}


def test_sequence(frames):
    q = Query(QScience).order_by("-stat.stdev")
    assert q[0].stat.stdev == 78.0
    assert q[-1].stat.stdev == 0.0
    assert [f.stat.stdev for f in q[5:8]] == [68.0, 66.0, 64.0]
    assert len(q.limit(7)) == 7
    assert q.count() == 40
    assert q.max("level").level == 39.0
    assert Query(QScience).min("level").level == 1.0
    assert not (QScience.level > 1e9).exists()
    assert (QScience.level > 1e9).max("level") is None
    with pytest.raises(IndexError):
        (QScience.level > 1e9)[0]


def test_columns(frames, database):
    before = database.statements
    found = Query(QScience).order_by("stat.stdev").columns("stat.stdev", "level", "flat.stat.stdev")
    assert database.statements - before == 1
    assert found["stat.stdev"].tolist() == [i * 2.0 for i in range(40)]
    assert np.ma.is_masked(found["level"])
    assert int(found["flat.stat.stdev"].mask.sum()) == 10
    table = Query(QScience).table("level", "OBJECT", "chip.name")
    assert str(table["level"].unit) == "adu"
    assert len(table) == 40


def test_a_table_of_everything(frames):
    """Whole numbers with a unit that are missing here and there are columns like any other."""
    table = Query(QScience).order_by("stat.stdev").table()
    assert str(table["stat.npix"].unit) == "pix"
    assert table["stat.npix"].mask.tolist() == [i % 2 == 0 for i in range(40)]
    assert table["stat.npix"][3].value == 3


def test_times_to_come_are_no_warning(database):
    class QUntil(DBObject):
        until = persistent("End, UTC", datetime)

    QUntil(until="2090-01-01").commit()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        column = Query(QUntil).table("until")["until"]
    assert str(column[0].value).startswith("2090-01-01")


def test_what_is_shown(frames):
    q = (QScience.chip.name == "ccd50") & ~(QScience.level > 3)
    assert str(q) == "(QScience.chip.name == 'ccd50') & (~(QScience.level > 3.0))"
    assert q.sql().startswith("SELECT")
    assert "QScience" in q._repr_html_()


def test_mistakes(frames):
    with pytest.raises(AmbiguousTruth, match="&"):
        bool(QScience.level > 3)
    with pytest.raises(UnknownAttribute, match="did you mean level"):
        QScience.lvel  # noqa: B018
    with pytest.raises(QueryError, match="number"):
        QScience.level == "three"  # noqa: B015
    with pytest.raises(QueryError):
        QScience.chip < 3  # noqa: B015
    with pytest.raises(WrongType, match="columns"):
        Query(QScience)["level"]


@pytest.mark.parametrize(
    "mistake",
    [
        lambda: QScience.chip == "ccd50" & QScience.level == 1,
        lambda: QScience.level == 1 | QScience.level == 2,
        lambda: QScience.level & QScience.flat,
    ],
)
def test_forgotten_parentheses_are_named(mistake):
    with pytest.raises(QueryError, match=r"parentheses: \(a == 1\)"):
        mistake()
    with pytest.raises(QueryError, match="compare it first"):
        ~QScience.level  # noqa: B018


def test_only_what_makes_sense_is_offered():
    assert dir(QScience.stat) == ["npix", "stdev"]
    assert "like" in dir(QScience.OBJECT)
    assert "like" not in dir(QScience.level)
    assert "between" not in dir(QScience.chip)


def test_statements_of_classes_without_a_table_and_of_several(frames):
    class QNever(DBObject):
        level = persistent("Level", float)

    assert (QNever.level > 3).sql().startswith("SELECT")
    assert "UNION ALL" in Query(QBase).sql()


def test_results_follow_a_commit(frames):
    q = QChip.name == "a new one"
    assert len(q) == 0
    QChip(name="a new one").commit()
    assert len(q) == 1
