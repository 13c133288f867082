"""Header cards: the same as astropy reads and writes, and nothing dropped that is broken."""

from __future__ import annotations

import math
import pickle
import string
import warnings
from pathlib import Path

import pytest
from astropy.io import fits
from hypothesis import given
from hypothesis import strategies as st

from awlab.backend.dataserver import Header, merge_headers, read_headers
from awlab.backend.dataserver.cards import CARD, format_card, parse_card
from awlab.backend.errors import IngestError, MissingKeyword

PRINTABLE = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=200)
STANDARD = st.text(string.ascii_uppercase + string.digits + "-_", min_size=1, max_size=8).filter(
    lambda k: k not in ("COMMENT", "HISTORY", "END", "CONTINUE", "HIERARCH", "SIMPLE", "BITPIX")
)
LONG = st.lists(
    st.text(string.ascii_uppercase + string.digits, min_size=1, max_size=8), min_size=2, max_size=4
).map(" ".join)
VALUES = st.one_of(
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    PRINTABLE.map(str.rstrip),
    st.none(),
)


def one(image: str) -> tuple[str, object, str]:
    card, _ = parse_card(image.ljust(CARD))
    return card.keyword, card.value, card.comment


@given(keyword=STANDARD, value=VALUES, comment=PRINTABLE.map(str.strip))
def test_astropy_reads_what_is_written(keyword, value, comment) -> None:
    text = format_card(keyword, value, comment)
    assert len(text) % CARD == 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        header = fits.Header.fromstring(text)
        card = header.cards[0]
        card.verify("exception")
        theirs = card.value
    assert (card.keyword, None if isinstance(theirs, fits.card.Undefined) else theirs) == (
        keyword,
        value,
    )
    assert comment.startswith(card.comment.strip()) or "&" in text
    ours = Header.parse(text)
    assert dict(ours) == {keyword: value}
    assert ours.problems == []
    assert ours.to_text().startswith(text)


@given(keyword=STANDARD, value=VALUES.filter(lambda v: v is not None), comment=PRINTABLE)
def test_what_astropy_writes_is_read(keyword, value, comment) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        card = fits.Card(keyword, value, comment.strip())
        text = card.image
        theirs = fits.Card.fromstring(text)
        expected = theirs.value
    ours = Header.parse(text)
    assert ours.problems == []
    assert ours[keyword] == expected


@given(keyword=LONG, value=VALUES)
def test_hierarch_round_trip(keyword, value) -> None:
    text = format_card(keyword, value)
    assert text.startswith(f"HIERARCH {keyword} = ")
    header = Header.parse(text)
    assert dict(header) == {keyword: value}
    if len(text) == CARD:
        theirs = fits.Card.fromstring(text).value
        assert value == (None if isinstance(theirs, fits.card.Undefined) else theirs)


@given(st.lists(st.text(st.characters(max_codepoint=255), max_size=CARD), max_size=5))
def test_no_text_can_break_the_reader(lines) -> None:
    header = Header.parse("".join(line.ljust(CARD)[:CARD] for line in lines))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            text = header.to_text()
        except IngestError as error:
            assert "card" in error.message or "keyword" in error.message
            return
    assert text.isascii() and len(text) % 2880 == 0


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ("RA      = 12:34:56.7 / right ascension", ("RA", "12:34:56.7", "right ascension")),
        ("DEC     = -12:34:56.7", ("DEC", "-12:34:56.7", "")),
        ("OBJECT  = 'unterminated string", ("OBJECT", "unterminated string", "")),
        ("KEY=5", ("KEY", 5, "")),
        ("exptime = 5.5 / [s]", ("EXPTIME", 5.5, "[s]")),
        ("X       =5/nospace", ("X", 5, "nospace")),
        ("AIRMASS = NaN", ("AIRMASS", None, "")),
        ("DATE    = 08/05/10 / UT", ("DATE", "08/05/10", "UT")),
        ("LAMP    = TRUE", ("LAMP", "TRUE", "")),
        ("TIME    = 1 000", ("TIME", "1 000", "")),
        ("OBS     = 'caf\xe9'", ("OBS", "caf?", "")),
        ("KEY$    = 3", ("KEY$", 3, "")),
        ("G       = 'abc' def", ("G", "abc", "def")),
    ],
)
def test_broken_cards_are_mended_and_told(image: str, expected) -> None:
    header = Header.parse(image.ljust(CARD))
    card = next(header.cards())
    assert (card.keyword, card.value, card.comment) == expected
    assert len(header.problems) == 1
    again = Header.parse(header.to_text())
    assert dict(again) == {expected[0]: expected[1]}
    assert again.problems == [], "it is written back in order"


