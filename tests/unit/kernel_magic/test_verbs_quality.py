"""The verbs for many objects: calts, trend, quality, outdated, publish, delete; and load."""

from __future__ import annotations

import re
from types import SimpleNamespace

import numpy as np
import pytest

from awlab.backend.database import Deletion, Query, context, current_database
from awlab.backend.datamodel import DataObject
from awlab.backend.demo import make_history
from awlab.backend.errors import AccessDenied, FileMissing, ObjectNotFound, QueryError, WrongType
from awlab.backend.quality import calibration_timeline
from awlab.backend.targets import (
    BiasFrame,
    MasterFlatFrame,
    PhotometricParameters,
    ReadNoise,
    TwilightFlatFrame,
)
from awlab.kernel_magic.bars import BarPicture
from awlab.kernel_magic.words import in_notebook


@pytest.fixture(scope="module")
def history(database):
    return make_history(6_000, seed=2, chips=1)


@pytest.fixture
def desk(shell, history):
    """A shell with a few variables."""
    bad = (MasterFlatFrame.is_valid == 0).order_by("night")
    odd = TwilightFlatFrame.quality_flags > 0
    shell.user_ns.update(bad=bad, flat=bad[0], odd=odd[0], biases=BiasFrame.select_all())
    return shell


def told(shell, capsys, code):
    capsys.readouterr()
    shell.run_cell(code)
    return capsys.readouterr().out


def test_the_plan_in_its_order_with_numbers(desk):
    table = desk.run_cell("%awe calts").result
    numbers = [row[0] for row in table]
    assert numbers == sorted(numbers)
    rows = {row[2]: row for row in table}
    assert rows["ReadNoise"][:2] == ("521", "Readout noise")
    assert rows["PhotometricParameters"][0] == "563"
    assert rows["MasterFlatFrame"][3] == MasterFlatFrame.select_all().count()
    assert rows["MasterFlatFrame"][5] == (MasterFlatFrame.is_valid == 0).count() > 0
    assert rows["MasterFlatFrame"][6] == "chip, filter"
    assert {"634", "635", "636", "633"} <= set(numbers)


def test_the_bars_of_a_class(desk):
    found = desk.run_cell("%awe calts MasterFlatFrame filter=#843 --year 2004 --month 6").result
    assert isinstance(found, BarPicture)
    text = str(found)
    assert text.startswith("546 MasterFlatFrame: ")
    assert re.search(r"\d+ invalid, ", text)
    assert "2004-06-01" in text
    assert "2004-07-01" in text
    whole = calibration_timeline(
        MasterFlatFrame, filter="#843", start="2004-06-01", end="2004-07-01"
    )
    assert f"Total calibration files: {len(whole)}" in text
    lines = [line for line in text.splitlines() if line.startswith("ccd50 #843")]
    assert any("x" in line[12:68] for line in lines)
    assert any("=" in line[12:68] and "used" in line for line in lines)
    bundle = found._repr_mimebundle_()
    assert bundle["text/html"].count("<svg") == len(lines)
    assert "<script" not in bundle["text/html"]


def test_a_span_and_only_good_narrow_the_bars(desk):
    every = desk.run_cell("%awe calts MasterFlatFrame --year 2004").result
    good = desk.run_cell("%awe calts MasterFlatFrame --year 2004 --good --text").result
    quarter = desk.run_cell("%awe calts MasterFlatFrame --year 2004 --quarter 2").result
    month = desk.run_cell("%awe calts MasterFlatFrame --year 2004 --month 6").result
    assert len(month) < len(quarter) < len(every)
    assert len(good) < len(every)
    assert "invalid:" not in str(good)
    assert "none" in str(desk.run_cell("%awe calts BiasFrame --year 1999 --week 3").result)


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("calts NoClass", ObjectNotFound),
        ("calts ReducedScienceFrame", QueryError),
        ("calts BiasFrame night=2001-01-01", QueryError),
        ("calts BiasFrame filter=#842", QueryError),
        ("calts BiasFrame --month 3", QueryError),
        ("calts BiasFrame --year 2001 --month 13", QueryError),
        ("trend ReadNoise night", QueryError),
        ("trend ReadNoise colour", AttributeError),
        ("trend --sigma -1 ReadNoise", QueryError),
        ("trend Chip", QueryError),
        ("quality nothing_here", ObjectNotFound),
        ("quality Chip", QueryError),
        ("outdated RawBiasFrame", QueryError),
        ("outdated --since yesterday ReadNoise", WrongType),
        ("load flat", FileMissing),
    ],
)
def test_mistakes_are_one_sentence(desk, line, error):
    with pytest.raises(error) as raised:
        desk.run_cell(f"%awe {line}")
    assert "\n" not in str(raised.value)


