"""What is shown: escaped in a notebook, readable in a terminal."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pytest

from awlab.backend.database import Query
from awlab.backend.datamodel import Chip
from awlab.backend.errors import DatabaseUnavailable
from awlab.backend.process import State, UpToDate
from awlab.kernel_magic import display
from awlab.kernel_magic.display import StateWord, Table, page_of, styled


def test_a_table_as_text():
    rows = [("a", 1, 0.123456789, None), ("long name", 20, 3.0, datetime(2000, 1, 2, 3, 4, 5))]
    lines = str(Table(["name", "n", "x", "when"], rows, "Two rows")).splitlines()
    assert lines[0] == "Two rows"
    assert lines[1].split() == ["name", "n", "x", "when"]
    assert lines[3].split() == ["a", "1", "0.123457", "–"]
    assert lines[4].endswith("2000-01-02 03:04:05")
    assert lines[3].index("1") == lines[4].index("20") + 1  # numbers stand to the right


def test_values_of_every_kind():
    odd = [np.ma.masked, np.bool_(True), np.float64(1 / 3), np.datetime64("2000-01-01T00:00:00.5")]
    text = str(Table(["x"], [(value,) for value in [*odd, b"abc", "a\nb", "y" * 200]]))
    assert text.splitlines()[2:7] == ["–", "True", "0.333333", "2000-01-01 00:00:00", "3 bytes"]
    assert "a b" in text
    assert max(len(line) for line in text.splitlines()) == 60


def test_html_is_escaped():
    nasty = "<script>alert(1)</script>"
    table = Table([nasty], [(nasty,)], nasty)
    assert "<script" not in table._repr_html_()
    assert table._repr_html_().count("&lt;script&gt;") == 3
    assert set(table._repr_mimebundle_()) == {"text/plain", "text/html"}


def test_a_table_for_astropy():
    found = Table(["n", "n", "x"], [(1, 2, None), (3, 4, 5.0)]).table()
    assert found.colnames == ["n", "n_2", "x"]
    assert list(found["x"].mask) == [True, False]
    assert len(Table(["a"], []).table()) == 0


def test_a_query_shows_a_page(shell, equipment):
    shell.user_ns.update(q=Query(Chip), chips=[Query(Chip)])
    bundle = shell.shows("q")
    assert "magic0" in bundle["text/plain"]
    assert "&lt;b&gt;other&lt;/b&gt;" in bundle["text/html"]
    assert "<b>" not in bundle["text/html"]
    assert shell.shows("chips")["text/plain"] == "[<Query Chip.select_all()>]"
    assert str(Query(Chip)) == "Chip.select_all()"


def test_columns_tell_objects_apart(equipment):
    table = page_of(Query(Chip))
    assert table.columns[0] == "name"
    assert any(head.startswith("gain [") for head in table.columns)
    assert not {"object_id", "creator", "project"} & set(table.columns)


def test_an_unreachable_database_is_said(shell, monkeypatch):
    def gone(*_):
        raise DatabaseUnavailable("the database does not answer", "see `awlab doctor`")

    monkeypatch.setattr(display, "page_of", gone)
    shell.user_ns.update(q=Chip.name == "<x>")
    bundle = shell.shows("q")
    assert bundle["text/plain"].splitlines() == [
        "<Query Chip.name == '<x>'>",
        "DatabaseUnavailable: the database does not answer",
        "  -> see `awlab doctor`",
    ]
    assert "<x>" not in bundle["text/html"]


@pytest.mark.parametrize("kind", display._TREES)
def test_trees_are_text_in_a_terminal(shell, kind):
    printers = shell.display_formatter.formatters["text/plain"].type_printers
    assert kind in printers
    assert kind.__str__ is not object.__str__


def test_states_have_a_word_and_a_class_of_their_own(shell, equipment):
    table = Table(["state"], [(StateWord("to be built"),), (StateWord("<x>"),)])
    page = table._repr_html_()
    assert "<b class='awlab-state awlab-to-be-built'>to be built</b>" in page
    assert "<x>" not in page
    shell.user_ns["answer"] = UpToDate(["bias: <new>", "flat: newer"], "outdated")
    bundle = shell.shows("answer")
    assert bundle["text/plain"].splitlines() == ["outdated", "  bias: <new>", "  flat: newer"]
    assert "<style>" in bundle["text/html"]
    assert "<b class='awlab-state awlab-outdated'>outdated</b>" in bundle["text/html"]
    assert "<new>" not in bundle["text/html"]
    assert repr(UpToDate([], "up to date")) == "<up to date>"


def test_every_state_has_a_sign():
    style = styled("")
    for state in (*State, "bad", "valid", "qualified", "finished", "failed", "running", "queued"):
        rules = [line for line in style.splitlines() if f".awlab-{state.replace(' ', '-')}" in line]
        assert any("--sign" in line for line in rules), state


def test_what_is_cut_can_be_read_in_full():
    name = "Cal-" + "x" * 80 + "'.fits"
    page = Table(["file", "n"], [(name, 1)])._repr_html_()
    assert "title='Cal-" in page
    assert "<td class='awlab-number'>1</td>" in page
    assert name not in page  # the quote would have ended the attribute


def test_verdicts_of_a_page_are_words(equipment):
    columns = {"name": ["a", "b"], "is_valid": np.ma.masked_array([0, 1], [False, True])}
    presented = display._presented(Chip, columns)
    assert presented[1][0] == "bad"
    assert presented[1][1] is np.ma.masked