def test_what_is_no_card_at_all_is_kept_as_a_comment() -> None:
    header = Header.parse("some words = that mean nothing".ljust(CARD))
    assert header.notes("COMMENT") == ["some words = that mean nothing"]
    assert len(header.problems) == 1


@pytest.mark.parametrize(
    ("image", "value"),
    [
        ("D       = 1.5D3", 1500.0),
        ("Q       = 'it''s' / c", "it's"),
        ("E       = ''", ""),
        ("B       = '   '", ""),
        ("S       = '  lead  '", "  lead"),
        ("N       =                      / nothing", None),
        ("C       = (1.0, -2.0)", 1 - 2j),
        ("I       = +007", 7),
        ("L       = 1.800e-05 / small e", 1.8e-5),
        ("M       = - 5.0", -5.0),
        ("F       = .5", 0.5),
        ("U       = 'a / b'", "a / b"),
        ("HIERARCH ESO INS FILT1 NAME = 'R#642  ' / name", "R#642"),
        ("HIERARCH ESO DET WIN1 NX=2048", 2048),
    ],
)
def test_legal_cards_are_no_problem(image: str, value: object) -> None:
    card, problem = parse_card(image.ljust(CARD))
    assert (card.value, type(card.value), problem) == (value, type(value), "")


def test_a_comment_is_a_comment_whatever_it_says() -> None:
    header = Header.parse("COMMENT =".ljust(CARD) + "HISTORY x = 5".ljust(CARD))
    assert (len(header), header.problems) == (0, [])
    assert header.notes("HISTORY") == ["x = 5"]


def test_long_strings_and_stray_continuations() -> None:
    words = "it's a long story " * 20
    header = Header({"STORY": (words, "with a comment")})
    back = Header.parse(header.to_text())
    assert (back["STORY"], back.comment("STORY")) == (words.rstrip(), "with a comment")
    assert fits.Header.fromstring(header.to_text())["STORY"] == words.rstrip()
    stray = "A       = 5".ljust(CARD) + "CONTINUE  'more'".ljust(CARD)
    assert Header.parse(stray)["A"] == 5
    assert "continues nothing" in Header.parse(stray).problems[0]


def test_it_is_a_mapping() -> None:
    header = Header({"OBJECT": ("M67", "target"), "ESO INS FILT1 NAME": "R", "N": 1})
    assert header["object"] == "M67"
    assert header["HIERARCH ESO INS FILT1 NAME"] == "R"
    assert "eso ins filt1 name" in header and "X" not in header and 5 not in header
    assert list(header) == ["OBJECT", "ESO INS FILT1 NAME", "N"]
    header["OBJECT"] = "M68"
    assert (header["OBJECT"], header.comment("OBJECT")) == ("M68", "target")
    del header["N"]
    assert (len(header), header.get("N", 7)) == (2, 7)
    with pytest.raises(MissingKeyword, match="'N'"):
        header["N"]
    with pytest.raises(KeyError):
        header.comment("N")
    twin = header.copy()
    twin["OBJECT"] = "other"
    assert header["OBJECT"] == "M68"
    assert pickle.loads(pickle.dumps(header)) == header
    assert "M68" in repr(header)


