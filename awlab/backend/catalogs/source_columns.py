"""What the columns of a source catalogue mean: unit, description, UCD.

References
----------
Names: SExtractor 2.28 manual, "Output catalogue parameters", and Astro-WISE's SLID and SID. UCDs:
IVOA UCD1+ controlled vocabulary 1.5.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["SOURCE_COLUMNS", "ColumnMeaning", "meaning_of"]


class ColumnMeaning(NamedTuple):
    """Unit [astropy notation], description and UCD of a column."""

    unit: str = ""
    doc: str = ""
    ucd: str = ""


_POSITION = "pos.cartesian"
_FLUX = "phot.count"

#: Columns that source lists have, in the order in which people read them.
SOURCE_COLUMNS: dict[str, ColumnMeaning] = {
    "SLID": ColumnMeaning("", "Number of the source list", "meta.id.parent"),
    "SID": ColumnMeaning("", "Number of the source in its list", "meta.id;meta.main"),
    "RA": ColumnMeaning("deg", "Right ascension, ICRS", "pos.eq.ra;meta.main"),
    "DEC": ColumnMeaning("deg", "Declination, ICRS", "pos.eq.dec;meta.main"),
    "RA_ERR": ColumnMeaning("arcsec", "Error of the position along RA", "stat.error;pos.eq.ra"),
    "DEC_ERR": ColumnMeaning("arcsec", "Error of the position along Dec", "stat.error;pos.eq.dec"),
    "PMRA": ColumnMeaning("mas / yr", "Proper motion in RA times cos Dec", "pos.pm;pos.eq.ra"),
    "PMDEC": ColumnMeaning("mas / yr", "Proper motion in Dec", "pos.pm;pos.eq.dec"),
    "X_IMAGE": ColumnMeaning("pix", "Barycentre in x; the first pixel is 1", f"{_POSITION}.x"),
    "Y_IMAGE": ColumnMeaning("pix", "Barycentre in y; the first pixel is 1", f"{_POSITION}.y"),
    "XWIN_IMAGE": ColumnMeaning("pix", "Windowed position in x", f"{_POSITION}.x"),
    "YWIN_IMAGE": ColumnMeaning("pix", "Windowed position in y", f"{_POSITION}.y"),
    "FLUX_APER": ColumnMeaning("adu", "Flux within each aperture", _FLUX),
    "FLUXERR_APER": ColumnMeaning("adu", "Error of FLUX_APER", f"stat.error;{_FLUX}"),
    "FLUX_AUTO": ColumnMeaning("adu", "Flux within the Kron ellipse", _FLUX),
    "FLUXERR_AUTO": ColumnMeaning("adu", "Error of FLUX_AUTO", f"stat.error;{_FLUX}"),
    "FLUX_ISO": ColumnMeaning("adu", "Isophotal flux", _FLUX),
    "FLUX_MAX": ColumnMeaning("adu", "Peak above the background", f"{_FLUX};stat.max"),
    "MAG_APER": ColumnMeaning("mag", "Magnitude within each aperture", "phot.mag"),
    "MAGERR_APER": ColumnMeaning("mag", "Error of MAG_APER", "stat.error;phot.mag"),
    "MAG_AUTO": ColumnMeaning("mag", "Magnitude within the Kron ellipse", "phot.mag"),
    "MAGERR_AUTO": ColumnMeaning("mag", "Error of MAG_AUTO", "stat.error;phot.mag"),
    "FLUX_RADIUS": ColumnMeaning("pix", "Radius with half of the flux", "phys.angSize"),
    "KRON_RADIUS": ColumnMeaning("", "Kron radius in units of A_IMAGE", "phys.angSize"),
    "FWHM_IMAGE": ColumnMeaning("pix", "Full width at half maximum", "phys.angSize"),
    "A_IMAGE": ColumnMeaning("pix", "Rms along the major axis", "phys.angSize.smajAxis"),
    "B_IMAGE": ColumnMeaning("pix", "Rms along the minor axis", "phys.angSize.sminAxis"),
    "THETA_IMAGE": ColumnMeaning("deg", "Angle of the major axis to x", "pos.posAng"),
    "ELONGATION": ColumnMeaning("", "A_IMAGE / B_IMAGE", "src.ellipticity"),
    "ISOAREA_IMAGE": ColumnMeaning("pix2", "Isophotal area", "phys.area"),
    "BACKGROUND": ColumnMeaning("adu", "Background at the source", "instr.background"),
    "CLASS_STAR": ColumnMeaning("", "1 star, 0 galaxy", "src.class.starGalaxy"),
    "FLAGS": ColumnMeaning("", "Extraction flags, as bits", "meta.code"),
    "IMAFLAGS": ColumnMeaning("", "Bad pixels below the source, as bits", "meta.code"),
    "_healpix_29": ColumnMeaning("", "HEALPix number of order 29, NESTED", "pos.healpix"),
}


def meaning_of(name: str) -> ColumnMeaning:
    """Return what a column means; one that is not known has no unit and no description."""
    return SOURCE_COLUMNS.get(name, ColumnMeaning())
