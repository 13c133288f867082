"""The targets: one class, one file; every one says what it is made from and how."""

from __future__ import annotations

from awlab.backend.targets.bias import BiasFrame, BiasFrameParameters
from awlab.backend.targets.cold_pixels import ColdPixelMap, ColdPixelMapParameters
from awlab.backend.targets.dark import DarkFrame, DarkFrameParameters
from awlab.backend.targets.flat import (
    BaseFlatFrame,
    DomeFlatFrame,
    DomeFlatFrameParameters,
    TwilightFlatFrame,
    TwilightFlatFrameParameters,
)
from awlab.backend.targets.gain import GainLinearity, GainLinearityParameters
from awlab.backend.targets.hot_pixels import HotPixelMap, HotPixelMapParameters
from awlab.backend.targets.master_flat import MasterFlatFrame, MasterFlatFrameParameters
from awlab.backend.targets.pixel_map import PixelMap
from awlab.backend.targets.read_noise import ReadNoise, ReadNoiseParameters
from awlab.backend.targets.reduced import ReducedScienceFrame, ReducedScienceFrameParameters
from awlab.backend.targets.saturated import SaturatedPixelMap, SaturatedPixelMapParameters
from awlab.backend.targets.weight import WeightFrame

__all__ = [
    "BaseFlatFrame",
    "BiasFrame",
    "BiasFrameParameters",
    "ColdPixelMap",
    "ColdPixelMapParameters",
    "DarkFrame",
    "DarkFrameParameters",
    "DomeFlatFrame",
    "DomeFlatFrameParameters",
    "GainLinearity",
    "GainLinearityParameters",
    "HotPixelMap",
    "HotPixelMapParameters",
    "MasterFlatFrame",
    "MasterFlatFrameParameters",
    "PixelMap",
    "ReadNoise",
    "ReadNoiseParameters",
    "ReducedScienceFrame",
    "ReducedScienceFrameParameters",
    "SaturatedPixelMap",
    "SaturatedPixelMapParameters",
    "TwilightFlatFrame",
    "TwilightFlatFrameParameters",
    "WeightFrame",
]
