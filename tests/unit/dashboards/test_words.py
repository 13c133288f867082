"""Words of an address: hostile ones end in a sentence."""

from __future__ import annotations

import pytest

import awlab.backend.targets  # noqa: F401 - makes the classes known
from awlab.backend.errors import QueryError
from awlab.dashboards import Words, address
from awlab.dashboards.words import asked_text


def test_words_are_read_with_defaults():
    words = Words("class=BiasFrame&y=imstat.mean&empty=&by=chip.name%20")
    assert words.cls("class", "DarkFrame").__name__ == "BiasFrame"
    assert words.text("y") == "imstat.mean"
    assert words.text("empty", "x") == "x"
    assert words.text("nobody") == ""
    assert words.object() is None


@pytest.mark.parametrize(
    "text", ["class=" + "a" * 201, "class=a%00b", "class=a%0d%0ab", "class=%ff%fe%1b[31m"]
)
def test_what_is_no_sensible_text_is_refused(text):
    with pytest.raises(QueryError, match="no sensible text"):
        Words(text).text("class")


def test_an_unknown_class_is_named_not_looked_up():
    for text in ("class=__import__", "class=<script>alert(1)</script>", "class=os.system"):
        with pytest.raises(QueryError, match="there is no class"):
            Words(text).cls("class", "BiasFrame")


def test_too_many_words_are_refused():
    with pytest.raises(QueryError, match="too many"):
        Words("&".join(f"a{i}=1" for i in range(50)))


def test_addresses_carry_any_value_and_leave_out_empty_ones():
    link = address("trend", x="a&b=<c>", y="", by="#842")
    assert link == "trend.ipynb?x=a%26b%3D%3Cc%3E&by=%23842"
    assert Words(link.partition("?")[2]).text("x") == "a&b=<c>"
    assert address("night") == "night.ipynb"


def test_outside_of_a_server_nothing_is_asked(monkeypatch):
    monkeypatch.delenv("VOILA_PREHEAT", raising=False)
    monkeypatch.delenv("QUERY_STRING", raising=False)
    assert asked_text() == ""
    monkeypatch.setenv("QUERY_STRING", "date=2000-04-28")
    assert asked_text() == "date=2000-04-28"


def test_a_page_that_waits_asks_again_when_the_line_was_cut(monkeypatch):
    answers = iter([None, None, "object=1"])
    monkeypatch.setenv("VOILA_PREHEAT", "True")
    monkeypatch.setattr("voila.utils.get_query_string", lambda: next(answers))
    monkeypatch.setattr("awlab.dashboards.words._PAUSE", 0.0)
    assert asked_text() == "object=1"