def test_notes_and_repeated_keywords() -> None:
    text = "".join(
        line.ljust(CARD)
        for line in ("A       = 1", "HISTORY one", "A       = 2", "COMMENT  c", "HISTORY two")
    )
    header = Header.parse(text)
    assert header["A"] == 1, "the first one counts"
    assert header.notes("HISTORY") == ["one", "two"]
    assert header.to_text()[: len(text)] == text, "unchanged cards are written back as read"
    header.add_note("HISTORY", "x" * 100)
    header["COMMENT"] = "more"
    back = Header.parse(header.to_text())
    assert back.notes("HISTORY")[2:] == ["x" * 72, "x" * 28]
    assert back.notes("COMMENT") == ["c", "more"]
    del header["A"]
    assert "A" not in Header.parse(header.to_text())


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_fits_knows_no_nan(value: float) -> None:
    assert Header.parse(Header({"X": value}).to_text())["X"] is None


def test_numpy_scalars_dates_and_other_alphabets() -> None:
    np = pytest.importorskip("numpy")
    header = Header({"F": np.float32(0.5), "I": np.uint16(7), "B": np.bool_(True), "N": "Ångström"})
    back = Header.parse(header.to_text())
    assert dict(back)["F"] == 0.5 and back["I"] == 7 and back["B"] is True
    assert str(back["N"]).startswith("A")


def test_what_cannot_fit_is_refused() -> None:
    with pytest.raises(IngestError, match="does not fit"):
        Header({"A " * 35: 12345678901234}).to_text()
    with pytest.raises(IngestError, match="too long"):
        Header({"A " * 40: "text"}).to_text()


def test_merging_loses_nothing() -> None:
    primary = Header({"OBJECT": "M67", "EXPTIME": 5.0, "GAIN": 2.0, "HISTORY": "p"})
    extension = Header({"EXTNAME": "ccd50", "GAIN": 1.9, "EXPTIME": 5.0, "HISTORY": "e"})
    merged = merge_headers(primary, extension)
    assert dict(merged) == {
        "OBJECT": "M67",
        "EXPTIME": 5.0,
        "GAIN": 1.9,
        "EXTNAME": "ccd50",
        "PRIMARY GAIN": 2.0,
    }
    assert merged.notes("HISTORY") == ["p", "e"]


def _same(ours: object, theirs: object) -> bool:
    theirs = None if isinstance(theirs, fits.card.Undefined) else theirs
    return ours == theirs and isinstance(ours, bool) == isinstance(theirs, bool)


# EMMI's ESO-LOG cards are legal notes, which astropy takes for odd keywords.
@pytest.mark.filterwarnings("ignore:The following header keyword is invalid")
def test_real_headers_equal_astropys(shared_data: Path) -> None:
    files = [
        *sorted((shared_data / "raw_single").glob("*.fit*")),
        *sorted((shared_data / "eso_hierarch").glob("*.gz")),
        shared_data / "emmi_na36/sep_data/image.fits",
    ]
    assert len(files) >= 10
    read = 0
    for path in files:
        for ours, hdu in zip(read_headers(path), fits.open(path, memmap=False), strict=True):
            theirs = [c for c in hdu.header.cards if not _is_note(c.keyword)]
            assert len(theirs) == sum(not card.note for card in ours.cards()), path
            for keyword in dict.fromkeys(card.keyword for card in theirs):
                assert _same(ours[keyword], hdu.header[keyword]), (path, keyword)
                assert ours.comment(keyword) == hdu.header.comments[keyword].strip()
                read += 1
    assert read > 1000


def _is_note(keyword: str) -> bool:
    return keyword in ("COMMENT", "HISTORY", "") or keyword.startswith("ESO-LOG")


def test_eso_keywords(shared_data: Path) -> None:
    header = read_headers(shared_data / "eso_hierarch" / "flat_20120411_R642.fits.gz")[0]
    assert any(key.startswith("ESO INS ") for key in header)
