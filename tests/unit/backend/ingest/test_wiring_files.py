"""What of the wiring needs no database: finding files, measuring pixels, telling what happened."""

from __future__ import annotations

import dataclasses
import os

import numpy as np
import pytest

from awlab.backend.ingest import measuring
from awlab.backend.ingest.description import FrameDescription, ScanRegions, Section
from awlab.backend.ingest.finding import find_files
from awlab.backend.ingest.measuring import measure
from awlab.backend.ingest.report import FileRow, IngestReport
from awlab.backend.ingest.translate import translate

FITS = b"SIMPLE  =                    T"


@pytest.fixture
def night(tmp_path):
    """A folder as people have them."""
    folder = tmp_path / "night"
    (folder / "deep" / "er").mkdir(parents=True)
    (folder / ".trash").mkdir()
    for name in ("b.fits", "a.FIT", "deep/er/c.fits.gz", ".trash/d.fits", "._a.FIT", ".hid.fits"):
        (folder / name).write_bytes(FITS)
    (folder / "without_suffix").write_bytes(FITS)
    (folder / "log.txt").write_text("seeing was bad")
    return folder


def test_folders_are_searched_and_hidden_things_are_not(night):
    files, refused = find_files([night])
    names = [path.name for path in files]
    assert names == ["a.FIT", "b.fits", "without_suffix", "c.fits.gz"]
    assert refused == []


def test_what_is_named_is_taken_whatever_it_is_and_once(night):
    files, _ = find_files([night / "log.txt", night / ".hid.fits", night / "log.txt", night])
    assert [path.name for path in files][:2] == ["log.txt", ".hid.fits"]
    assert len(files) == 6


def test_a_missing_path_and_an_empty_folder_are_told(tmp_path):
    (tmp_path / "empty").mkdir()
    files, refused = find_files([tmp_path / "nowhere", tmp_path / "empty"])
    assert files == []
    assert "there is no file or folder" in refused[0][1]
    assert "there is no FITS file in the folder" in refused[1][1]


def test_an_unreadable_folder_is_told_and_the_rest_is_found(night, monkeypatch):
    listed = os.scandir

    def scandir(path):
        if str(path).endswith("deep"):
            raise PermissionError(13, "Permission denied", str(path))
        return listed(path)

    monkeypatch.setattr(os, "scandir", scandir)
    files, refused = find_files([night])
    assert len(files) == 3
    assert len(refused) == 1
    assert "deep cannot be read: Permission denied" in refused[0][1]


def described(pixels, **scans):
    """The description of an image with these strips."""
    ny, nx = pixels.shape
    regions = ScanRegions(**scans)
    header = {
        "SIMPLE": True, "NAXIS": 2, "NAXIS1": nx, "NAXIS2": ny, "BITPIX": 16,
        "INSTRUME": "none", "IMAGETYP": "bias", "DATE-OBS": "2000-04-29T02:04:18", "EXPTIME": 0.0,
    }  # fmt: skip
    from awlab.backend.ingest import builtin_instruments

    frame = translate([header], 0, builtin_instruments()["generic"], "a.fits")
    trim = Section(1 + regions.PRSCX, nx - regions.OVSCX, 1 + regions.PRSCY, ny - regions.OVSCY)
    return dataclasses.replace(frame, scans=regions, trim=trim)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.int16, np.int32, np.float32])
@pytest.mark.parametrize("shape", [(20, 30), (21, 31)])
def test_statistics_are_those_of_numpy(kind, shape):
    rng = np.random.default_rng(7)
    pixels = np.clip(rng.normal(90, 30, shape), 0, 255).astype(kind)
    if kind in (np.int16, np.int32):
        pixels -= 120
    frame: FrameDescription = described(pixels, OVSCX=5, PRSCY=3)
    found = measure(pixels, frame)
    assert found.not_finite == 0
    assert set(found.parts) == {"trim", "overscan_x", "prescan_y"}
    for name, part in (("trim", pixels[3:, :-5]), ("overscan_x", pixels[3:, -5:])):
        got, want = found.parts[name], part.astype(np.float64)
        assert (got.npix, got.min, got.max) == (want.size, want.min(), want.max())
        assert got.mean == pytest.approx(want.mean(), rel=1e-6, abs=1e-6)
        assert got.median == pytest.approx(np.median(want))
        assert got.stdev == pytest.approx(want.std(ddof=1), rel=1e-6)


@pytest.mark.parametrize("kind", [np.uint16, np.int16])
def test_large_frames_are_counted_as_small_ones(kind, monkeypatch):
    rng = np.random.default_rng(8)
    pixels = rng.normal(900, 30, (1100, 1000)).astype(kind)
    frame = described(pixels, OVSCX=24, PRSCY=3)
    small = measure(pixels, frame)
    monkeypatch.setattr(measuring, "_LARGE", 1 << 16)
    assert measure(pixels, frame) == small
    assert small.parts["trim"].npix > 1 << 16 > small.parts["prescan_y"].npix


def test_pixels_that_are_no_numbers_are_counted_and_left_out():
    pixels = np.full((10, 10), 7, np.float32)
    pixels[0, :3] = np.nan
    pixels[5, 5] = np.inf
    found = measure(pixels, described(pixels))
    assert found.not_finite == 4
    assert (found.parts["trim"].npix, found.parts["trim"].max) == (96, 7.0)
    nothing = measure(np.full((10, 10), np.nan, np.float32), described(pixels))
    assert nothing.parts["trim"].npix == 0
    assert nothing.parts["trim"].mean is None


def test_the_report_puts_what_was_refused_first():
    rows = [
        FileRow("a.fits", "new", "bias", "", "2000-04-28", 8),
        FileRow("<b>.fits", "refused", why="it is <empty> & sad"),
        FileRow("c.fits", "new", "bias", "", "2000-04-28", 8, "8 bits"),
        FileRow("d.fits", "known", why="already ingested as a.fits"),
    ]
    report = IngestReport(rows)
    text = str(report).splitlines()
    assert text[0] == "refused  <b>.fits: it is <empty> & sad"
    assert any(line.split() == ["new", "bias", "2000-04-28", "2", "16"] for line in text)
    assert "note     already ingested as a.fits" in text
    assert report.counts == {"new": 2, "refused": 1, "known": 1}
    assert report.exit_status == 1
    page = report._repr_html_()
    assert "&lt;b&gt;.fits" in page
    assert "<b>" not in page
    assert IngestReport(rows[:1]).exit_status == 0


def test_many_notes_are_cut_and_it_is_said():
    rows = [FileRow(f"{i}.fits", "new", why=f"note {i:02}") for i in range(14)]
    assert "4 more: see .rows" in str(IngestReport(rows))
