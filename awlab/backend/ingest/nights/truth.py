"""The truth of a simulated night: written beside the raw frames, read by tests and notebooks.

It is plain NumPy and JSON on purpose: nothing of awlab is needed to check awlab against it, and
an ingest of the folder finds no FITS file in it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from awlab.backend.errors import FileMissing
from awlab.backend.ingest.nights.detector import DARK_CURRENT, Chip
from awlab.backend.ingest.nights.layout import PIXEL_SCALE, Layout
from awlab.backend.ingest.nights.optics import BANDS, ChipLight
from awlab.backend.ingest.nights.schedule import Exposure, airmass, mjd
from awlab.backend.ingest.nights.sky import DISTORTION, Pixels

__all__ = ["ChipTruth", "FrameTruth", "NightTruth", "write_chip", "write_frame", "write_night"]

_NIGHT = "night_truth.json"
_LIGHT = ("response", "illumination", "dome", "fringe")


@dataclass(frozen=True, slots=True, eq=False)
class ChipTruth:
    """What is true of one chip in every exposure of the night.

    Attributes
    ----------
    name : str
        ``ccd50`` ... ``ccd57``.
    gain : float
        [electron/ADU].
    read_noise : float
        [electron].
    bias : ndarray, shape (raw rows, raw columns)
        Bias without noise and drift, hot pixels included [ADU].
    hot, cold : ndarray of bool, shape (height, width)
        Pixels with extra charge; pixels that lost part of their sensitivity.
    light : dict
        By filter: ``response`` (what stars see), ``illumination`` (extra factor for sky and
        twilight), ``dome`` (extra factor for the dome screen), ``fringe`` (fraction of the sky).
    """

    name: str
    gain: float
    read_noise: float
    bias: NDArray[np.float32]
    hot: NDArray[np.bool_]
    cold: NDArray[np.bool_]
    light: Mapping[str, Mapping[str, NDArray[np.float32]]]

    def flat(self, band: str) -> NDArray[np.float32]:
        """Flat field that makes an even sky even: response x illumination, median 1.

        Parameters
        ----------
        band : str
            Filter, ``#842`` or ``#844``.

        Returns
        -------
        ndarray, shape (height, width)
            The flat a perfect calibration would find; stars divided by it are wrong by
            ``1 / illumination``.
        """
        flat = self.light[band]["response"] * self.light[band]["illumination"]
        return np.asarray(flat / np.median(flat), dtype=np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class FrameTruth:
    """What is true of one chip in one exposure.

    Attributes
    ----------
    stars : ndarray
        Structured: ``id``, ``x``, ``y`` (0-based, imaging area [pixel]), ``flux`` [electron].
    cosmics, satellite : Pixels
        Pixels hit by cosmic rays; pixels under a satellite track.
    """

    stars: NDArray[np.void]
    cosmics: Pixels
    satellite: Pixels


class NightTruth:
    """Reader of the truth of a simulated night.

    Parameters
    ----------
    folder : Path
        ``NightFiles.truth``.

    Raises
    ------
    FileMissing
        If the folder holds no truth.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            night = json.loads((folder / _NIGHT).read_text(encoding="utf-8"))
        except OSError as exc:
            raise FileMissing(
                f"{folder} holds no truth of a simulated night", "make it with make_wfi_night"
            ) from exc
        self.exposures: dict[str, dict[str, object]] = night["exposures"]
        """Kind, filter, times, pointing, sky, seeing and bias drift by name of the raw file."""
        self.chips: dict[str, dict[str, float]] = night["chips"]
        """Gain, read noise and true place by chip name."""
        self.constants: dict[str, object] = night["constants"]
        """Numbers that hold for the whole night."""

    def chip(self, name: str) -> ChipTruth:
        """Truth of one chip.

        Parameters
        ----------
        name : str
            ``ccd50`` ... ``ccd57``.
        """
        with np.load(self.folder / f"{name}.npz") as stored:
            light = {band: {part: stored[f"{part}_{band}"] for part in _LIGHT} for band in BANDS}
            return ChipTruth(
                name=name,
                gain=self.chips[name]["gain"],
                read_noise=self.chips[name]["read_noise"],
                bias=stored["bias"],
                hot=stored["hot"],
                cold=stored["cold"],
                light=light,
            )

    def stars(self, target: str) -> NDArray[np.void]:
        """Star catalogue of a field: ``id``, ``ra``, ``dec`` [deg], ``B``, ``R`` [mag].

        Parameters
        ----------
        target : str
            OBJECT of the exposures of that field.
        """
        catalogue: NDArray[np.void] = np.load(self.folder / f"stars_{target}.npy")
        return catalogue

    def frame(self, file_name: str, chip: str) -> FrameTruth:
        """Truth of one chip in one exposure.

        Parameters
        ----------
        file_name : str
            Name of the raw file.
        chip : str
            ``ccd50`` ... ``ccd57``.
        """
        with np.load(self.folder / _frame_file(file_name)) as stored:
            parts = {
                part: Pixels(
                    stored[f"{chip}_{part}_y"],
                    stored[f"{chip}_{part}_x"],
                    stored[f"{chip}_{part}_electrons"],
                )
                for part in ("cosmics", "satellite")
            }
            return FrameTruth(stored[f"{chip}_stars"], **parts)


