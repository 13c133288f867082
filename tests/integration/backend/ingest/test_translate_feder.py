"""The whole real Feder night: every header of the archive, described.

Unpacking the archive takes seconds, so this is no unit test.
"""

from __future__ import annotations

import tarfile
from collections import Counter
from datetime import date, datetime
from pathlib import Path

import pytest

from awlab.backend.dataserver import Header
from awlab.backend.ingest import FrameDescription, builtin_instruments, describe
from awlab.backend.ingest.description import Section

INSTRUMENTS = builtin_instruments()


@pytest.fixture(scope="module")
def feder(shared_data: Path) -> list[FrameDescription]:
    """The whole real night, headers only."""
    frames = []
    with tarfile.open(shared_data / "feder_sa112/mini_versions.tbz2", "r|bz2") as archive:
        for member in archive:
            stream = archive.extractfile(member) if member.isfile() else None
            if stream is not None and member.name.endswith(".fit"):
                header = Header.parse(_header_bytes(stream).decode("ascii"))
                frames += describe([header], INSTRUMENTS, member.name)
    return frames


def _header_bytes(stream) -> bytes:
    block = stream.read(2880)
    while f"{'END':80}".encode() not in block:
        block += stream.read(2880)
    return block


def test_feder_kinds_and_filters(feder):
    counts = Counter((f.kind, f.filter) for f in feder)
    assert counts == {
        ("bias", None): 10, ("dark", None): 50,
        ("dome", "B"): 20, ("dome", "V"): 10, ("dome", "R"): 10, ("dome", "I"): 10,
        ("science", "B"): 10, ("science", "V"): 10, ("science", "R"): 10, ("science", "I"): 10,
    }  # fmt: skip
    assert Counter(f.EXPTIME for f in feder if f.kind == "dark") == dict.fromkeys(
        (5.0, 15.0, 30.0, 60.0, 120.0), 10
    )


def test_feder_frames_are_of_one_night_one_chip_and_one_geometry(feder):
    assert {f.instrument for f in feder} == {"Feder"}
    assert {f.chip for f in feder} == {"ccd1"}
    assert {f.night for f in feder} == {date(2013, 7, 3)}
    assert {f.trim for f in feder} == {Section(1, 1536, 1, 1024)}
    assert {f.overscan_x for f in feder} == {Section(1538, 1541, 1, 1024)}
    assert all("8 bits" in " ".join(f.problems) for f in feder)


def test_feder_targets_are_a_standard_field_with_coordinates(feder):
    lights = [f for f in feder if f.kind == "science"]
    assert {f.OBJECT for f in lights} == {"SA112-SF1"}
    assert {f.purpose for f in lights} == {"photom"}
    assert all("OBJECT 'SA112-SF1' was read from the file name" in f.problems for f in lights)
    for frame in lights:
        assert frame.wcs is not None
        assert frame.wcs.CRPIX1 == 772.0  # the solution of the small image, not of the large one
        assert frame.wcs.pixel_scale == pytest.approx(1.116, abs=0.002)
        assert frame.AIRMSTRT is not None and 1.0 < frame.AIRMSTRT < 2.0


def test_feder_moments_agree_with_the_header(feder):
    frame = next(f for f in feder if f.orig_filename == "SA112-SF1-002B1.fit")
    assert datetime(2013, 7, 4, 5, 49, 54) == frame.DATE_OBS
    assert pytest.approx(56477.24298611111, abs=1e-9) == frame.MJD_OBS
    assert pytest.approx(18 * 3600 + 13 * 60 + 43.36) == frame.LST
