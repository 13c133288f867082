"""The blocks of a quality page: titles, labels and values as text, in the order of QualityWISE.

References
----------
Astro-WISE QualityWISE, page of a RegriddedFrame: processing, image statistics, local astrometry,
photometry and observational details, with these labels in this order.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from awlab.backend.database import PRIVILEGES, Struct
from awlab.backend.datamodel import QualityFlags
from awlab.backend.quality.record import Record, has_path

__all__ = ["WANTED", "Block", "Row", "blocks_of", "flag_lines", "value_text", "verdict_word"]

_VERDICTS = {0: "bad", 1: "valid", 2: "qualified, ready for delivery"}
_STATISTICS = ("mean", "median", "stdev", "min", "max")
_JUDGED = ("creation_date", "is_valid", "quality_flags")
_RESIDUALS = ("RMS", "SEEING", "NREF", "SIG_DRA", "SIG_DDEC", "MEAN_DRA", "MEAN_DDEC")
_OVERLAPS = ("NOVERLAP", "RMS_OVERLAP", "SIG_DRA_OVERLAP", "SIG_DDEC_OVERLAP")
_ASTROMETRY = (*_JUDGED, *_RESIDUALS, *_OVERLAPS)
_ZEROPOINT = ("zeropoint", "zp_error", "zp_origin", "num_sources")
_PHOTOMETRY = (*_JUDGED, *_ZEROPOINT)
_OBSERVED = (*("DATE_OBS", "OBSERVER", "MJD_OBS", "EXPTIME", "OBJECT", "AIRMSTRT", "AIRMEND"),)
#: What is read through links, beside what tells the links apart.
WANTED: tuple[str, ...] = (
    *(
        f"astrom_params.{name}"
        for name in (*_JUDGED, *_RESIDUALS, "anisotropy", "filename", "file_sha256")
    ),
    "astrom_params.cards",
    *(f"photom_params.{name}" for name in _PHOTOMETRY),
    *(f"raw.{name}" for name in _OBSERVED),
    *("raw.observing_block.name", "observing_block.name", "raw.astrom.CRVAL1", "raw.astrom.CRVAL2"),
    *("filter.name", "filter.mag_id", "chip.name", "instrument.name"),
    *("weight.filename", "weight.file_sha256"),
)
_FORMATS = {"zeropoint": ".3f", "zp_error": ".3f", "MJD_OBS": ".7f", "EXPTIME": ".4f"}
_FORMATS |= dict.fromkeys(("AIRMSTRT", "AIRMEND"), ".3f")
_FORMATS |= dict.fromkeys((n for n in _RESIDUALS if n != "NREF"), ".3f")
# Told in a block of their own, or meant for machines.
_TOLD = frozenset(
    {
        *("object_id", "creation_date", "creator", "project", "privileges", "is_valid"),
        *("quality_flags", "process_status", "code_version", "content_hash", "file_sha256"),
        *("filename", "anisotropy", "cards", "solutions", "RA", "DEC", *_OBSERVED),
    }
)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a block: label, value as text, unit, and what it means."""

    label: str
    value: str
    unit: str = ""
    doc: str = ""


@dataclass(frozen=True, slots=True)
class Block:
    """A titled group of lines, with one line of remark."""

    title: str
    rows: tuple[Row, ...]
    note: str = ""


def blocks_of(record: Record) -> list[Block]:
    """Return the blocks that the class of an object has something for.

    Parameters
    ----------
    record : Record
        What was read of it.
    """
    reach = "Global" if has_path(record.cls, "NOVERLAP") else "Local"
    found = [
        _processing(record),
        _statistics(record),
        _linked(record, f"{reach} Astrometry Details", "astrom_params", _ASTROMETRY, "NREF"),
        _linked(record, "Photometry Details", "photom_params", _PHOTOMETRY, "frame_offsets"),
        _observation(record),
        _others(record),
        _parameters(record),
    ]
    return [block for block in found if block is not None and block.rows]


def _processing(record: Record) -> Block:
    rows = [_row(record, name) for name in _JUDGED if name in record.values]
    level = record["privileges"]
    rows.append(Row("Privileges", str(level), "", PRIVILEGES.get(level, "")))
    rows += [_row(record, name) for name in ("creator", "project")]
    if record.get("code_version"):
        rows.append(_row(record, "code_version"))
    return Block("Processing Details", tuple(rows))


def _statistics(record: Record) -> Block | None:
    rows = [
        Row(name, f"{record[path]:+.3e}", record.attribute(path).unit or "")
        for name in _STATISTICS
        if record.get(path := f"imstat.{name}") is not None
    ]
    return Block("Image Statistics Details", tuple(rows))


