"""Global file names: Astro-WISE's form, and nothing lost on the way there and back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from awlab.backend.dataserver import FileLabel, global_name, parse_name, raw_name
from awlab.backend.dataserver.filenames import check_name
from awlab.backend.errors import IngestError

DIGEST = "456144d965b5e765b40bdec3d685fe595215d52b" + "0" * 24
# The moment of the name in Astro-WISE's own documents: MJD 54566.3131050.
CREATED = datetime(2008, 4, 10, 7, 30, 52, 272000, tzinfo=UTC)
TEXT = st.text(max_size=6)


def test_the_name_of_the_reference() -> None:
    label = FileLabel("Sci", "Regr", "EValentyn", "WFI", "#842", "ccd50", "Sci")
    assert global_name(label, CREATED, DIGEST) == (
        "Sci-EVALENTYN-WFI-------#842-ccd50-Regr--Sci-54566.3131050-"
        "456144d965b5e765b40bdec3d685fe595215d52b.fits"
    )


def test_the_name_of_the_contract() -> None:
    label = FileLabel("Cal", "Bias", "user", "WFI", "#842", "ccd50")
    start = "Cal-USER-WFI-------#842-ccd50-Bias---54566.3131050-456144d9"
    assert global_name(label, CREATED, DIGEST).startswith(start)


def test_empty_fields_are_dashes() -> None:
    name = global_name(FileLabel("Cal", "Hot", "me", "WFI", chip="ccd50"), CREATED, DIGEST)
    assert name.startswith("Cal-ME-WFI-------------ccd50-Hot----54566.")
    assert parse_name(name).label.filter == ""


def test_dashes_and_other_characters_survive() -> None:
    label = FileLabel("Sci", "Red", "JEAN-LUC", "VIRCAM", "ESO-Ks-0002", "Bessel R/2", "a=~b")
    name = global_name(label, CREATED, DIGEST)
    assert "ESO~Ks~0002-Bessel=20R=2F2-" in name
    assert parse_name(name).label == label


@given(
    texts=st.tuples(TEXT, TEXT, TEXT, TEXT, TEXT),
    product=st.text(min_size=1, max_size=6),
    category=st.sampled_from(["Sci", "Cal", "Raw", "QC"]),
    created=st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1)),
    digest=st.binary(min_size=32, max_size=32),
)
def test_round_trip(texts, product, category, created, digest) -> None:
    user, instrument, filter_name, chip, object_class = texts
    label = FileLabel(category, product, user.upper(), instrument, filter_name, chip, object_class)
    try:
        name = global_name(label, created, digest.hex(), ".fits")
    except IngestError as error:
        assert "characters long" in error.message
        return
    assert check_name(name).isascii()
    assert not set(name) & set('/\\?*%"<>| \0')
    back = parse_name(name)
    expected = FileLabel(
        category, product, user.upper().upper(), instrument, filter_name, chip, object_class
    )
    assert back.label == expected
    assert abs(back.created - created.replace(tzinfo=UTC)) <= timedelta(microseconds=4320)
    assert (back.hash, back.suffix) == (digest.hex()[:40], ".fits")
    assert global_name(back.label, back.created, digest.hex(), back.suffix) == name


def test_zones_are_respected() -> None:
    label = FileLabel("Cal", "Bias")
    local = CREATED.astimezone(timezone(timedelta(hours=-7)))
    assert global_name(label, local, DIGEST) == global_name(label, CREATED, DIGEST)


@pytest.mark.parametrize(
    "name", ["a.fits", "WFI.2000-01-01T08:57:15.410_3.fits", "", "Cal-A-B-c.fits"]
)
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(IngestError, match="not a global file name"):
        parse_name(name)


@pytest.mark.parametrize("digest", ["", "abc", "G" * 64, "a" * 40])
def test_what_is_no_hash_is_refused(digest: str) -> None:
    with pytest.raises(IngestError, match="SHA-256"):
        global_name(FileLabel("Cal", "Bias"), CREATED, digest)


def test_unknown_category_missing_product_and_overlong_names_are_refused() -> None:
    with pytest.raises(IngestError, match="category"):
        FileLabel("Xyz", "Bias")
    with pytest.raises(IngestError, match="product"):
        FileLabel("Cal", "")
    with pytest.raises(IngestError, match="characters long"):
        global_name(FileLabel("Cal", "Bias", chip="c" * 250), CREATED, DIGEST)


@pytest.mark.parametrize(
    ("archive", "extension", "name"),
    [
        ("WFI.2000-01-01T08:57:15.410.fits", 3, "WFI.2000-01-01T08:57:15.410_3.fits"),
        ("/night/WFI.1999-06-18T06:02:14.059.fits", None, "WFI.1999-06-18T06:02:14.059.fits"),
        ("c4d_1.fits.fz", 12, "c4d_1_12.fits"),
        ("flat.fits.gz", None, "flat.fits.gz"),
        ("frame.fts", None, "frame.fts"),
        ("no suffix", None, "no=20suffix"),
        (".hidden.fit", None, "=2Ehidden.fit"),
    ],
)
def test_raw_frames_keep_their_archive_name(archive, extension, name) -> None:
    assert raw_name(archive, extension=extension) == name


def test_raw_name_with_hash() -> None:
    assert raw_name("flat-001.fit", digest=DIGEST) == f"flat-001-{DIGEST[:40]}.fit"


@given(st.text(min_size=1).filter(lambda t: t.strip("/. \0")), st.booleans())
def test_any_archive_name_can_be_stored(archive: str, hashed: bool) -> None:
    name = raw_name("x" + archive * 9, extension=1, digest=DIGEST if hashed else "")
    assert check_name(name).endswith(".fits")


@pytest.mark.parametrize("name", ["", "../etc/passwd", "a/b", ".hidden", "a\0b", "x" * 256])
def test_names_that_lead_elsewhere_are_refused(name: str) -> None:
    with pytest.raises(IngestError, match="cannot be the name"):
        check_name(name)
