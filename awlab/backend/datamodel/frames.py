"""Images: what all frames have, and the raw frames that instruments deliver."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from awlab.backend.database import DBObject, Query, persistent
from awlab.backend.datamodel.data_object import DataObject
from awlab.backend.datamodel.equipment import Chip, Filter, Instrument, ObservingBlock, Template
from awlab.backend.datamodel.judged import Judged
from awlab.backend.datamodel.quality_flags import Flag
from awlab.backend.datamodel.times import night_name
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


class BaseFrame(Judged, DataObject, abstract=True):
    """Any image of one chip."""

    instrument = persistent("Instrument", Instrument)
    chip = persistent("Detector chip", Chip)
    readout = persistent("Read-out mode; frames of different modes do not mix", str, "")
    imstat = persistent("Statistics of the pixels", Imstat)
    NAXIS1 = persistent("Length of axis 1 [pixel]", int)
    NAXIS2 = persistent("Length of axis 2 [pixel]", int)

    @classmethod
    def _select_by(cls, name: str, value: Any) -> Query:
        if name == "date" and "night" in cls._attributes:
            return super()._select_by("night", night_name(value))
        if name == "object" and "OBJECT" in cls._attributes:
            name = "OBJECT"
        return super()._select_by(name, value)


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


class RawBiasFrame(RawFrame):
    """Raw bias: zero exposure time, shutter closed."""


class RawDarkFrame(RawFrame):
    """Raw dark: shutter closed for the exposure time."""


class RawDomeFlatFrame(RawFrame):
    """Raw flat of the illuminated dome."""

    filter = persistent("Filter", Filter)


class RawTwilightFlatFrame(RawFrame):
    """Raw flat of the twilight sky."""

    filter = persistent("Filter", Filter)


class RawScienceFrame(RawFrame):
    """Raw frame of the sky: a science or standard field."""

    filter = persistent("Filter", Filter)
    astrom = persistent("Linear coordinates as delivered", Astrom)
    AIRMSTRT = persistent("Airmass at the start", float)
    AIRMEND = persistent("Airmass at the end", float)
