"""From a file to described, measured and stored frames: everything that needs no database.

All of it may run in threads: hashing, copying and waiting for the disk leave Python's lock free.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from awlab.backend.datamodel import current_dataserver, note_file
from awlab.backend.dataserver import (
    FileSum,
    hash_file,
    raw_name,
    read_headers,
    read_image,
    split_mosaic,
)
from awlab.backend.errors import IngestError
from awlab.backend.ingest.description import FrameDescription
from awlab.backend.ingest.detect import check_is_fits
from awlab.backend.ingest.instruments import Instruments
from awlab.backend.ingest.measuring import Measurement, measure
from awlab.backend.ingest.split import SplitPlan, describe_file
from awlab.backend.process import new_work_folder

__all__ = ["DeliveredFile", "StoredFrame", "describe_delivered", "look", "store_frames"]


@dataclass(frozen=True, slots=True)
class DeliveredFile:
    """A file that was looked at: it begins as FITS does, and its content is hashed."""

    path: Path
    checksum: FileSum


@dataclass(frozen=True, slots=True)
class StoredFrame:
    """One frame of a delivered file, on the data server.

    Attributes
    ----------
    description : FrameDescription
        What the headers say.
    measurement : Measurement
        What the pixels say.
    filename : str
        Name on the data server.
    checksum : FileSum
        Of the stored file.
    """

    description: FrameDescription
    measurement: Measurement
    filename: str
    checksum: FileSum


def look(path: Path, *, to_store: bool = True) -> DeliveredFile:
    """Check that a file is FITS and hash it: the one pass over its bytes that every file gets.

    Parameters
    ----------
    path : Path
        The file.
    to_store : bool
        Whether it may be stored afterwards: then the data server remembers its hash.

    Raises
    ------
    IngestError, FileMissing, AccessDenied, StorageFailed
        If it cannot be read or is something else.
    """
    check_is_fits(path)
    return DeliveredFile(
        path, current_dataserver().hash_file(path) if to_store else hash_file(path)
    )


def describe_delivered(
    delivered: DeliveredFile, instruments: Instruments, purpose: str
) -> tuple[SplitPlan, tuple[FrameDescription, ...]]:
    """Read the headers of a file, once, and describe its frames.

    Raises
    ------
    IngestError, UnknownInstrument, MissingKeyword
        If it cannot be ingested, with the reason.
    """
    path = delivered.path
    return describe_file(read_headers(path), instruments, str(path), purpose)


def store_frames(
    delivered: DeliveredFile,
    plan: SplitPlan,
    frames: tuple[FrameDescription, ...],
    *,
    adopt: bool = False,
) -> list[StoredFrame]:
    """Measure the frames of a file and put them on the data server, mosaics split per chip.

    Frames that are on the data server already, because an earlier run was interrupted before its
    commit, are found there and not stored twice.

    Parameters
    ----------
    delivered : DeliveredFile
        The file.
    plan : SplitPlan
        What it is cut into.
    frames : tuple of FrameDescription
        Its frames.
    adopt : bool
        Whether the data server may have files themselves instead of copies: those split off
        are ours to give, the delivered one only if it is to be moved.

    Raises
    ------
    IngestError
        If the pixels do not fit the headers.
    FileMissing, AccessDenied, StorageFailed, ChecksumMismatch
        If the file changes meanwhile or the data server cannot take it.
    """
    stored: list[StoredFrame] = []
    by_extension = {frame.extension: frame for frame in frames}
    for extension, path, checksum, pixels in _single_images(delivered, plan):
        frame = by_extension[extension]
        measurement = measure(_checked(pixels, frame), frame)
        note_file(*_names(frame, checksum, plan))
        name = current_dataserver().put_raw(
            path, frame.orig_filename, checksum.digest, extension=_part(frame, plan), adopt=adopt
        )
        stored.append(StoredFrame(frame, measurement, name, checksum))
    return stored


def _single_images(
    delivered: DeliveredFile, plan: SplitPlan
) -> Iterator[tuple[int, Path, FileSum, NDArray[Any]]]:
    """Files of one image each: the file itself as delivered, or the images split off it."""
    if not plan.is_mosaic:
        pixels, _ = read_image(delivered.path, 0)
        yield 0, delivered.path, delivered.checksum, pixels
        return
    wanted = {job.extension for job in plan.jobs}
    with new_work_folder() as folder:
        for number, path, checksum, pixels in split_mosaic(delivered.path, wanted, folder):
            current_dataserver().learn(path, checksum.digest)
            yield number, path, checksum, pixels
            path.unlink()


def _checked(pixels: NDArray[Any], frame: FrameDescription) -> NDArray[Any]:
    if pixels.shape != (frame.NAXIS2, frame.NAXIS1):
        found = " x ".join(str(n) for n in reversed(pixels.shape))
        raise IngestError(
            f"{frame.orig_filename} holds an image of {found} pixels, its header describes"
            f" {frame.NAXIS1} x {frame.NAXIS2}",
            "write it as an image of two axes",
        )
    return pixels


def _part(frame: FrameDescription, plan: SplitPlan) -> int | None:
    return frame.extension if plan.is_mosaic else None


def _names(frame: FrameDescription, checksum: FileSum, plan: SplitPlan) -> list[str]:
    """Names it may get: the plain one, and that for when it is taken."""
    part = _part(frame, plan)
    digests = ("", checksum.digest)
    return [raw_name(frame.orig_filename, extension=part, digest=digest) for digest in digests]