def test_a_trend_in_words(desk):
    before = current_database().statements
    table = desk.run_cell("%awe trend PhotometricParameters filter=#842").result
    assert current_database().statements - before <= 3
    assert "PhotometricParameters.zeropoint [mag] against timestamp_start" in table.caption
    ((name, count, median, sigma, drift, outliers, jumps),) = table
    assert (name, count) == ("ccd50 #842", PhotometricParameters.select(filter="#842").count())
    assert 24 < median < 26
    assert 0 < sigma < 0.2
    assert -0.12 < drift < -0.04
    assert outliers > 0
    assert re.match(r"2002-09-\d\d \+0\.1\d*, 2004-10-\d\d \+0\.\d+$", jumps)
    other = desk.run_cell(
        "%awe trend --x flat.imstat.stdev ReducedScienceFrame imstat.stdev"
    ).result
    assert "against flat.imstat.stdev" in other.caption
    assert len(other) == 3


def test_a_trend_takes_a_chain_as_one_word(desk):
    one = desk.run_cell("%awe trend --text ReadNoise.read_noise").result
    two = desk.run_cell("%awe trend --text ReadNoise read_noise").result
    assert one.rows == two.rows
    assert one.caption.startswith("ReadNoise.read_noise")


def test_quality_of_one_object_and_of_many(desk, capsys):
    text = told(desk, capsys, "%awe quality odd")
    assert "LEVEL_LOW" in text
    assert "MINIMUM_LEVEL" in text
    assert "previous" in text
    text = told(desk, capsys, "%awe quality flat")
    assert "0: bad" in text
    assert "stray light in the dome" in text
    table = desk.run_cell("%awe quality TwilightFlatFrame").result
    assert {row[0]: row[1] for row in table}["LEVEL_LOW"] > 0
    assert f"{TwilightFlatFrame.select_all().count():,} objects" in table.caption
    assert "invalidated" in desk.run_cell("%awe quality bad").result.caption
    assert len(desk.run_cell("%awe quality biases[:3]").result) > 5


def test_outdated(desk):
    table = desk.run_cell("%awe outdated HotPixelMap").result
    assert len(table) > 0
    assert "a newer BiasFrame applies now" in str(table[0][2])
    later = desk.run_cell("%awe outdated --since 2003-03-01 HotPixelMap").result
    assert len(later) < len(table)
    assert len(desk.run_cell("%awe outdated --since 2030-01-01").result) == 0


def test_delete_shows_first_and_confirms(desk):
    last = PhotometricParameters.select_all().max("creation_date")
    desk.user_ns["last"] = last
    count = PhotometricParameters.select_all().count()
    shown = desk.run_cell("%awe delete last").result
    assert isinstance(shown, Deletion)
    assert not shown.done
    assert PhotometricParameters.select_all().count() == count
    done = desk.run_cell("%awe delete --confirm --reason test last").result
    assert done.done
    assert PhotometricParameters.select_all().count() == count - 1


def test_publish(desk):
    noise = ReadNoise.select_all()[0]
    desk.user_ns["noise"] = noise
    with pytest.raises(AccessDenied):
        desk.run_cell("%awe publish --level 3 noise")
    found = desk.run_cell("%awe publish --level 3 --dependencies noise").result
    assert found.counts["ReadNoise"] == 1
    assert ReadNoise(object_id=noise.object_id).privileges == 3
    assert context.privileges == 1


def test_load_gives_pixels(desk, tmp_path):
    from awlab.backend.dataserver import write_image

    class MagicPixels(DataObject):
        """A file."""

    write_image(tmp_path / "p.fits", np.arange(6, dtype=np.float32).reshape(2, 3), {})
    desk.user_ns["own"] = MagicPixels(pathname=tmp_path / "p.fits").store().commit()
    assert desk.run_cell("%awe load own").result.tolist() == [[0, 1, 2], [3, 4, 5]]
    with pytest.raises(QueryError, match="has no file"):
        desk.run_cell("%awe load odd.read_noise")


def test_widgets_are_for_pages(desk):
    assert not in_notebook(desk)
    assert in_notebook(SimpleNamespace(kernel=object()))
    assert isinstance(desk.user_ns["biases"], Query)
