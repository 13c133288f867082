"""Calibrations: targets of a night that stay valid for a while."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from awlab.backend.database import amend, persistent
from awlab.backend.datamodel import Chip, Filter, Instrument, night_start
from awlab.backend.errors import QueryError
from awlab.backend.process.target import ProcessTarget

__all__ = ["Calibration", "FilteredCalibration"]


class Calibration(ProcessTarget, abstract=True):
    """A calibration of one chip, made from the frames of one night.

    It applies from ``timestamp_start`` to ``timestamp_end``; of several that apply the favourite,
    then the newest is used.
    """

    _is_calibration = True
    _indexes = (("chip", "night"), ("chip", "timestamp_start"))

    #: For how many nights a calibration applies, its own included; `process_params` may say so.
    VALID_NIGHTS = 7.0

    instrument = persistent("Instrument", Instrument)
    chip = persistent("Detector chip", Chip)
    readout = persistent("Read-out mode; frames of different modes do not mix", str, "")
    night = persistent("Night it was made from, CCYY-MM-DD", str, "")
    timestamp_start = persistent("Beginning of the validity, UTC", datetime)
    timestamp_end = persistent("End of the validity, UTC", datetime)
    origin = persistent("derived from raw frames, or default", str, "derived")

    def derive_timestamps(self) -> None:
        """Apply from the noon before the night, for ``VALID_NIGHTS`` nights."""
        timezone = self.instrument.timezone or 0.0 if self.instrument is not None else 0.0
        start = night_start(self.night, timezone)
        nights = getattr(self.process_params, "VALID_NIGHTS", None) or self.VALID_NIGHTS
        self.timestamp_start = start
        self.timestamp_end = start + timedelta(days=nights)

    def set_timestamps(self, start: Any, end: Any, reason: str) -> None:
        """Change the validity; who and why is kept.

        Raises
        ------
        QueryError
            If it would end before it begins, or no reason is given.
        """
        names = ("timestamp_start", "timestamp_end")
        first, last = (
            type(self)._attributes[name].check(value)
            for name, value in zip(names, (start, end), strict=True)
        )
        if first is None or last is None or first >= last:
            raise QueryError(f"a validity from {start} to {end} is empty", "start before end")
        amend([self], {"timestamp_start": first, "timestamp_end": last}, reason)


class FilteredCalibration(Calibration, abstract=True):
    """A calibration of one chip in one filter."""

    filter = persistent("Filter", Filter)
