"""Bad input: one clear sentence each, and nothing lost."""

from __future__ import annotations

import errno
import os

import numpy as np
import pytest

from awlab.backend.dataserver import hash_file, write_image
from awlab.backend.ingest import ingest

CHIPS = 8
SHAPE = (40, 50)


def why(report):
    """Reason of the only file."""
    (row,) = report.rows
    assert row.status == "refused"
    assert report.exit_status == 1
    assert "\n" not in row.why
    return row.why


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"Dear diary, " * 400, "is not a FITS file"),
        (b"SIMPLE  =                    T", "truncated"),
    ],
)
def test_what_is_not_fits_is_refused_in_a_sentence(tmp_path, content, said):
    path = tmp_path / "bad.fits"
    path.write_bytes(content)
    assert said in why(ingest(path))


def test_bad_files_are_refused_in_a_sentence_and_the_good_one_is_ingested(tmp_path, pixels, single):
    image = pixels()
    whole = single(tmp_path / "1-cut.fits", image).read_bytes()
    (tmp_path / "1-cut.fits").write_bytes(whole[:-4000])
    single(tmp_path / "2-undated.fits", image, **{"DATE-OBS": None})
    write_image(tmp_path / "3-cube.fits", np.zeros((3, 8, 9), np.uint16), {"INSTRUME": "x"})
    write_image(tmp_path / "4-layer.fits", image[None], {
        "INSTRUME": "x", "IMAGETYP": "bias", "EXPTIME": 0, "DATE-OBS": "2000-01-01T00:00:00"
    })  # fmt: skip
    single(tmp_path / "5-what.fits", image, IMAGETYP="focus", OBJECT="focus")
    single(tmp_path / "9-good.fits", image)
    report = ingest([*sorted(tmp_path.iterdir()), tmp_path / "nowhere.fits"])
    assert report.counts == {"refused": 6, "new": 1}
    told = {os.path.basename(row.file): row.why for row in report.rows}
    assert "cut short" in told["1-cut.fits"]
    assert "no DATE-OBS" in told["2-undated.fits"]
    assert "9 x 8 x 3" in told["3-cube.fits"]
    assert "two axes" in told["4-layer.fits"]
    assert "5-what.fits" in told["5-what.fits"]
    assert "there is no file" in told["nowhere.fits"]
    assert str(report).splitlines()[0].startswith("refused")


def test_pixels_that_are_no_numbers_are_a_flag_not_an_error(tmp_path, single):
    image = np.full(SHAPE, 300.0, np.float32)
    image[3, 4:9] = np.nan
    report = ingest(single(tmp_path / "nan.fits", image))
    (frame,) = report.objects
    assert "NOT_FINITE" in frame.quality_flags.names
    assert "5 pixels that are no numbers" in report.rows[0].why
    assert frame.imstat.npix == image.size - 5
    (frame,) = ingest(single(tmp_path / "all.fits", np.full(SHAPE, np.nan, np.float32))).objects
    assert (frame.imstat.npix, frame.imstat.mean) == (0, None)


def test_flags_say_what_is_doubtful(tmp_path, single):
    rng = np.random.default_rng()
    eight = rng.integers(3, 250, SHAPE, dtype=np.uint8)
    (frame,) = ingest(single(tmp_path / "eight.fits", eight)).objects
    assert frame.quality_flags.names == ["QUANTISED"]
    image = rng.integers(3, 250, SHAPE, dtype=np.uint16)
    (frame,) = ingest(single(tmp_path / "bias_1.fits", image, IMAGETYP=None, OBJECT="bias")).objects
    assert "HEADER_GUESSED" in frame.quality_flags.names


def test_sql_in_a_header_is_text(tmp_path, pixels, single):
    from awlab.backend.datamodel import RawBiasFrame

    nasty = "M 1'; DROP TABLE dbobject; --"
    (frame,) = ingest(single(tmp_path / "sql.fits", pixels(), OBJECT=nasty)).objects
    assert nasty == frame.OBJECT
    assert [f.object_id for f in nasty == RawBiasFrame.OBJECT] == [frame.object_id]


def test_a_full_disk_is_told_and_nothing_half_remains(tmp_path, pixels, monkeypatch, mosaic):
    from awlab.backend.datamodel import RawFits, current_dataserver

    path = mosaic(tmp_path / "WFI.3.fits", [pixels() for _ in range(CHIPS)])
    flushed, before = os.fsync, set(current_dataserver().names())
    calls = []

    def full(descriptor):
        calls.append(1)
        if len(calls) > 6:
            raise OSError(errno.ENOSPC, "No space left on device")
        flushed(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    assert "the disk is full" in why(ingest(path))
    assert len(RawFits.content_sha256 == hash_file(path).digest) == 0
    monkeypatch.undo()
    report = ingest(path)
    assert report.counts == {"new": 1}
    # What had been stored before is found and used, and there is nothing else.
    assert set(current_dataserver().names()) - before == {f.filename for f in report.objects}


def test_raw_calibrations_out_of_their_limits_are_flagged(tmp_path, single):
    rng = np.random.default_rng()

    def flags(name, image, **cards):
        (frame,) = ingest(single(tmp_path / name, image.astype(np.uint16), **cards)).objects
        return [flag.name for flag in frame.quality_flags.flags if flag.bit >= 16]

    usual = rng.normal(300, 4, SHAPE)
    assert flags("bias.fits", usual) == []
    assert flags("lit.fits", usual + 20_000) == ["BIAS_LEVEL_HIGH"]
    slope = np.linspace(0, 900, SHAPE[1])
    assert flags("tilted.fits", usual + slope) == ["BIAS_NOT_FLAT"]
    spiky = usual.copy()
    spiky.flat[::4] += 1300
    assert flags("noisy.fits", spiky) == ["BIAS_NOISY"]
    dome = {"IMAGETYP": "flat", "OBJECT": "DOME", "EXPTIME": 3.0, "FILTER": "B"}
    assert flags("flat.fits", usual + 20_000, **dome) == []
    assert flags("dark.fits", usual, **dome) == ["FLAT_LEVEL_LOW"]
    assert flags("full.fits", usual + 64_000, **dome) == ["FLAT_LEVEL_HIGH"]


def test_flatness_of_a_bias_is_that_of_its_windows(tmp_path, single):
    image = np.full(SHAPE, 300, np.uint16)
    image[:5, :12] = 340  # one window of 8 x 4
    (frame,) = ingest(single(tmp_path / "corner.fits", image)).objects
    assert frame.subwin_flatness == 40.0
    tiny = np.full((6, 9), 300, np.uint16)
    (frame,) = ingest(single(tmp_path / "tiny.fits", tiny)).objects
    assert frame.subwin_flatness is None
