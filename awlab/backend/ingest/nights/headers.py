"""FITS headers of the simulated WFI exposures, in the words of ESO's hierarchical keywords.

Keys longer than eight characters become ``HIERARCH`` cards; a tuple is (value, comment).
"""

from __future__ import annotations

from datetime import timedelta

from awlab.backend.ingest.nights.detector import Chip
from awlab.backend.ingest.nights.layout import CHIPS, PIXEL_SCALE, Layout
from awlab.backend.ingest.nights.schedule import Exposure, airmass, mjd, sidereal_time

__all__ = ["Card", "chip_header", "primary_header"]

Card = str | int | float | bool | tuple[str | int | float | bool, str]

_DPR = {
    "bias": ("CALIB", "BIAS"),
    "dark": ("CALIB", "DARK"),
    "dome": ("CALIB", "FLAT,DOME"),
    "twilight": ("CALIB", "FLAT,SKY"),
    "standard": ("CALIB", "STD,ZEROPOINT"),
    "science": ("SCIENCE", "OBJECT"),
}
# What the header claims; the true gains differ from chip to chip, as they do in real cameras.
_NOMINAL_GAIN, _NOMINAL_NOISE = 2.0, 4.5


def primary_header(exposure: Exposure, number: int, of: int) -> dict[str, Card]:
    """Header of the empty primary HDU.

    Parameters
    ----------
    exposure : Exposure
        The exposure.
    number, of : int
        Which exposure of its template, from 1, and of how many.

    Returns
    -------
    dict
        Cards in the order they are written.
    """
    category, kind = _DPR[exposure.kind]
    midnight = exposure.start.replace(hour=0, minute=0, second=0, microsecond=0)
    end = exposure.start + timedelta(seconds=exposure.exptime)
    pointing = exposure.header_ra, exposure.header_dec
    began = exposure.template_start.strftime("%Y-%m-%dT%H:%M:%S")
    on_sky = exposure.kind in {"twilight", "standard", "science"}
    header: dict[str, Card] = {
        "ORIGIN": ("ESO", "simulated by awlab, never at a telescope"),
        "TELESCOP": ("MPI-2.2", "ESO telescope name"),
        "INSTRUME": ("WFI", "Instrument used"),
        "OBJECT": (exposure.target, "Target"),
        "OBSERVER": ("SIMULATOR", "Name of observer"),
        "RA": (round(exposure.header_ra, 6), "RA (J2000) pointing (deg)"),
        "DEC": (round(exposure.header_dec, 6), "DEC (J2000) pointing (deg)"),
        "EQUINOX": (2000.0, "Standard FK5 (years)"),
        "RADECSYS": ("FK5", "Coordinate reference frame"),
        "EXPTIME": (exposure.exptime, "Total integration time (s)"),
        "MJD-OBS": (round(mjd(exposure.start), 8), "MJD at start"),
        "DATE-OBS": (exposure.date_obs, "Start of the exposure (UTC)"),
        "DATE": ((end + timedelta(seconds=20)).strftime("%Y-%m-%dT%H:%M:%S"), "File written (UTC)"),
        "UTC": (round((exposure.start - midnight).total_seconds(), 3), "UTC at start (s)"),
        "LST": (round(sidereal_time(exposure.start), 3), "LST at start (s)"),
        "ARCFILE": (exposure.file_name, "Archive file name"),
        "ESO DPR CATG": category,
        "ESO DPR TYPE": kind,
        "ESO DPR TECH": "IMAGE",
        "ESO TPL ID": exposure.template,
        "ESO TPL START": began,
        "ESO TPL NEXP": of,
        "ESO TPL EXPNO": number,
        "ESO OBS ID": 200000000 + exposure.template_start.day * 10000 + _minute(exposure),
        "ESO OBS NAME": f"{exposure.target}_{exposure.band.letter}",
        "ESO OBS PROG ID": "60.A-0000(A)",
        "ESO OBS START": began,
        "ESO INS FILT1 NAME": exposure.band.eso_name,
        "ESO INS FILT1 ID": exposure.band.name,
        "ESO DET CHIPS": len(CHIPS),
        "ESO DET READ CLOCK": "normal",
        "ESO DET WIN1 BINX": 1,
        "ESO DET WIN1 BINY": 1,
    }
    if on_sky:
        header["ESO TEL AIRM START"] = round(airmass(*pointing, exposure.start), 4)
        header["ESO TEL AIRM END"] = round(airmass(*pointing, end), 4)
    if exposure.kind == "dome":
        header["ESO INS LAMP1 NAME"] = "Dome"
    return header


def chip_header(exposure: Exposure, chip: Chip, layout: Layout) -> dict[str, Card]:
    """Header of the extension of one chip.

    The WCS is the nominal one: linear, about the pointing the telescope believes in. The truth
    (pointing, distortion, turned chips) is for the astrometry to find.

    Parameters
    ----------
    exposure : Exposure
        The exposure.
    chip : Chip
        The chip.
    layout : Layout
        Format of the mosaic.

    Returns
    -------
    dict
        Cards in the order they are written.
    """
    number = chip.place.index + 1
    header: dict[str, Card] = {
        "EXTNAME": f"WIN1.CHIP{number}.OUT1",
        "EXPTIME": exposure.exptime,
        "DATE-OBS": exposure.date_obs,
        "MJD-OBS": round(mjd(exposure.start), 8),
        "ESO DET CHIP ID": (chip.place.name, "Detector chip identification"),
        "ESO DET CHIP NO": number,
        "ESO DET CHIP NX": (layout.width, "pixels along X"),
        "ESO DET CHIP NY": (layout.height, "pixels along Y"),
        "ESO DET OUT1 PRSCX": (layout.prescan_x, "Prescan region in X"),
        "ESO DET OUT1 PRSCY": (0, "Prescan region in Y"),
        "ESO DET OUT1 OVSCX": (layout.overscan_x, "Overscan region in X"),
        "ESO DET OUT1 OVSCY": (layout.overscan_y, "Overscan region in Y"),
        "ESO DET OUT1 NX": (layout.width, "valid pixels along X"),
        "ESO DET OUT1 NY": (layout.height, "valid pixels along Y"),
        "ESO DET OUT1 CONAD": (_NOMINAL_GAIN, "Conversion from ADUs to electrons"),
        "ESO DET OUT1 GAIN": (1 / _NOMINAL_GAIN, "Conversion from electrons to ADU"),
        "ESO DET OUT1 RON": (_NOMINAL_NOISE, "Readout noise (e-)"),
    }
    if exposure.kind in {"twilight", "standard", "science"}:
        scale = PIXEL_SCALE / 3600
        header |= {
            "CTYPE1": "RA---TAN",
            "CTYPE2": "DEC--TAN",
            "CRVAL1": round(exposure.header_ra, 8),
            "CRVAL2": round(exposure.header_dec, 8),
            "CRPIX1": layout.prescan_x + (layout.width + 1) / 2 - chip.place.u,
            "CRPIX2": (layout.height + 1) / 2 - chip.place.v,
            "CUNIT1": "deg",
            "CUNIT2": "deg",
            "CD1_1": -scale,
            "CD1_2": 0.0,
            "CD2_1": 0.0,
            "CD2_2": scale,
        }
    return header


def _minute(exposure: Exposure) -> int:
    return exposure.template_start.hour * 60 + exposure.template_start.minute
