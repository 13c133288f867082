"""Reference catalogues: positions and magnitudes of stars that others measured.

They are raw data of this system: ingested once per content, seen by everybody, linked to by all
that was calibrated against them.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from awlab.backend.catalogs.foreign_table import BANDS, as_catalog, read_foreign
from awlab.backend.catalogs.parquet_file import read_catalog, search_cone, write_catalog
from awlab.backend.catalogs.source_table import SourceTable
from awlab.backend.database import persistent
from awlab.backend.datamodel import DataObject, Judged
from awlab.backend.errors import IngestError

__all__ = [
    "AstrometricCatalog",
    "BaseCatalog",
    "PhotRefCatalog",
    "ReferenceCatalog",
    "ingest_reference",
]

# Room for errors of pointing at the edge of a catalogue [deg].
_MARGIN = 0.05


class BaseCatalog(Judged, DataObject, abstract=True):
    """A catalogue of sources, kept as a Parquet file sorted along the sky."""

    name = persistent("Name of the catalogue", str, "")
    nsources = persistent("Number of sources", int, 0)
    RA = persistent("Centre, right ascension, ICRS [deg]", float)
    DEC = persistent("Centre, declination, ICRS [deg]", float)
    radius = persistent("Largest distance of a source from the centre [deg]", float)

    def sources(self, columns: Any = None) -> SourceTable:
        """Read the sources.

        Parameters
        ----------
        columns : sequence of str, optional
            Columns to read; all by default.
        """
        return read_catalog(self.retrieve(), columns)

    def cone(self, ra: float, dec: float, radius: float, columns: Any = None) -> SourceTable:
        """Read the sources within a cone, nearest first.

        Parameters
        ----------
        ra, dec : float
            Centre, ICRS [deg].
        radius : float
            Radius [deg].
        columns : sequence of str, optional
            Columns to read; all by default.
        """
        return search_cone(self.retrieve(), ra, dec, radius, columns)

    def keep_sources(
        self, table: SourceTable, folder: str | Path, index: Any = None
    ) -> SourceTable:
        """Write the sources to the file of this object, and fill in where on the sky they are.

        Parameters
        ----------
        table : SourceTable
            Sources with ``RA`` and ``DEC`` [deg].
        folder : str or Path
            Where the file shall be until it is stored.
        index : ndarray of int64, shape (n,), optional
            HEALPix numbers of the sources, where they are known already.

        Returns
        -------
        SourceTable
            The sources as written.
        """
        self.pathname = str(Path(folder) / f"{type(self).__name__}-{self.object_id}.parquet")
        written = write_catalog(self.pathname, table, index)
        self.nsources = written.count
        if written.count:
            self.RA, self.DEC, self.radius = _extent(written["RA"], written["DEC"])
        return written


class ReferenceCatalog(BaseCatalog, abstract=True):
    """A catalogue that others made."""

    _raw_data = True
    _is_reference = True
    _named_for_all = True

    origin_sha256 = persistent("SHA-256 of the sources: the same content is one catalogue", str, "")
    bands = persistent("Bands with magnitudes, separated by blanks", str, "")
    epoch = persistent("Epoch of the positions, Julian year [yr]", float)
    publication = persistent("Where it is published", str, "")


class AstrometricCatalog(ReferenceCatalog):
    """Positions of stars, such as those of Gaia or USNO."""

    _product_code = "AstCat"


class PhotRefCatalog(ReferenceCatalog):
    """Magnitudes of standard stars."""

    _product_code = "PhotCat"


def ingest_reference(
    source: Any,
    name: str,
    *,
    kind: str = "astrometric",
    columns: dict[str, str] | None = None,
    names: list[str] | None = None,
    **facts: Any,
) -> Any:
    """Bring a reference catalogue into the database; the same content twice is one object.

    Parameters
    ----------
    source : str, Path or astropy.table.Table
        File (FITS, VOTable, ECSV, CSV, Parquet, text), or a table.
    name : str
        Name, such as ``"Gaia DR3"``.
    kind : str
        ``astrometric`` or ``photometric``.
    columns : dict, optional
        Which of its columns is what: ``{"JohnsonV": "Vmag"}``.
    names : list of str, optional
        Names of the columns of a text file that has none.
    **facts
        ``epoch`` [yr], ``publication``.

    Returns
    -------
    AstrometricCatalog or PhotRefCatalog
        The catalogue, committed.

    Raises
    ------
    IngestError
        If it is no catalogue of that kind.
    """
    classes = {"astrometric": AstrometricCatalog, "photometric": PhotRefCatalog}
    if kind not in classes:
        raise IngestError(f"no reference catalogue is {kind!r}", f"use {' or '.join(classes)}")
    given = read_foreign(source, names) if isinstance(source, (str, Path)) else source
    table = given if isinstance(given, SourceTable) else as_catalog(given, columns)
    good = np.isfinite(table["RA"]) & np.isfinite(table["DEC"])
    table = table.rows(good)
    bands = [band for band in BANDS if band in table]
    if not table.count or (kind == "photometric" and not bands):
        what = "magnitudes in a known band" if table.count else "sources with a position"
        raise IngestError(
            f"{name}: the table has no {what}", f"say which column it is; bands: {', '.join(BANDS)}"
        )
    cls: Any = classes[kind]
    digest = table.digest(name)
    known = list(cls.origin_sha256 == digest)
    if known:
        return known[0]
    found = cls(name=name, origin_sha256=digest, bands=" ".join(bands), **facts)
    with tempfile.TemporaryDirectory(prefix="awlab-catalogue-") as folder:
        found.keep_sources(table, folder)
        found.store()
        found.commit()
    return found


def _extent(ra: Any, dec: Any) -> tuple[float, float, float]:
    """Return the centre of positions and the largest distance from it [deg]."""
    a, d = np.radians(ra), np.radians(dec)
    vectors = np.stack([np.cos(d) * np.cos(a), np.cos(d) * np.sin(a), np.sin(d)])
    mean = vectors.mean(axis=1)
    length = float(np.linalg.norm(mean))
    if length < 1e-6:
        return 0.0, 0.0, 180.0  # all over the sky: there is no centre
    mean = mean / length
    farthest = float(np.degrees(np.arccos(np.clip(mean @ vectors, -1.0, 1.0))).max())
    centre_ra = float(np.degrees(np.arctan2(mean[1], mean[0])) % 360.0)
    return centre_ra, float(np.degrees(np.arcsin(mean[2]))), min(180.0, farthest + _MARGIN)
