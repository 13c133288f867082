"""Which module of the room has which public names.

References
----------
.. [1] PEP 562, module ``__getattr__``: names are loaded on first use.
"""

from __future__ import annotations

__all__ = ["MODULES"]

MODULES: dict[str, tuple[str, ...]] = {
    "apertures": ("REFERENCE_APERTURE", "GrowthCurve", "growth_curve"),
    "arrays": ("BadArray",),
    "association": (
        "Association",
        "AssociationFlag",
        "AssociationMode",
        "Pairs",
        "associate",
        "match_mutual",
        "match_nearest",
        "match_pairs",
        "mean_positions",
    ),
    "background": ("BackgroundMap", "BackgroundOptions", "background_map"),
    "bias": ("master_bias",),
    "clipping": ("ClippedStatistics", "clipped_statistics"),
    "coadd": ("CoaddStrip", "CoaddedImage", "coadd_frames", "coadd_strips"),
    "coadd_inputs": ("CoaddFrame", "CoaddOptions"),
    "colour_terms": ("Transformation", "fit_transformation"),
    "combine": ("CombineOptions", "CombinedImage", "DetectorNoise", "combine_frames"),
    "content": ("content_hash",),
    "cosmic_rays": ("CosmicRayOptions", "CosmicRays", "cosmic_ray_map"),
    "dark": ("master_dark",),
    "detection": ("DetectionOptions",),
    "extinction": (
        "Extinction",
        "extinction_from_curve",
        "extinction_from_frames",
        "extinction_from_zeropoint",
        "extinction_from_zeropoints",
    ),
    "extraction": ("ExtractedSources", "ExtractionFrame", "ExtractionOptions", "extract_sources"),
    "flats": ("CombinedFlat", "MasterFlat", "MasterFlatOptions", "combine_flats", "master_flat"),
    "frame_selection": ("FrameQuality", "FrameSelection", "SelectionLimits", "select_frames"),
    "gain": ("GainMeasurement", "GainOptions", "measure_gain"),
    "global_astrometry": ("GlobalAstrometry", "GlobalOptions", "solve_global_astrometry"),
    "grid": ("GridWindow", "TanGrid", "common_grid", "frame_window", "plate_grid"),
    "linearity": ("Linearity", "fit_linearity"),
    "local_astrometry": ("AstrometryOptions", "LocalAstrometry", "Residuals", "solve_astrometry"),
    "moments": ("AdaptiveMoments", "adaptive_moments"),
    "mosaic": ("MosaicFrame",),
    "overscan": ("OVERSCAN_METHODS", "OverscanLevels", "measure_overscan", "trim"),
    "photometric_solution": (
        "FieldMagnitudes",
        "IlluminationMap",
        "PhotometricOptions",
        "PhotometricSolution",
        "solve_photometry",
    ),
    "pixel_maps": (
        "BadPixels",
        "cold_pixel_map",
        "hot_pixel_map",
        "merge_pixel_maps",
        "saturated_pixel_map",
    ),
    "plate_cards": ("plate_from_cards", "sip_cards", "tpv_cards"),
    "pointing": ("MatchFailure", "PointingMatch", "PointingOptions", "match_pointing"),
    "polynomials": ("ChipPolynomial", "fit_chip_polynomial"),
    "prewarming": ("prewarm",),
    "psf": ("PointSpread", "StellarLocus", "measure_psf", "stellar_locus"),
    "read_noise": ("ReadNoiseMeasurement", "measure_read_noise"),
    "reduce": (
        "Calibrations",
        "PixelFlag",
        "PixelMaps",
        "ReducedImage",
        "inverse_variance",
        "reduce_frame",
    ),
    "regions": ("ReadoutLayout", "Region"),
    "regrid": ("RegridOptions", "RegriddedImage", "noise_ratio", "regrid_frame"),
    "smoothing": ("smooth_map",),
    "stars": ("DetectedSources", "ReferenceStars"),
    "statistics": (
        "ImageStatistics",
        "SubWindowStatistics",
        "image_statistics",
        "sky_level",
        "subwindow_statistics",
    ),
    "tangent_plane": ("PlateSolution", "deproject", "plate_from_samples", "project"),
    "thumbnails": ("Thumbnail", "ThumbnailOptions", "thumbnail"),
    "zeropoint": (
        "StandardStars",
        "Zeropoint",
        "ZeropointOptions",
        "fit_zeropoint",
        "instrumental_magnitudes",
    ),
}
