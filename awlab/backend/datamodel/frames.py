"""Images: what all frames have, and the raw frames that instruments deliver."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from awlab.backend.database import DBObject, persistent
from awlab.backend.datamodel.data_object import DataObject
from awlab.backend.datamodel.equipment import Chip, Filter, Instrument, ObservingBlock, Template
from awlab.backend.datamodel.judged import Judged
from awlab.backend.datamodel.quality_flags import Flag
from awlab.backend.datamodel.values import Astrom, Imstat

__all__ = [
    "BaseFrame",
    "RawBiasFrame",
    "RawDarkFrame",
    "RawDomeFlatFrame",
    "RawFits",
    "RawFrame",
    "RawScienceFrame",
    "RawTwilightFlatFrame",
]


_FLAT_FLAGS = (
    Flag(16, "FLAT_LEVEL_LOW", "mean level below MIN_FLAT_MEAN: hardly any light"),
    Flag(17, "FLAT_LEVEL_HIGH", "mean level above MAX_FLAT_MEAN: saturated"),
)
_FULL_SCALE = {8: 255.0}  # of frames of that BITPIX [ADU]; of 16 bits and more 65535


class BaseFrame(Judged, DataObject, abstract=True):
    """Any image of one chip."""

    instrument = persistent("Instrument", Instrument)
    chip = persistent("Detector chip", Chip)
    readout = persistent("Read-out mode; frames of different modes do not mix", str, "")
    imstat = persistent("Statistics of the pixels", Imstat)
    NAXIS1 = persistent("Length of axis 1 [pixel]", int)
    NAXIS2 = persistent("Length of axis 2 [pixel]", int)


class RawFits(DBObject):
    """The file that a telescope delivered, before it was split per chip."""

    _raw_data = True
    _unique_on = ("content_sha256",)

    orig_filename = persistent("Name of the file as delivered", str, "")
    content_sha256 = persistent("SHA-256 of the file as delivered", str, "")
    orig_size = persistent("Size of the file as delivered [byte]", int)
    instrument = persistent("Instrument", Instrument)
    DATE_OBS = persistent("Start of the observation, UTC", datetime)
    header_notes = persistent("What was mended or guessed in the headers", str, [])


class RawFrame(BaseFrame, abstract=True):
    """One chip of one exposure, as delivered."""

    _raw_data = True
    _raw_data = True
    _product_code = "Raw"
    _file_category = "Raw"
    _indexes = (("night", "chip"), ("chip", "DATE_OBS"))

    FLAGS: ClassVar[tuple[Flag, ...]] = (
        # A whole archive may be without IMAGETYP: it is calibrated like any other, and says so.
        Flag(6, "HEADER_GUESSED", "something essential of the header was guessed", informs=True),
        Flag(7, "NOT_RAW", "the header shows that the pixels were processed before"),
    )

    raw_fits = persistent("File it was split from", RawFits, dependency=True)
    extension = persistent("Number of the extension in that file", int, 0)
    observing_block = persistent("Observing block", ObservingBlock)
    template = persistent("Observing template", Template)
    purpose = persistent("What it was taken for: bias, dome, photom, science ...", str, "")
    night = persistent("Observing night, from noon to noon, CCYY-MM-DD", str, "")
    DATE_OBS = persistent("Start of the observation, UTC", datetime)
    DATE = persistent("When the file was written, UTC", datetime)
    MJD_OBS = persistent("Start of the observation, modified Julian date [d]", float)
    UTC = persistent("Start of the observation since midnight UTC [s]", float)
    LST = persistent("Local sidereal time at the start [s]", float)
    EXPTIME = persistent("Exposure time [s]", float)
    OBJECT = persistent("Name of the object observed", str, "")
    OBSERVER = persistent("Observer", str, "")
    BITPIX = persistent("Bits per stored pixel, as in FITS", int)
    claimed_gain = persistent("Gain that the header claims [electron / adu]", float)
    claimed_read_noise = persistent("Read noise that the header claims [electron]", float)
    overscan_x_stat = persistent("Statistics of the overscan in x", Imstat)
    overscan_y_stat = persistent("Statistics of the overscan in y", Imstat)
    prescan_x_stat = persistent("Statistics of the prescan in x", Imstat)
    prescan_y_stat = persistent("Statistics of the prescan in y", Imstat)
    PRSCX = persistent("Width of the prescan in x [pixel]", int, 0)
    PRSCXPRE = persistent("Prescan columns to skip at the edge of the chip [pixel]", int, 0)
    PRSCXPST = persistent("Prescan columns to skip at the data [pixel]", int, 0)
    PRSCY = persistent("Height of the prescan in y [pixel]", int, 0)
    PRSCYPRE = persistent("Prescan rows to skip at the edge of the chip [pixel]", int, 0)
    PRSCYPST = persistent("Prescan rows to skip at the data [pixel]", int, 0)
    OVSCX = persistent("Width of the overscan in x [pixel]", int, 0)
    OVSCXPRE = persistent("Overscan columns to skip at the edge of the chip [pixel]", int, 0)
    OVSCXPST = persistent("Overscan columns to skip at the data [pixel]", int, 0)
    OVSCY = persistent("Height of the overscan in y [pixel]", int, 0)
    OVSCYPRE = persistent("Overscan rows to skip at the edge of the chip [pixel]", int, 0)
    OVSCYPST = persistent("Overscan rows to skip at the data [pixel]", int, 0)

    @property
    def _keeps_archive_name(self) -> bool:
        return True

    def verify(self) -> None:
        """Compare the statistics with the limits of the class and raise quality flags."""


class RawBiasFrame(RawFrame):
    """Raw bias: zero exposure time, shutter closed."""

    FLAGS: ClassVar[tuple[Flag, ...]] = (
        Flag(16, "BIAS_LEVEL_HIGH", "mean above MAX_BIAS_LEVEL: light fell on the chip"),
        Flag(17, "BIAS_NOISY", "standard deviation above MAX_BIAS_STDEV"),
        Flag(18, "BIAS_NOT_FLAT", "medians of windows differ by more than MAX_BIAS_FLATNESS"),
    )
    #: QC limits [ADU], by Astro-WISE's names; wide, because they hold for every instrument.
    MAX_BIAS_LEVEL: ClassVar[float] = 10_000.0
    MAX_BIAS_STDEV: ClassVar[float] = 500.0
    MAX_BIAS_FLATNESS: ClassVar[float] = 500.0

    subwin_flatness = persistent("Largest minus smallest median of 32 windows [ADU]", float)

    def verify(self) -> None:
        """Compare level, scatter and flatness with the limits."""
        if _exceeds(self.imstat.mean, self.MAX_BIAS_LEVEL):
            self.raise_flag("BIAS_LEVEL_HIGH")
        if _exceeds(self.imstat.stdev, self.MAX_BIAS_STDEV):
            self.raise_flag("BIAS_NOISY")
        if _exceeds(self.subwin_flatness, self.MAX_BIAS_FLATNESS):
            self.raise_flag("BIAS_NOT_FLAT")


class RawDarkFrame(RawFrame):
    """Raw dark: shutter closed for the exposure time."""


class RawDomeFlatFrame(RawFrame):
    """Raw flat of the illuminated dome."""

    FLAGS: ClassVar[tuple[Flag, ...]] = _FLAT_FLAGS
    #: QC limits on the mean, as parts of full scale or saturation; the lower above the overscan.
    MIN_FLAT_MEAN: ClassVar[float] = 0.005
    MAX_FLAT_MEAN: ClassVar[float] = 0.95

    filter = persistent("Filter", Filter)

    def verify(self) -> None:
        """Compare the level with the limits."""
        _verify_flat(self)


class RawTwilightFlatFrame(RawFrame):
    """Raw flat of the twilight sky."""

    FLAGS: ClassVar[tuple[Flag, ...]] = _FLAT_FLAGS
    #: QC limits on the mean, as parts of full scale or saturation; the lower above the overscan.
    MIN_FLAT_MEAN: ClassVar[float] = 0.005
    MAX_FLAT_MEAN: ClassVar[float] = 0.95

    filter = persistent("Filter", Filter)

    def verify(self) -> None:
        """Compare the level with the limits."""
        _verify_flat(self)


class RawScienceFrame(RawFrame):
    """Raw frame of the sky: a science or standard field."""

    REQUIREMENT = "631"

    filter = persistent("Filter", Filter)
    astrom = persistent("Linear coordinates as delivered", Astrom)
    AIRMSTRT = persistent("Airmass at the start", float)
    AIRMEND = persistent("Airmass at the end", float)


def _exceeds(value: float | None, limit: float) -> bool:
    return value is not None and value > limit


def _verify_flat(flat: Any) -> None:
    """Flag a raw flat that has too little or too much light."""
    if flat.imstat.mean is None:
        return
    full = (flat.chip.saturation if flat.chip else None) or _FULL_SCALE.get(flat.BITPIX, 65535.0)
    if flat.imstat.mean > flat.MAX_FLAT_MEAN * full:
        flat.raise_flag("FLAT_LEVEL_HIGH")
    if flat.imstat.mean - (flat.overscan_x_stat.mean or 0.0) < flat.MIN_FLAT_MEAN * full:
        flat.raise_flag("FLAT_LEVEL_LOW")
