"""Global file names: the one key under which any data server knows a file.

The form is that of Astro-WISE::

    Cal-USER-WFI-------#842-ccd50-Bias---54566.3131050-<hash>.fits
    Sci-EVALENTYN-WFI-------#842-ccd50-Regr--Sci-54566.3131050-<hash>.fits

category, user (upper case), instrument, one field that is never used, filter, chip, product,
object class, MJD of creation [d, UTC, 7 decimals], content hash. Fields are separated by ``-``;
an empty field is five dashes, a product shorter than five characters is padded with dashes, an
empty object class is nothing. The hash is the first 40 of the 64 hexadecimal digits of the
file's SHA-256 (Astro-WISE's length); the database keeps all 64 and those are what is verified.

Nothing is lost when a field holds a character that has a meaning here or that a file system or
URL cannot take: ``-`` becomes ``~``, any other becomes ``=XX`` (hexadecimal, UTF-8), and
`parse_name` turns them back. ``#`` and ``:`` are legal in names (Astro-WISE's filters and raw
frames have them) and must be quoted in URLs, which ``DataServer.url`` does.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import PurePath

from awlab.backend.errors import IngestError

__all__ = [
    "HASH_LENGTH",
    "FileLabel",
    "FileName",
    "check_name",
    "global_name",
    "parse_name",
    "raw_name",
]

HASH_LENGTH = 40
_CATEGORIES = ("Sci", "Cal", "Raw", "QC")
_EMPTY = "-----"
_LONGEST = 255  # bytes that a file name may have on the file systems in use
_MJD_ZERO = datetime(1858, 11, 17, tzinfo=UTC)
_TICK = timedelta(microseconds=8640)  # 1e-7 day
_TICKS_PER_DAY = 10**7
_FORBIDDEN = re.compile(r"[^A-Za-z0-9._#+,:@]")
_FORBIDDEN_RAW = re.compile(r"[^A-Za-z0-9._#+,:@-]")
_CODED = re.compile(r"(?:=[0-9A-F]{2})+")
_FIELD = r"-----|[^-]+"
_NAME = re.compile(
    rf"(?P<category>Sci|Cal|Raw|QC)-(?P<user>{_FIELD})-(?P<instrument>{_FIELD})-{_EMPTY}"
    rf"-(?P<filter>{_FIELD})-(?P<chip>{_FIELD})-(?P<product>[^-]+)-*-(?P<object_class>[^-]*)"
    rf"-(?P<mjd>\d+\.\d{{7}})-(?P<hash>[0-9a-f]{{{HASH_LENGTH}}})(?P<suffix>(?:\.[^-]*)?)",
)


@dataclass(frozen=True, slots=True)
class FileLabel:
    """What a file is, as told by its name.

    Attributes
    ----------
    category : str
        ``Sci``, ``Cal``, ``Raw`` or ``QC``.
    product : str
        Product code: ``Bias``, ``Red``, ``Regr``, ...
    user, instrument, filter, chip : str
        May be empty; the user is written in upper case.
    object_class : str
        ``Sci`` for science frames, or what the file is about; may be empty.
    """

    category: str
    product: str
    user: str = ""
    instrument: str = ""
    filter: str = ""
    chip: str = ""
    object_class: str = ""

    def __post_init__(self) -> None:
        if self.category not in _CATEGORIES:
            raise IngestError(
                f"a file cannot be of category {self.category!r}", f"use {', '.join(_CATEGORIES)}"
            )
        if not self.product:
            raise IngestError("a file name needs a product code", "for example 'Bias' or 'Red'")


@dataclass(frozen=True, slots=True)
class FileName:
    """The fields of a global file name.

    Attributes
    ----------
    label : FileLabel
        What the file is.
    created : datetime
        Moment of creation [UTC], to 8.64 ms.
    hash : str
        First 40 hexadecimal digits of the file's SHA-256.
    suffix : str
        Extension with its dot: ``.fits``.
    """

    label: FileLabel
    created: datetime
    hash: str
    suffix: str


def global_name(label: FileLabel, created: datetime, digest: str, suffix: str = ".fits") -> str:
    """Name a file.

    Parameters
    ----------
    label : FileLabel
        What the file is.
    created : datetime
        Moment of creation; without a zone it is taken as UTC.
    digest : str
        SHA-256 of the content, 64 hexadecimal digits.
    suffix : str
        Extension with its dot.

    Returns
    -------
    str
        The name, at most 255 bytes.

    Raises
    ------
    IngestError
        If the digest is not one, or the name would be too long for a file system.
    """
    fields = [
        label.category,
        _encode(label.user.upper()) or _EMPTY,
        _encode(label.instrument) or _EMPTY,
        _EMPTY,
        _encode(label.filter) or _EMPTY,
        _encode(label.chip) or _EMPTY,
        f"{_encode(label.product):-<5}",
        _encode(label.object_class),
        _mjd(created),
        _short_hash(digest),
    ]
    name = "-".join(fields) + _encode(suffix)
    if len(name) > _LONGEST:
        raise IngestError(
            f"the file name {name[:60]}... would be {len(name)} characters long",
            f"shorten the names of filter, chip or user: {_LONGEST} is the most a disk takes",
        )
    return name


def parse_name(name: str) -> FileName:
    """Read a global file name back into its fields.

    Parameters
    ----------
    name : str
        A name as made by `global_name`.

    Returns
    -------
    FileName
        Its fields, with replaced characters turned back.

    Raises
    ------
    IngestError
        If the name has not that form (a raw frame's archive name has not).
    """
    match = _NAME.fullmatch(name)
    if match is None:
        raise IngestError(
            f"{name!r} is not a global file name", "raw frames keep the name of their archive"
        )
    texts = {key: _decode(match[key]) for key in ("user", "instrument", "filter", "chip")}
    label = FileLabel(
        match["category"],
        product=_decode(match["product"]),
        object_class=_decode(match["object_class"]),
        **texts,
    )
    days, _, fraction = match["mjd"].partition(".")
    ticks = int(days) * _TICKS_PER_DAY + int(fraction)
    return FileName(label, _MJD_ZERO + _TICK * ticks, match["hash"], _decode(match["suffix"]))


def raw_name(archive_name: str, *, extension: int | None = None, digest: str = "") -> str:
    """Name a raw frame: as its archive calls it, plus ``_<extension>`` where it was split.

    Parameters
    ----------
    archive_name : str
        File name, or path, under which the frame was delivered.
    extension : int, optional
        Number of the FITS extension that was split off; the suffix is then ``.fits``, because
        a split frame is no longer compressed.
    digest : str
        SHA-256 of the content; when given, ``-<hash>`` is added. Archives number their files
        anew every night (``flat-001.fit``), so the plain name may be taken by another frame.

    Returns
    -------
    str
        The name, at most 255 bytes; of a longer one the end is cut.
    """
    stem, suffix = _split_suffix(PurePath(archive_name).name)
    if extension is not None:
        stem, suffix = f"{stem}_{extension}", ".fits"
    ending = (f"-{_short_hash(digest)}" if digest else "") + _FORBIDDEN_RAW.sub(_code, suffix)
    visible = re.sub(r"^\.", "=2E", _FORBIDDEN_RAW.sub(_code, stem))
    start = visible[: _LONGEST - len(ending)]
    return re.sub(r"=[0-9A-F]?$", "", start) + ending  # the cut must not halve a code


def check_name(name: str) -> str:
    """Refuse what cannot be the name of a stored file.

    Parameters
    ----------
    name : str
        Name as it came from a user or a database row.

    Returns
    -------
    str
        The same name.

    Raises
    ------
    IngestError
        If it is empty, hidden, too long, or would lead out of the folder of the store.
    """
    hidden = name.startswith(".")
    if not name or hidden or "/" in name or "\0" in name or len(name.encode()) > _LONGEST:
        raise IngestError(
            f"{name[:80]!r} cannot be the name of a stored file",
            "names hold no '/', do not begin with '.' and have at most 255 bytes",
        )
    return name


def _split_suffix(name: str) -> tuple[str, str]:
    match = re.fullmatch(r"(.+?)((?:\.fits?|\.fts)?(?:\.(?:gz|fz|bz2))?)", name, re.IGNORECASE)
    if match and match[2]:
        return match[1], match[2]
    path = PurePath(name)
    return path.stem, path.suffix


def _mjd(created: datetime) -> str:
    utc = created.replace(tzinfo=UTC) if created.tzinfo is None else created.astimezone(UTC)
    ticks = round((utc - _MJD_ZERO) / timedelta(microseconds=1) / 8640)
    if ticks < 0:
        raise IngestError(f"a file cannot be created in {utc.year}", "check the computer's clock")
    return f"{ticks // _TICKS_PER_DAY}.{ticks % _TICKS_PER_DAY:07d}"


def _short_hash(digest: str) -> str:
    if not re.fullmatch(r"[0-9a-f]{64}", digest):
        raise IngestError(
            f"{digest!r} is not a SHA-256", "give the 64 hexadecimal digits of hash_file()"
        )
    return digest[:HASH_LENGTH]


def _encode(text: str) -> str:
    # '~' and '=' are not legal themselves, so they are coded too and nothing is ambiguous.
    return "~".join(_FORBIDDEN.sub(_code, part) for part in text.split("-"))


def _code(match: re.Match[str]) -> str:
    return "".join(f"={byte:02X}" for byte in match[0].encode("utf-8", "surrogatepass"))


def _decode(text: str) -> str:
    if text == _EMPTY:
        return ""
    plain = text.replace("~", "-")
    return _CODED.sub(
        lambda m: bytes.fromhex(m[0].replace("=", "")).decode("utf-8", "surrogatepass"), plain
    )
