"""The simulated night, pulled: the five lines, lineage, nothing to do again, nothing to mend."""

from __future__ import annotations

import os

import numpy as np
import pytest
from astropy.io import fits

CHIPS = ("ccd50", "ccd53")
DATE = "2000-04-28"


@pytest.fixture(scope="module")
def frames(tmp_path_factory):
    """The night ingested and reduced for two chips, in a home of its own."""
    folder = tmp_path_factory.mktemp("home")
    os.environ["AWLAB_HOME"] = str(folder)
    from awlab.backend.database import close_database, start_embedded
    from awlab.backend.datamodel import connect
    from awlab.backend.ingest import ingest_night
    from awlab.backend.targets import ReducedScienceFrame

    connect()
    report = ingest_night("wfi")
    assert report.exit_status == 0
    assert report.counts == {"new": 77}
    yield ReducedScienceFrame.get(instrument="WFI", date=DATE, chip=list(CHIPS))
    close_database()
    start_embedded(folder).stop()
    os.environ["AWLAB_HOME"] = os.devnull + "/a-test-must-set-its-own-home"


def pixels(item):
    return fits.getdata(item.retrieve()).astype(np.float64)


def test_no_frame_is_flagged(frames):
    from awlab.backend.datamodel import RawFrame

    assert {frame.verdict() for frame in frames} == {"1: valid; no flags"}
    flagged = RawFrame.quality_flags > 0
    assert [(raw.filename, raw.quality_flags) for raw in flagged] == []


def test_five_lines_equal_the_pixels(frames):
    from awlab.backend.database import current_database
    from awlab.backend.targets import ReducedScienceFrame

    before = current_database().statements
    q = (ReducedScienceFrame.chip.name == "ccd53") & (ReducedScienceFrame.filter == "#842")
    x = [k.imstat.stdev for k in q]
    y = [k.flat.imstat.stdev for k in q]
    assert current_database().statements - before <= 3
    assert len(x) == 7
    for frame, mine, flat in zip(q, x, y, strict=True):
        assert mine == pytest.approx(np.std(pixels(frame)), rel=1e-4)
        assert flat == pytest.approx(np.std(pixels(frame.flat)), rel=1e-4)


def test_everything_goes_back_to_the_raw_files(frames):
    from awlab.backend.lineage import export_prov, tell_me_everything

    frame = frames[0]
    account = tell_me_everything(frame)
    assert account.raw["RawBiasFrame"] == 10
    assert account.raw["RawDomeFlatFrame"] == 40
    assert account.raw["RawTwilightFlatFrame"] == 5
    assert account.raw["RawScienceFrame"] == 1
    seen, stack = set(), [frame]
    while stack:  # a naive walk over the links
        item = stack.pop()
        for name, attribute in type(item)._attributes.items():
            if attribute.dependency:
                value = getattr(item, name)
                new = set(value if attribute.kind == "links" else [value]) - {None} - seen
                seen |= new
                stack += new
    assert set(frame.upstream()) == seen
    assert "wasDerivedFrom" in export_prov(frame, frame.new_pathname(".json")).read_text()


def test_again_is_nothing_to_do(frames):
    from awlab.backend.ingest import ingest_night
    from awlab.backend.targets import ReducedScienceFrame

    assert ingest_night("wfi").counts == {"known": 77}
    plan = ReducedScienceFrame.plan(instrument="WFI", date=DATE, chip=list(CHIPS))
    assert plan.is_up_to_date
    assert ReducedScienceFrame.get(raw=frames[0].raw) == frames[0]


def test_doctor_finds_nothing(frames):
    from awlab.backend.doctor import examine

    report = examine(sample=10)
    assert report.is_clean, str(report)