def write_chip(folder: Path, chip: Chip, light: Mapping[str, ChipLight]) -> None:
    """Write the arrays of one chip.

    Parameters
    ----------
    folder : Path
        Folder of the truth.
    chip : Chip
        The chip.
    light : mapping
        Its light path by filter.
    """
    arrays = {"bias": chip.bias, "hot": chip.hot, "cold": chip.cold}
    for band, path in light.items():
        arrays |= {f"{part}_{band}": getattr(path, part) for part in _LIGHT}
    np.savez(folder / f"{chip.place.name}.npz", allow_pickle=False, **arrays)


def write_frame(folder: Path, file_name: str, frames: Mapping[str, FrameTruth]) -> None:
    """Write what is true of one exposure alone.

    Parameters
    ----------
    folder : Path
        Folder of the truth.
    file_name : str
        Name of the raw file.
    frames : mapping
        Truth by chip name.
    """
    arrays: dict[str, NDArray[np.void] | NDArray[np.int32] | NDArray[np.float32]] = {}
    for chip, frame in frames.items():
        arrays[f"{chip}_stars"] = frame.stars
        for part, pixels in (("cosmics", frame.cosmics), ("satellite", frame.satellite)):
            arrays[f"{chip}_{part}_y"] = pixels.y
            arrays[f"{chip}_{part}_x"] = pixels.x
            arrays[f"{chip}_{part}_electrons"] = pixels.electrons
    np.savez(folder / _frame_file(file_name), allow_pickle=False, **arrays)


def write_night(
    folder: Path,
    layout: Layout,
    chips: Sequence[Chip],
    exposures: Sequence[Exposure],
    drifts: Mapping[str, Sequence[float]],
) -> None:
    """Write the table of exposures and the numbers of the chips.

    Parameters
    ----------
    folder : Path
        Folder of the truth.
    layout : Layout
        Format of the mosaic.
    chips : sequence of Chip
        The chips.
    exposures : sequence of Exposure
        The exposures.
    drifts : mapping
        Bias drift per chip by file name [ADU].
    """
    night = {
        "constants": {
            "pixel_scale": PIXEL_SCALE,
            "distortion": DISTORTION,
            "dark_current": DARK_CURRENT,
            "nonlinearity": 0.0,
            "prescan_x": layout.prescan_x,
            "overscan_x": layout.overscan_x,
            "overscan_y": layout.overscan_y,
            "size": [layout.width, layout.height],
            "bands": {
                name: {"letter": band.letter, "zeropoint": band.zeropoint, "k": band.extinction}
                for name, band in BANDS.items()
            },
        },
        "chips": {
            chip.place.name: {
                "gain": chip.gain,
                "read_noise": chip.read_noise,
                "rotation": chip.rotation,
                "u": chip.place.u + chip.shift[0],
                "v": chip.place.v + chip.shift[1],
            }
            for chip in chips
        },
        "exposures": {
            exposure.file_name: _exposure_row(exposure, drifts[exposure.file_name])
            for exposure in exposures
        },
    }
    (folder / _NIGHT).write_text(json.dumps(night, indent=1), encoding="utf-8")


def _exposure_row(exposure: Exposure, drift: Sequence[float]) -> dict[str, object]:
    return {
        "kind": exposure.kind,
        "template": exposure.template,
        "target": exposure.target,
        "filter": exposure.band.name,
        "exptime": exposure.exptime,
        "mjd": mjd(exposure.start),
        "ra": exposure.ra,
        "dec": exposure.dec,
        "airmass": airmass(exposure.ra, exposure.dec, exposure.start),
        "level": exposure.level,
        "seeing": exposure.seeing,
        "satellite": exposure.satellite,
        "drift": list(drift),
    }


def _frame_file(file_name: str) -> str:
    return f"{file_name.removesuffix('.fits')}.npz"
