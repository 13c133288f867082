"""The targets: one class, one file; every one says what it is made from and how."""

from __future__ import annotations

from awlab.backend.targets.associate_list import AssociateList, AssociateListParameters
from awlab.backend.targets.astrometric_parameters import (
    AstrometricParameters,
    AstrometricParametersParameters,
)
from awlab.backend.targets.atmospheric_extinction import (
    AtmosphericExtinction,
    AtmosphericExtinctionParameters,
)
from awlab.backend.targets.attribute_calculator import AttributeCalculator
from awlab.backend.targets.background import BackgroundFrame, BackgroundFrameParameters
from awlab.backend.targets.bias import BiasFrame, BiasFrameParameters
from awlab.backend.targets.coadded import CoaddedRegriddedFrame, CoaddedRegriddedFrameParameters
from awlab.backend.targets.cold_pixels import ColdPixelMap, ColdPixelMapParameters
from awlab.backend.targets.combined_list import CombinedList, CombinedListParameters
from awlab.backend.targets.cosmic import CosmicMap, CosmicMapParameters
from awlab.backend.targets.dark import DarkFrame, DarkFrameParameters
from awlab.backend.targets.external_list import ExternalList, ingest_catalog
from awlab.backend.targets.field_solution import FieldSolution
from awlab.backend.targets.flat import (
    BaseFlatFrame,
    DomeFlatFrame,
    DomeFlatFrameParameters,
    TwilightFlatFrame,
    TwilightFlatFrameParameters,
)
from awlab.backend.targets.frame_catalog import Catalog, CatalogParameters
from awlab.backend.targets.fringe import FringeFrame, FringeFrameParameters
from awlab.backend.targets.gain import GainLinearity, GainLinearityParameters
from awlab.backend.targets.global_astrometric import GAstrometric, GAstrometricParameters
from awlab.backend.targets.global_photometric import GPhotometric, GPhotometricParameters
from awlab.backend.targets.hot_pixels import HotPixelMap, HotPixelMapParameters
from awlab.backend.targets.illumination import (
    IlluminationCorrection,
    IlluminationCorrectionFrame,
    IlluminationCorrectionParameters,
)
from awlab.backend.targets.master_flat import MasterFlatFrame, MasterFlatFrameParameters
from awlab.backend.targets.night_sky_flat import NightSkyFlatFrame, NightSkyFlatFrameParameters
from awlab.backend.targets.phot_src_catalog import PhotSrcCatalog, PhotSrcCatalogParameters
from awlab.backend.targets.phot_transformation import (
    PhotTransformation,
    PhotTransformationParameters,
)
from awlab.backend.targets.photometric_parameters import (
    PhotometricParameters,
    PhotometricParametersParameters,
)
from awlab.backend.targets.pixel_map import PixelMap
from awlab.backend.targets.read_noise import ReadNoise, ReadNoiseParameters
from awlab.backend.targets.reduced import ReducedScienceFrame, ReducedScienceFrameParameters
from awlab.backend.targets.regridded import (
    RegriddedBaseFrame,
    RegriddedFrame,
    RegriddedFrameParameters,
)
from awlab.backend.targets.satellite import SatelliteMap, SatelliteMapParameters
from awlab.backend.targets.saturated import SaturatedPixelMap, SaturatedPixelMapParameters
from awlab.backend.targets.source import BaseList, Source
from awlab.backend.targets.source_collection import (
    ConcatenateSources,
    DerivedCollection,
    FilterSources,
    SelectAttributes,
    SelectSources,
    SourceCollection,
    SourceListWrapper,
)
from awlab.backend.targets.source_list import SourceList, SourceListParameters
from awlab.backend.targets.source_path import trace_source
from awlab.backend.targets.source_trace import Place, SourceTrace, cut_out
from awlab.backend.targets.weight import WeightFrame

__all__ = [
    "AssociateList",
    "AssociateListParameters",
    "AstrometricParameters",
    "AstrometricParametersParameters",
    "AtmosphericExtinction",
    "AtmosphericExtinctionParameters",
    "AttributeCalculator",
    "BackgroundFrame",
    "BackgroundFrameParameters",
    "BaseFlatFrame",
    "BaseList",
    "BiasFrame",
    "BiasFrameParameters",
    "Catalog",
    "CatalogParameters",
    "CoaddedRegriddedFrame",
    "CoaddedRegriddedFrameParameters",
    "ColdPixelMap",
    "ColdPixelMapParameters",
    "CombinedList",
    "CombinedListParameters",
    "ConcatenateSources",
    "CosmicMap",
    "CosmicMapParameters",
    "DarkFrame",
    "DarkFrameParameters",
    "DerivedCollection",
    "DomeFlatFrame",
    "DomeFlatFrameParameters",
    "ExternalList",
    "FieldSolution",
    "FilterSources",
    "FringeFrame",
    "FringeFrameParameters",
    "GAstrometric",
    "GAstrometricParameters",
    "GPhotometric",
    "GPhotometricParameters",
    "GainLinearity",
    "GainLinearityParameters",
    "HotPixelMap",
    "HotPixelMapParameters",
    "IlluminationCorrection",
    "IlluminationCorrectionFrame",
    "IlluminationCorrectionParameters",
    "MasterFlatFrame",
    "MasterFlatFrameParameters",
    "NightSkyFlatFrame",
    "NightSkyFlatFrameParameters",
    "PhotSrcCatalog",
    "PhotSrcCatalogParameters",
    "PhotTransformation",
    "PhotTransformationParameters",
    "PhotometricParameters",
    "PhotometricParametersParameters",
    "PixelMap",
    "Place",
    "ReadNoise",
    "ReadNoiseParameters",
    "ReducedScienceFrame",
    "ReducedScienceFrameParameters",
    "RegriddedBaseFrame",
    "RegriddedFrame",
    "RegriddedFrameParameters",
    "SatelliteMap",
    "SatelliteMapParameters",
    "SaturatedPixelMap",
    "SaturatedPixelMapParameters",
    "SelectAttributes",
    "SelectSources",
    "Source",
    "SourceCollection",
    "SourceList",
    "SourceListParameters",
    "SourceListWrapper",
    "SourceTrace",
    "TwilightFlatFrame",
    "TwilightFlatFrameParameters",
    "WeightFrame",
    "cut_out",
    "ingest_catalog",
    "trace_source",
]
