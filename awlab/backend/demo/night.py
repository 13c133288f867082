"""The demo: a night is ingested, and reduced science frames are pulled out of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from awlab.backend.database import Census, current_database, take_census
from awlab.backend.datamodel import RawScienceFrame, connect, current_dataserver
from awlab.backend.errors import AwlabError, TargetError
from awlab.backend.ingest import ingest_night
from awlab.backend.process import lpu
from awlab.backend.targets import ReducedScienceFrame

__all__ = ["DEMO_NIGHTS", "DemoSummary", "run_demo"]

#: Nights of the demo: name, instrument, observing night.
DEMO_NIGHTS = {"sa112": ("Feder", "2013-07-03"), "wfi": ("WFI", "2000-04-28")}

Say = Callable[[str], None]
Bar = Callable[[str], Callable[..., None]]


@dataclass
class DemoSummary:
    """What the demo did."""

    night: str
    frames: list[Any]
    census: Census
    files: int
    seconds: float
    notes: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        filters: dict[str, int] = {}
        for frame in self.frames:
            filters[frame.filter.name] = filters.get(frame.filter.name, 0) + 1
        per_filter = ", ".join(f"{count} {name}" for name, count in sorted(filters.items()))
        rows = [
            f"night            {self.night}",
            f"reduced frames   {len(self.frames)} ({per_filter})",
            f"objects          {self.census.total:,}",
            f"files            {self.files:,}",
            f"lineage edges    {self.census.edges:,}",
            f"time             {self.seconds:.1f} s",
        ]
        flagged = ", ".join(f"{count} {name}" for name, count in self.census.flagged.items())
        rows.append(f"flagged          {flagged or 'nothing'}")
        rows += _flags_in_words(self.frames)
        rows += [f"note             {note}" for note in self.notes]
        return "\n".join(rows)


def _flags_in_words(frames: list[Any]) -> list[str]:
    seen: dict[str, str] = {}
    for frame in frames:
        for flag in frame.quality_flags.flags:
            seen[flag.name] = flag.meaning
    return [f"                 {name}: {meaning}" for name, meaning in seen.items()]


def run_demo(night: str | None = None, *, say: Say = print, bar: Bar | None = None) -> DemoSummary:
    """Ingest a night and pull its reduced science frames through the whole chain.

    Parameters
    ----------
    night : str, optional
        ``sa112`` (the real Feder night, fetched once) or ``wfi`` (simulated, offline); by default
        the real one, and the simulated one where the network is absent.
    say : callable
        Is told, in one line each, what goes on.
    bar : callable, optional
        Makes a progress bar from the name of what is counted: a callable that takes (done, total),
        and perhaps a name.

    Returns
    -------
    DemoSummary
        Frames, counts and time.

    Raises
    ------
    TargetError
        If no night of that name is known.
    """
    if night is not None and night not in DEMO_NIGHTS:
        raise TargetError(f"no demo night {night!r}", f"use one of {', '.join(DEMO_NIGHTS)}")
    started = time.monotonic()
    connect()
    say(f"awlab: {current_database().url.database}, files at {current_dataserver().store!r}")
    bar = bar or (lambda _unit: lambda *_: None)
    name, notes = _ingest(night, say, bar)
    instrument, date = DEMO_NIGHTS[name]
    plan = ReducedScienceFrame.plan(instrument=instrument, date=date)
    say(f"plan: {plan.summary()}")
    job = lpu.run("Reduce", instrument=instrument, date=date, wait=False).follow(bar(" targets"))
    query = ReducedScienceFrame.select(instrument=instrument, date=date)
    raws = RawScienceFrame.select(instrument=instrument, date=date).count()
    frames = job.products
    if len(frames) != raws:
        notes.append(f"{raws} raw science frames gave {len(frames)} reduced ones")
    say(f"made {len(plan.work)} targets; {query.count()} reduced frames in the database")
    files = sum(1 for _ in current_dataserver().names())
    return DemoSummary(
        f"{name} ({instrument}, {date})",
        frames,
        take_census(),
        files,
        time.monotonic() - started,
        notes,
    )


def _ingest(night: str | None, say: Say, bar: Bar) -> tuple[str, list[str]]:
    """Ingest the night asked for; the simulated one where the real one cannot be had."""
    name = night or "sa112"
    try:
        report = ingest_night(name, progress=bar(" files"))
    except AwlabError as exc:
        if night is not None or name == "wfi":
            raise
        note = f"the real night cannot be fetched ({exc.message}): the simulated night instead"
        say(note)
        report = ingest_night("wfi", progress=bar(" files"))
        say(str(report.headline))
        return "wfi", [note]
    say(str(report.headline))
    return name, []
