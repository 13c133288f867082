"""Algorithms: arrays in, arrays and numbers out; one step of the science per module.

Data are native, C-contiguous float32 or uint16 images [ADU] indexed (y, x) from 0; pixel maps are
uint8 with 1 good and 0 bad; a bad pixel inside has weight 0, NaN exists in FITS files only.
All results are the same bits for the same input, whatever the number of threads.

Names are loaded on first use (PEP 562): Numba and SciPy are imported by the call that needs them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from awlab.backend.algorithms.public_names import MODULES

if TYPE_CHECKING:
    from awlab.backend.algorithms.apertures import REFERENCE_APERTURE, GrowthCurve, growth_curve
    from awlab.backend.algorithms.arrays import BadArray
    from awlab.backend.algorithms.association import (
        Association,
        AssociationFlag,
        AssociationMode,
        Pairs,
        associate,
        match_mutual,
        match_nearest,
        match_pairs,
        mean_positions,
    )
    from awlab.backend.algorithms.association_closest import single_out_closest
    from awlab.backend.algorithms.background import BackgroundMap, BackgroundOptions, background_map
    from awlab.backend.algorithms.bias import master_bias
    from awlab.backend.algorithms.clear_sky import clear_sky_extinction
    from awlab.backend.algorithms.clipping import ClippedStatistics, clipped_statistics
    from awlab.backend.algorithms.coadd import (
        CoaddedImage,
        CoaddStrip,
        coadd_frames,
        coadd_strips,
    )
    from awlab.backend.algorithms.coadd_inputs import CoaddFrame, CoaddOptions, coadd_window
    from awlab.backend.algorithms.colour_terms import (
        Transformation,
        fit_transformation,
    )
    from awlab.backend.algorithms.combine import (
        CombinedImage,
        CombineOptions,
        DetectorNoise,
        combine_frames,
    )
    from awlab.backend.algorithms.content import content_hash
    from awlab.backend.algorithms.cosmic_rays import (
        CosmicRayOptions,
        CosmicRays,
        cosmic_ray_map,
    )
    from awlab.backend.algorithms.dark import master_dark
    from awlab.backend.algorithms.detection import DetectionOptions
    from awlab.backend.algorithms.exposure_groups import overlap_groups
    from awlab.backend.algorithms.extinction import (
        Extinction,
        extinction_from_curve,
        extinction_from_frames,
        extinction_from_zeropoint,
        extinction_from_zeropoints,
    )
    from awlab.backend.algorithms.extraction import (
        ExtractedSources,
        ExtractionFrame,
        ExtractionOptions,
        extract_sources,
    )
    from awlab.backend.algorithms.flats import (
        CombinedFlat,
        MasterFlat,
        MasterFlatOptions,
        combine_flats,
        master_flat,
    )
    from awlab.backend.algorithms.frame_selection import (
        FrameQuality,
        FrameSelection,
        SelectionLimits,
        select_frames,
    )
    from awlab.backend.algorithms.frame_zeropoints import (
        FrameMagnitudes,
        FrameParts,
        FrameZeropointOptions,
        FrameZeropoints,
        solve_frame_zeropoints,
    )
    from awlab.backend.algorithms.fringes import (
        FringePattern,
        FringeScale,
        FringeScaleOptions,
        fringe_pattern,
        fringe_scale,
    )
    from awlab.backend.algorithms.gain import GainMeasurement, GainOptions, measure_gain
    from awlab.backend.algorithms.global_astrometry import (
        GlobalAstrometry,
        GlobalOptions,
        solve_global_astrometry,
    )
    from awlab.backend.algorithms.grid import (
        GridWindow,
        TanGrid,
        common_grid,
        frame_window,
        plate_grid,
    )
    from awlab.backend.algorithms.illumination import IlluminationFit, fit_illumination
    from awlab.backend.algorithms.light_curves import MeanMagnitudes, mean_magnitudes
    from awlab.backend.algorithms.linearity import Linearity, fit_linearity
    from awlab.backend.algorithms.local_astrometry import (
        AstrometryOptions,
        LocalAstrometry,
        Residuals,
        solve_astrometry,
    )
    from awlab.backend.algorithms.moments import AdaptiveMoments, adaptive_moments
    from awlab.backend.algorithms.mosaic import (
        MosaicFrame,
    )
    from awlab.backend.algorithms.night_sky_flat import (
        NightSkyFlat,
        SkyPatternOptions,
        combine_night_sky,
    )
    from awlab.backend.algorithms.overscan import (
        OVERSCAN_METHODS,
        OverscanLevels,
        measure_overscan,
        trim,
    )
    from awlab.backend.algorithms.photometric_solution import (
        FieldMagnitudes,
        IlluminationMap,
        PhotometricOptions,
        PhotometricSolution,
        solve_photometry,
    )
    from awlab.backend.algorithms.pixel_maps import (
        BadPixels,
        cold_pixel_map,
        hot_pixel_map,
        merge_pixel_maps,
        saturated_pixel_map,
    )
    from awlab.backend.algorithms.plate_cards import (
        plate_from_cards,
        sip_cards,
        tpv_cards,
    )
    from awlab.backend.algorithms.pointing import (
        MatchFailure,
        PointingMatch,
        PointingOptions,
        match_pointing,
    )
    from awlab.backend.algorithms.polynomials import ChipPolynomial, fit_chip_polynomial
    from awlab.backend.algorithms.prewarming import prewarm
    from awlab.backend.algorithms.psf import PointSpread, StellarLocus, measure_psf, stellar_locus
    from awlab.backend.algorithms.read_noise import ReadNoiseMeasurement, measure_read_noise
    from awlab.backend.algorithms.reduce import (
        Calibrations,
        PixelFlag,
        PixelMaps,
        ReducedImage,
        inverse_variance,
        reduce_frame,
    )
    from awlab.backend.algorithms.regions import ReadoutLayout, Region
    from awlab.backend.algorithms.regrid import (
        RegriddedImage,
        RegridOptions,
        noise_ratio,
        regrid_frame,
    )
    from awlab.backend.algorithms.satellites import SatelliteOptions, SatelliteTracks, satellite_map
    from awlab.backend.algorithms.smoothing import smooth_map
    from awlab.backend.algorithms.stars import (
        DetectedSources,
        ReferenceStars,
    )
    from awlab.backend.algorithms.statistics import (
        ImageStatistics,
        SubWindowStatistics,
        image_histogram,
        image_statistics,
        sky_level,
        subwindow_statistics,
    )
    from awlab.backend.algorithms.tangent_plane import (
        PlateSolution,
        deproject,
        plate_from_samples,
        project,
    )
    from awlab.backend.algorithms.thumbnails import (
        Thumbnail,
        ThumbnailOptions,
        binned_mean,
        thumbnail,
    )
    from awlab.backend.algorithms.tracks import Track
    from awlab.backend.algorithms.zeropoint import (
        StandardStars,
        Zeropoint,
        ZeropointOptions,
        fit_zeropoint,
        instrumental_magnitudes,
    )

_HOME = {name: module for module, names in MODULES.items() for name in names}

__all__ = [
    "OVERSCAN_METHODS",
    "REFERENCE_APERTURE",
    "AdaptiveMoments",
    "Association",
    "AssociationFlag",
    "AssociationMode",
    "AstrometryOptions",
    "BackgroundMap",
    "BackgroundOptions",
    "BadArray",
    "BadPixels",
    "Calibrations",
    "ChipPolynomial",
    "ClippedStatistics",
    "CoaddFrame",
    "CoaddOptions",
    "CoaddStrip",
    "CoaddedImage",
    "CombineOptions",
    "CombinedFlat",
    "CombinedImage",
    "CosmicRayOptions",
    "CosmicRays",
    "DetectedSources",
    "DetectionOptions",
    "DetectorNoise",
    "Extinction",
    "ExtractedSources",
    "ExtractionFrame",
    "ExtractionOptions",
    "FieldMagnitudes",
    "FrameMagnitudes",
    "FrameParts",
    "FrameQuality",
    "FrameSelection",
    "FrameZeropointOptions",
    "FrameZeropoints",
    "FringePattern",
    "FringeScale",
    "FringeScaleOptions",
    "GainMeasurement",
    "GainOptions",
    "GlobalAstrometry",
    "GlobalOptions",
    "GridWindow",
    "GrowthCurve",
    "IlluminationFit",
    "IlluminationMap",
    "ImageStatistics",
    "Linearity",
    "LocalAstrometry",
    "MasterFlat",
    "MasterFlatOptions",
    "MatchFailure",
    "MeanMagnitudes",
    "MosaicFrame",
    "NightSkyFlat",
    "OverscanLevels",
    "Pairs",
    "PhotometricOptions",
    "PhotometricSolution",
    "PixelFlag",
    "PixelMaps",
    "PlateSolution",
    "PointSpread",
    "PointingMatch",
    "PointingOptions",
    "ReadNoiseMeasurement",
    "ReadoutLayout",
    "ReducedImage",
    "ReferenceStars",
    "Region",
    "RegridOptions",
    "RegriddedImage",
    "Residuals",
    "SatelliteOptions",
    "SatelliteTracks",
    "SelectionLimits",
    "SkyPatternOptions",
    "StandardStars",
    "StellarLocus",
    "SubWindowStatistics",
    "TanGrid",
    "Thumbnail",
    "ThumbnailOptions",
    "Track",
    "Transformation",
    "Zeropoint",
    "ZeropointOptions",
    "adaptive_moments",
    "associate",
    "background_map",
    "binned_mean",
    "clear_sky_extinction",
    "clipped_statistics",
    "coadd_frames",
    "coadd_strips",
    "coadd_window",
    "cold_pixel_map",
    "combine_flats",
    "combine_frames",
    "combine_night_sky",
    "common_grid",
    "content_hash",
    "cosmic_ray_map",
    "deproject",
    "extinction_from_curve",
    "extinction_from_frames",
    "extinction_from_zeropoint",
    "extinction_from_zeropoints",
    "extract_sources",
    "fit_chip_polynomial",
    "fit_illumination",
    "fit_linearity",
    "fit_transformation",
    "fit_zeropoint",
    "frame_window",
    "fringe_pattern",
    "fringe_scale",
    "growth_curve",
    "hot_pixel_map",
    "image_histogram",
    "image_statistics",
    "instrumental_magnitudes",
    "inverse_variance",
    "master_bias",
    "master_dark",
    "master_flat",
    "match_mutual",
    "match_nearest",
    "match_pairs",
    "match_pointing",
    "mean_magnitudes",
    "mean_positions",
    "measure_gain",
    "measure_overscan",
    "measure_psf",
    "measure_read_noise",
    "merge_pixel_maps",
    "noise_ratio",
    "overlap_groups",
    "plate_from_cards",
    "plate_from_samples",
    "plate_grid",
    "prewarm",
    "project",
    "reduce_frame",
    "regrid_frame",
    "satellite_map",
    "saturated_pixel_map",
    "select_frames",
    "single_out_closest",
    "sip_cards",
    "sky_level",
    "smooth_map",
    "solve_astrometry",
    "solve_frame_zeropoints",
    "solve_global_astrometry",
    "solve_photometry",
    "stellar_locus",
    "subwindow_statistics",
    "thumbnail",
    "tpv_cards",
    "trim",
]


def __getattr__(name: str) -> Any:
    """Load a public name from its module on first use."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
