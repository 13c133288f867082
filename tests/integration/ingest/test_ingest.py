"""Ingest over a real PostgreSQL and a real data server: once per content, as delivered."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys

import numpy as np
import pytest

from awlab.backend.dataserver import hash_file, read_headers, read_image
from awlab.backend.errors import UnknownInstrument
from awlab.backend.ingest import ingest

CHIPS = 8


def test_a_mosaic_becomes_one_frame_per_chip(tmp_path, pixels, mosaic):
    from awlab.backend.datamodel import RawBiasFrame, RawFits

    images = [pixels() for _ in range(CHIPS)]
    path = mosaic(tmp_path / "WFI.1.fits", images)
    report = ingest(path)
    assert [(row.status, row.kind, row.chips) for row in report.rows] == [("new", "bias", CHIPS)]
    frames = sorted(report.objects, key=lambda frame: frame.extension)
    assert [frame.chip.name for frame in frames] == [f"ccd{50 + i}" for i in range(CHIPS)]
    for frame, image in zip(frames, images, strict=True):
        assert isinstance(frame, RawBiasFrame)
        stored = frame.retrieve()
        assert frame.filename == f"WFI.1_{frame.extension}.fits"
        assert hash_file(stored) == (frame.file_sha256, frame.file_size)
        np.testing.assert_array_equal(read_image(stored)[0], image)
        assert frame.imstat.median == np.median(image)
        assert frame.imstat.stdev == pytest.approx(image.std(ddof=1))
        assert (frame.night, frame.instrument.name) == ("2000-04-28", "WFI")
        assert frame.chip.gain == 2.0
        assert frame.chip.read_noise == pytest.approx(4.5 / 2.0)  # electrons in the definition
        assert frame.template.template_id == "WFI_cal_Bias"
    assert len({frame.raw_fits.object_id for frame in frames}) == 1
    (delivered,) = RawFits.content_sha256 == hash_file(path).digest
    assert (delivered.orig_filename, delivered.orig_size) == ("WFI.1.fits", path.stat().st_size)
    header = read_headers(frames[0].retrieve())[0]
    assert header["ESO TPL ID"] == "WFI_cal_Bias"


def test_a_single_image_is_stored_as_delivered(tmp_path, pixels, single):
    path = single(tmp_path / "as is.fits", pixels())
    (frame,) = ingest(path).objects
    assert frame.retrieve().read_bytes() == path.read_bytes()
    packed = tmp_path / "packed.fits.gz"
    packed.write_bytes(gzip.compress(single(tmp_path / "other.fits", pixels()).read_bytes()))
    (frame,) = ingest(packed).objects
    assert frame.filename == "packed.fits.gz"
    assert frame.retrieve().read_bytes() == packed.read_bytes()


def test_the_same_content_is_one_object_whatever_it_is_called(tmp_path, pixels, single):
    from awlab.backend.datamodel import RawFits

    first = single(tmp_path / "first.fits", pixels())
    again = tmp_path / "sub" / "copy.fits"
    again.parent.mkdir()
    again.write_bytes(first.read_bytes())
    report = ingest([first, again])
    assert [row.status for row in report.rows] == ["new", "known"]
    assert report.rows[1].why == "already ingested as first.fits"
    assert report.exit_status == 0
    later = ingest(tmp_path)
    assert later.counts == {"known": 2}
    assert len(later.objects) == 0
    assert len(RawFits.content_sha256 == hash_file(first).digest) == 1


def test_another_content_of_the_same_name_gets_a_name_of_its_own(tmp_path, pixels, single):
    names = []
    for night in ("one", "two"):
        (tmp_path / night).mkdir()
        (frame,) = ingest(single(tmp_path / night / "flat-001.fits", pixels())).objects
        names.append(frame.filename)
    assert names[0] == "flat-001.fits"
    assert names[1].startswith("flat-001-")


def test_dry_run_says_what_would_be_and_touches_nothing(tmp_path, pixels, home, mosaic):
    from awlab.backend.database import current_database, take_census
    from awlab.backend.datamodel import current_dataserver

    mosaic(tmp_path / "WFI.2.fits", [pixels() for _ in range(CHIPS)])
    (tmp_path / "bad.fits").write_text("no")
    before = (take_census().total, sorted(current_dataserver().names()))
    statements = current_database().statements
    report = ingest(tmp_path, dry_run=True)
    assert report.counts == {"would ingest": 1, "refused": 1}
    assert current_database().statements - statements <= 2
    assert (take_census().total, sorted(current_dataserver().names())) == before
    assert ingest(tmp_path).counts == {"new": 1, "refused": 1}
    assert ingest(tmp_path, dry_run=True).counts == {"known": 1, "refused": 1}


def test_a_dry_run_makes_no_database(tmp_path, pixels, single):
    path = single(tmp_path / "a.fits", pixels())
    place = tmp_path / "new home"
    code = (
        "import sys; from awlab.backend.ingest import ingest;"
        " print(ingest(sys.argv[1], dry_run=True))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)],
        env={**os.environ, "AWLAB_HOME": str(place)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "1 would ingest" in done.stdout
    assert not place.exists()


def test_an_instrument_can_be_named_or_given(tmp_path, pixels, single):
    path = single(tmp_path / "nameless.fits", pixels(), INSTRUME="?")
    with pytest.raises(UnknownInstrument, match="no instrument 'Hubble'"):
        ingest(path, instrument="Hubble")
    (frame,) = ingest(path, instrument="Feder").objects
    assert (frame.instrument.name, frame.chip.name) == ("Feder", "ccd1")
    mine = tmp_path / "mine.yaml"
    mine.write_text(
        "name: Mine\nextends: generic\ntimezone: 1\nrecognise:\n  - {INSTRUME: '^mine$'}\n"
        "chips:\n  - {name: only, extension: 0, gain: 3.0}\n"
    )
    path = single(tmp_path / "mine.fits", pixels(), INSTRUME="mine")
    (frame,) = ingest(path, instruments=[mine], purpose="readnoise").objects
    assert (frame.chip.name, frame.chip.gain, frame.purpose) == ("only", 3.0, "readnoise")


def test_lookups_are_per_batch_not_per_file(tmp_path, pixels, single):
    from awlab.backend.database import current_database

    for i in range(12):
        single(tmp_path / f"{i:02}.fits", pixels())
    ingest(tmp_path / "00.fits")
    before = current_database().statements
    assert ingest(tmp_path).counts == {"new": 11, "known": 1}
    # Per file the RawFits, the frame, and that the flush comes later; per group, at worst of one
    # file, the flush and a look; once lock, look-up and unlock, instrument and chip.
    assert current_database().statements - before <= (3 + 2) * 11 + 3 + 4
    before = current_database().statements
    ingest(tmp_path)
    assert current_database().statements - before <= 6


def test_progress_counts_every_file(tmp_path, pixels, single):
    (tmp_path / "bad.fits").write_text("no")
    single(tmp_path / "good.fits", pixels())
    told = []
    ingest(tmp_path, progress=lambda done, total, name: told.append((done, total, name)))
    assert told == [(1, 2, "bad.fits"), (2, 2, "good.fits")]


def test_exposures_that_claim_the_same_moment_are_told(tmp_path, pixels, single):
    for name in ("x.fits", "y.fits"):
        single(tmp_path / name, pixels(), **{"DATE-OBS": "2001-09-09T01:46:40"})
    assert "2 exposures of little" in "\n".join(ingest(tmp_path).remarks)
