"""Instrument definitions: the built-in ones, and how a user adds one."""

from __future__ import annotations

from pathlib import Path

import pytest

from awlab.backend.errors import IngestError, UnknownInstrument
from awlab.backend.ingest.instruments import (
    Instruments,
    builtin_instruments,
    load_instruments,
    read_definition,
)

INSTRUMENTS = builtin_instruments()


def test_wfi_has_eight_chips_in_eight_extensions():
    wfi = INSTRUMENTS["wfi"]
    assert [c.name for c in wfi.chips] == [f"ccd{n}" for n in range(50, 58)]
    assert [c.extension for c in wfi.chips] == list(range(1, 9))
    assert all((c.NAXIS1, c.NAXIS2) == (2142, 4128) for c in wfi.chips)
    assert len({(c.x, c.y) for c in wfi.chips}) == 8


def test_omegacam_has_32_chips_told_by_name():
    chips = INSTRUMENTS["OMEGACAM"].chips
    assert [c.name for c in chips] == [f"ESO_CCD_#{n}" for n in range(65, 97)]
    assert all(c.extension is None for c in chips)


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("BB#B/99_ESO842", "#842"),
        ("#842", "#842"),
        ("842", "#842"),
        ("ESO842", "#842"),
        ("BB#I/203_ESO879", "#879"),
    ],
)
def test_wfi_filters_by_their_several_names(said, name):
    found = INSTRUMENTS["WFI"].filter(said)
    assert found is not None
    assert found.name == name


def test_a_filter_of_another_number_is_not_taken_for_this_one():
    assert INSTRUMENTS["WFI"].filter("NB#H-alpha/7_ESO856") is None
    assert INSTRUMENTS["WFI"].filter("1842") is None


def test_mag_id_of_842_is_the_one_on_the_slides():
    found = INSTRUMENTS["WFI"].filter("#842")
    assert found is not None
    assert found.mag_id == "JohnsonB"


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ({"INSTRUME": "WFI", "ESO DPR TYPE": "BIAS"}, "WFI"),
        ({"INSTRUME": "OMEGACAM", "ESO DPR TYPE": "BIAS"}, "OMEGACAM"),
        ({"INSTRUME": "EFOSC", "ESO DPR CATG": "CALIB"}, "ESO"),
        ({"INSTRUME": "Apogee USB/Net", "TELESCOP": "FEDER"}, "Feder"),
        ({"INSTRUME": "AspenCG16", "SWCREATE": "MaxIm DL Version 6.18"}, "MaxIm"),
        ({"INSTRUME": "WFIRST", "DATE-OBS": "2030-01-01"}, "generic"),
    ],
)
def test_the_most_special_definition_that_fits_is_taken(header, name):
    assert INSTRUMENTS.recognise(header).name == name


def test_a_header_without_instrument_and_date_is_refused_with_a_sentence():
    with pytest.raises(UnknownInstrument, match=r"x\.fits is of no known instrument") as raised:
        INSTRUMENTS.recognise({"NAXIS": 2}, "x.fits")
    assert raised.value.hint


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(UnknownInstrument, match=r"no instrument 'WFC'.*WFI"):
        INSTRUMENTS["WFC"]


YAML = """
name: MyCam
extends: generic
longitude: 20.8
latitude: -32.4
timezone: 2
recognise: [{INSTRUME: '^STE3'}]
chips: [{name: ste3, extension: 0, NAXIS1: 536, NAXIS2: 520}]
filters: [{name: V, matches: ['^48$']}]
"""


def test_a_user_adds_an_instrument_by_one_yaml_file(tmp_path: Path):
    folder = tmp_path / "instruments"
    folder.mkdir()
    (folder / "mycam.yaml").write_text(YAML)
    (folder / "notes.txt").write_text("not an instrument")
    mine = load_instruments(tmp_path)
    header = {"INSTRUME": "STE3 CCD", "DATE-OBS": "2013-07-13"}
    assert mine.recognise(header).name == "MyCam"
    assert mine["MyCam"].keywords["EXPTIME"] == INSTRUMENTS["generic"].keywords["EXPTIME"]
    assert "MyCam" not in builtin_instruments().names


PYTHON = """
from awlab.backend.ingest.instruments import InstrumentDefinition, builtin_instruments
from dataclasses import replace

def exposure(header):
    return float(header["EXPMS"]) / 1000 if "EXPMS" in header else None

generic = builtin_instruments()["generic"]
definition = replace(
    generic, name="PyCam", name_from="", priority=1, recognise=({"CAMERA": "^py$"},),
    keywords={**generic.keywords, "EXPTIME": (exposure,)},
)
"""


def test_a_user_adds_an_instrument_by_one_python_file(tmp_path: Path):
    path = tmp_path / "pycam.py"
    path.write_text(PYTHON)
    mine = load_instruments(extra=[path])
    found = mine.recognise({"CAMERA": "py", "DATE-OBS": "2020-01-01"})
    assert found.name == "PyCam"


def test_a_users_definition_replaces_the_built_in_one_of_the_same_name(tmp_path: Path):
    path = tmp_path / "wfi.yaml"
    path.write_text(
        "name: WFI\nextends: WFI\npixel_scale: 0.24\nrecognise: [{INSTRUME: '^WFI$'}]\n"
    )
    mine = load_instruments(extra=[path])
    assert mine["WFI"].pixel_scale == 0.24
    assert mine["WFI"].chips == INSTRUMENTS["WFI"].chips
    assert mine.names == INSTRUMENTS.names


def test_files_may_extend_each_other_in_any_order(tmp_path: Path):
    (tmp_path / "instruments").mkdir()
    (tmp_path / "instruments" / "a.yaml").write_text("name: a\nextends: b\npriority: 3\n")
    (tmp_path / "instruments" / "b.yaml").write_text("name: b\nextends: generic\nelevation: 7\n")
    assert load_instruments(tmp_path)["a"].elevation == 7


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.yaml", "name: [", "cannot be read"),
        ("a.yaml", "- 1\n- 2\n", "does not describe an instrument"),
        ("a.yaml", "telescope: x\n", "does not give a name"),
        ("a.yaml", "name: x\ntelescop: y\n", "unknown field 'telescop'"),
        ("a.yaml", "name: x\nextends: nowhere\n", "no instrument 'nowhere'"),
        ("a.yaml", "name: x\nkinds: [{kind: bais, when: {OBJECT: x}}]\n", "'bais' is not a kind"),
        ("a.yaml", "name: x\nrecognise: [{OBJECT: '('}]\n", "is wrong"),
        ("a.yaml", "name: x\nchips: [{nam: y}]\n", "is wrong"),
        ("a.py", "1 / 0", "division by zero"),
        ("a.py", "x = 1", "does not describe an instrument"),
        ("a.yaml", "name: a\nextends: a\n", "extends itself"),
    ],
)
def test_a_bad_file_is_one_sentence(tmp_path: Path, name, content, said):
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises((IngestError, UnknownInstrument), match=said):
        load_instruments(extra=[path])


def test_a_missing_file_is_one_sentence(tmp_path: Path):
    with pytest.raises(IngestError, match="cannot be read"):
        read_definition(tmp_path / "none.yaml", lambda name: INSTRUMENTS[name])


def test_added_definitions_are_asked_first_among_equals():
    wfi = INSTRUMENTS["WFI"]
    assert Instruments(()).with_definition(wfi).definitions == (wfi,)
