"""Values, good and bad, through commit, query and bulk: they come back or are refused."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta, timezone

import numpy as np
import pytest

from awlab.backend.database import DBObject, persistent, register_bulk
from awlab.backend.errors import QueryError, WrongType

HOSTILE = [
    "'; DROP TABLE dbobject; --",
    '"quoted"',
    "50%",
    "a_b",
    "star * and ?",
    "back\\slash",
    "%(name)s %s :name {0} $1",
    "line\nbreak\ttab",
    "Größe ☃ 🔭 日本",
    "",
    "x" * 1_000_000,
]


class ValueThing(DBObject):
    name = persistent("Name", str, "")
    number = persistent("Number", int)
    level = persistent("Level", float)
    when = persistent("When", datetime)
    facts = persistent("Facts", dict)
    words = persistent("Words", str, [])
    blob = persistent("Bytes", bytes)


class ValueName(DBObject):
    _unique_on = ("name",)
    name = persistent("Name", str, "")


def again(item):
    return type(item)(object_id=item.object_id)


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_texts(database, text):
    item = ValueThing(name=text, words=[text], facts={text[:50]: text}).commit()
    found = again(item)
    assert (found.name, found.words, found.facts) == (text, [text], {text[:50]: text})
    mine = ValueThing.object_id == item.object_id
    assert item in (ValueThing.name == text)
    assert item in ValueThing.name.in_([text, "other"])
    assert item not in (ValueThing.name != text)
    assert len(mine & (ValueThing.name == text)) == 1
    assert mine.columns("name")["name"].tolist() == [text]
    assert repr(text) in str(ValueThing.name == text)
    (number,) = register_bulk(ValueThing, {"name": [text]}).tolist()
    assert number in {thing._id for thing in ValueThing.name == text}


PATTERNS = [
    ("a%b", "a%b", True),
    ("a%b", "axxb", False),
    ("a_b", "a_b", True),
    ("a_b", "axb", False),
    ("a*b", "axxb", True),
    ("a?b", "axb", True),
    ("a?b", "axxb", False),
    ("*'; --*", "x'; --y", True),
    ("a\\*", "a\\xyz", True),
    ("a\\", "a\\", True),
    ("*☃?", "a☃b", True),
    ("", "", True),
    ("*", "", True),
]


@pytest.mark.parametrize(("pattern", "text", "fits"), PATTERNS)
def test_patterns(database, pattern, text, fits):
    item = ValueThing(name=text).commit()
    assert (item in ValueThing.name.like(pattern)) is fits


def test_part_of_an_identifier_is_a_pattern(database):
    item = ValueThing().commit()
    assert item in ValueThing.object_id.like(f"{item.object_id[:23]}*")
    with pytest.raises(QueryError, match="not an object_id"):
        ValueThing.object_id == "ccd50"  # noqa: B015


BAD = [
    ("name", "nul\x00", "NUL"),
    ("name", "\ud800", "half a character"),
    ("name", b"bytes", "not a text"),
    ("number", 2**63, "64 bits"),
    ("number", -(2**63) - 1, "64 bits"),
    ("number", 1e300, "64 bits"),
    ("number", 1.5, "not a whole number"),
    ("number", math.nan, "not a whole number"),
    ("level", 10**400, "too large"),
    ("level", "3", "not a number"),
    ("level", 1j, "not a number"),
    ("when", "yesterday", "not a date"),
    ("when", 51_664.5, "not a date"),
    ("facts", {"a": math.inf}, "inside a list or dict"),
    ("facts", {"a": "\x00"}, "NUL"),
    ("facts", {1: "a"}, "key 1 is not a text"),
    ("facts", {"a": [datetime(2000, 1, 1)]}, "of type datetime"),
    ("words", ["a", 3], "not a text"),
    ("blob", "text", "not a bytes"),
]
IDS = [f"{name}-{i}" for i, (name, _, _) in enumerate(BAD)]


@pytest.mark.parametrize(("name", "value", "words"), BAD, ids=IDS)
def test_bad_values_are_refused_at_once(name, value, words):
    with pytest.raises(WrongType, match=words) as caught:
        ValueThing(**{name: value})
    assert f"ValueThing.{name}" in caught.value.message
    assert "\n" not in caught.value.message


@pytest.mark.parametrize(("name", "value", "words"), BAD, ids=IDS)
def test_and_so_are_bad_values_in_queries(name, value, words):
    if name in ("facts", "words"):
        words = "(cannot be compared|" + words + ")"
    with pytest.raises(QueryError, match=words):
        getattr(ValueThing, name) == value  # noqa: B015
    if isinstance(value, str) and name == "name":
        with pytest.raises(QueryError, match=words):
            ValueThing.name.like(value)


NUMBERS = [0.0, 1e-320, 1.7976931348623157e308, math.inf, -math.inf, 0.1 + 0.2]


@pytest.mark.parametrize("value", NUMBERS)
def test_floats(database, value):
    item = ValueThing(level=value).commit()
    assert again(item).level == value
    assert item in (ValueThing.level == value)
    assert item in (ValueThing.level >= value)


def test_what_is_not_a_number_is_greater_than_nothing(database):
    """PostgreSQL takes NaN as the greatest number; a threshold on a scatter must not find it."""
    marks = {"low": 1.0, "high": math.inf, "none": math.nan}
    for name, value in marks.items():
        ValueThing(name=f"nan {name}", level=value).commit()
    mine = ValueThing.name.like("nan *")
    assert {k.name for k in mine & (ValueThing.level > 0)} == {"nan low", "nan high"}
    assert {k.name for k in mine & (ValueThing.level >= 1.0)} == {"nan low", "nan high"}
    assert {k.name for k in mine & ~(ValueThing.level > 0)} == {"nan none"}
    assert {k.name for k in mine & ValueThing.level.in_([math.nan])} == {"nan none"}
    assert mine.max("level").name == "nan high"
    assert mine.min("level").name == "nan low"
    columns = mine.columns("level")["level"]
    assert np.isnan(columns).sum() == 1


@pytest.mark.parametrize("value", [2**63 - 1, -(2**63), 0, np.int32(7), np.uint8(255), True])
def test_ints(database, value):
    item = ValueThing(number=value).commit()
    assert again(item).number == value
    assert item in (ValueThing.number == value)


WHEN = datetime(2000, 4, 28, 23, 10, 0, 1)
MOMENTS = [
    (WHEN, WHEN),
    (WHEN.replace(tzinfo=UTC), WHEN),
    (WHEN.replace(tzinfo=timezone(timedelta(hours=-4))), WHEN + timedelta(hours=4)),
    ("2000-04-28", datetime(2000, 4, 28)),
    ("2000-04-28T23:10:00+02:00", datetime(2000, 4, 28, 21, 10)),
    (date(2000, 4, 28), datetime(2000, 4, 28)),
    (np.datetime64("2000-04-28T23:10"), datetime(2000, 4, 28, 23, 10)),
    (datetime(1, 1, 1), datetime(1, 1, 1)),
    (datetime(9999, 12, 31, 23, 59, 59, 999999), datetime(9999, 12, 31, 23, 59, 59, 999999)),
]


@pytest.mark.parametrize(("given", "kept"), MOMENTS)
def test_moments(database, given, kept):
    item = ValueThing(when=given).commit()
    assert again(item).when == kept
    assert item in (ValueThing.when == given)
    assert item in ValueThing.when.between(given, given)


def test_times_of_astropy(database):
    from astropy.time import Time

    moment = Time("2000-04-28T23:10:00", scale="utc")
    item = ValueThing(when=moment).commit()
    assert again(item).when == datetime(2000, 4, 28, 23, 10)
    assert item in (ValueThing.when == moment.tai)


def test_a_name_too_long_for_an_index_is_one_sentence(database):
    text = "".join(chr(0x4E00 + i * 7 % 20_000) for i in range(20_000))
    with pytest.raises(WrongType, match=r"ValueName: the database cannot keep a value: index"):
        ValueName(name=text).commit()
    assert not (ValueName.name == "x").exists()
