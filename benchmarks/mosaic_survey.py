"""Simulated exposures of a mosaic with known plate solutions, and SCAMP on the same catalogues."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from shutil import which
from typing import Any

import numpy as np
from astropy.io import fits

from awlab.backend import algorithms as alg
from awlab.backend.algorithms.tangent_plane import identity_pv, sample_grid

NX, NY, SCALE = 2048, 4096, 0.238
GRID = [axis.ravel() for axis in np.meshgrid(np.linspace(40, NX, 7), np.linspace(40, NY, 9))]


@dataclass
class Survey:
    """Frames with the header's solution, their true solutions, and a Gaia-like catalogue."""

    frames: list[alg.MosaicFrame] = field(default_factory=list)
    truth: list[alg.PlateSolution] = field(default_factory=list)
    catalogue: Any = None

    def error(self, plates: Any) -> float:
        """True rms error over all chips [mas]."""
        total = []
        for plate, true in zip(plates, self.truth, strict=True):
            a, b = plate.pixel_to_sky(*GRID), true.pixel_to_sky(*GRID)
            east = (a[0] - b[0] + 180) % 360 - 180
            total.append(np.hypot(east * np.cos(np.radians(b[1])), a[1] - b[1]) * 3.6e6)
        return float(np.sqrt(np.mean(np.square(total))))


def _distorted(x: Any, y: Any, bend: Any, turn: complex) -> tuple[Any, Any]:
    """Focal plane [arcsec] to tangent plane [degree]: radial distortion, and the exposure."""
    a, b = x / 1000, y / 1000
    z = (-(x + 0.6 * a * (a * a + b * b)) + 1j * (y + 0.6 * b * (a * a + b * b))) * turn
    bent = bend @ np.stack([a * a, a * b, b * b])
    return (z.real + bent[0]) / 3600, (z.imag + bent[1]) / 3600


