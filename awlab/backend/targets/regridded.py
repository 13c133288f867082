"""RegriddedFrame: one frame on the common grid of the sky, at the common zeropoint."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar

import numpy as np

from awlab.backend.algorithms import (
    BackgroundOptions,
    GridWindow,
    RegridOptions,
    TanGrid,
    background_map,
    frame_window,
    regrid_frame,
)
from awlab.backend.database import persistent
from awlab.backend.datamodel import BaseFrame, Filter, Flag, RawScienceFrame
from awlab.backend.dataserver import read_image, read_section
from awlab.backend.errors import TargetError
from awlab.backend.process import Pointing, ProcessParameters, ProcessTarget
from awlab.backend.targets.astrometric_parameters import AstrometricParameters
from awlab.backend.targets.background import BackgroundFrame
from awlab.backend.targets.coordinates import airmass_of
from awlab.backend.targets.doubts import is_doubtful
from awlab.backend.targets.global_astrometric import GAstrometric
from awlab.backend.targets.global_photometric import GPhotometric
from awlab.backend.targets.illumination import IlluminationCorrectionFrame
from awlab.backend.targets.photometric_parameters import PhotometricParameters
from awlab.backend.targets.pixels import DIGITISATION_NOISE, keep_planes, same_shape
from awlab.backend.targets.reduced import ReducedScienceFrame
from awlab.backend.targets.sky_grid import choose_grid, grid_from_text
from awlab.backend.targets.weight import WeightFrame

__all__ = ["RegriddedBaseFrame", "RegriddedFrame", "RegriddedFrameParameters"]


class RegriddedBaseFrame(BaseFrame, abstract=True):
    """An image on the grid of the sky: extensions IMAGE and WEIGHT [1 / ADU^2]."""

    grid = persistent("Grid: projection, centre [deg], pixel size [arcsec]", str, "")
    window_x0 = persistent("First column of the grid that it covers", int, 0)
    window_y0 = persistent("First row of the grid that it covers", int, 0)
    RA = persistent("Middle, right ascension [deg]", float)
    DEC = persistent("Middle, declination [deg]", float)
    zeropoint = persistent("Magnitude of 1 ADU per second [mag]", float)
    psf_radius = persistent("FWHM of the stars [arcsec]", float)
    digitisation_noise = persistent("Noise of the steps of the converter [ADU]", float, 0.0)
    OBJECT = persistent("Name of the object observed", str, "")
    DATE_OBS = persistent("Start of the first observation, UTC", datetime)
    EXPTIME = persistent("Exposure time, all exposures together [s]", float)

    @property
    def window(self) -> GridWindow:
        """What it covers of its grid."""
        x0, y0 = self.window_x0, self.window_y0
        return GridWindow(x0, x0 + self.NAXIS1, y0, y0 + self.NAXIS2)

    @property
    def tan_grid(self) -> TanGrid:
        """Its grid."""
        return grid_from_text(self.grid)

    def rows(self, first: int, last: int) -> tuple[Any, Any]:
        """Read some rows of image and weight.

        Parameters
        ----------
        first, last : int
            First row, and the one after the last, of this frame.

        Returns
        -------
        image, weight : ndarray of float32, shape (last - first, NAXIS1)
            Pixels [ADU/s at the zeropoint] and weights.
        """
        path, part = self.retrieve(), (slice(first, last), slice(0, self.NAXIS1))
        return read_section(path, *part, "IMAGE"), read_section(path, *part, "WEIGHT")

    def keep_window(self, window: GridWindow) -> None:
        """Fill in where on the sky the image is.

        Parameters
        ----------
        window : GridWindow
            What it covers of its grid.
        """
        self.window_x0, self.window_y0 = window.x0, window.y0
        ny, nx = window.shape
        ra, dec = self.tan_grid.wcs(window).wcs_pix2world([(nx - 1) / 2], [(ny - 1) / 2], 0)
        self.RA, self.DEC = float(ra[0]), float(dec[0])


class RegriddedFrameParameters(ProcessParameters):
    """Parameters of `RegriddedFrame`."""

    ZEROPOINT = persistent("Zeropoint that all frames are brought to [mag]", float, 25.0)
    BACKGROUND_SUBTRACTION_TYPE = persistent(
        "0 none, 1 its median, 2 a map, 3 a BackgroundFrame", int, 2
    )
    ILLUMINATION_CORRECTION = persistent("1 applies it, where there is one", int, 0)
    ASTROMETRY = persistent("local, or global: that of all frames of the field", str, "local")
    PHOTOMETRY = persistent("local, or global: corrected by all frames of it", str, "local")
    BACK_SIZE = persistent("Mesh of the background map [pixel]", int, 128)
    BACK_FILTERSIZE = persistent("Median filter of the background map, in meshes", int, 3)


class RegriddedFrame(RegriddedBaseFrame, ProcessTarget):
    """One frame, background subtracted, on the grid and at the zeropoint of all others."""

    SEQUENCE = "Regrid"
    _product_code = "Regr"
    _file_category = "Sci"
    FATAL: ClassVar[tuple[str, ...]] = ("NO_PIXELS", "NO_EXPTIME")
    ONLY_WITH: ClassVar[dict[str, tuple[str, tuple[Any, ...]]]] = {
        "background": ("BACKGROUND_SUBTRACTION_TYPE", (3,)),
        "illumination": ("ILLUMINATION_CORRECTION", (1,)),
        "global_astrom": ("ASTROMETRY", ("global",)),
        "global_photom": ("PHOTOMETRY", ("global",)),
    }
    FLAGS: ClassVar[tuple[Flag, ...]] = (
        Flag(16, "NO_PIXELS", "no pixel of the frame is good"),
        Flag(17, "NO_STARS", "too few stars: its PSF is not known", informs=True),
        Flag(18, "NO_EXPTIME", "the exposure time is 0 or not known: there are no fluxes"),
        Flag(19, "NO_GLOBAL_ASTROM", "ASTROMETRY is global, but the field has no such solution"),
        Flag(20, "NO_GLOBAL_PHOTOM", "PHOTOMETRY is global, but the field has no such solution"),
    )

    raw = persistent("Raw frame", RawScienceFrame)
    reduced = persistent("Reduced frame", ReducedScienceFrame)
    weight = persistent("Weight of its pixels", WeightFrame)
    astrom_params = persistent("Where it is on the sky", AstrometricParameters)
    global_astrom = persistent("The same by all frames, if asked for", GAstrometric, optional=True)
    photom_params = persistent("Zeropoint of the night", PhotometricParameters)
    global_photom = persistent("Corrections to it, if asked for", GPhotometric, optional=True)
    background = persistent("Its background, if asked for", BackgroundFrame, optional=True)
    illumination = persistent(
        "Illumination correction, if asked for", IlluminationCorrectionFrame, optional=True
    )
    filter = persistent("Filter", Filter)
    process_params = persistent("Process parameters", RegriddedFrameParameters)
    night = persistent("Observing night, CCYY-MM-DD", str, "")
    background_level = persistent("Background that was subtracted [ADU]", float)
    background_noise = persistent("Noise of the background [ADU]", float)
    flux_scale = persistent("Factor from ADU to ADU per second at the zeropoint", float)
    zp_origin = persistent("Of its zeropoint: default, derived or global", str, "")
    zp_correction = persistent("What all frames add to that of the night [mag]", float, 0.0)
    airmass = persistent("Airmass in the middle of the exposure", float)
    good_pixels = persistent("Number of good pixels of the frame", int, 0)

    @classmethod
    def choose_grid(cls, pointings: Sequence[Pointing]) -> str:
        """Return the grid for frames of these pointings."""
        return choose_grid(pointings)

    def make(self) -> None:
        """Subtract the background, scale, interpolate."""
        raw, p = self.raw, self.process_params
        _check_words(p)
        for name in ("filter", "night", "DATE_OBS", "EXPTIME", "OBJECT"):
            setattr(self, name, getattr(raw, name))
        self.airmass = airmass_of(raw)
        image, _ = read_image(self.reduced.retrieve())
        weight, _ = read_image(self.weight.retrieve())
        background = self._background(image, weight)
        if self.illumination is not None:
            factor = same_shape(self.illumination, image.shape)
            # The sky is flat already: the correction is for the light of the sources.
            image, weight, background = (image - background) * factor, weight / factor**2, 0.0
        self.zeropoint = p.ZEROPOINT
        self.flux_scale = self._flux_scale()
        self.digitisation_noise = DIGITISATION_NOISE * self.flux_scale
        self.psf_radius = self.astrom_params.SEEING
        window, planes = self._regridded(image, weight, background)
        self.keep_window(window)
        cards = self.tan_grid.cards(window) | {"MAGZERO": self.zeropoint}
        keep_planes(self, planes, cards)

    def _regridded(self, image: Any, weight: Any, background: Any) -> tuple[GridWindow, Any]:
        good = (weight > 0) & np.isfinite(image)
        self.good_pixels = int(good.sum())
        cards, grid = self._cards(), self.tan_grid
        if not self.good_pixels:
            # One pixel without weight stands for all: a coadd leaves the frame out.
            covered = frame_window(grid, cards, image.shape)
            window = GridWindow(covered.x0, covered.x0 + 1, covered.y0, covered.y0 + 1)
            nothing = np.zeros((1, 1), np.float32)
            return window, {"IMAGE": nothing, "WEIGHT": nothing.copy()}
        found = regrid_frame(
            image,
            # The noise is that of the sky: with that of the sources stars would come out faint.
            np.asarray(weight / self.background_noise**2, np.float32),
            cards,
            grid,
            RegridOptions(flux_scale=self.flux_scale, background=background),
        )
        return found.window, {"IMAGE": found.image, "WEIGHT": found.weight}

    def _cards(self) -> dict[str, Any]:
        """Return the world coordinates: by all frames of the field if asked for, or by its own."""
        found = None if self.global_astrom is None else self.global_astrom.cards_of(self.raw)
        return found or dict(self.astrom_params.cards)

    def _background(self, image: Any, weight: Any) -> Any:
        p = self.process_params
        if self.background is not None:
            self.background_level, self.background_noise = (
                self.background.level,
                self.background.noise,
            )
            return read_image(self.background.retrieve())[0]
        options = BackgroundOptions(
            BACK_SIZE=p.BACK_SIZE,
            BACK_FILTERSIZE=p.BACK_FILTERSIZE,
            least_noise=DIGITISATION_NOISE,
        )
        found = background_map(image, options, good=(weight > 0).astype(np.uint8))
        self.background_level, self.background_noise = found.level, found.noise
        kinds = {0: 0.0, 1: float(found.level), 2: found.map}
        return kinds.get(p.BACKGROUND_SUBTRACTION_TYPE, found.map)

    def _flux_scale(self) -> float:
        """Return the factor that makes 1 unit the magnitude ``zeropoint``."""
        night = self.photom_params
        self.zp_origin = "default" if night.origin == "default" else night.zp_origin
        correction = None
        if self.global_photom is not None:
            correction = self.global_photom.correction_of(self.raw)
        if correction is not None:
            self.zp_origin, self.zp_correction = "global", correction
        own = night.zeropoint_at(self.airmass) + self.zp_correction
        scale = float(10.0 ** (-0.4 * (own - self.zeropoint)))
        return scale / (self.EXPTIME or 1.0)

    def verify(self) -> None:
        """Say so if it has no pixels, no time, no stars, or was not calibrated."""
        if not self.good_pixels:
            self.raise_flag("NO_PIXELS")
        if not self.EXPTIME:
            self.raise_flag("NO_EXPTIME")
        if self.psf_radius is None:
            self.raise_flag("NO_STARS")
        if self.photom_params.origin == "default":
            self.raise_flag("DEFAULT_CALIBRATION")
        place = self._verify_global()
        if is_doubtful(self.reduced, place, self.global_photom):
            self.raise_flag("FLAGGED_INPUT")

    def _verify_global(self) -> Any:
        """Say so if the field has not what was asked for; return what places the frame."""
        place, light = self.global_astrom, self.global_photom
        is_placed = place is not None and place.solution_of(self.raw) is not None
        if self.process_params.ASTROMETRY == "global" and not is_placed:
            self.raise_flag("NO_GLOBAL_ASTROM")
        is_lit = light is not None and light.solution_of(self.raw) is not None
        if self.process_params.PHOTOMETRY == "global" and not is_lit:
            self.raise_flag("NO_GLOBAL_PHOTOM")
        # What is wrong with the solution of one frame is mended by that of all of them.
        return place if is_placed else self.astrom_params


def _check_words(parameters: Any) -> None:
    for name in ("ASTROMETRY", "PHOTOMETRY"):
        value = getattr(parameters, name)
        if value not in ("local", "global"):
            raise TargetError(f"{name} is {value!r}", "use local or global")
