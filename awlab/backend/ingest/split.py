"""Plan how a file becomes frames: one job per chip; the pixels are cut by the data server."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from awlab.backend.errors import AwlabError, IngestError
from awlab.backend.ingest.attributes import Attributes
from awlab.backend.ingest.description import FrameDescription
from awlab.backend.ingest.detect import detect
from awlab.backend.ingest.header_view import Header, HeaderView
from awlab.backend.ingest.instruments import InstrumentDefinition, Instruments
from awlab.backend.ingest.translate import find_chip, translate

__all__ = [
    "SplitJob",
    "SplitPlan",
    "describe",
    "describe_file",
    "plan_split",
    "shared_moments",
]


@dataclass(frozen=True, slots=True)
class SplitJob:
    """One image to be cut out of a file.

    Attributes
    ----------
    extension : int
        HDU of the image.
    chip : str
        Name of its chip.
    """

    extension: int
    chip: str


@dataclass(frozen=True, slots=True)
class SplitPlan:
    """What a file is cut into.

    Attributes
    ----------
    definition : InstrumentDefinition
        The instrument.
    jobs : tuple of SplitJob
        One per chip, in the order of the file.
    is_mosaic : bool
        False where the file is one frame already and needs no cutting.
    skipped : tuple of str
        Images that are left out, and why.
    """

    definition: InstrumentDefinition
    jobs: tuple[SplitJob, ...]
    is_mosaic: bool
    skipped: tuple[str, ...] = ()


def plan_split(headers: Sequence[Header], instruments: Instruments, path: str = "") -> SplitPlan:
    """Plan the frames of one file.

    Parameters
    ----------
    headers : sequence of mapping
        Headers of all HDUs, the primary first.
    instruments : Instruments
        Instruments to choose from.
    path : str, optional
        Where the file lies.

    Raises
    ------
    IngestError
        If the file holds no image, no chip of its instrument, or a chip twice.
    UnknownInstrument
        If no instrument fits.
    """
    found = detect(headers, instruments, path)
    is_mosaic = found.images != (0,)
    jobs: list[SplitJob] = []
    skipped: list[str] = []
    for extension in found.images:
        attributes = Attributes(HeaderView(headers, extension, path), found.definition)
        try:
            _, chip = find_chip(attributes)
        except IngestError as exc:
            if len(found.images) == 1:
                raise
            skipped.append(exc.message)  # e.g. the guide chips of a mosaic
            continue
        jobs.append(SplitJob(extension, chip))
    _check_jobs(jobs, skipped, path)
    return SplitPlan(found.definition, tuple(jobs), is_mosaic, tuple(skipped))


def _check_jobs(jobs: Sequence[SplitJob], skipped: Sequence[str], path: str) -> None:
    if not jobs:
        raise IngestError(skipped[0], "check the chips of the instrument's definition")
    chips = [job.chip for job in jobs]
    twice = next((c for c in chips if chips.count(c) > 1), None)
    if twice is not None:
        where = [str(job.extension) for job in jobs if job.chip == twice]
        raise IngestError(
            f"{os.path.basename(path) or 'the file'} holds chip {twice} in the extensions "
            f"{' and '.join(where)}",
            "give the instrument's definition a keyword that tells its chips apart",
        )


def describe(
    headers: Sequence[Header], instruments: Instruments, path: str = "", purpose: str = ""
) -> tuple[FrameDescription, ...]:
    """Describe every frame of one file.

    Parameters
    ----------
    headers : sequence of mapping
        Headers of all HDUs, the primary first.
    instruments : Instruments
        Instruments to choose from.
    path : str, optional
        Where the file lies.
    purpose : str, optional
        Purpose given by the user, stronger than the header's.

    Raises
    ------
    IngestError
        If the file cannot be ingested, with the reason.
    UnknownInstrument
        If no instrument fits.
    MissingKeyword
        If a date or an exposure time is missing.
    """
    return describe_file(headers, instruments, path, purpose)[1]


def describe_file(
    headers: Sequence[Header], instruments: Instruments, path: str = "", purpose: str = ""
) -> tuple[SplitPlan, tuple[FrameDescription, ...]]:
    """Plan the frames of one file and describe each.

    Parameters
    ----------
    headers, instruments, path, purpose
        As for `describe`.

    Returns
    -------
    tuple of (SplitPlan, tuple of FrameDescription)
        The plan, and a description per job.

    Raises
    ------
    IngestError, UnknownInstrument, MissingKeyword
        As `describe`.
    """
    try:
        plan = plan_split(headers, instruments, path)
        return plan, tuple(
            translate(headers, job.extension, plan.definition, path, purpose) for job in plan.jobs
        )
    except AwlabError:
        raise
    except Exception as exc:  # a rule of a user's instrument may raise anything
        raise IngestError(
            f"the headers of {os.path.basename(path) or 'the file'} cannot be translated: {exc!r}",
            "check the rules of its instrument",
        ) from exc


def shared_moments(
    frames: Iterable[FrameDescription],
) -> dict[tuple[str, str, datetime], tuple[str, ...]]:
    """Find frames of one chip that claim the same start.

    They are different frames all the same (their content tells); it is worth saying, because
    a clock stood still or a frame was written twice.

    Parameters
    ----------
    frames : iterable of FrameDescription
        The frames.

    Returns
    -------
    dict
        (instrument, chip, DATE_OBS) -> original file names, for two and more.
    """
    names: dict[tuple[str, str, datetime], list[str]] = {}
    for frame in frames:
        key = (frame.instrument, frame.chip, frame.DATE_OBS)
        names.setdefault(key, []).append(frame.orig_filename)
    return {key: tuple(found) for key, found in names.items() if len(found) > 1}
