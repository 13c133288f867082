"""Ingest one of the demo nights, made or fetched first."""

from __future__ import annotations

from awlab.backend.errors import IngestError
from awlab.backend.ingest.nights import available_nights, fetch_sa112, make_wfi_night
from awlab.backend.ingest.nights.references import ingest_references
from awlab.backend.ingest.report import IngestReport
from awlab.backend.ingest.run import Progress, ingest
from awlab.backend.settings import load_settings

__all__ = ["ingest_night"]


def ingest_night(name: str, *, progress: Progress | None = None) -> IngestReport:
    """Make or fetch a demo night, and ingest it with its reference catalogues.

    Parameters
    ----------
    name : str
        ``wfi`` (simulated) or ``sa112`` (real, fetched once).
    progress : callable, optional
        Called with (done, total, name) while files are ingested.

    Raises
    ------
    IngestError
        If there is no such night.
    """
    if name not in available_nights():
        raise IngestError(f"no demo night {name!r}", f"use {', '.join(available_nights())}")
    folder = load_settings().home / "nights"
    folder.mkdir(parents=True, exist_ok=True)
    night = fetch_sa112(folder) if name == "sa112" else make_wfi_night(folder / name)
    report = ingest(night.paths, progress=progress)
    ingest_references(night)
    return report
