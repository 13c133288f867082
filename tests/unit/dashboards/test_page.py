"""The frame of a page: values are escaped, errors are words, the number of one is in the log."""

from __future__ import annotations

import logging
import re
import subprocess
import sys

import pytest

from awlab.backend.errors import QueryError
from awlab.dashboards import Page

BAD = '"><script>alert(1)</script>'


@pytest.fixture
def page(tmp_path, monkeypatch):
    monkeypatch.setenv("AWLAB_HOME", str(tmp_path))
    monkeypatch.setattr("awlab.dashboards.page.connect", lambda: None)
    before = list(logging.getLogger("awlab").handlers)
    yield Page("trend")
    for handler in set(logging.getLogger("awlab").handlers) - set(before):
        logging.getLogger("awlab").removeHandler(handler)
        handler.close()


@pytest.fixture
def shown(monkeypatch):
    found = []
    monkeypatch.setattr("awlab.dashboards.page.display", found.append)
    return found


def test_an_error_of_the_user_is_a_sentence_and_a_hint(page):
    text = page.trouble(QueryError(f"there is no class {BAD}", "try BiasFrame"))
    assert "try BiasFrame" in text
    assert "<script>" not in text
    assert "&lt;script&gt;" in text


def test_what_nobody_foresaw_is_a_number_that_is_also_in_the_log(page, tmp_path, shown):
    with page.asked():
        raise ZeroDivisionError("secret of the code")
    (card,) = shown
    assert "secret" not in card.data and "Traceback" not in card.data
    number = re.search(r"error ([0-9a-f]{8})", card.data).group(1)
    log = (tmp_path / "log" / "dashboards.log").read_text()
    assert number in log
    assert "ZeroDivisionError: secret of the code" in log


def test_links_and_tables_escape_what_they_hold(page):
    assert "<script>" not in page.link(x=BAD).value
    assert page.link(x="a").value == '<a href="trend.ipynb?x=a">Link to this view</a>'
    table = page.table(["a", BAD], [(BAD, 1234), (("go", "x.ipynb?a=1&b=2"), 0.5)], BAD).data
    assert "<script>" not in table
    assert '<td class="awlab-number">1,234</td>' in table
    assert '<a href="x.ipynb?a=1&amp;b=2">go</a>' in table


def test_an_empty_state_is_text(page, shown):
    page.show(f"nothing here {BAD}")
    page.heading(BAD)
    assert all("<script>" not in thing.data for thing in shown)


def test_plots_come_without_what_pandas_would_load_beside(tmp_path, monkeypatch):
    monkeypatch.setenv("AWLAB_HOME", str(tmp_path))
    code = (
        "import sys; from awlab.dashboards import Page; Page('trend', plots=True); "
        "from awlab.widgets import TrendPlot; "
        "print(*({'bqplot', 'pandas', 'pyarrow'} & set(sys.modules)), end=' '); "
        "import pyarrow, pyarrow.parquet; print(pyarrow.table({'a': [1, 2]}).num_rows)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert sorted(done.stdout.split()) == ["2", "bqplot", "pandas"]
