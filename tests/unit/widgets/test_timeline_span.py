"""Spans from year, quarter, month and week, and the axis that they are drawn on."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from awlab.backend.errors import QueryError
from awlab.widgets.calibration_timeline.span import Axis, span_of


@pytest.mark.parametrize(
    ("words", "start", "end"),
    [
        ({"year": 2000}, datetime(2000, 1, 1), datetime(2001, 1, 1)),
        ({"year": "2000", "quarter": "3"}, datetime(2000, 7, 1), datetime(2000, 10, 1)),
        ({"year": 2000, "quarter": 4}, datetime(2000, 10, 1), datetime(2001, 1, 1)),
        ({"year": 2000, "month": 2}, datetime(2000, 2, 1), datetime(2000, 3, 1)),
        ({"year": 2000, "month": 12, "quarter": 1}, datetime(2000, 12, 1), datetime(2001, 1, 1)),
        ({"year": 2000, "week": 1}, datetime(2000, 1, 3), datetime(2000, 1, 10)),
        ({"year": 2004, "week": 53}, datetime(2004, 12, 27), datetime(2005, 1, 3)),
    ],
)
def test_the_finest_is_meant(words, start, end):
    assert span_of(**words) == (start, end)


def test_without_a_year_there_is_no_span():
    assert span_of() is None
    assert span_of("", "2", "", "") is None


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ({"year": "soon"}, "'soon' is no year"),
        ({"year": 99999}, "no year 99999"),
        ({"year": 2000, "quarter": 5}, "no quarter 5"),
        ({"year": 2000, "month": 0}, "no month 0"),
        ({"year": 2000, "week": 53}, "2000 has no week 53"),
        ({"year": 2000, "week": [1]}, "is no week"),
    ],
)
def test_what_does_not_exist_is_told(words, told):
    with pytest.raises(QueryError, match=told):
        span_of(**words)


@pytest.mark.parametrize("days", [0.2, 1, 3, 8, 31, 92, 366, 2000, 20_000, 100_000])
def test_ticks_are_few_round_and_in_order(days):
    start = datetime(1999, 7, 5, 13, 17)
    axis = Axis(start, start + timedelta(days=days))
    ticks = axis.ticks()
    assert 1 <= len(ticks) <= 8
    places = [tick["at"] for tick in ticks]
    assert places == sorted(places)
    assert 0 <= places[0] <= places[-1] <= 1


def test_a_quarter_has_its_months():
    axis = Axis(datetime(2000, 7, 1), datetime(2000, 10, 1))
    assert [tick["label"] for tick in axis.ticks()] == [
        "Jul 2000", "Aug 2000", "Sep 2000", "Oct 2000",
    ]  # fmt: skip
    assert [tick["at"] for tick in axis.ticks()] == [0.0, round(31 / 92, 5), round(62 / 92, 5), 1.0]


def test_hours_tell_their_day():
    axis = Axis(datetime(2000, 7, 1, 20), datetime(2000, 7, 2, 10))
    labels = [tick["label"] for tick in axis.ticks()]
    assert labels == ["21:00 2000", "02 Jul", "03:00", "06:00", "09:00"]


def test_places_are_cut_at_the_ends():
    axis = Axis(datetime(2000, 1, 1), datetime(2000, 1, 3))
    assert axis.at(datetime(2000, 1, 2)) == 0.5
    assert (axis.at(datetime(1990, 1, 1)), axis.at(datetime(2030, 1, 1))) == (0.0, 1.0)


def test_around_nothing_and_around_a_moment():
    assert Axis.around([]).start < Axis.around([]).end
    moment = datetime(2000, 1, 1)
    axis = Axis.around([(moment, moment)])
    assert axis.at(moment) == 0.5
