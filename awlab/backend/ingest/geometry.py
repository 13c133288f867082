"""Where the light-sensitive pixels lie in a raw frame, and where its bias level can be measured."""

from __future__ import annotations

import re
from dataclasses import dataclass

from awlab.backend.ingest.attributes import Attributes
from awlab.backend.ingest.description import ScanRegions, Section
from awlab.backend.ingest.header_view import HeaderView, number
from awlab.backend.ingest.instruments import ChipDefinition

__all__ = ["Geometry", "find_geometry", "find_size", "parse_section"]

_SECTION = re.compile(r"\[?\s*(-?\d+)\s*:\s*(-?\d+)\s*,\s*(-?\d+)\s*:\s*(-?\d+)\s*\]?")
_BINNING = re.compile(r"\s*(\d+)\s*[ xX,]\s*(\d+)\s*")
_ESO = ("PRSCX", "OVSCX", "PRSCY", "OVSCY")


@dataclass(frozen=True, slots=True)
class Geometry:
    """Trim section and bias strips of one frame.

    Attributes
    ----------
    trim : Section
        The light-sensitive pixels.
    scans : ScanRegions
        The strips around them.
    binning : tuple of int
        Binning in x and y.
    """

    trim: Section
    scans: ScanRegions
    binning: tuple[int, int]


def parse_section(value: object) -> Section | None:
    """Read ``[x1:x2,y1:y2]``, None where it is no section or holds no pixel.

    Parameters
    ----------
    value : object
        Value of a card.
    """
    found = _SECTION.fullmatch(str(value or "").strip())
    if not found:
        return None
    x1, x2, y1, y2 = (int(g) for g in found.groups())
    section = Section(min(x1, x2), max(x1, x2), min(y1, y2), max(y1, y2))
    return section if section.x1 >= 1 and section.y1 >= 1 else None


def find_size(view: HeaderView) -> tuple[int, int]:
    """Size of the image of a header, also of a compressed one; zeros where it holds none.

    Parameters
    ----------
    view : HeaderView
        The image's headers.

    Returns
    -------
    tuple of int
        NAXIS1 and NAXIS2 [pixel].
    """
    prefix = "ZNAXIS" if view.own("ZNAXIS") else "NAXIS"
    axes = [number(view.own(f"{prefix}{i}")) for i in (1, 2)]
    return int(axes[0] or 0), int(axes[1] or 0)


def find_geometry(attributes: Attributes, chip: ChipDefinition | None) -> Geometry:
    """Find trim section, prescan and overscan: sections, then ESO's numbers, then the definition.

    Parameters
    ----------
    attributes : Attributes
        The image's headers, read as its instrument's definition says; doubts are noted there.
    chip : ChipDefinition or None
        Gives the nominal regions.
    """
    size = find_size(attributes.view)
    binning = _binning(attributes)
    whole = Section(1, size[0], 1, size[1])
    trim = _trim(attributes, whole)
    biases = _biases(attributes, whole, trim)
    if trim is None and biases:
        trim = _left_by(whole, biases)
    if trim is not None:
        return Geometry(trim, _scans(whole, trim, biases), binning)
    scans = _eso_scans(attributes, size)
    if scans is None:
        scans = _nominal_scans(attributes, chip, size, binning)
    return Geometry(_inside(whole, scans), scans, binning)


def _binning(attributes: Attributes) -> tuple[int, int]:
    """Binning from one keyword per axis, or from one that holds both (``CCDSUM = '2 2'``)."""
    factors = []
    for axis, attribute in ((1, "XBINNING"), (2, "YBINNING")):
        factor = 1
        for _, raw in attributes.values(attribute):
            pair = _BINNING.fullmatch(str(raw))
            found = number(pair[axis]) if pair else number(raw)
            if found and found >= 1:
                factor = int(found)
                break
        factors.append(factor)
    return factors[0], factors[1]


def _trim(attributes: Attributes, whole: Section) -> Section | None:
    for keyword, raw in attributes.values("TRIMSEC"):
        section = parse_section(raw)
        if section is None:
            continue
        if section.x2 <= whole.x2 and section.y2 <= whole.y2:
            return section
        attributes.note(
            f"{keyword} {section} does not fit a frame of {whole.x2} x {whole.y2} pixels: not used"
        )
    return None


