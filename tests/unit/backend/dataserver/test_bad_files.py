"""One clear sentence for every bad file, and what can be read is read."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from awlab.backend.dataserver import read_headers, read_image, write_image, write_mosaic
from awlab.backend.errors import AccessDenied, FileMissing, IngestError

RNG = np.random.default_rng(1)
U2 = RNG.integers(0, 65536, (40, 30)).astype(np.uint16)
F4 = RNG.normal(size=(40, 30)).astype(np.float32)


@pytest.fixture
def whole(tmp_path: Path) -> bytes:
    write_mosaic(tmp_path / "whole", {"OBJECT": "M67"}, [({}, U2), ({}, F4)])
    return (tmp_path / "whole").read_bytes()


@pytest.mark.parametrize("reader", [read_image, read_headers])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"Dear diary,\ntoday it rained.\n", "not a FITS file: it begins with 'Dear diary"),
        (b"\x89PNG\r\n\x1a\n" + bytes(90), "not a FITS file"),
        (b"\x1f\x8b\x08 not really gzip", "damaged"),
        (b"BZh9 not really bzip2" * 9, "damaged"),
        (b"SIMPLE  =                    T", "ends within the header"),
        (b"SIMPLE  =                    T".ljust(2880), "ends within the header"),
        ((b"SIMPLE  = T".ljust(80) + b"END".ljust(80)).ljust(2880), "BITPIX is None"),
        (
            b"".join(
                line.ljust(80)
                for line in (b"SIMPLE  = T", b"BITPIX  = 16", b"NAXIS   = 'x'", b"END")
            ).ljust(2880),
            "NAXIS is 'x'",
        ),
        (
            b"".join(
                line.ljust(80)
                for line in (
                    b"SIMPLE  = T",
                    b"BITPIX  = 16",
                    b"NAXIS   = 1",
                    b"NAXIS1  = -5",
                    b"END",
                )
            ).ljust(2880),
            "NAXIS1 is -5",
        ),
    ],
)
def test_bad_files_are_one_clear_sentence(tmp_path: Path, reader, content, message) -> None:
    path = tmp_path / "bad.fits"
    path.write_bytes(content)
    with pytest.raises(IngestError) as caught:
        reader(path)
    assert message in caught.value.message
    assert str(path) in caught.value.message and "\n" not in str(caught.value)
    assert caught.value.hint


def test_truncated_anywhere(tmp_path: Path, whole: bytes) -> None:
    path = tmp_path / "cut.fits"
    for size in range(1, len(whole) - 2880, 997):
        path.write_bytes(whole[:size])
        try:
            assert (size > 2880 and size % 2880 == 0) or read_headers(path)
        except IngestError as error:
            assert str(path) in error.message
        else:
            # Cut exactly between two HDUs: what is there is whole.
            assert len(read_headers(path)) < 3
    path.write_bytes(whole[: 2880 + 2880 + 1000])
    with pytest.raises(IngestError, match="cut short"):
        read_image(path, 1)


def test_missing_padding_and_trailing_junk_are_survived(tmp_path: Path) -> None:
    write_image(tmp_path / "a.fits", U2)
    content = (tmp_path / "a.fits").read_bytes()
    (tmp_path / "b.fits").write_bytes(content[: 2880 + U2.nbytes])
    np.testing.assert_array_equal(read_image(tmp_path / "b.fits")[0], U2)
    (tmp_path / "c.fits").write_bytes(content + b"junk" * 1000)
    np.testing.assert_array_equal(read_image(tmp_path / "c.fits")[0], U2)
    assert len(read_headers(tmp_path / "c.fits")) == 1


def test_no_such_image(tmp_path: Path) -> None:
    write_mosaic(tmp_path / "m.fits", {}, [({"EXTNAME": "A"}, U2)])
    table = fits.BinTableHDU.from_columns([fits.Column("x", "E", array=[1.0])])
    fits.HDUList([fits.PrimaryHDU(), table]).writeto(tmp_path / "t.fits")
    for path, hdu in (
        ("m.fits", 0),
        ("m.fits", 7),
        ("m.fits", "B"),
        ("t.fits", None),
        ("t.fits", 1),
    ):
        with pytest.raises(IngestError, match="holds no image"):
            read_image(tmp_path / path, hdu)
    np.testing.assert_array_equal(read_image(tmp_path / "m.fits", "A")[0], U2)


def test_missing_folder_and_forbidden(tmp_path: Path, monkeypatch) -> None:
    with pytest.raises(FileMissing, match="does not exist"):
        read_image(tmp_path / "gone.fits")
    with pytest.raises(IngestError, match="is a folder"):
        read_image(tmp_path)
    path = tmp_path / "a.fits"
    write_image(path, U2)
    path.chmod(0)
    if os.geteuid() == 0:
        monkeypatch.setattr("builtins.open", _forbid)
    with pytest.raises(AccessDenied, match="permission denied"):
        read_image(path)


def _forbid(path, *words, **options):
    raise PermissionError(errno.EACCES, "Permission denied", str(path))


def test_a_corrupt_compressed_image(tmp_path: Path) -> None:
    hdu = fits.CompImageHDU(U2, compression_type="GZIP_1")
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(tmp_path / "a.fits.fz")
    content = bytearray((tmp_path / "a.fits.fz").read_bytes())
    start = content.rindex(b"\x1f\x8b")
    content[start : start + 30] = b"\xff" * 30
    (tmp_path / "a.fits.fz").write_bytes(content)
    with pytest.raises(IngestError, match="damaged"):
        read_image(tmp_path / "a.fits.fz")


def test_broken_cards_do_not_stop_the_reader(tmp_path: Path) -> None:
    write_image(tmp_path / "a.fits", U2, {"RA": "12345678901", "OBJECT": "M67"})
    content = (tmp_path / "a.fits").read_bytes()
    (tmp_path / "a.fits").write_bytes(content.replace(b"'12345678901'", b" 12:34:56.78 "))
    data, header = read_image(tmp_path / "a.fits")
    np.testing.assert_array_equal(data, U2)
    assert header["RA"] == "12:34:56.78"
    assert "RA" in header.problems[0]
    write_image(tmp_path / "b.fits", F4, header)
    with fits.open(tmp_path / "b.fits") as opened:
        opened.verify("exception")
        assert opened[0].header["RA"] == "12:34:56.78"
