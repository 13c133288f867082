"""The FITS reader and writer: astropy's pixels, native arrays, one sentence for every bad file."""

from __future__ import annotations

import bz2
import errno
import gzip
import os
import warnings
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from awlab.backend.dataserver import (
    Header,
    StorageFailed,
    fits_file,
    hash_file,
    read_headers,
    read_image,
    read_section,
    write_extension_as_image,
    write_image,
    write_mosaic,
)
from awlab.backend.errors import AlreadyStored, FileMissing, IngestError

RNG = np.random.default_rng(1)
U2 = RNG.integers(0, 65536, (40, 30)).astype(np.uint16)
F4 = RNG.normal(size=(40, 30)).astype(np.float32)
TYPES = ["u1", "i1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8"]


def native(array: np.ndarray) -> bool:
    return array.dtype.isnative and array.flags.c_contiguous and array.flags.writeable


@pytest.mark.parametrize("kind", TYPES)
def test_every_type_is_what_astropy_says(tmp_path: Path, kind: str) -> None:
    info = np.iinfo(kind) if kind[0] in "iu" else None
    data = F4.astype(kind) if info is None else np.array([[info.min, info.max, 0]], kind)
    write_image(tmp_path / "ours.fits", data, {"OBJECT": "M67"})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with fits.open(tmp_path / "ours.fits", memmap=False) as opened:
            opened.verify("exception")
            np.testing.assert_array_equal(opened[0].data, data)
    fits.writeto(tmp_path / "theirs.fits", data)
    for name in ("ours.fits", "theirs.fits"):
        back, header = read_image(tmp_path / name)
        np.testing.assert_array_equal(back, data.astype("f4") if kind == "f8" else data)
        assert native(back)
        assert back.dtype == np.dtype("f4" if kind[0] == "f" else kind)
        assert header["NAXIS1"] == data.shape[1]


@pytest.mark.parametrize("kind", ["f4", "u2", "u1"])
def test_the_file_is_the_one_astropy_writes(tmp_path: Path, kind: str) -> None:
    data = U2.astype(kind)
    write_image(tmp_path / "ours.fits", data)
    fits.writeto(tmp_path / "theirs.fits", data)
    size = 2880 * -(-data.nbytes // 2880)
    ours, theirs = ((tmp_path / n).read_bytes() for n in ("ours.fits", "theirs.fits"))
    assert len(ours) == len(theirs)
    assert ours[-size:] == theirs[-size:]


def test_three_dimensions_and_one(tmp_path: Path) -> None:
    for shape in ((2, 3, 4), (5,)):
        data = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
        write_image(tmp_path / "a.fits", data, overwrite=True)
        np.testing.assert_array_equal(read_image(tmp_path / "a.fits")[0], data)


def test_logical_and_other_layouts(tmp_path: Path) -> None:
    write_image(tmp_path / "mask.fits", F4 > 0)
    np.testing.assert_array_equal(read_image(tmp_path / "mask.fits")[0], (F4 > 0).astype("u1"))
    write_image(tmp_path / "t.fits", F4.T[::2])
    np.testing.assert_array_equal(read_image(tmp_path / "t.fits")[0], F4.T[::2])
    write_image(tmp_path / "be.fits", F4.astype(">f4"))
    np.testing.assert_array_equal(read_image(tmp_path / "be.fits")[0], F4)
    write_image(tmp_path / "be2.fits", U2.astype(">u2"))
    np.testing.assert_array_equal(read_image(tmp_path / "be2.fits")[0], U2)


def test_large_images_are_written_in_pieces(tmp_path: Path, monkeypatch) -> None:
    from awlab.backend.dataserver import pixels

    monkeypatch.setattr(pixels, "_PIECE", 100)
    for data in (U2, F4):
        write_image(tmp_path / "a.fits", data, overwrite=True)
        np.testing.assert_array_equal(fits.getdata(tmp_path / "a.fits"), data)


def test_nan_survives(tmp_path: Path) -> None:
    write_image(tmp_path / "a.fits", np.full((3, 3), np.nan, np.float32))
    assert np.isnan(read_image(tmp_path / "a.fits")[0]).all()


def test_scaled_integers_become_float32(tmp_path: Path) -> None:
    raw = np.array([[0, 10, -99]], np.int16)
    hdu = fits.PrimaryHDU(raw)
    hdu.header.update({"BSCALE": 0.5, "BZERO": 100.0, "BLANK": -99})
    (tmp_path / "a.fits").write_bytes(_bytes(hdu.header, raw))
    data, _ = read_image(tmp_path / "a.fits")
    np.testing.assert_array_equal(data, np.array([[100, 105, np.nan]], np.float32))
    assert native(data) and data.dtype == np.float32


def _bytes(header: fits.Header, raw: np.ndarray) -> bytes:
    data = raw.astype(raw.dtype.newbyteorder(">")).tobytes()
    return header.tostring().encode() + data + bytes(-len(data) % 2880)


def test_unsigned_integers_take_no_detour(tmp_path: Path, monkeypatch) -> None:
    fits.writeto(tmp_path / "a.fits", U2)
    monkeypatch.setattr(fits_file, "_astropy", None)
    data, header = read_image(tmp_path / "a.fits")
    assert data.dtype == np.uint16 and header["BZERO"] == 32768
    np.testing.assert_array_equal(data, U2)


@pytest.mark.parametrize("method", ["RICE_1", "GZIP_1"])
@pytest.mark.parametrize("kind", ["i2", "u2"])
def test_tile_compressed_integers(tmp_path: Path, method: str, kind: str) -> None:
    data = (U2 // 4).astype(kind)
    header = fits.Header({"OBJECT": "M67"})
    hdu = fits.CompImageHDU(data, header, compression_type=method, name="CCD50")
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(tmp_path / "a.fits.fz")
    back, header = read_image(tmp_path / "a.fits.fz")
    np.testing.assert_array_equal(back, data)
    assert native(back) and back.dtype == kind
    assert (header["OBJECT"], header["NAXIS1"], header["BITPIX"]) == ("M67", 30, 16)
    assert "ZIMAGE" not in header and "TFORM1" not in header
    np.testing.assert_array_equal(
        read_section(tmp_path / "a.fits.fz", slice(3, 9), slice(2, 5)), data[3:9, 2:5]
    )
    assert read_headers(tmp_path / "a.fits.fz")[1]["EXTNAME"] == "CCD50"


def test_tile_compressed_floats(tmp_path: Path) -> None:
    hdu = fits.CompImageHDU(F4, compression_type="RICE_1", quantize_level=16)
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(tmp_path / "a.fits.fz")
    data, _ = read_image(tmp_path / "a.fits.fz")
    assert native(data) and data.dtype == np.float32
    np.testing.assert_allclose(data, F4, atol=0.05)


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress])
def test_whole_files_compressed(tmp_path: Path, pack) -> None:
    write_mosaic(tmp_path / "a.fits", {"OBJECT": "M67"}, [({"EXTNAME": "A"}, U2), ({}, F4)])
    packed = tmp_path / "a.fits.packed"
    packed.write_bytes(pack((tmp_path / "a.fits").read_bytes()))
    assert len(read_headers(packed)) == 3
    np.testing.assert_array_equal(read_image(packed)[0], U2)
    np.testing.assert_array_equal(read_image(packed, 2)[0], F4)
    assert native(read_image(packed)[0])
    write_extension_as_image(packed, "A", tmp_path / "split.fits")
    np.testing.assert_array_equal(read_image(tmp_path / "split.fits")[0], U2)
    packed.write_bytes(pack((tmp_path / "a.fits").read_bytes())[:-40])
    with pytest.raises(IngestError, match="damaged"):
        read_image(packed, 2)


