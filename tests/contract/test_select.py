"""Contract, section 3: ``Class.select`` knows the words of a key, for every class that has them."""

from __future__ import annotations

from datetime import date, datetime

import pytest
from astropy.time import Time

from awlab.backend.database import persistent
from awlab.backend.datamodel import Chip, Filter, Instrument, RawFrame, RawScienceFrame
from awlab.backend.errors import QueryError, UnknownAttribute
from awlab.backend.process import Calibration, ProcessTarget

NIGHTS = ("2001-03-04", "2001-03-05")


class SelBias(Calibration):
    """A calibration has a night, and no object."""


class SelMap(ProcessTarget):
    """What is made of one raw frame: night, object and filter are those of the raw frame."""

    raw = persistent("Raw frame", RawScienceFrame)


@pytest.fixture(scope="module")
def frames(home, tmp_path_factory):
    folder = tmp_path_factory.mktemp("select")
    camera = Instrument(name="SELCAM").commit()
    chip = Chip(name="sel1", instrument=camera).commit()
    band = Filter(name="#sel", instrument=camera).commit()
    made = []
    for number, night in enumerate(NIGHTS):
        path = folder / f"{night}.fits"
        path.write_text(night)
        raw = RawScienceFrame(path, instrument=camera, chip=chip, filter=band, night=night)
        raw.OBJECT = f"SEL{number}"
        made.append(SelMap(raw=raw.store().commit()).commit())
        SelBias(instrument=camera, chip=chip, night=night).commit()
    return made


@pytest.mark.parametrize("cls", [RawScienceFrame, RawFrame, SelBias, SelMap])
@pytest.mark.parametrize(
    "night", ["2001-03-04", date(2001, 3, 4), datetime(2001, 3, 4), Time("2001-03-04")]
)
def test_a_night_in_any_form(frames, cls, night):
    assert cls.select(instrument="SELCAM", chip="sel1", date=night).count() == 1


def test_several_nights_and_patterns(frames):
    for dates in (NIGHTS, "2001-03-*"):
        assert SelMap.select(instrument="SELCAM", date=dates).count() == 2


def test_what_only_the_raw_frame_has(frames):
    assert list(SelMap.select(object="SEL1", filter="#sel")) == [frames[1]]
    assert SelMap.select(object="SEL*").count() == 2


def test_what_nobody_has(frames):
    with pytest.raises(UnknownAttribute, match="'object'"):
        SelBias.select(object="SEL1")
    with pytest.raises(QueryError, match="not a night"):
        SelMap.select(date="yesterday")
