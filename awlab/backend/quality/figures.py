"""The figures of a quality page: image and weight binned, and histogram.

They are made once and kept in the managed cache, by the content of the files they show. They are
no objects of the database: whoever may only look could not commit one, every frame would get
products that nobody pulled, and what a file shows can always be made again from the file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from awlab.backend.algorithms import (
    PlateSolution,
    ThumbnailOptions,
    binned_mean,
    plate_from_cards,
    thumbnail,
)
from awlab.backend.database import Query, class_named, read_records
from awlab.backend.datamodel import current_dataserver
from awlab.backend.dataserver import read_image, read_section
from awlab.backend.errors import AwlabError, FileMissing, QueryError
from awlab.backend.quality.record import Record, has_path, read_record

__all__ = ["FrameFiles", "Picture", "files_of", "frame_files"]

# Another number is another figure: raise it when pictures are made differently.
_VERSION = 1
_SIZE = 800  # of the longer side [pixel]
_BINS = 128
FloatImage = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Picture:
    """A part of an image, binned so that it fits on a screen.

    Attributes
    ----------
    x0, y0 : int
        First column and row of the part, from 0 [pixel].
    shape : tuple of int
        Rows and columns of the part [pixel].
    binning : int
        Image pixels per picture pixel and axis.
    pixels : ndarray of float32, shape (ny, nx)
        Means [ADU]; NaN where no pixel is good. The first row is the lowest.
    weight : ndarray of float32, shape (ny, nx), or None
        Mean weight, 0 where all pixels are bad; None where the image has none.
    limits : tuple of float
        Range by ZScale [ADU].
    histogram : tuple of ndarray
        Numbers of pixels, and the edges of their values [ADU]; empty for a part.
    """

    x0: int
    y0: int
    shape: tuple[int, int]
    binning: int
    pixels: FloatImage
    weight: FloatImage | None
    limits: tuple[float, float]
    histogram: tuple[NDArray[np.int64], NDArray[np.float64]]


@dataclass(frozen=True)
class FrameFiles:
    """Where the pixels of an object and of its weight are.

    Attributes
    ----------
    name, digest : str
        File of the object.
    weight_name, weight_digest : str
        File of the weight; empty where there is none, or it is in the same file.
    planes : tuple of (str or None)
        Extension of image and weight.
    cards : dict
        World coordinates as FITS keywords; empty where they are not known.
    """

    name: str
    digest: str
    weight_name: str
    weight_digest: str
    planes: tuple[str | None, str | None]
    cards: Mapping[str, Any]

    def path(self) -> Path:
        """Local path of the image."""
        return current_dataserver().retrieve(self.name, self.digest)

    def weight_path(self) -> Path | None:
        """Local path of the weight, None where there is none."""
        if self.planes[1] is not None:
            return self.path()
        if not self.weight_name:
            return None
        return current_dataserver().retrieve(self.weight_name, self.weight_digest)

    def picture(self) -> Picture:
        """Return the whole image; made once, then read from the cache."""
        key = f"picture {_VERSION} {self.digest} {self.weight_digest} {self.planes}"
        name = f"{Path(self.name).name}.npz"
        path = current_dataserver().cache.made(name, key, self._write)
        try:
            return _load(path)
        except (OSError, ValueError, KeyError):  # damaged in the cache: it can be made again
            path.unlink(missing_ok=True)
            return _load(current_dataserver().cache.made(name, key, self._write))

    def _write(self, target: Path) -> None:
        image = _floats(read_image(self.path(), self.planes[0])[0])
        weight = self._plane(slice(0, image.shape[0]), slice(0, image.shape[1]))
        made = _picture(image, weight, (0, 0), counted=True)
        with target.open("wb") as file:
            np.savez(
                file,
                pixels=made.pixels,
                weight=made.weight if made.weight is not None else np.zeros(0, np.float32),
                shape=made.shape,
                binning=made.binning,
                limits=made.limits,
                counts=made.histogram[0],
                edges=made.histogram[1],
            )

    def _plane(self, rows: slice, columns: slice) -> FloatImage | None:
        try:
            path = self.weight_path()
        except FileMissing:
            return None  # a picture without its mask is better than none
        if path is None:
            return None
        return _floats(read_section(path, rows, columns, self.planes[1]))

    def section(self, box: tuple[int, int, int, int]) -> Picture:
        """Return a part of the image at the best resolution that fits on a screen.

        Parameters
        ----------
        box : tuple of int
            First column, first row, and the ones after the last, from 0 [pixel].

        Raises
        ------
        QueryError
            If the box is empty.
        """
        x0, y0, x1, y1 = box
        if x1 <= x0 or y1 <= y0 or x0 < 0 or y0 < 0:
            raise QueryError(f"the box {box} holds no pixel", "give x0, y0, x1, y1 from 0")
        rows, columns = slice(y0, y1), slice(x0, x1)
        image = _floats(read_section(self.path(), rows, columns, self.planes[0]))
        if not image.size:
            raise QueryError(f"the box {box} lies outside of the image")
        return _picture(image, self._plane(rows, columns), (x0, y0), counted=False)

    def pixel(self, x: int, y: int) -> dict[str, Any]:
        """Return value, weight and position of one pixel, and its surroundings' extremes.

        Parameters
        ----------
        x, y : int
            Pixel, counted from 1 as FITS does.
        """
        rows, columns = slice(max(0, y - 1), y), slice(max(0, x - 1), x)
        found = read_section(self.path(), rows, columns, self.planes[0])
        if x < 1 or y < 1 or not found.size:
            raise QueryError(f"pixel ({x}, {y}) lies outside of the image")
        weight = self._plane(rows, columns)
        told: dict[str, Any] = {"x": x, "y": y, "value": _number(found[0, 0])}
        told["weight"] = _number(weight[0, 0]) if weight is not None and weight.size else None
        plate = self.plate()
        if plate is not None:
            ra, dec = plate.pixel_to_sky([x - 1.0], [y - 1.0])
            told |= {"ra": float(ra[0]), "dec": float(dec[0])}
        return told

    def plate(self) -> PlateSolution | None:
        """Return the world coordinates, None where they are not known."""
        try:
            return plate_from_cards(self.cards) if self.cards else None
        except (AwlabError, ValueError):
            return None  # as delivered, a header may lack half of them


def _number(value: Any) -> float | None:
    return float(value) if np.isfinite(value) else None


def _floats(pixels: NDArray[Any]) -> FloatImage:
    return np.ascontiguousarray(pixels, dtype=np.float32)


def _picture(
    image: FloatImage, weight: FloatImage | None, corner: tuple[int, int], *, counted: bool
) -> Picture:
    if weight is not None and weight.shape != image.shape:
        weight = None  # a default of one pixel says nothing about this image
    binning = max(1, -(-max(image.shape) // _SIZE))
    small = binned_mean(image, weight, binning).astype(np.float32)
    limits = thumbnail(small, None, ThumbnailOptions(size=_SIZE)).limits
    if limits[1] - limits[0] < 1e-6 * abs(limits[1]):  # a map: nearly all pixels are the same
        limits = (float(np.nanmin(small)), float(np.nanmax(small)))
    fine = None if weight is None else binned_mean(weight, None, binning).astype(np.float32)
    empty = (np.zeros(0, np.int64), np.zeros(0))
    histogram = _histogram(image, weight) if counted else empty
    return Picture(*corner, image.shape, binning, small, fine, limits, histogram)


def _histogram(
    image: FloatImage, weight: FloatImage | None
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Count the values of the good pixels, the outermost half percent apart."""
    good = np.isfinite(image) if weight is None else np.isfinite(image) & (weight > 0)
    values = image[good]
    if not values.size:
        return np.zeros(0, np.int64), np.zeros(0)
    low, high = np.quantile(values[:: max(1, values.size // 100_000)], [0.005, 0.995])
    if not low < high:
        low, high = low - 0.5, high + 0.5
    counts, edges = np.histogram(values, _BINS, (float(low), float(high)))
    return counts, edges


def _load(path: Path) -> Picture:
    with np.load(path, allow_pickle=False) as kept:
        weight = kept["weight"]
        return Picture(
            0,
            0,
            (int(kept["shape"][0]), int(kept["shape"][1])),
            int(kept["binning"]),
            kept["pixels"],
            weight if weight.size else None,
            (float(kept["limits"][0]), float(kept["limits"][1])),
            (kept["counts"], kept["edges"]),
        )


def files_of(record: Record) -> FrameFiles | None:
    """Return where the pixels of an object are: one statement at most; None if it has none.

    Parameters
    ----------
    record : Record
        What was read of the object.
    """
    name = str(record.get("filename") or "")
    if ".fits" not in name or not record.get("file_sha256"):
        return None
    grid = record.get("grid")
    if grid:
        return FrameFiles(
            name, record["file_sha256"], "", "", ("IMAGE", "WEIGHT"), _grid_cards(record, grid)
        )
    weight = (record.get("weight.filename"), record.get("weight.file_sha256"))
    if weight[0] is None:
        weight = _weight_of(record)
    cards = record.get("astrom_params.cards") or _delivered(record)
    return FrameFiles(
        name, record["file_sha256"], weight[0] or "", weight[1] or "", (None, None), cards
    )


def frame_files(item: Any) -> FrameFiles | None:
    """Return where the pixels of an object are: two statements at most; None if it has none.

    Parameters
    ----------
    item : DBObject
        Committed object.
    """
    return files_of(read_record(item, ("weight.filename", "weight.file_sha256")))


def _grid_cards(record: Record, grid: str) -> dict[str, Any]:
    """World coordinates of a frame on the grid of the sky."""
    frame: Any = record.cls(
        grid=grid,
        window_x0=record["window_x0"],
        window_y0=record["window_y0"],
        NAXIS1=record["NAXIS1"],
        NAXIS2=record["NAXIS2"],
    )
    cards: dict[str, Any] = frame.tan_grid.cards(frame.window)
    return cards


def _delivered(record: Record) -> dict[str, Any]:
    return {name: value for name, value in record.under("astrom").items() if value is not None}


def _weight_of(record: Record) -> tuple[str | None, str | None]:
    """File of the newest valid weight of the same raw frame, for a reduced frame."""
    weights: Any = class_named("WeightFrame")
    if weights is None or not has_path(record.cls, "astrom.CRVAL1") or not record.get("raw"):
        return None, None
    of_raw: Query = weights.raw.object_id == str(record["raw.object_id"])
    found = read_records(
        (of_raw & (weights.is_valid > 0)).order_by("-creation_date").limit(1),
        ("filename", "file_sha256"),
    )
    return found[0] if found else (None, None)
