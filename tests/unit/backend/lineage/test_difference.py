"""Why two products of one class differ: table-driven."""

from __future__ import annotations

import pytest

from awlab.backend.database import persistent
from awlab.backend.datamodel import Chip, Instrument
from awlab.backend.errors import QueryError
from awlab.backend.lineage import explain
from awlab.backend.process import ProcessParameters, ProcessTarget


class WhyParameters(ProcessParameters):
    """Parameters."""

    CLIP = persistent("Clipping threshold", float, 3.0)


class WhyRaw(ProcessTarget):
    """Raw."""

    name = persistent("Name", str, "")


class WhyBias(ProcessTarget):
    """Bias."""

    raws = persistent("Raw frames", WhyRaw, [])
    chip = persistent("Chip", Chip)
    night = persistent("Night", str, "")
    process_params = persistent("Process parameters", WhyParameters)
    level = persistent("Level [ADU]", float, 1.0)


class WhyFrame(ProcessTarget):
    """Frame."""

    bias = persistent("Bias", WhyBias)
    flat = persistent("Flat", WhyBias, optional=True)


@pytest.fixture(scope="module")
def parts(database):
    camera = Instrument(name="why").commit()
    chips = [Chip(instrument=camera, name=f"ccd{i}").commit() for i in range(2)]
    return chips, [WhyRaw(name=f"r{i}").commit() for i in range(6)]


@pytest.fixture
def make(parts):
    """Return what makes a bias like the last one but for some values."""
    chips, raws = parts

    def bias(**values):
        given = {"raws": raws[:3], "chip": chips[0], "night": "2000-04-28"} | values
        return WhyBias(**given).commit()

    return bias


def test_equal_products_have_no_difference(make):
    found = explain(make(), make())
    assert found.rows == ()
    assert "they are equal" in str(found)


def test_each_kind_alone(make, parts):
    chips, raws = parts
    cases = [
        ({"raws": raws[1:4]}, ("input", "raws", "1 only here: r0", "1 only here: r3")),
        ({"raws": raws[:2]}, ("input", "raws", "1 only here: r2", "0 only here")),
        ({"process_params": WhyParameters(CLIP=5.0)}, ("parameter", "CLIP", "3.0", "5.0")),
        ({"code_version": "2"}, ("code", "code_version", "", "2")),
        ({"night": "2000-04-29"}, ("key", "night", "2000-04-28", "2000-04-29")),
        ({"level": 2.0}, ("result", "level", "1.0", "2.0")),
    ]
    for values, row in cases:
        found = explain(make(), make(**values))
        assert found.rows == (row,)
        assert found.of(row[0]) == [row[1]]
    (row,) = explain(make(), make(chip=chips[1])).rows
    assert row[:2] == ("key", "chip")


def test_many_inputs_are_named_in_part(make, parts):
    _, raws = parts
    (row,) = explain(make(raws=raws[:1]), make(raws=raws)).rows
    assert row[3] == "5 only here: r1, r2, r3, ..."


def test_the_reason_is_followed_upstream(make):
    biases = make(), make(process_params=WhyParameters(CLIP=4.0), level=9.0)
    frames = [WhyFrame(bias=bias, flat=bias).commit() for bias in biases]
    found = explain(*frames)
    assert found.of("input") == ["bias", "flat"]
    assert found.because["bias"].of("parameter") == ["CLIP"]
    assert found.because["bias"] is found.because["flat"]  # one pair is compared once
    text = str(found)
    assert "CLIP: 3.0 | 4.0" in text
    assert "level" not in text  # what an input came out as is a consequence, not a reason
    assert "why bias differs" in found._repr_html_()


def test_an_absent_input(make):
    bias = make()
    found = explain(WhyFrame(bias=bias).commit(), WhyFrame(bias=bias, flat=bias).commit())
    assert found.of("input") == ["flat"]
    assert found.rows[0][2] == "none"
    assert found.because == {}


def test_different_classes_are_not_compared(make, parts):
    with pytest.raises(QueryError, match="cannot be compared"):
        explain(make(), parts[1][0])
