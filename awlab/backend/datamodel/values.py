"""Groups of values that many classes have: image statistics and linear astrometry."""

from __future__ import annotations

from awlab.backend.database import Struct, persistent

__all__ = ["Astrom", "Imstat"]


class Imstat(Struct):
    """Statistics of the pixels of an image or of a part of it."""

    min = persistent("Smallest value [ADU]", float)
    max = persistent("Largest value [ADU]", float)
    mean = persistent("Mean [ADU]", float)
    median = persistent("Median [ADU]", float)
    stdev = persistent("Standard deviation [ADU]", float)
    npix = persistent("Number of pixels [pixel]", int)


class Astrom(Struct):
    """Linear world coordinates as delivered in the header; not a solution."""

    CRVAL1 = persistent("Right ascension at the reference pixel [deg]", float)
    CRVAL2 = persistent("Declination at the reference pixel [deg]", float)
    CRPIX1 = persistent("Reference pixel in x, of the frame as delivered [pixel]", float)
    CRPIX2 = persistent("Reference pixel in y, of the frame as delivered [pixel]", float)
    CD1_1 = persistent("Scale and rotation, 1 1 [deg / pixel]", float)
    CD1_2 = persistent("Scale and rotation, 1 2 [deg / pixel]", float)
    CD2_1 = persistent("Scale and rotation, 2 1 [deg / pixel]", float)
    CD2_2 = persistent("Scale and rotation, 2 2 [deg / pixel]", float)
    CTYPE1 = persistent("Coordinate and projection of axis 1", str)
    CTYPE2 = persistent("Coordinate and projection of axis 2", str)
