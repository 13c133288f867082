"""Catalogues from outside as lists of sources, with what they were made from."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from awlab.backend.catalogs import BANDS, SourceTable, as_catalog, read_foreign
from awlab.backend.database import DBObject, draw_number, persistent
from awlab.backend.datamodel import Filter, Instrument
from awlab.backend.errors import IngestError, TargetError
from awlab.backend.process import new_work_folder
from awlab.backend.targets.source import BaseList

__all__ = ["ExternalList", "ingest_catalog"]


class ExternalList(BaseList):
    """A catalogue that was made elsewhere: of our frames, or by others.

    It is a list of sources as any other; `parents` are its lineage. The numbers that its sources
    have outside stand in the column ``SOURCE_ID``.
    """

    _product_code = "ExtList"
    _file_category = "Sci"
    _named_for_all = False

    parents = persistent("What it was made from, as declared at its ingest", DBObject, [])
    origin = persistent("Name of the file that it came in", str, "")
    origin_sha256 = persistent("SHA-256 of name and sources: the same is one list", str, "")
    bands = persistent("Bands with magnitudes, separated by blanks", str, "")
    instrument = persistent("Instrument, if it is of one", Instrument)
    filter = persistent("Filter, if it is of one", Filter)
    DATE_OBS = persistent("Start of the observation, UTC", datetime)
    EXPTIME = persistent("Exposure time [s]", float)
    epoch = persistent("Epoch of the positions, Julian year [yr]", float)
    publication = persistent("Where it is published", str, "")


def ingest_catalog(
    source: Any,
    name: str,
    *,
    parents: Sequence[DBObject] = (),
    columns: dict[str, str] | None = None,
    names: list[str] | None = None,
    **facts: Any,
) -> ExternalList:
    """Bring a catalogue into the database as a list of sources; twice the same is one object.

    Parameters
    ----------
    source : str, Path or astropy.table.Table
        File (FITS, VOTable, ECSV, CSV, Parquet, text), or a table. Columns are recognised by the
        names that Gaia, SDSS, Pan-STARRS1, SExtractor and VizieR use.
    name : str
        Name of the list.
    parents : sequence of DBObject
        Committed objects that it was made from.
    columns : dict, optional
        Which of its columns is what: ``{"JohnsonV": "Vmag"}``.
    names : list of str, optional
        Names of the columns of a text file that has none.
    **facts
        Attributes: ``filter``, ``DATE_OBS``, ``EXPTIME``, ``epoch`` [yr], ``publication``.

    Returns
    -------
    ExternalList
        The list, committed. SID counts the rows of the table that have a position.

    Raises
    ------
    IngestError
        If it cannot be read, or has no source with a position.
    TargetError
        If a parent is not committed.
    """
    missing = [item for item in parents if not item.is_committed]
    if missing:
        raise TargetError(f"parent {missing[0]!r} is not committed", "commit it first")
    is_file = isinstance(source, (str, Path))
    given = read_foreign(source, names) if is_file else source
    table = given if isinstance(given, SourceTable) else as_catalog(given, columns)
    table = table.rows(np.isfinite(table["RA"]) & np.isfinite(table["DEC"]))
    if not table.count:
        raise IngestError(f"{name}: the table has no sources with a position", "check RA and DEC")
    table = _own_numbers(table)
    digest = table.digest(name, leave_out=("SLID",))
    numbers = sorted(item.object_id for item in parents)
    for known in ExternalList.origin_sha256 == digest:
        if sorted(item.object_id for item in known.parents) == numbers:
            return known  # type: ignore[no-any-return]
    found = ExternalList(name=name, origin_sha256=digest, parents=list(parents), **facts)
    found.origin = Path(source).name if is_file else ""
    found.bands = " ".join(band for band in BANDS if band in table)
    found.SLID = draw_number()
    numbered = table.with_columns({"SLID": np.full(table.count, found.SLID, np.int64)})
    with new_work_folder() as folder:
        found.keep_sources(numbered, folder)
        found.store()
        found.commit()
    return found


def _own_numbers(table: SourceTable) -> SourceTable:
    """Number the sources; numbers that were SLID and SID outside stay under other names."""
    foreign = {f"{n}_ORIGIN": table[n] for n in ("SLID", "SID") if n in table}
    kept = {n: v for n, v in table.columns.items() if n not in ("SLID", "SID", "_healpix_29")}
    number = {"SID": np.arange(table.count, dtype=np.int64)}
    return SourceTable(number | kept | foreign, table.meanings, table.facts)
