"""Small targets from raw frames of a few pixels, on a real database."""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta
from typing import ClassVar

import numpy as np
import pytest

from awlab.backend.database import persistent
from awlab.backend.datamodel import (
    Chip,
    Filter,
    Instrument,
    RawBiasFrame,
    RawDarkFrame,
    RawDomeFlatFrame,
    RawScienceFrame,
)
from awlab.backend.dataserver import read_image, write_image
from awlab.backend.process import (
    Calibration,
    FilteredCalibration,
    ProcessParameters,
    ProcessTarget,
)

FIRST, SECOND = "2000-04-28", "2000-04-30"
_numbers = itertools.count(1)


class TargetBiasParameters(ProcessParameters):
    """Parameters of the bias of the contract."""

    OFFSET = persistent("Added to the level [ADU]", float, 0.0)
    CLIP = persistent("Clipping, which changes nothing here", float, 3.0)


def levels(frames):
    """Mean levels of raw frames."""
    return [float(read_image(frame.retrieve())[0].mean()) for frame in frames]


class TargetBias(Calibration):
    """Level of the biases of a night."""

    MINIMUM: ClassVar[dict[str, int]] = {"raw_bias": 2}
    raw_bias = persistent("Raw biases", RawBiasFrame, [])
    process_params = persistent("Parameters", TargetBiasParameters)
    level = persistent("Level [ADU]", float)

    def make(self):
        self.level = float(np.mean(levels(self.raw_bias))) + self.process_params.OFFSET


class TargetDark(Calibration):
    """Level of the darks of a night."""

    MINIMUM: ClassVar[dict[str, int]] = {"raw_dark": 2}
    raw_dark = persistent("Raw darks", RawDarkFrame, [])
    bias = persistent("Bias", TargetBias)
    level = persistent("Level [ADU]", float)

    def make(self):
        self.level = float(np.mean(levels(self.raw_dark))) - self.bias.level


class TargetFlat(FilteredCalibration):
    """Level of the domes of a night."""

    raw_dome = persistent("Raw domes", RawDomeFlatFrame, [])
    bias = persistent("Bias", TargetBias)
    level = persistent("Level [ADU]", float)

    def make(self):
        self.level = float(np.mean(levels(self.raw_dome))) - self.bias.level


class TargetFrame(ProcessTarget):
    """Level of one science frame."""

    raw = persistent("Raw frame", RawScienceFrame)
    bias = persistent("Bias", TargetBias)
    dark = persistent("Dark", TargetDark, optional=True)
    flat = persistent("Flat", TargetFlat)
    level = persistent("Level", float)

    def make(self):
        dark = self.dark.level if self.dark else 0.0
        self.level = (levels([self.raw])[0] - self.bias.level - dark) / self.flat.level


class Night:
    """One chip of its own, and what was taken with it."""

    def __init__(self, folder, camera):
        number = next(_numbers)
        self.folder, self.camera = folder, camera
        self.chip = Chip(instrument=camera, name=f"tcd{number:03d}").commit()
        self.band = Filter(instrument=camera, name=f"#T{number}").commit()
        self.moment = datetime(2000, 4, 28, 20)

    def take(self, cls, night, level, count=1):
        """Take raw frames of one level; noise makes every file another."""
        found = []
        for _ in range(count):
            self.moment += timedelta(seconds=1)
            path = self.folder / f"{self.chip.name}-{next(_numbers)}.fits"
            write_image(path, np.full((4, 4), level + next(_numbers) % 7, dtype=np.float32), {})
            more = {"filter": self.band} if "filter" in cls._attributes else {}
            frame = cls(
                path, instrument=self.camera, chip=self.chip, night=night, NAXIS1=4, NAXIS2=4,
                DATE_OBS=datetime.fromisoformat(f"{night}T23:00:00"), **more,
            )  # fmt: skip
            found.append(frame.store().commit())
        return found

    def get(self, cls, night=FIRST, **more):
        """Pull a calibration."""
        key = {"filter": self.band.name} if issubclass(cls, FilteredCalibration) else {}
        return cls.get(instrument="TCAM", chip=self.chip.name, date=night, **key, **more)

    def stale(self):
        """Why objects of this chip are outdated, by class and night."""
        found = {}
        for cls in (TargetBias, TargetDark, TargetFlat):
            for item, reasons in cls.outdated((cls.chip == self.chip) & (cls.is_valid > 0)):
                found[f"{cls.__name__} {item.night}"] = reasons
        for item, reasons in TargetFrame.outdated(TargetFrame.raw.chip == self.chip):
            found[f"TargetFrame {item.raw.night}"] = reasons
        return found


@pytest.fixture(scope="module")
def camera(home):
    """A camera in Greenwich."""
    return Instrument(name="TCAM", timezone=0.0).commit()


@pytest.fixture
def night(tmp_path, camera):
    """Biases and domes of one night, a science frame of it and one of two nights later; reduced."""
    night = Night(tmp_path, camera)
    night.raw_bias = night.take(RawBiasFrame, FIRST, 100.0, 3)
    night.take(RawDomeFlatFrame, FIRST, 20100.0, 3)
    night.raws = [night.take(RawScienceFrame, when, 700.0)[0] for when in (FIRST, SECOND)]
    night.frames = [TargetFrame.get(raw=raw) for raw in night.raws]
    night.bias, night.flat = night.frames[0].bias, night.frames[0].flat
    assert night.stale() == {}
    return night


@pytest.fixture
def new_night(tmp_path, camera):
    """Another chip of its own, with nothing taken yet."""
    return lambda: Night(tmp_path, camera)
