"""Free SQL: one reading statement, within the context, and nothing around it."""

from __future__ import annotations

import pytest

from awlab.backend.database import DBObject, Struct, commit_objects, context, persistent, run_sql
from awlab.backend.errors import QueryError


class SqlStat(Struct):
    mean = persistent("Mean [ADU]", float)


class SqlBase(DBObject, abstract=True):
    LEVEL = persistent("Level [ADU]", float)


class SqlFrame(SqlBase):
    """Has a class derived from it."""

    name = persistent("Name", str, "")
    stat = persistent("Statistics", SqlStat)


class SqlDerived(SqlFrame):
    """Derived."""


class SqlLinked(DBObject):
    frame = persistent("Frame", SqlFrame)


@pytest.fixture(scope="module", autouse=True)
def frames(database):
    frames = [
        SqlFrame(name=f"a:{i}%", LEVEL=float(i), stat=SqlStat(mean=i * 2.0)) for i in range(4)
    ]
    commit_objects([*frames, SqlDerived(name="d", LEVEL=9.0), SqlLinked(frame=frames[2])])


def rows(text, **options):
    return run_sql(text, **options)[1]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("SELECT count(*) FROM SqlFrame", [(5,)]),
        ('SELECT count(*) FROM "SqlFrame";', [(5,)]),
        ("SELECT count(*) FROM SqlBase", [(5,)]),
        ("SELECT count(*) FROM SqlDerived", [(1,)]),
        ("SELECT max(level), max(stat_mean) FROM sqlframe", [(9.0, 6.0)]),
        ('SELECT max("LEVEL") FROM "SqlFrame"', [(9.0,)]),
        ("SELECT f.name FROM SqlLinked l JOIN SqlFrame f ON f.id = l.frame", [("a:2%",)]),
        ("SELECT ';', '%', '%(x)s', ':x', E'\\\\'", [(";", "%", "%(x)s", ":x", "\\")]),
        ("SELECT 1 -- ; a remark", [(1,)]),
        ("WITH x AS (SELECT 2 AS n) SELECT n FROM x", [(2,)]),
        ("VALUES (1, 2)", [(1, 2)]),
        ("SELECT name FROM SqlFrame WHERE name LIKE '%:3%'", [("a:3%",)]),
    ],
)
def test_reading(text, found):
    assert rows(text) == found


def test_columns_and_limit():
    names, found = run_sql("SELECT name, level AS how FROM SqlFrame ORDER BY level", limit=2)
    assert names == ["name", "how"]
    assert found == [("a:0%", 0.0), ("a:1%", 1.0)]
    assert rows("SELECT a.id, b.id FROM SqlFrame a, SqlFrame b", limit=0) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no SQL"),
        (" ; ", "no SQL"),
        ("SELECT 1; SELECT 2", "exactly one"),
        ("SELECT 1; COMMIT; DROP SCHEMA awlab CASCADE", "exactly one"),
        ("SELECT 1 END; DROP SCHEMA awlab CASCADE --", "exactly one"),
        ("DELETE FROM SqlFrame", "changes nothing"),
        ("DELETE FROM SqlDerived", "returns rows"),
        ("UPDATE SqlFrame SET name = name RETURNING 1", "changes nothing"),
        ("DROP TABLE sqlframe", "returns rows"),
        ("COMMIT", "returns rows"),
        ("SET search_path = awlab", "returns rows"),
        ("COPY (SELECT 1) TO PROGRAM 'true'", "returns rows"),
        ("SELECT 1 INTO other", "returns rows"),
        ("EXPLAIN SELECT 1", "SELECT, WITH"),
        ("WITH x AS (DELETE FROM SqlDerived RETURNING 1) SELECT 1 FROM x", "changes nothing"),
        ("INSERT INTO SqlFrame (name) VALUES ('x') RETURNING name", "changes nothing"),
        ("SELECT * FROM SqlDerived FOR UPDATE", "changes nothing"),
        ('SELECT count(*) FROM awlab."SqlFrame"', "awlab.SqlFrame"),
        ("SELECT (SELECT count(*) FROM awlab.edge)", "awlab.edge"),
        ("SELECT nextval('awlab.dbobject_id_seq')", "awlab.dbobject_id_seq"),
        ("SELECT 1 FROM SqlFrame, awlab.awuser", "awlab.awuser"),
        ("SELECT set_config('transaction_read_only', 'off', true)", "read-write"),
        ("SELECT * FROM edge", "does not exist"),
        ("SELEC 1", "syntax error"),
        ("SELECT 'open", "unterminated"),
        ("SELECT /* 1", "unterminated"),
        ("SELECT 1/0", "division by zero"),
    ],
)
def test_refused(text, said):
    with pytest.raises(QueryError, match=said) as caught:
        run_sql(text)
    assert "\n" not in caught.value.message
    assert caught.value.hint
    assert rows("SELECT count(*) FROM SqlFrame") == [(5,)]


def test_a_slow_statement_is_stopped():
    with pytest.raises(QueryError, match="too long"):
        run_sql("SELECT pg_sleep(20)", seconds=0.2)


def test_names_are_helped_with():
    with pytest.raises(QueryError) as caught:
        run_sql("SELECT * FROM SqlFram")
    assert "SqlFrame" in caught.value.hint
    with pytest.raises(QueryError) as caught:
        run_sql("SELECT stat_men FROM SqlFrame")
    assert "stat_mean" in caught.value.hint


def test_only_what_the_context_sees(database, monkeypatch):
    assert rows("SELECT count(*) FROM SqlFrame") == [(5,)]
    monkeypatch.setattr(context._standing, "user", "somebody' OR 'else")
    monkeypatch.setattr(context._standing, "memberships", ["elsewhere"])
    assert rows("SELECT count(*) FROM SqlFrame") == [(0,)]
    assert rows("SELECT count(*) FROM SqlBase") == [(0,)]


def test_nothing_stays_of_it(database):
    count = "SELECT count(*) FROM pg_catalog.pg_class WHERE relname = 'sqlframe'"
    assert rows("SELECT count(*) FROM SqlFrame") == [(5,)]
    with database.autocommit() as connection:
        assert connection.exec_driver_sql(count).scalar() == 0
        path = connection.exec_driver_sql("SHOW search_path").scalar()
    assert path == "awlab,public"


def test_the_magic(shell, frames):
    shell.run_cell("x = %awe sql SELECT count(*) FROM SqlFrame WHERE name LIKE 'a:%'")
    assert shell.user_ns["x"].rows == [(4,)]
    shell.run_cell(
        "%%awe sql --limit 2 --into found\nSELECT name, stat_mean\nFROM SqlFrame ORDER BY level"
    )
    found = shell.user_ns["found"]
    assert (len(found), found.columns) == (2, ["name", "stat_mean"])
    assert "first 2 rows" in str(found)
    assert list(found.table()["name"]) == ["a:0%", "a:1%"]
    for bad in ("%awe sql --into 1x SELECT 1", "%awe sql --limit -5 SELECT 1"):
        with pytest.raises(QueryError):
            shell.run_cell(bad)
