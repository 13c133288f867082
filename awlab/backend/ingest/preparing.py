"""All that is done with a file before its commit; it needs no database and runs in threads."""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

from awlab.backend.errors import AwlabError
from awlab.backend.ingest.description import FrameDescription
from awlab.backend.ingest.instruments import Instruments
from awlab.backend.ingest.moving import check_movable
from awlab.backend.ingest.report import FileRow
from awlab.backend.ingest.split import SplitPlan
from awlab.backend.ingest.storing import (
    DeliveredFile,
    StoredFrame,
    describe_delivered,
    look,
    store_frames,
)

__all__ = ["Preparation", "Prepared", "outcome", "sentence"]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A file that is ready to be committed; nothing is stored in a dry run."""

    plan: SplitPlan
    frames: tuple[FrameDescription, ...]
    stored: list[StoredFrame]

    @property
    def notes(self) -> list[str]:
        """What was mended, guessed or left out, each once."""
        told = [text for frame in self.frames for text in frame.problems]
        for item in self.stored:
            if item.measurement.not_finite:
                count = item.measurement.not_finite
                told.append(f"chip {item.description.chip} has {count} pixels that are no numbers")
        told += [f"left out: {text}" for text in self.plan.skipped]
        return list(dict.fromkeys(told))

    def row(self, path: Path, status: str) -> FileRow:
        """Return the line of the report.

        Parameters
        ----------
        path : Path
            The file.
        status : str
            What became of it.
        """
        first = self.frames[0]
        return FileRow(
            str(path),
            status,
            first.kind,
            first.filter or "",
            first.night.isoformat(),
            len(self.frames),
            "; ".join(self.notes),
        )


@dataclass(frozen=True, slots=True)
class Preparation:
    """How files are prepared.

    Attributes
    ----------
    instruments : Instruments
        Instruments to choose from.
    purpose : str
        Purpose given by the user.
    dry_run : bool
        Only describe.
    move : bool
        Whether the data server may have the files themselves.
    """

    instruments: Instruments
    purpose: str
    dry_run: bool
    move: bool

    def look(self, path: Path) -> DeliveredFile:
        """Look at a file, see `awlab.backend.ingest.storing.look`."""
        return look(path, to_store=not self.dry_run)

    def prepare(self, delivered: DeliveredFile) -> Prepared:
        """Describe, measure and store the frames of a file.

        Raises
        ------
        AwlabError
            If it cannot be ingested, with the reason.
        """
        plan, frames = describe_delivered(delivered, self.instruments, self.purpose)
        if self.move and not plan.is_mosaic:
            check_movable(delivered.path)
        adopt = self.move or plan.is_mosaic
        stored = [] if self.dry_run else store_frames(delivered, plan, frames, adopt=adopt)
        return Prepared(plan, frames, stored)


def outcome(path: Path, future: Future[DeliveredFile]) -> DeliveredFile | str:
    """Wait for a look at a file; a sentence if it is refused."""
    try:
        return future.result()
    except Exception as exc:
        return sentence(path.name, exc)


def sentence(name: str, exc: Exception) -> str:
    """Say why a file is refused, in one sentence."""
    if isinstance(exc, AwlabError):
        return str(exc)
    first = next(iter(str(exc).strip().splitlines()), "")
    return f"{name} cannot be ingested, {type(exc).__name__}: {first}"