def _biases(attributes: Attributes, whole: Section, trim: Section | None) -> list[Section]:
    """Bias sections that lie inside the frame and do not overlap the data."""
    middle = Section(whole.x2 // 2, whole.x2 // 2 + 1, whole.y2 // 2, whole.y2 // 2 + 1)
    data = trim or middle
    kept = []
    for keyword, raw in attributes.values("BIASSEC"):
        section = parse_section(raw)
        if section is None:
            continue
        if section.x2 > whole.x2 or section.y2 > whole.y2:
            attributes.note(f"{keyword} {section} lies outside the frame: not used")
        elif _overlap(section, data):
            attributes.note(f"{keyword} {section} overlaps the data: not used as overscan")
        else:
            kept.append(section)
    return kept


def _overlap(a: Section, b: Section) -> bool:
    return a.x1 <= b.x2 and a.x2 >= b.x1 and a.y1 <= b.y2 and a.y2 >= b.y1


def _left_by(whole: Section, biases: list[Section]) -> Section:
    """Data region where only bias sections are given: what lies between them."""
    x1, x2, y1, y2 = whole.x1, whole.x2, whole.y1, whole.y2
    for s in biases:
        if s.height >= s.width:
            x1, x2 = (max(x1, s.x2 + 1), x2) if s.x2 < whole.x2 / 2 else (x1, min(x2, s.x1 - 1))
        else:
            y1, y2 = (max(y1, s.y2 + 1), y2) if s.y2 < whole.y2 / 2 else (y1, min(y2, s.y1 - 1))
    return Section(x1, x2, y1, y2)


def _scans(whole: Section, trim: Section, biases: list[Section]) -> ScanRegions:
    """Strips left by the trim section; what no bias section covers is skipped as a whole."""
    values = {
        "PRSCX": trim.x1 - 1,
        "OVSCX": whole.x2 - trim.x2,
        "PRSCY": trim.y1 - 1,
        "OVSCY": whole.y2 - trim.y2,
    }
    skips = {f"{name}PRE": width for name, width in values.items()}
    for s in biases:
        if s.x2 < trim.x1:
            skips |= {"PRSCXPRE": s.x1 - 1, "PRSCXPST": trim.x1 - 1 - s.x2}
        elif s.x1 > trim.x2:
            skips |= {"OVSCXPRE": whole.x2 - s.x2, "OVSCXPST": s.x1 - trim.x2 - 1}
        elif s.y2 < trim.y1:
            skips |= {"PRSCYPRE": s.y1 - 1, "PRSCYPST": trim.y1 - 1 - s.y2}
        else:
            skips |= {"OVSCYPRE": whole.y2 - s.y2, "OVSCYPST": s.y1 - trim.y2 - 1}
    return ScanRegions(**values, **skips)


def _eso_scans(attributes: Attributes, size: tuple[int, int]) -> ScanRegions | None:
    """ESO's strip widths, unless the sizes they come with show that the frame was cut since."""
    found = {n: attributes.number(n) for n in (*_ESO, "NX", "NY")}
    if all(found[n] is None for n in _ESO):
        return None
    widths = {n: int(found[n] or 0) for n in _ESO}
    for axis, length in zip("XY", size, strict=True):
        strips = widths[f"PRSC{axis}"] + widths[f"OVSC{axis}"]
        valid = found[f"N{axis}"]
        if strips >= length or (strips and valid is not None and int(valid) + strips != length):
            attributes.note(
                f"the frame has {length} pixels in {axis.lower()} but was read out as "
                f"{int(valid or 0)} data and {strips} pre- and overscan pixels: it was cut since, "
                "no pre- or overscan is used"
            )
            return ScanRegions()
    return ScanRegions(**widths)


def _nominal_scans(
    attributes: Attributes,
    chip: ChipDefinition | None,
    size: tuple[int, int],
    binning: tuple[int, int],
) -> ScanRegions:
    """The definition's strips, where the frame has the size they are meant for."""
    if chip is None or chip.scans == ScanRegions():
        return ScanRegions()
    nominal = (chip.NAXIS1, chip.NAXIS2)
    if size == nominal and binning == (1, 1):
        return chip.scans
    attributes.note(
        f"the frame is {size[0]} x {size[1]} pixels, not the {nominal[0]} x {nominal[1]} of chip "
        f"{chip.name}, and its header gives no pre- or overscan: none is used"
    )
    return ScanRegions()


def _inside(whole: Section, scans: ScanRegions) -> Section:
    return Section(
        whole.x1 + scans.PRSCX,
        whole.x2 - scans.OVSCX,
        whole.y1 + scans.PRSCY,
        whole.y2 - scans.OVSCY,
    )
