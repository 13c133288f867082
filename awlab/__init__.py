"""Pull-based calibration of CCD surveys, with full data lineage, in Jupyter."""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_PUBLIC = {
    "awlab.backend.database": ("DBObject", "Query", "Struct", "context", "persistent"),
    "awlab.backend.errors": ("AwlabError",),
    "awlab.backend.datamodel": (
        "Astrom",
        "BaseFrame",
        "Chip",
        "Comment",
        "DataObject",
        "Filter",
        "Flag",
        "Imstat",
        "Instrument",
        "Judged",
        "ObservingBlock",
        "RawBiasFrame",
        "RawDarkFrame",
        "RawDomeFlatFrame",
        "RawFits",
        "RawFrame",
        "RawScienceFrame",
        "RawTwilightFlatFrame",
        "Tag",
        "Template",
        "connect",
    ),
    "awlab.backend.catalogs": (
        "AstrometricCatalog",
        "BaseCatalog",
        "PhotRefCatalog",
        "ReferenceCatalog",
        "SourceTable",
        "fetch_reference",
        "ingest_reference",
    ),
    "awlab.backend.ingest": ("ingest",),
    "awlab.backend.lineage": ("explain", "export_prov", "source_lineage", "tell_me_everything"),
    "awlab.backend.process": (
        "Calibration",
        "FilteredCalibration",
        "Pars",
        "ProcessParameters",
        "ProcessTarget",
        "dpu",
        "lpu",
        "what_if",
    ),
    "awlab.backend.quality": ("quality_page",),
    "awlab.backend.targets": (
        "AstrometricParameters",
        "AstrometricParametersParameters",
        "CosmicMap",
        "CosmicMapParameters",
        "AtmosphericExtinction",
        "AtmosphericExtinctionParameters",
        "CoaddedRegriddedFrame",
        "CoaddedRegriddedFrameParameters",
        "Catalog",
        "CatalogParameters",
        "FieldSolution",
        "GAstrometric",
        "GAstrometricParameters",
        "GPhotometric",
        "GPhotometricParameters",
        "PhotSrcCatalog",
        "PhotSrcCatalogParameters",
        "PhotTransformation",
        "PhotTransformationParameters",
        "PhotometricParameters",
        "PhotometricParametersParameters",
        "RegriddedBaseFrame",
        "RegriddedFrame",
        "RegriddedFrameParameters",
        "AssociateList",
        "AssociateListParameters",
        "BaseList",
        "CombinedList",
        "CombinedListParameters",
        "ExternalList",
        "AttributeCalculator",
        "ConcatenateSources",
        "DerivedCollection",
        "FilterSources",
        "SelectAttributes",
        "SelectSources",
        "SourceCollection",
        "SourceListWrapper",
        "ingest_catalog",
        "SourceList",
        "SourceListParameters",
        "BaseFlatFrame",
        "BiasFrame",
        "BiasFrameParameters",
        "ColdPixelMap",
        "ColdPixelMapParameters",
        "DarkFrame",
        "DarkFrameParameters",
        "DomeFlatFrame",
        "DomeFlatFrameParameters",
        "FringeFrame",
        "FringeFrameParameters",
        "GainLinearity",
        "GainLinearityParameters",
        "HotPixelMap",
        "HotPixelMapParameters",
        "BackgroundFrame",
        "BackgroundFrameParameters",
        "IlluminationCorrection",
        "IlluminationCorrectionFrame",
        "IlluminationCorrectionParameters",
        "NightSkyFlatFrame",
        "NightSkyFlatFrameParameters",
        "MasterFlatFrame",
        "MasterFlatFrameParameters",
        "PixelMap",
        "ReadNoise",
        "ReadNoiseParameters",
        "ReducedScienceFrame",
        "ReducedScienceFrameParameters",
        "SatelliteMap",
        "SatelliteMapParameters",
        "SaturatedPixelMap",
        "SaturatedPixelMapParameters",
        "TwilightFlatFrame",
        "TwilightFlatFrameParameters",
        "WeightFrame",
    ),
}
_ROOM_OF = {name: room for room, names in _PUBLIC.items() for name in names}

__all__ = ["__version__", *sorted(_ROOM_OF)]  # noqa: PLE0604 - all of them are strings


def __getattr__(name: str) -> Any:
    """Load a public name on first use (PEP 562): importing awlab itself is cheap."""
    room = _ROOM_OF.get(name)
    if room is None:
        raise AttributeError(f"module 'awlab' has no attribute {name!r}")
    # All targets at once: a query on a base class must know every derived class.
    import_module("awlab.backend.targets")
    # And what `inspect()` of all of them shows.
    import_module("awlab.backend.quality")
    return getattr(import_module(room), name)


def __dir__() -> list[str]:
    """List the public names."""
    return list(__all__)


def load_ipython_extension(shell: Any) -> None:
    """Load the magics: ``%load_ext awlab``."""
    import_module("awlab.kernel_magic").load(shell)


def unload_ipython_extension(shell: Any) -> None:
    """Unload the magics: ``%unload_ext awlab``."""
    import_module("awlab.kernel_magic").unload(shell)