def test_sections(tmp_path: Path) -> None:
    for data in (U2, F4):
        write_image(tmp_path / "a.fits", data, overwrite=True)
        part = read_section(tmp_path / "a.fits", slice(5, 20), slice(3, -2))
        np.testing.assert_array_equal(part, data[5:20, 3:-2])
        assert native(part)
    write_image(tmp_path / "cube.fits", np.zeros((2, 2, 2), np.float32))
    with pytest.raises(IngestError, match="3 dimensions"):
        read_section(tmp_path / "cube.fits", slice(1), slice(1))


def test_mosaic_and_split(tmp_path: Path) -> None:
    primary = {"OBJECT": ("M67", "target"), "ESO TEL AIRM START": 1.2, "GAIN": 2.0}
    extensions = [({"EXTNAME": f"ccd5{n}", "GAIN": 1.9 + n, "BLANK": 0}, U2 + n) for n in range(3)]
    source = tmp_path / "m.fits"
    write_mosaic(source, primary, extensions)
    with fits.open(source) as opened:
        opened.verify("exception")
        assert [hdu.name for hdu in opened] == ["PRIMARY", "ccd50", "ccd51", "ccd52"]
    header = write_extension_as_image(source, "CCD51", tmp_path / "s.fits")
    assert header["ESO TEL AIRM START"] == 1.2
    assert (header["GAIN"], header["PRIMARY GAIN"]) == (2.9, 2.0)
    assert header.comment("OBJECT") == "target"
    assert "XTENSION" not in header
    with fits.open(tmp_path / "s.fits", do_not_scale_image_data=True) as split:
        split.verify("exception")
        assert len(split) == 1
        with fits.open(source, do_not_scale_image_data=True) as opened:
            assert split[0].data.tobytes() == opened[2].data.tobytes()
    data, back = read_image(tmp_path / "s.fits")
    np.testing.assert_array_equal(data, U2 + 1)
    assert dict(back) == dict(header)
    write_extension_as_image(source, 2, tmp_path / "again.fits")
    assert hash_file(tmp_path / "again.fits") == hash_file(tmp_path / "s.fits"), "idempotent"


