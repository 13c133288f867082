"""Is it FITS, and where are its images?"""

from __future__ import annotations

import gzip
import io
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from awlab.backend.errors import IngestError, UnknownInstrument
from awlab.backend.ingest.detect import check_is_fits, detect, image_hdus
from awlab.backend.ingest.instruments import builtin_instruments

INSTRUMENTS = builtin_instruments()
IMAGE = {"NAXIS": 2, "NAXIS1": 20, "NAXIS2": 10, "BITPIX": 16}
TABLE = {"XTENSION": "BINTABLE", "NAXIS": 2, "NAXIS1": 8, "NAXIS2": 10}


def fits_bytes() -> bytes:
    buffer = io.BytesIO()
    fits.PrimaryHDU(np.zeros((4, 4), dtype=np.int16)).writeto(buffer)
    return buffer.getvalue()


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_plain_and_packed_fits_pass(tmp_path: Path, pack):
    path = tmp_path / "a.fits"
    path.write_bytes(pack(fits_bytes()))
    check_is_fits(path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"hello", "is not a FITS file"),
        (b"SIMPLE  =                    T", "truncated"),
        (gzip.compress(b"just text"), "is not a FITS file"),
        (gzip.compress(b"x" * 9999)[:20], "cannot be unpacked"),
        (b"\x1f\x8b" + b"\x00" * 40, "cannot be unpacked"),
    ],
    # Named here: gzip writes the time into its header, and test workers must agree on the names.
    ids=["empty", "text", "short", "packed text", "half packed", "bad packing"],
)
def test_what_is_no_fits_is_refused_with_the_reason(tmp_path: Path, content, said):
    path = tmp_path / "a.fits"
    path.write_bytes(content)
    with pytest.raises(IngestError, match=rf"a\.fits .*{said}") as raised:
        check_is_fits(path)
    assert raised.value.hint


def test_a_folder_and_a_missing_file_are_refused(tmp_path: Path):
    with pytest.raises(IngestError, match="is a folder"):
        check_is_fits(tmp_path)
    with pytest.raises(IngestError, match="does not exist"):
        check_is_fits(tmp_path / "none.fits")


def test_images_are_found_among_tables_and_empty_hdus():
    compressed = {**TABLE, "ZIMAGE": True, "ZNAXIS": 2, "ZNAXIS1": 20, "ZNAXIS2": 10}
    assert image_hdus([{"NAXIS": 0}, {**IMAGE, "XTENSION": "IMAGE"}, TABLE, compressed]) == (1, 3)
    assert image_hdus([{**IMAGE, "NAXIS": 3, "NAXIS3": 1}]) == (0,)


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ([], "has no header"),
        ([{"NAXIS": 0}, TABLE], "holds no image"),
        ([{**IMAGE, "NAXIS": 3, "NAXIS3": 5}], "20 x 10 x 5 pixels"),
        ([{"NAXIS": 1, "NAXIS1": 300}], "300 pixels"),
    ],
)
def test_what_holds_no_image_is_refused(headers, said):
    with pytest.raises(IngestError, match=said):
        image_hdus(headers, "some/where/a.fits")


def test_the_instrument_is_told_by_primary_and_image_together():
    headers = [{"NAXIS": 0, "INSTRUME": "WFI"}, {**IMAGE, "XTENSION": "IMAGE"}]
    found = detect(headers, INSTRUMENTS, "a.fits")
    assert (found.definition.name, found.images) == ("WFI", (1,))


def test_an_unknown_instrument_is_refused():
    with pytest.raises(UnknownInstrument, match=r"a\.fits is of no known instrument.*'NEWCAM'"):
        detect([{**IMAGE, "INSTRUME": "NEWCAM"}], INSTRUMENTS, "x/a.fits")


def test_a_file_without_image_among_real_headers_is_refused(shared_data: Path):
    path = shared_data / "headers/tests/data/small.fits"
    check_is_fits(path)
    with fits.open(path) as hdus, pytest.raises(IngestError, match="holds no image"):
        image_hdus([hdu.header for hdu in hdus], str(path))
