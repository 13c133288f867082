"""CoaddedRegriddedFrame: all frames of an object in one image (requirement 636)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from awlab.backend.algorithms import (
    CoaddFrame,
    CoaddOptions,
    GridWindow,
    coadd_strips,
    coadd_window,
)
from awlab.backend.database import persistent
from awlab.backend.datamodel import Filter, Flag
from awlab.backend.errors import TargetError
from awlab.backend.process import Pointing, ProcessParameters, ProcessTarget, work_folder
from awlab.backend.targets.doubts import is_doubtful
from awlab.backend.targets.left_out import frames_without_product
from awlab.backend.targets.pixels import keep_planes
from awlab.backend.targets.regridded import RegriddedBaseFrame, RegriddedFrame
from awlab.backend.targets.sky_grid import choose_grid
from awlab.backend.targets.stars import seeing_of

__all__ = ["CoaddedRegriddedFrame", "CoaddedRegriddedFrameParameters"]

# A coadd of so many pixels may be empty; a larger one is covered by at least this part.
_SMALL = 30_000_000
_LEAST_COVERED = 0.05
_PLANES = {
    "IMAGE": np.float32,
    "WEIGHT": np.float32,
    "EXPOSURES": np.uint16,
    "EXPTIME": np.float32,
}


class CoaddedRegriddedFrameParameters(ProcessParameters):
    """Parameters of `CoaddedRegriddedFrame`."""

    COMBINE_TYPE = persistent("clipped, mean or median", str, "clipped")
    SIGMA_CLIP = persistent("Clipping threshold, sigma of the sky", float, 4.0)
    CLIP_AMPLITUDE = persistent(
        "Part of the signal that may differ besides, and what the seeing makes of it", float, 0.1
    )
    GROW = persistent("How far rejected runs of pixels grow [pixel]", int, 3)
    MAXIMUM_PSF_RADIUS = persistent("Frames with a larger PSF are left out [arcsec]", float, 10.0)
    MAXIMUM_NOISE_RATIO = persistent(
        "Frames so much noisier than the median are left out", float, 5.0
    )
    MAXIMUM_PSFDIFFERENCE = persistent("QC: largest part by which the PSF grows", float, 0.3)


class CoaddedRegriddedFrame(RegriddedBaseFrame, ProcessTarget):
    """All regridded frames of one object in one filter, coadded.

    The file has the extensions IMAGE [ADU/s at the zeropoint], WEIGHT [inverse variance of the
    sky], EXPOSURES [frames per pixel] and EXPTIME [s per pixel].
    """

    SEQUENCE = "Coadd"
    REQUIREMENT = "636"
    _product_code = "Coadd"
    _file_category = "Sci"
    _is_selection = True
    _indexes = (("OBJECT", "filter"),)
    FLAGS: ClassVar[tuple[Flag, ...]] = (
        Flag(16, "PSF_CHANGED", "the PSF is larger than that of its frames by more than the limit"),
        Flag(17, "NO_STARS", "too few stars to measure the PSF", informs=True),
        Flag(18, "FRAMES_LEFT_OUT", "some frames were left out; `left_out` says why", informs=True),
        Flag(19, "MIXED_FILTERS", "frames of several filters: its fluxes are of no band"),
        Flag(20, "NO_OVERLAP", "no pixel is of more than one frame", informs=True),
    )

    regridded_frames = persistent("Regridded frames", RegriddedFrame, [])
    filter = persistent("Filter", Filter)
    process_params = persistent("Process parameters", CoaddedRegriddedFrameParameters)
    night = persistent("Observing night if it is of one only, CCYY-MM-DD", str, "")
    chosen_by = persistent("key, or frames if they were named one by one", str, "")
    zp_origin = persistent("Of the zeropoints: default, derived, global or mixed", str, "")
    nframes = persistent("Number of frames that entered", int, 0)
    left_out = persistent("Frames that did not enter, and why", dict, {})
    clipped = persistent("Part of all pixel values that were clipped", float)
    clip_amplitude = persistent("Part of the signal that was allowed to differ", float)
    most_exposures = persistent("Largest number of frames at a pixel", int)

    @classmethod
    def choose_grid(cls, pointings: Sequence[Pointing]) -> str:
        """Return the grid for frames of these pointings."""
        return choose_grid(pointings)

    def make(self) -> None:
        """Select the frames, and coadd them strip by strip."""
        frames = list(self.regridded_frames)
        self._take_facts(frames)
        kept = self._select(frames)
        inputs = [_input(frame) for frame in kept]
        p = self.process_params
        self.clip_amplitude = p.CLIP_AMPLITUDE + _share_of_seeing(kept)
        options = CoaddOptions(
            combine=p.COMBINE_TYPE,
            sigma_clip=p.SIGMA_CLIP,
            amplitude=self.clip_amplitude,
            grow=p.GROW,
        )
        window = coadd_window(inputs, options)
        _refuse_empty_sky(kept, window)
        planes, used, rejected = _coadd(inputs, options, window.shape)
        self.most_exposures = int(planes["EXPOSURES"].max())
        self.nframes = int((used > 0).sum())
        if self.chosen_by == "key":
            self.left_out = self.left_out | frames_without_product(self, frames)
        for frame, count in zip(kept, used, strict=True):
            if not count:
                self.left_out = self.left_out | {frame.filename: "no pixel of it entered"}
        self.clipped = float(rejected.sum() / max(1, (used + rejected).sum()))
        self.keep_window(window)
        self.EXPTIME = float(sum(frame.EXPTIME or 0.0 for frame in kept))
        steps = [frame.digitisation_noise or np.inf for frame in kept]
        self.digitisation_noise = float(sum(step**-2.0 for step in steps) ** -0.5)
        scale, least = self.tan_grid.pixel_scale, self.digitisation_noise
        self.psf_radius = seeing_of(planes["IMAGE"], planes["WEIGHT"], scale, least)
        cards = self.tan_grid.cards(window) | {"MAGZERO": self.zeropoint}
        keep_planes(self, planes, cards)

    def _take_facts(self, frames: list[Any]) -> None:
        """Take over what all frames have in common."""
        first = frames[0]
        for name in ("grid", "zeropoint"):
            values = {getattr(frame, name) for frame in frames}
            if len(values) > 1:
                spelled = ", ".join(str(value) for value in sorted(values))
                raise TargetError(
                    f"frames to coadd have different {name}s: {spelled}",
                    "regrid them onto one grid: RegriddedFrame.get(raw=..., ...)",
                )
            setattr(self, name, values.pop())
        self.instrument = self.instrument or first.instrument
        if len({frame.filter for frame in frames}) == 1:
            self.filter = self.filter or first.filter
        self.OBJECT = self.OBJECT or first.OBJECT
        self.DATE_OBS = min(frame.DATE_OBS for frame in frames)
        origins = {frame.zp_origin for frame in frames}
        self.zp_origin = origins.pop() if len(origins) == 1 else "mixed"

    def _select(self, frames: list[Any]) -> list[Any]:
        """Leave out frames with bad seeing or a bright sky, each with its reason."""
        p = self.process_params
        noises = [frame.background_noise * frame.flux_scale for frame in frames]
        typical = float(np.median(noises))
        left_out: dict[str, str] = {}
        for frame, noise in zip(frames, noises, strict=True):
            if frame.psf_radius is not None and frame.psf_radius > p.MAXIMUM_PSF_RADIUS:
                left_out[frame.filename] = (
                    f"psf_radius {frame.psf_radius:.2f} arcsec, limit {p.MAXIMUM_PSF_RADIUS}"
                )
            elif noise > p.MAXIMUM_NOISE_RATIO * typical:
                left_out[frame.filename] = (
                    f"noise {noise / typical:.1f} times the median, limit {p.MAXIMUM_NOISE_RATIO}"
                )
        self.left_out = left_out
        kept = [frame for frame in frames if frame.filename not in left_out]
        if not kept:
            raise TargetError(
                f"none of {len(frames)} frames may be coadded: {next(iter(left_out.values()))}",
                "raise the limits in process_params",
            )
        return kept

    def verify(self) -> None:
        """Compare the PSF with that of the frames, and hand on their flags."""
        radii = [f.psf_radius for f in self.regridded_frames if f.psf_radius]
        limit = self.process_params.MAXIMUM_PSFDIFFERENCE
        if self.psf_radius is None:
            self.raise_flag("NO_STARS")
        elif radii and self.psf_radius > (1.0 + limit) * float(np.mean(radii)):
            self.raise_flag("PSF_CHANGED")
        if self.left_out:
            self.raise_flag("FRAMES_LEFT_OUT")
        if len({frame.filter for frame in self.regridded_frames}) > 1:
            self.raise_flag("MIXED_FILTERS")
        if self.nframes > 1 and self.most_exposures == 1:
            self.raise_flag("NO_OVERLAP")
        if is_doubtful(*self.regridded_frames):
            self.raise_flag("FLAGGED_INPUT")


def _share_of_seeing(frames: list[Any]) -> float:
    """Return by which part the peaks of stars differ from the median, for the seeing alone.

    The peak of a star goes with FWHM^-2. Without this, frames of the best and of the worst seeing
    would be clipped at the stars, which would come out too bright or too faint: by a hundredth of
    a magnitude for seeing between 0.8 and 1 arcsec.
    """
    radii = np.array([frame.psf_radius for frame in frames if frame.psf_radius])
    if not radii.size:
        return 0.0
    return float(np.abs((np.median(radii) / radii) ** 2 - 1.0).max())


def _refuse_empty_sky(frames: list[Any], window: GridWindow) -> None:
    """Refuse a coadd that is hardly anything but sky between its frames.

    Raises
    ------
    TargetError
        If the frames cover too little of it, and it is not small.
    """
    covered = sum(frame.NAXIS1 * frame.NAXIS2 for frame in frames)
    ny, nx = window.shape
    if ny * nx <= max(_SMALL, covered / _LEAST_COVERED):
        return
    far = max(ny, nx) * frames[0].tan_grid.pixel_scale / 3600.0
    raise TargetError(
        f"the {len(frames)} frames to coadd are spread over {far:.1f} degrees: they cover"
        f" {100.0 * covered / (ny * nx):.1g} % of {ny * nx / 1e6:,.0f} million pixels",
        "coadd those that lie together: frames=[...]",
    )


def _input(frame: Any) -> CoaddFrame:
    return CoaddFrame(
        frame.filename,
        frame.tan_grid,
        frame.window,
        frame.rows,
        exposure_time=frame.EXPTIME or 0.0,
    )


def _coadd(
    inputs: list[CoaddFrame], options: CoaddOptions, shape: tuple[int, int]
) -> tuple[dict[str, Any], Any, Any]:
    """Coadd into files, so that the memory does not grow with the field."""
    folder = Path(work_folder())
    planes: dict[str, Any] = {
        name: np.memmap(folder / f"{name}.plane", kind, "w+", shape=shape)
        for name, kind in _PLANES.items()
    }
    used, rejected = (np.zeros(len(inputs), np.int64) for _ in range(2))
    first = 0
    for strip in coadd_strips(inputs, options):
        rows = slice(first, first + strip.window.shape[0])
        values = (strip.image, strip.weight, strip.exposures, strip.exposure_time)
        for plane, value in zip(planes.values(), values, strict=True):
            plane[rows] = value
        used += strip.used
        rejected += strip.rejected
        first = rows.stop
    return planes, used, rejected