def test_split_of_a_compressed_extension_keeps_the_integers(tmp_path: Path) -> None:
    hdu = fits.CompImageHDU(U2, fits.Header({"GAIN": 2.0}), name="CCD1")
    fits.HDUList([fits.PrimaryHDU(header=fits.Header({"OBJECT": "M67"})), hdu]).writeto(
        tmp_path / "m.fits.fz"
    )
    header = write_extension_as_image(tmp_path / "m.fits.fz", "CCD1", tmp_path / "s.fits")
    assert (header["OBJECT"], header["GAIN"], header["BZERO"]) == ("M67", 2.0, 32768)
    with fits.open(tmp_path / "s.fits") as opened:
        opened.verify("exception")
        np.testing.assert_array_equal(opened[0].data, U2)


def test_a_header_travels_through_a_product(tmp_path: Path) -> None:
    fits.writeto(tmp_path / "raw.fits", U2, fits.Header({"OBJECT": "M67", "BLANK": 0}))
    _, header = read_image(tmp_path / "raw.fits")
    header["FILTER"] = ("#842", "B")
    write_image(tmp_path / "product.fits", F4, header)
    with fits.open(tmp_path / "product.fits") as opened:
        opened.verify("exception")
        assert opened[0].header["OBJECT"] == "M67"
        assert "BZERO" not in opened[0].header and "BLANK" not in opened[0].header
        np.testing.assert_array_equal(opened[0].data, F4)


def test_checksum_cards(tmp_path: Path) -> None:
    write_image(tmp_path / "a.fits", U2, {"OBJECT": "x"}, checksum=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with fits.open(tmp_path / "a.fits", checksum=True) as opened:
            assert "CHECKSUM" in opened[0].header
            np.testing.assert_array_equal(opened[0].data, U2)
    np.testing.assert_array_equal(read_image(tmp_path / "a.fits")[0], U2)


def test_the_same_image_is_the_same_file(tmp_path: Path) -> None:
    for name in "ab":
        write_image(tmp_path / name, F4, {"OBJECT": "M67"})
    assert hash_file(tmp_path / "a") == hash_file(tmp_path / "b")


def test_writing_never_replaces_unasked(tmp_path: Path) -> None:
    write_image(tmp_path / "a.fits", U2)
    with pytest.raises(AlreadyStored, match="exists"):
        write_image(tmp_path / "a.fits", F4)
    np.testing.assert_array_equal(read_image(tmp_path / "a.fits")[0], U2)
    write_image(tmp_path / "a.fits", F4, overwrite=True)
    np.testing.assert_array_equal(read_image(tmp_path / "a.fits")[0], F4)
    assert [p.name for p in tmp_path.iterdir()] == ["a.fits"]
    mask = os.umask(0o022)
    os.umask(mask)
    assert (tmp_path / "a.fits").stat().st_mode & 0o777 == 0o666 & ~mask


def test_full_disk_leaves_nothing(tmp_path: Path, monkeypatch) -> None:
    def full(file, data):
        file.write(b"x" * 100)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(fits_file, "write_pixels", full)
    with pytest.raises(StorageFailed, match="disk is full"):
        write_image(tmp_path / "a.fits", U2)
    assert list(tmp_path.iterdir()) == []


def test_what_fits_cannot_hold(tmp_path: Path) -> None:
    for data in (F4 + 1j, np.array(["text"]), F4.astype("f2"), np.float32(5)):
        with pytest.raises(IngestError):
            write_image(tmp_path / "a.fits", np.asarray(data))
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(FileMissing, match="cannot be written"):
        write_image(tmp_path / "no" / "a.fits", U2)


# EMMI's ESO-LOG cards are legal notes, which astropy takes for odd keywords.
@pytest.mark.filterwarnings("ignore:The following header keyword is invalid")
def test_real_files_give_astropys_pixels(shared_data: Path, tmp_path: Path) -> None:
    files = [
        *sorted((shared_data / "raw_single").glob("*.fit*")),
        *sorted((shared_data / "eso_hierarch").glob("*.gz")),
        *sorted((shared_data / "emmi_na36/sep_data").glob("*.fits")),
    ]
    read = 0
    for path in files:
        if path.stat().st_size < 9000:
            continue  # a header sample without its pixels
        data, header = read_image(path)
        with fits.open(path, memmap=False) as opened:
            theirs = opened[0].data
        if "BSCALE" in header and data.dtype == "f4":  # astropy scales in float32, awlab in 64
            np.testing.assert_allclose(data, theirs, rtol=3e-7)
        else:
            np.testing.assert_array_equal(data, theirs)
        unsigned = header["BITPIX"] == 16 and header.get("BZERO") == 32768
        assert native(data) and (data.dtype == np.uint16) == unsigned
        write_image(tmp_path / "copy.fits", data, header, overwrite=True)
        with fits.open(tmp_path / "copy.fits") as opened:
            opened.verify("exception")
        write_extension_as_image(path, 0, tmp_path / "split.fits", overwrite=True)
        np.testing.assert_array_equal(read_image(tmp_path / "split.fits")[0], data)
        read += 1
    assert read >= 9


def test_a_header_is_a_mapping_to_write(tmp_path: Path) -> None:
    header = Header({"OBJECT": "M67"})
    header.add_note("HISTORY", "made by a test")
    write_image(tmp_path / "a.fits", F4, header)
    assert read_headers(tmp_path / "a.fits")[0].notes("HISTORY") == ["made by a test"]
