"""What the simulated observer did in the night of 2000-04-28 at La Silla.

Calibrations in the afternoon, twilight flats at dusk, standards and science after that. The night
crosses midnight UTC: half of the frames carry the date of the 29th and belong to the 28th.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from awlab.backend.ingest.nights.layout import PIXEL_SCALE, Layout
from awlab.backend.ingest.nights.optics import BANDS, Band
from awlab.backend.ingest.nights.sky import FIELDS

__all__ = ["NIGHT", "Exposure", "airmass", "mjd", "plan_night", "sidereal_time"]

NIGHT = "2000-04-28"
_LATITUDE, _LONGITUDE = -29.2543, -70.7346
_READOUT = 27.0  # seconds from the end of one exposure to the start of the next
_PLAN_STREAM = 4
_LAMP = 2400.0  # electrons per second and pixel on the dome screen
_DITHERS = ((0.0, 0.0), (0.08, 0.05), (-0.07, 0.09), (0.06, -0.08), (-0.09, -0.04))


@dataclass(frozen=True, slots=True)
class Exposure:
    """One exposure of the night.

    Attributes
    ----------
    index : int
        Position in the night.
    kind : str
        ``bias``, ``dark``, ``dome``, ``twilight``, ``standard`` or ``science``.
    template : str
        ESO template, which groups the exposures of one purpose.
    template_start : datetime
        When that template began [UTC].
    start : datetime
        Start of the exposure [UTC].
    exptime : float
        Exposure time [s].
    band : Band
        Filter in the beam (also for biases and darks, as in real headers).
    target : str
        OBJECT.
    ra, dec : float
        True pointing [deg].
    header_ra, header_dec : float
        Pointing the telescope believes in [deg].
    level : float
        Light per pixel of dome, twilight or night sky [electron].
    seeing : float
        Full width at half maximum of stars [arcsec].
    satellite : bool
        Whether a satellite crosses.
    """

    index: int
    kind: str
    template: str
    template_start: datetime
    start: datetime
    exptime: float
    band: Band
    target: str
    ra: float
    dec: float
    header_ra: float
    header_dec: float
    level: float
    seeing: float
    satellite: bool

    @property
    def date_obs(self) -> str:
        """DATE-OBS to the millisecond [UTC]."""
        return self.start.strftime("%Y-%m-%dT%H:%M:%S.") + f"{self.start.microsecond // 1000:03d}"

    @property
    def file_name(self) -> str:
        """Name of the file in the style of the ESO archive."""
        return f"WFI.{self.date_obs}.fits"


@dataclass(frozen=True, slots=True)
class _Block:
    """Exposures taken under one template."""

    kind: str
    template: str
    target: str
    band: str
    begin: str
    exptimes: tuple[float, ...]
    levels: tuple[float, ...] = ()
    satellite_at: int = -1


def plan_night(layout: Layout, seed: int) -> tuple[Exposure, ...]:
    """Plan the exposures of the night.

    Parameters
    ----------
    layout : Layout
        Format of the mosaic; dithers scale with it.
    seed : int
        Seed of the night.

    Returns
    -------
    tuple of Exposure
        In the order they were taken.
    """
    rng = np.random.default_rng([seed, _PLAN_STREAM])
    exposures: list[Exposure] = []
    for block in _blocks():
        exposures.extend(_expose(block, layout, len(exposures), rng))
    return tuple(sorted(exposures, key=lambda exposure: exposure.start))


def mjd(when: datetime) -> float:
    """Modified Julian date of a moment [day].

    Parameters
    ----------
    when : datetime
        Moment, with time zone.

    Returns
    -------
    float
        Days since 1858-11-17T00:00 UTC.
    """
    return (when - datetime(1858, 11, 17, tzinfo=UTC)) / timedelta(days=1)


def sidereal_time(when: datetime) -> float:
    """Mean local sidereal time at La Silla, in seconds as ESO headers have it [s].

    Parameters
    ----------
    when : datetime
        Moment, with time zone.

    Returns
    -------
    float
        Seconds since sidereal midnight, right to a second (UT1 is taken as UTC).
    """
    # The linear term of the IAU 1982 expression; astropy would want Earth orientation tables,
    # and may reach for the network to get them.
    degrees = 280.46061837 + 360.98564736629 * (mjd(when) - 51544.5) + _LONGITUDE
    return degrees % 360 * 240


def airmass(ra: float, dec: float, when: datetime) -> float:
    """Airmass of a position seen from La Silla, as the secant of the zenith distance.

    Parameters
    ----------
    ra, dec : float
        Position [deg].
    when : datetime
        Moment, with time zone.

    Returns
    -------
    float
        At least 1.
    """
    hour_angle = np.radians(sidereal_time(when) / 240 - ra)
    latitude, declination = np.radians(_LATITUDE), np.radians(dec)
    sine = np.sin(latitude) * np.sin(declination)
    sine += np.cos(latitude) * np.cos(declination) * np.cos(hour_angle)
    return float(1 / max(sine, 0.05))


def _blocks() -> Iterator[_Block]:
    yield _Block("bias", "WFI_img_cal_Bias", "BIAS", "#842", "28T19:02:11.404", (0.0,) * 10)
    yield _Block("dark", "WFI_img_cal_Dark", "DARK", "#842", "28T19:12:40.118", (300.0,) * 3)
    # Pairs over a wide range of levels: gain by photon transfer, and linearity.
    pairs = tuple(float(time) for time in (4, 8, 16, 24, 36) for _ in range(2))
    for band, gain_at, flat_at in (
        ("#842", "28T19:45:03.250", "28T19:58:30.731"),
        ("#844", "28T20:20:17.066", "28T20:33:44.902"),
    ):
        yield _Block("dome", "WFI_img_tec_GainLin", "FLAT,DOME", band, gain_at, pairs)
        yield _Block("dome", "WFI_img_cal_DomeFlat", "FLAT,DOME", band, flat_at, (25.0,) * 10)
    dusk = (2.0, 3.0, 5.0, 8.0, 12.0)
    fading = (52e3, 47e3, 49e3, 44e3, 41e3)
    yield _Block(
        "twilight", "WFI_img_cal_SkyFlat", "FLAT,SKY", "#842", "28T22:31:09.517", dusk, fading
    )
    yield _Block(
        "twilight", "WFI_img_cal_SkyFlat", "FLAT,SKY", "#844", "28T22:36:02.285", dusk, fading
    )
    deep = (300.0,) * len(_DITHERS)
    for band, first, science, last in (
        ("#842", "28T23:56:41.337", "29T02:04:18.123", "29T03:40:12.640"),
        ("#844", "29T00:04:05.812", "29T03:01:55.479", "29T03:44:50.008"),
    ):
        standard = "WFI_img_cal_PhotStd"
        yield _Block("standard", standard, "SIM_SA104", band, first, (15.0,))
        yield _Block("science", "WFI_img_obs_Dither", "SIM_DEEP_1", band, science, deep, (), 2)
        yield _Block("standard", standard, "SIM_SA104", band, last, (15.0,))


def _expose(
    block: _Block, layout: Layout, count: int, rng: np.random.Generator
) -> Iterator[Exposure]:
    """Take the exposures of one block, one after the other."""
    begin = datetime.fromisoformat(f"2000-04-{block.begin}+00:00")
    band = BANDS[block.band]
    field = FIELDS.get(block.target, FIELDS["SIM_BLANK"])
    start = begin
    for number, exptime in enumerate(block.exptimes):
        step = _DITHERS[number % len(_DITHERS)] if len(block.exptimes) > 1 else _DITHERS[0]
        dec = field.dec + step[1] * layout.height * PIXEL_SCALE / 3600
        ra = field.ra + step[0] * layout.height * PIXEL_SCALE / 3600 / np.cos(np.radians(dec))
        error = rng.normal(0, 2.0 / 3600, size=2)
        yield Exposure(
            index=count + number,
            kind=block.kind,
            template=block.template,
            template_start=begin - timedelta(seconds=9),
            start=start,
            exptime=exptime,
            band=band,
            target=block.target,
            ra=float(ra),
            dec=float(dec),
            header_ra=float(ra + error[0] / np.cos(np.radians(dec))),
            header_dec=float(dec + error[1]),
            level=_level(block, number, exptime, rng),
            seeing=float(rng.uniform(0.78, 1.02)),
            satellite=band.letter == "B" and number == block.satellite_at,
        )
        jitter = timedelta(milliseconds=int(rng.integers(0, 900)))
        start = start + timedelta(seconds=exptime + _READOUT) + jitter


def _level(block: _Block, number: int, exptime: float, rng: np.random.Generator) -> float:
    """Expected light of the extended source per pixel [electron]."""
    band = BANDS[block.band]
    steadiness = float(rng.normal(1.0, 0.004))
    if block.kind == "dome":
        return _LAMP * exptime * steadiness
    if block.kind == "twilight":
        return block.levels[number] * steadiness
    if block.kind in {"standard", "science"}:
        rate = 10 ** (0.4 * (band.zeropoint - band.sky)) * PIXEL_SCALE**2
        return float(rate * exptime * (1 + 5 * (steadiness - 1)))
    return 0.0
