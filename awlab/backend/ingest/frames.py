"""From a description and a file to a raw frame object, not yet committed."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from awlab.backend.algorithms import image_statistics
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
from awlab.backend.dataserver import read_image
from awlab.backend.errors import IngestError
from awlab.backend.ingest.description import FrameDescription, Section
from awlab.backend.ingest.equipment import Equipment
from awlab.backend.ingest.instruments import InstrumentDefinition

__all__ = ["RAW_CLASSES", "raw_frame"]

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
    frame: FrameDescription,
    pathname: str,
    raw_fits: RawFits,
    definition: InstrumentDefinition,
    equipment: Equipment,
) -> Any:
    """Make the object of one raw frame.

    Parameters
    ----------
    frame : FrameDescription
        What the headers say.
    pathname : str
        Single-image file of the frame.
    raw_fits : RawFits
        The file it was delivered in.
    definition : InstrumentDefinition
        Its instrument.
    equipment : Equipment
        Gives the named objects.

    Raises
    ------
    IngestError
        If the pixels do not fit the description.
    """
    cls = RAW_CLASSES[frame.kind]
    instrument = equipment.instrument(definition, frame.instrument)
    values: dict[str, Any] = {name: getattr(frame, name) for name in _COPIED}
    values |= asdict(frame.scans)
    values |= {
        "instrument": instrument,
        "chip": equipment.chip(definition, instrument, frame.chip),
        "night": frame.night.isoformat(),
        "raw_fits": raw_fits,
        "observing_block": equipment.block(frame),
        "template": equipment.template(frame),
    }
    if "filter" in cls._attributes and frame.filter:
        values["filter"] = equipment.filter(definition, instrument, frame.filter)
    if cls is RawScienceFrame:
        values |= {"AIRMSTRT": frame.AIRMSTRT, "AIRMEND": frame.AIRMEND}
        if frame.wcs is not None:
            values["astrom"] = Astrom(**asdict(frame.wcs))
    raw = cls(pathname=pathname, **values)
    _measure(raw, frame)
    _flag(raw, frame)
    return raw


def _measure(raw: Any, frame: FrameDescription) -> None:
    """Take the statistics of the image region and of the strips beside it."""
    pixels, _ = read_image(raw.pathname)
    if pixels.ndim != 2 or pixels.shape != (frame.NAXIS2, frame.NAXIS1):
        raise IngestError(
            f"{frame.orig_filename}: the image has the shape {pixels.shape[::-1]}, the header says"
            f" {frame.NAXIS1} x {frame.NAXIS2}",
            "the file is damaged, or not an image of one chip",
        )
    raw.imstat = _statistics(raw, pixels, frame.trim)
    for name in _STRIPS:
        section = getattr(frame, name)
        if section is not None:
            setattr(raw, f"{name}_stat", _statistics(raw, pixels, section))


def _statistics(raw: Any, pixels: Any, section: Section) -> Imstat:
    part = np.ascontiguousarray(pixels[section.y1 - 1 : section.y2, section.x1 - 1 : section.x2])
    if part.dtype.kind == "f":
        finite = np.isfinite(part)
        if not finite.all():
            raw.raise_flag("NOT_FINITE")
            part = part[finite].reshape(1, -1)
        if part.size == 0:
            return Imstat(npix=0)
    if part.dtype not in (np.uint16, np.float32):
        part = part.astype(np.float32)
    found = image_statistics(part)
    names = ("min", "max", "mean", "median", "stdev", "npix")
    return Imstat(**{name: getattr(found, name) for name in names})


def _flag(raw: Any, frame: FrameDescription) -> None:
    if not frame.is_raw:
        raw.raise_flag("NOT_RAW")
    if frame.BITPIX == 8:
        raw.raise_flag("QUANTISED")
    if any("guess" in problem for problem in frame.problems):
        raw.raise_flag("HEADER_GUESSED")
