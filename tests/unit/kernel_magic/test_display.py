"""What is shown: escaped in a notebook, readable in a terminal."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pytest

from awlab.backend.database import Query
from awlab.backend.datamodel import Chip
from awlab.backend.errors import DatabaseUnavailable
from awlab.kernel_magic import display
from awlab.kernel_magic.display import Table, page_of


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
