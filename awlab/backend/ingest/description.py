"""What ingest knows about one frame before anything is stored: plain values, no database.

Attributes that come from the FITS header keep Astro-WISE's capital names, so that a raw frame of
the data model can be filled field by field.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime

__all__ = [
    "KINDS",
    "FrameDescription",
    "LinearWcs",
    "ObservingBlock",
    "ScanRegions",
    "Section",
    "Template",
]

#: Kinds of frame that become raw frames; a standard field is a science frame of purpose photom.
KINDS = ("bias", "dark", "dome", "twilight", "science")


@dataclass(frozen=True, slots=True)
class Section:
    """A rectangle of pixels, counted as FITS does: from 1, both ends included.

    Attributes
    ----------
    x1, x2, y1, y2 : int
        First and last column, first and last row [pixel].
    """

    x1: int
    x2: int
    y1: int
    y2: int

    @property
    def width(self) -> int:
        """Number of columns [pixel]."""
        return self.x2 - self.x1 + 1

    @property
    def height(self) -> int:
        """Number of rows [pixel]."""
        return self.y2 - self.y1 + 1

    def __str__(self) -> str:
        return f"[{self.x1}:{self.x2},{self.y1}:{self.y2}]"


@dataclass(frozen=True, slots=True)
class ScanRegions:
    """Strips around the light-sensitive pixels, in Astro-WISE's twelve numbers [pixel].

    ``OVSCX`` is the whole width of the strip beyond the data, skipped pixels included, so the
    data region is always what the four strips leave. Of each strip ``...PRE`` pixels are skipped
    at the edge of the chip and ``...PST`` at the edge of the data; the rest measures the bias
    level. A strip that the header does not offer as overscan is skipped as a whole.
    """

    PRSCX: int = 0
    PRSCXPRE: int = 0
    PRSCXPST: int = 0
    PRSCY: int = 0
    PRSCYPRE: int = 0
    PRSCYPST: int = 0
    OVSCX: int = 0
    OVSCXPRE: int = 0
    OVSCXPST: int = 0
    OVSCY: int = 0
    OVSCYPRE: int = 0
    OVSCYPST: int = 0


@dataclass(frozen=True, slots=True)
class LinearWcs:
    """The linear part of a celestial coordinate system, always in the order (RA, Dec).

    Attributes
    ----------
    CRVAL1, CRVAL2 : float
        Right ascension and declination of the reference point [deg].
    CRPIX1, CRPIX2 : float
        Its place in the frame as delivered, untrimmed [pixel].
    CD1_1, CD1_2, CD2_1, CD2_2 : float
        Scale and rotation [deg/pixel].
    CTYPE1, CTYPE2 : str
        Projection as in the header.
    """

    CRVAL1: float
    CRVAL2: float
    CRPIX1: float
    CRPIX2: float
    CD1_1: float
    CD1_2: float
    CD2_1: float
    CD2_2: float
    CTYPE1: str = "RA---TAN"
    CTYPE2: str = "DEC--TAN"

    @property
    def pixel_scale(self) -> float:
        """Mean pixel size [arcsec]."""
        return float(abs(self.CD1_1 * self.CD2_2 - self.CD1_2 * self.CD2_1) ** 0.5 * 3600.0)


@dataclass(frozen=True, slots=True)
class ObservingBlock:
    """The observing block a frame was taken in; fields the header lacks are empty."""

    id: str = ""
    name: str = ""
    program_id: str = ""
    start: str = ""


@dataclass(frozen=True, slots=True)
class Template:
    """The observing template a frame was taken with; fields the header lacks are empty.

    ``index`` and ``exposures`` are the number of this exposure and of all, 0 where unknown.
    """

    id: str = ""
    name: str = ""
    start: str = ""
    index: int = 0
    exposures: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameDescription:
    """One CCD frame, described by plain values.

    Attributes
    ----------
    kind : str
        One of `KINDS`.
    purpose : str
        readnoise, bias, dark, dome, twilight, photom or science.
    instrument, telescope, chip : str
        Names.
    extension : int
        HDU of the image in the original file; 0 for the primary.
    orig_filename : str
        Name of the original file, without folder.
    filter : str or None
        Name of the filter; None for bias and dark frames and where no filter is known.
    DATE_OBS : datetime
        Start of the exposure, UTC, without time zone.
    DATE : datetime or None
        When the file was written, UTC.
    MJD_OBS : float
        The same moment as ``DATE_OBS`` [day].
    EXPTIME : float
        Exposure time [s].
    OBJECT, OBSERVER : str
        As in the header, blanks removed.
    night : date
        Observing night, from noon to noon at the telescope, named after its first day.
    UTC, LST : float or None
        Start of the exposure as time since midnight [s].
    AIRMSTRT, AIRMEND : float or None
        Airmass at start and end.
    RA, DEC : float or None
        Pointing [deg].
    NAXIS1, NAXIS2, BITPIX : int
        Size of the frame [pixel] and bits per stored pixel.
    binning : tuple of int
        Binning in x and y.
    scans : ScanRegions
        Pre- and overscan.
    trim : Section
        The light-sensitive pixels.
    claimed_gain : float or None
        Gain the header claims [e-/ADU]; never to be trusted over a measured one.
    claimed_read_noise : float or None
        Read noise the header claims [e-]; likewise.
    readout : str
        Name of the read-out mode; calibrations of another mode do not apply.
    is_raw : bool
        False where the header shows that the pixels were processed before.
    wcs : LinearWcs or None
        Linear celestial coordinates, None where the header has none.
    observing_block, template : object or None
        Where the header names them.
    problems : tuple of str
        What was mended, guessed or left out, in words.
    guesses : tuple of str
        Those of the problems in which the kind or the date was guessed.
    """

    kind: str
    purpose: str
    instrument: str
    telescope: str
    chip: str
    extension: int
    orig_filename: str
    DATE_OBS: datetime
    MJD_OBS: float
    EXPTIME: float
    night: date
    NAXIS1: int
    NAXIS2: int
    BITPIX: int
    trim: Section
    scans: ScanRegions = field(default_factory=ScanRegions)
    filter: str | None = None
    DATE: datetime | None = None
    OBJECT: str = ""
    OBSERVER: str = ""
    UTC: float | None = None
    LST: float | None = None
    AIRMSTRT: float | None = None
    AIRMEND: float | None = None
    RA: float | None = None
    DEC: float | None = None
    binning: tuple[int, int] = (1, 1)
    claimed_gain: float | None = None
    claimed_read_noise: float | None = None
    readout: str = ""
    is_raw: bool = True
    wcs: LinearWcs | None = None
    observing_block: ObservingBlock | None = None
    template: Template | None = None
    problems: tuple[str, ...] = ()
    guesses: tuple[str, ...] = ()

    @property
    def overscan_x(self) -> Section | None:
        """Pixels beyond the data in x that measure the bias level, None where there are none."""
        s, trim = self.scans, self.trim
        return _strip(trim.x2 + 1 + s.OVSCXPST, self.NAXIS1 - s.OVSCXPRE, trim, along="y")

    @property
    def prescan_x(self) -> Section | None:
        """Pixels before the data in x that measure the bias level, None where there are none."""
        s, trim = self.scans, self.trim
        return _strip(1 + s.PRSCXPRE, trim.x1 - 1 - s.PRSCXPST, trim, along="y")

    @property
    def overscan_y(self) -> Section | None:
        """Pixels beyond the data in y that measure the bias level, None where there are none."""
        s, trim = self.scans, self.trim
        return _strip(trim.y2 + 1 + s.OVSCYPST, self.NAXIS2 - s.OVSCYPRE, trim, along="x")

    @property
    def prescan_y(self) -> Section | None:
        """Pixels before the data in y that measure the bias level, None where there are none."""
        s, trim = self.scans, self.trim
        return _strip(1 + s.PRSCYPRE, trim.y1 - 1 - s.PRSCYPST, trim, along="x")


def _strip(first: int, last: int, trim: Section, *, along: str) -> Section | None:
    if last < first:
        return None
    if along == "y":
        return Section(first, last, trim.y1, trim.y2)
    return Section(trim.x1, trim.x2, first, last)