def _linked(
    record: Record, title: str, link: str, names: tuple[str, ...], mark: str
) -> Block | None:
    """Tell of an object linked to, or of the object itself if it is of that kind."""
    own = has_path(record.cls, mark)
    start = "" if own else f"{link}."
    if not own and not record.get(f"{link}.object_id"):
        return None
    rows = [_row(record, f"{start}{name}") for name in names if f"{start}{name}" in record.values]
    return Block(title, tuple(rows))


def _observation(record: Record) -> Block | None:
    rows = []
    for name in _OBSERVED:
        path = next((p for p in (name, f"raw.{name}") if record.get(p) is not None), None)
        if path is not None:
            rows.append(_row(record, path))
    ra = record.get("RA", "raw.astrom.CRVAL1", "astrom.CRVAL1")
    dec = record.get("DEC", "raw.astrom.CRVAL2", "astrom.CRVAL2")
    if ra is not None and dec is not None:
        rows += [
            Row("R.A.", sexagesimal(ra / 15.0, 4), "h", f"right ascension, {ra:.6f} deg"),
            Row("Dec.", sexagesimal(dec, 4, sign=True), "deg", f"declination, {dec:.6f} deg"),
        ]
    for label, path in (("Filter", "filter.name"), ("mag_id", "filter.mag_id")):
        if record.get(path) is not None:
            rows.append(Row(label, str(record[path])))
    chip, instrument = record.get("chip.name"), record.get("instrument.name")
    note = f"Chip {chip} of instrument {instrument}" if chip else ""
    note = note or (f"Instrument {instrument}" if instrument else "")
    return Block("Observational Details", tuple(rows), note)


def _others(record: Record) -> Block:
    """Tell what the class has beside all this."""
    rows = []
    own = {*((*_RESIDUALS, *_OVERLAPS) if has_path(record.cls, "NREF") else ()), *_TOLD}
    own |= set(_ZEROPOINT) if has_path(record.cls, "frame_offsets") else set()
    for name, attribute in record.cls._attributes.items():
        if attribute.kind == "struct":
            paths = [f"{name}.{field}" for field in attribute.type._attributes]
            paths = [p for p in paths if p not in {f"imstat.{s}" for s in _STATISTICS}]
        else:
            paths = [name] if attribute.kind in ("value", "array") and name not in own else []
        rows += [_row(record, p) for p in paths if record.get(p) not in (None, [], {}, ())]
    return Block("Other Values", tuple(rows))


def _parameters(record: Record) -> Block:
    told = {"object_id", *_TOLD}
    rows = [
        _row(record, f"process_params.{name}")
        for name in record.under("process_params")
        if name not in told and "." not in name
    ]
    return Block("Process Parameters", tuple(rows))


def _row(record: Record, path: str) -> Row:
    label = path.removeprefix("process_params.").removeprefix("raw.")
    label = label.removeprefix("astrom_params.").removeprefix("photom_params.")
    value = record[path]
    attribute = record.attribute(path)
    unit, doc = attribute.unit or "", attribute.doc
    if label == "is_valid":
        return Row(label, str(value), "", verdict_word(value))
    if label == "quality_flags":
        owner = record.class_at(path.rpartition(".")[0])
        return Row(label, str(value), "", flag_lines(value, owner))
    return Row(label, value_text(value, _FORMATS.get(label, "")), unit, doc)


def verdict_word(value: int | None) -> str:
    """Put a verdict of people in words."""
    return _VERDICTS.get(value, "unknown") if value is not None else "not judged"


def flag_lines(value: int | None, owner: Any) -> str:
    """Put quality flags in words, one line each."""
    return QualityFlags(int(value or 0), owner).explain()


def sexagesimal(value: float, digits: int, *, sign: bool = False) -> str:
    """Write hours or degrees as ``13:26:30.0000``.

    Parameters
    ----------
    value : float
        Hours or degrees.
    digits : int
        Decimals of the seconds.
    sign : bool
        Whether a plus is written.
    """
    # Counted in the last decimal: so 59.99999 seconds never become 60.
    units = round(abs(value) * 3600 * 10**digits)
    seconds, part = divmod(units, 10**digits)
    minutes, seconds = divmod(seconds, 60)
    whole, minutes = divmod(minutes, 60)
    front = "-" if value < 0 else "+" if sign else ""
    return f"{front}{whole:02d}:{minutes:02d}:{seconds:02d}.{part:0{digits}d}"


def value_text(value: Any, how: str = "") -> str:
    """Return a value as a page shows it."""
    if value is None:
        return "–"
    if isinstance(value, float):
        return format(value, how or ".6g")
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    if isinstance(value, Struct):
        return ", ".join(f"{name} {value_text(v)}" for name, v in value.as_dict().items())
    if isinstance(value, dict):
        return "; ".join(f"{name}: {value_text(inner)}" for name, inner in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(value_text(inner) for inner in value)
    return str(value)
