"""From the headers of one image to a plain description of the frame."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from awlab.backend.errors import IngestError
from awlab.backend.ingest.attributes import Attributes
from awlab.backend.ingest.coordinates import find_wcs
from awlab.backend.ingest.description import FrameDescription, ObservingBlock, Template
from awlab.backend.ingest.exposure import (
    find_exposure_time,
    find_moment,
    find_pointing,
    find_written,
)
from awlab.backend.ingest.geometry import find_geometry, find_size
from awlab.backend.ingest.header_view import Header, HeaderView, text
from awlab.backend.ingest.instruments import ChipDefinition, InstrumentDefinition
from awlab.backend.ingest.kinds import find_kind

__all__ = ["find_chip", "translate"]

_EMPTY_SLOT = re.compile(r"(free|open|clear|empty|blank|air|no filter)\s*\d*", re.IGNORECASE)
_BYTE = 8
_HIGHEST_AIRMASS = 40.0  # that of the horizon; what is beyond stands for "not measured"
_GAIN_DOUBT = 0.2  # relative difference of two gains that is worth a word


def translate(
    headers: Sequence[Header],
    extension: int,
    definition: InstrumentDefinition,
    path: str = "",
    purpose: str = "",
) -> FrameDescription:
    """Describe the frame in one HDU of a file.

    Parameters
    ----------
    headers : sequence of mapping
        Headers of all HDUs, the primary first.
    extension : int
        HDU of the image.
    definition : InstrumentDefinition
        The instrument.
    path : str, optional
        Where the file lies; its name and its folder's may tell the kind of the frame.
    purpose : str, optional
        Purpose given by the user, stronger than the header's.

    Raises
    ------
    IngestError
        If the frame is of no kind that is ingested, or a value makes no sense.
    MissingKeyword
        If its date or exposure time is missing.
    """
    view = HeaderView(headers, extension, path)
    attributes = Attributes(view, definition)
    kind, found_purpose = find_kind(attributes)
    chip, chip_name = find_chip(attributes)
    moment = find_moment(attributes)
    geometry = find_geometry(attributes, chip)
    ra, dec = find_pointing(attributes)
    wcs, doubt = find_wcs(view)
    attributes.note(doubt)
    size = find_size(view)
    values: dict[str, Any] = {
        "kind": kind,
        "purpose": purpose or found_purpose,
        "instrument": _instrument(attributes),
        "telescope": definition.telescope or attributes.string("telescope") or "",
        "chip": chip_name,
        "extension": extension,
        "orig_filename": str(view.get("FILENAME") or ""),
        "DATE_OBS": moment.start,
        "DATE": find_written(attributes),
        "MJD_OBS": moment.mjd,
        "UTC": moment.utc,
        "LST": moment.lst,
        "night": moment.night,
        "EXPTIME": find_exposure_time(attributes, kind),
        "filter": _filter(attributes, kind),
        "OBJECT": attributes.string("OBJECT") or "",
        "OBSERVER": attributes.string("OBSERVER") or "",
        "AIRMSTRT": attributes.number("AIRMSTRT", 0.99, _HIGHEST_AIRMASS),
        "AIRMEND": attributes.number("AIRMEND", 0.99, _HIGHEST_AIRMASS),
        "RA": ra,
        "DEC": dec,
        "NAXIS1": size[0],
        "NAXIS2": size[1],
        "BITPIX": _bits(attributes),
        "binning": geometry.binning,
        "scans": geometry.scans,
        "trim": geometry.trim,
        "claimed_gain": _gain(attributes, chip),
        "claimed_read_noise": attributes.number("read_noise", 1e-6, 1e4),
        "readout": attributes.string("readout") or "",
        "is_raw": _is_raw(attributes),
        "wcs": wcs,
        "observing_block": _observing_block(attributes),
        "template": _template(attributes),
    }
    return FrameDescription(**values, problems=attributes.problems, guesses=attributes.guesses)


def find_chip(attributes: Attributes) -> tuple[ChipDefinition | None, str]:
    """Chip an image is of: by the name in its header, then by its place in the file.

    Parameters
    ----------
    attributes : Attributes
        The image's headers.

    Returns
    -------
    chip : ChipDefinition or None
        None where the definition lists no chips.
    name : str
        Name of the chip.

    Raises
    ------
    IngestError
        If the definition lists chips and the image is of none of them.
    """
    definition, extension = attributes.definition, attributes.view.extension
    named = [name for _, value in attributes.values("chip") if (name := text(value))]
    if not definition.chips:
        return None, named[0] if named else f"ccd{max(extension, 1)}"
    for name in named:
        chip = definition.chip(name)
        if chip is not None:
            return chip, chip.name
    only = definition.chips[0] if len(definition.chips) == 1 else None
    chip = definition.chip_at(extension) or only
    if chip is not None:
        return chip, chip.name
    said = f"calls its chip {named[0]!r}" if named else "does not name its chip"
    raise IngestError(
        f"{attributes.view.get('FILENAME') or 'the file'}, extension {extension}, {said}; "
        f"{definition.name} has no such chip",
        f"chips of {definition.name}: {definition.chips[0].name} ... {definition.chips[-1].name}",
    )


def _instrument(attributes: Attributes) -> str:
    source = attributes.definition.name_from
    named = attributes.view.string(source) if source else None
    return re.sub(r"\s+", "_", named) if named else attributes.definition.name


def _filter(attributes: Attributes, kind: str) -> str | None:
    """Name of the filter: bias and dark have none, whatever stood in the beam."""
    if kind in {"bias", "dark"}:
        return None
    empty = ""
    for source, value in attributes.values("filter"):
        name = text(value)
        if name is None:
            continue
        if _EMPTY_SLOT.fullmatch(name):
            empty = empty or name
            continue
        if source == "OBJECT":
            attributes.note(f"filter {name!r} was read from OBJECT")
        _check_second_wheel(attributes, name)
        return _filter_name(attributes, name)
    attributes.note(f"no filter in the beam ({empty!r})" if empty else "the header names no filter")
    return empty or None


def _check_second_wheel(attributes: Attributes, first: str) -> None:
    for source, value in attributes.values("second_filter"):
        name = text(value)
        if name is not None and name != first and not _EMPTY_SLOT.fullmatch(name):
            attributes.note(f"a second filter {name!r} in the beam ({source}) is left out")


def _filter_name(attributes: Attributes, name: str) -> str:
    known = attributes.definition.filter(name)
    if known is None and attributes.definition.filters:
        attributes.note(
            f"{attributes.definition.name} has no filter {name!r} in its definition: "
            "kept under that name"
        )
    return known.name if known else re.sub(r"\s+", "_", name)


def _gain(attributes: Attributes, chip: ChipDefinition | None) -> float | None:
    claimed = attributes.number("gain", 1e-6, 1e4)
    if claimed is None:
        inverse = attributes.number("inverse_gain", 1e-6, 1e4)
        claimed = None if inverse is None else 1.0 / inverse
    nominal = chip.gain if chip else None
    if claimed and nominal and abs(claimed / nominal - 1.0) > _GAIN_DOUBT:
        attributes.note(
            f"the header claims a gain of {claimed:g} e-/ADU, chip {chip.name if chip else ''} "
            f"has {nominal:g}: only a measured gain is to be used"
        )
    return claimed


def _bits(attributes: Attributes) -> int:
    view = attributes.view
    bits = int(view.number("ZBITPIX") or view.number("BITPIX") or 0)
    if bits == _BYTE:
        attributes.note(
            "the pixels are stored in 8 bits: fine for the chain and for zeropoints, "
            "wrong for read noise and gain"
        )
    return bits


def _is_raw(attributes: Attributes) -> bool:
    """Look for the traces processing leaves in a header."""
    for source, value in attributes.values("processed"):
        trace = text(value)
        if trace is not None:
            attributes.note(f"the frame was processed before ({source} is {trace!r}): it is no raw")
            return False
    return True


def _observing_block(attributes: Attributes) -> ObservingBlock | None:
    parts = {f: attributes.string(f"OB_{f}") for f in ("id", "name", "program_id", "start")}
    kept = {k: v for k, v in parts.items() if v}
    return ObservingBlock(**kept) if kept else None


def _template(attributes: Attributes) -> Template | None:
    parts = {f: attributes.string(f"TPL_{f}") for f in ("id", "name", "start")}
    kept = {k: v for k, v in parts.items() if v}
    if not kept:
        return None
    index = int(attributes.number("TPL_index", 0) or 0)
    return Template(**kept, index=index, exposures=int(attributes.number("TPL_exposures", 0) or 0))
