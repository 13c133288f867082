"""From a stored frame to a raw frame object, not yet committed."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from awlab.backend.datamodel import (
    Astrom,
    Imstat,
    RawBiasFrame,
    RawDarkFrame,
    RawDomeFlatFrame,
    RawFits,
    RawScienceFrame,
    RawTwilightFlatFrame,
)
from awlab.backend.ingest.equipment import Equipment
from awlab.backend.ingest.instruments import InstrumentDefinition
from awlab.backend.ingest.storing import StoredFrame

__all__ = ["RAW_CLASSES", "flags_raised", "raw_frame"]

_BYTE = 8

RAW_CLASSES: dict[str, Any] = {
    "bias": RawBiasFrame,
    "dark": RawDarkFrame,
    "dome": RawDomeFlatFrame,
    "twilight": RawTwilightFlatFrame,
    "science": RawScienceFrame,
}

_COPIED = (
    "extension",
    "purpose",
    "DATE_OBS",
    "DATE",
    "MJD_OBS",
    "UTC",
    "LST",
    "EXPTIME",
    "OBJECT",
    "OBSERVER",
    "BITPIX",
    "claimed_gain",
    "claimed_read_noise",
    "NAXIS1",
    "NAXIS2",
    "readout",
)
_STRIPS = ("overscan_x", "overscan_y", "prescan_x", "prescan_y")


def raw_frame(
    stored: StoredFrame,
    raw_fits: RawFits,
    definition: InstrumentDefinition,
    equipment: Equipment,
) -> Any:
    """Make the object of one raw frame.

    Parameters
    ----------
    stored : StoredFrame
        What the headers and the pixels say, and where the file is.
    raw_fits : RawFits
        The file it was delivered in.
    definition : InstrumentDefinition
        Its instrument.
    equipment : Equipment
        Gives the named objects.

    Returns
    -------
    RawFrame
        An object of the class of its kind, not committed.
    """
    frame = stored.description
    cls = RAW_CLASSES[frame.kind]
    instrument = equipment.instrument(definition, frame.instrument)
    values: dict[str, Any] = {name: getattr(frame, name) for name in _COPIED}
    values |= asdict(frame.scans)
    values |= {
        "filename": stored.filename,
        "file_sha256": stored.checksum.digest,
        "file_size": stored.checksum.size,
        "instrument": instrument,
        "chip": equipment.chip(definition, instrument, frame.chip),
        "night": frame.night.isoformat(),
        "raw_fits": raw_fits,
        "observing_block": equipment.block(frame),
        "template": equipment.template(frame),
    }
    if "filter" in cls._attributes and frame.filter:
        values["filter"] = equipment.filter(definition, instrument, frame.filter)
    if cls is RawBiasFrame:
        values["subwin_flatness"] = stored.measurement.flatness
    if cls is RawScienceFrame:
        values |= {"AIRMSTRT": frame.AIRMSTRT, "AIRMEND": frame.AIRMEND}
        if frame.wcs is not None:
            values["astrom"] = Astrom(**asdict(frame.wcs))
    parts = {name: Imstat(**asdict(part)) for name, part in stored.measurement.parts.items()}
    values["imstat"] = parts["trim"]
    values |= {f"{name}_stat": parts[name] for name in _STRIPS if name in parts}
    raw = cls(**values)
    for flag in flags_raised(stored):
        raw.raise_flag(flag)
    raw.verify()
    return raw


def flags_raised(stored: StoredFrame) -> list[str]:
    """Name the quality flags of a raw frame.

    Parameters
    ----------
    stored : StoredFrame
        What the headers and the pixels say.
    """
    frame = stored.description
    raised = {
        "NOT_RAW": not frame.is_raw,
        "QUANTISED": frame.BITPIX == _BYTE,
        "HEADER_GUESSED": bool(frame.guesses),
        "NOT_FINITE": stored.measurement.not_finite > 0,
    }
    return [name for name, is_so in raised.items() if is_so]