def make_survey(exposures: int, chips: int, stars: int, seed: int = 1) -> Survey:
    """Simulate dithered exposures: distortion, gaps, refraction, centroid errors."""
    rng = np.random.default_rng(seed)
    centre, survey = (150.0, -30.0), Survey()
    ra, dec = alg.deproject(*rng.uniform(-0.45, 0.45, (2, stars)), *centre)
    mag = 21 - rng.exponential(1.3, stars)
    noise = np.clip(0.02 * 10 ** (0.24 * (mag - 19)), 0.015, 0.12)
    corners = [rng.normal(((k % 4 - 2) * 2150, (k // 4 - 1) * 4200), 10) for k in range(chips)]
    grid = sample_grid([0, NX, 0, NY], 5)
    for number in range(exposures):
        pointing = tuple(map(float, alg.deproject(*rng.uniform(-0.04, 0.04, 2), *centre)))
        turn = (1 + rng.normal(0, 1e-4)) * np.exp(1j * rng.normal(0, 1e-3))
        bend = rng.normal(0, 0.05, (2, 3))
        for k, corner in enumerate(corners):
            x, y = (grid[0] + corner[0]) * SCALE, (grid[1] + corner[1]) * SCALE
            plane = _distorted(x, y, bend, turn)
            true = alg.plate_from_samples(grid, plane, pointing, tuple(1 - corner), 5)
            header = alg.PlateSolution(true.crval, true.crpix, true.cd, identity_pv())
            x, y = true.sky_to_pixel(ra, dec)
            on = np.flatnonzero((x > 0) & (x < NX) & (y > 0) & (y < NY))
            dx, dy = rng.normal(0, 1, (2, on.size)) * noise[on]
            found = alg.DetectedSources(x[on] + dx, y[on] + dy, mag[on] - 25, noise[on])
            survey.frames.append(alg.MosaicFrame(number, k, found, header))
            survey.truth.append(true)
    east, north = rng.normal(0, 0.002 / 3600, (2, stars))
    survey.catalogue = alg.ReferenceStars(
        *alg.deproject(east, north, ra, dec), mag, np.full(stars, 0.002)
    )
    return survey


def has_scamp() -> bool:
    """Whether SCAMP is installed."""
    return which("scamp") is not None


def _header_table(cards: Any) -> fits.BinTableHDU:
    """The header of an image as SExtractor's LDAC files carry it."""
    header = fits.Header({"SIMPLE": True, "BITPIX": -32, "NAXIS": 2, "NAXIS1": NX, "NAXIS2": NY})
    header.update(cards)
    # Blanks at the end would be written as zero bytes, and SCAMP looks for blanks behind END.
    text = header.tostring(sep="", endcard=True, padding=True).encode("ascii")[:-1] + b"."
    row = np.frombuffer(text, np.dtype([("Field Header Card", f"S{len(text)}")]))
    table = fits.BinTableHDU(row, name="LDAC_IMHEAD")
    table.header["TDIM1"] = f"(80, {len(text) // 80})"
    return table


def _source_table(columns: dict[str, Any]) -> fits.BinTableHDU:
    kinds = {"FLAGS": "I", "FLUX_AUTO": "E", "FLUXERR_AUTO": "E", "FLUX_RADIUS": "E"}
    kinds |= dict.fromkeys(("ELONGATION", "MAG", "MAGERR"), "E")
    kinds |= dict.fromkeys((key for key in columns if key.startswith("ERR")), "E")
    made = [fits.Column(k, kinds.get(k, "D"), array=v) for k, v in columns.items()]
    return fits.BinTableHDU.from_columns(made, name="LDAC_OBJECTS")


def write_catalogues(survey: Survey, folder: Path) -> list[Path]:
    """One LDAC file for each exposure, and one for the reference catalogue."""
    paths = []
    for number in sorted({one.exposure for one in survey.frames}):
        tables: list[Any] = [fits.PrimaryHDU()]
        for one in (frame for frame in survey.frames if frame.exposure == number):
            own = one.sources
            extra = {"FILTER": "R", "EXPTIME": 100.0, "AIRMASS": 1.2, "MJD-OBS": 59000.0 + number}
            tables.append(_header_table(alg.tpv_cards(one.plate) | extra))
            flux = 10 ** (-0.4 * own.mag)
            tables.append(_source_table({
                "XWIN_IMAGE": own.x + 1, "YWIN_IMAGE": own.y + 1, "ERRAWIN_IMAGE": own.error,
                "ERRBWIN_IMAGE": own.error, "ERRTHETAWIN_IMAGE": 0 * own.x, "FLUX_AUTO": flux,
                "FLUXERR_AUTO": flux / 50, "FLAGS": np.zeros(own.x.size, int),
                "FLUX_RADIUS": 2 + 0 * own.x, "ELONGATION": 1 + 0 * own.x,
            }))  # fmt: skip
        paths.append(folder / f"exposure{number}.cat")
        fits.HDUList(tables).writeto(paths[-1], overwrite=True)
    stars = survey.catalogue
    error = stars.error / 3600
    table = _source_table({
        "X_WORLD": stars.ra, "Y_WORLD": stars.dec, "ERRA_WORLD": error, "ERRB_WORLD": error,
        "ERRTHETA_WORLD": 0 * error, "MAG": stars.mag, "MAGERR": 0.01 + 0 * stars.mag,
        "OBSDATE": 2020.0 + 0 * stars.mag,
    })  # fmt: skip
    fits.HDUList([fits.PrimaryHDU(), _header_table({}), table]).writeto(
        folder / "reference.cat", overwrite=True
    )
    return paths


def scamp(paths: list[Path], folder: Path) -> None:
    """Run SCAMP with one thread on all exposures; each may bend the field, as the truth does."""
    options = {
        "ASTREF_CATALOG": "FILE", "ASTREFCAT_NAME": folder / "reference.cat",
        "ASTREFCENT_KEYS": "X_WORLD,Y_WORLD",
        "ASTREFERR_KEYS": "ERRA_WORLD,ERRB_WORLD,ERRTHETA_WORLD",
        "ASTREFMAG_KEY": "MAG", "ASTREFMAGERR_KEY": "MAGERR", "ASTREFOBSDATE_KEY": "OBSDATE",
        "DISTORT_DEGREES": "3", "STABILITY_TYPE": "EXPOSURE", "MOSAIC_TYPE": "UNCHANGED",
        "SOLVE_PHOTOM": "N", "CHECKPLOT_TYPE": "NONE", "CHECKPLOT_DEV": "NULL",
        "WRITE_XML": "N", "NTHREADS": "1",
        "VERBOSE_TYPE": "QUIET", "SN_THRESHOLDS": "5,20", "PROJECTION_TYPE": "TPV",
    }  # fmt: skip
    words = [str(word) for key, value in options.items() for word in (f"-{key}", value)]
    subprocess.run(["scamp", *map(str, paths), *words], cwd=folder, check=True, capture_output=True)


def scamp_plates(paths: list[Path]) -> list[alg.PlateSolution]:
    """Solutions that SCAMP wrote, in the order of the frames."""
    plates = []
    for path in paths:
        text = path.with_suffix(".head").read_text("latin-1")
        for part in text.split("END     ")[:-1] or text.split("\nEND")[:-1]:
            header = fits.Header.fromstring(part.strip() + "\n", sep="\n")
            plates.append(alg.plate_from_cards(dict(header)))
    return plates
