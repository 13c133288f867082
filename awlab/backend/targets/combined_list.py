"""CombinedList: one row per source in many bands, with its light curve."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

import numpy as np

from awlab.backend.algorithms import mean_magnitudes
from awlab.backend.catalogs import BaseCatalog, ColumnMeaning, SourceTable
from awlab.backend.database import draw_number, persistent
from awlab.backend.datamodel import Flag
from awlab.backend.errors import TargetError
from awlab.backend.process import ProcessParameters, ProcessTarget, work_folder
from awlab.backend.targets.associate_list import (
    AssociateList,
    AssociateListParameters,
    associate_inputs,
)
from awlab.backend.targets.list_inputs import attributes_of, lists_below, mean_places
from awlab.backend.targets.source import BaseList

__all__ = ["CombinedList", "CombinedListParameters"]

_CURVE = ("MJD", "FILTER", "MAG", "MAGERR", "SLID", "SID")
_MEANINGS = {
    "NDET": ColumnMeaning("", "Number of detections", "meta.number"),
    "LC_MJD": ColumnMeaning("d", "Middle of each exposure, modified Julian date", "time.epoch"),
    "LC_FILTER": ColumnMeaning("", "Filter of each detection, by its place in FILTERS"),
    "LC_MAG": ColumnMeaning("mag", "Magnitude of each detection", "phot.mag"),
    "LC_MAGERR": ColumnMeaning("mag", "Its error", "stat.error;phot.mag"),
    "LC_SLID": ColumnMeaning("", "Source list of each detection", "meta.id.parent"),
    "LC_SID": ColumnMeaning("", "Source of each detection", "meta.id"),
}
_MJD_ZERO = datetime(1858, 11, 17)


class CombinedListParameters(ProcessParameters):
    """Parameters of `CombinedList`; the distance and the mask are for lists given one by one."""

    MAGNITUDE = persistent("Column with the magnitude; MAGERR goes with MAG", str, "MAG_AUTO")
    APERTURE = persistent("Which aperture, from 0, of a magnitude in apertures", int, 0)
    MINIMUM_DETECTIONS = persistent("Sources with fewer detections are left out", int, 1)
    SEARCH_DISTANCE = persistent("Radius of search for associates [arcsec]", float, 1.0)
    SEXTRACTOR_FLAG_MASK = persistent("Extraction flags, as bits, that a source may have", int, 0)


class CombinedList(BaseList, ProcessTarget):
    """A catalogue in all bands of its lists; SID is the number of the association.

    For every filter MAG, MAGERR, MAG_RMS and NDET, such as ``MAG_RMS_V``; the light curve of a
    source stands in its row.
    """

    _product_code = "CList"
    _file_category = "Sci"
    FLAGS: ClassVar[tuple[Flag, ...]] = (
        Flag(16, "NO_SOURCES", "no source has enough detections"),
        Flag(17, "NO_ZEROPOINT", "some magnitudes are instrumental: their list has no zeropoint"),
    )

    associate_list = persistent("Association of the sources", AssociateList, optional=True)
    source_lists = persistent("Lists, if no association was given", BaseCatalog, [])
    process_params = persistent("Process parameters", CombinedListParameters)
    filters = persistent("Filters, separated by blanks", str, "")
    ndetections = persistent("Number of detections of all sources", int, 0)

    def make(self) -> None:
        """Gather the measurements of every source, and average them by filter."""
        rows, lists = self._associates()
        self._has_zeropoints = all(bool(getattr(x, "zeropoint", 1.0)) for x in lists.values())
        names, magnitudes = self._measurements(rows, lists)
        number = int(rows["AID"].max(initial=-1)) + 1
        table = _summary(rows, number).with_columns({}, _MEANINGS)
        columns, meanings = _by_filter(rows["AID"], magnitudes, names, number)
        table = table.with_columns(columns, meanings)
        kept = table["NDET"] >= self.process_params.MINIMUM_DETECTIONS
        self.content_hash = table.rows(kept).digest()
        self.SLID = draw_number()
        facts = {"FILTERS": names, "MAGNITUDE": self.process_params.MAGNITUDE}
        slid = {"SLID": np.full(number, self.SLID, np.int64)}
        table = table.with_columns(slid | _curves(rows, magnitudes, number))
        self.filters, self.ndetections = " ".join(names), int(table["NDET"][kept].sum())
        self.name = self.name or f"{len(lists)} lists in {self.filters}".strip()
        self.keep_sources(SourceTable(table.columns, table.meanings, facts).rows(kept),
                          work_folder())  # fmt: skip

    def _associates(self) -> tuple[SourceTable, dict[int, Any]]:
        """Return the rows of the association, and the lists that it is of."""
        if self.associate_list is not None:
            return self.associate_list.associates(), lists_below(self.associate_list)
        if not self.source_lists:
            raise TargetError("nothing to combine", "give associate_list= or source_lists=[...]")
        p = self.process_params
        chosen = AssociateListParameters(
            SEARCH_DISTANCE=p.SEARCH_DISTANCE, SEXTRACTOR_FLAG_MASK=p.SEXTRACTOR_FLAG_MASK
        )
        rows = associate_inputs(list(self.source_lists), chosen)
        rows = rows.rows(np.lexsort((rows["SID"], rows["SLID"], rows["AID"])))
        return rows, lists_below(*self.source_lists)

    def _measurements(
        self, rows: SourceTable, lists: dict[int, Any]
    ) -> tuple[list[str], dict[str, Any]]:
        """Return the filters, and for every row time, filter, magnitude and error."""
        p = self.process_params
        name, error = p.MAGNITUDE, p.MAGNITUDE.replace("MAG_", "MAGERR_", 1)
        with_error = attributes_of(lists, rows, [name, error], missing="nan")
        values = {k: _one_of(with_error[n], p.APERTURE) for k, n in (("MAG", name), ("ERR", error))}
        filters = {s: _filter_name(item) for s, item in lists.items()}
        names = sorted({n for n in filters.values() if n})
        number = {s: names.index(f) if f else -1 for s, f in filters.items()}
        times = {s: _middle(item) for s, item in lists.items()}
        slids, inverse = np.unique(rows["SLID"], return_inverse=True)
        per_list = slids.tolist()
        values["FILTER"] = np.array([number[s] for s in per_list], np.int16)[inverse]
        values["MJD"] = np.array([times[s] for s in per_list], float)[inverse]
        return names, values

    def light_curve(self, sid: int) -> SourceTable:
        """Return every detection of a source, by time: one read of a part of the file.

        Parameters
        ----------
        sid : int
            Source.

        Returns
        -------
        SourceTable
            MJD [d], FILTER, MAG, MAGERR [mag], SLID, SID.

        Raises
        ------
        ObjectNotFound
            If the list has no such source.
        """
        source = self[sid]
        columns = {name: source[f"LC_{name}"] for name in _CURVE}
        names = np.array([*source.rows.facts["FILTERS"], ""], dtype=object)
        columns["FILTER"] = names[columns["FILTER"]]
        meanings = {name: _MEANINGS[f"LC_{name}"] for name in _CURVE}
        return SourceTable(columns, meanings)

    def verify(self) -> None:
        """Say so if there are no sources, or the magnitudes have no zeropoint."""
        if not self.nsources:
            self.raise_flag("NO_SOURCES")
        if not self._has_zeropoints:
            self.raise_flag("NO_ZEROPOINT")
        inputs = [self.associate_list, *self.source_lists]
        if any(item is not None and item.quality_flags for item in inputs):
            self.raise_flag("FLAGGED_INPUT")


def _summary(rows: SourceTable, number: int) -> SourceTable:
    """One row per association: its number, its mean position, and its detections."""
    ra, dec = mean_places(rows, number)
    count = np.bincount(rows["AID"], minlength=number)
    columns = {"SID": np.arange(number), "RA": ra, "DEC": dec, "NDET": count}
    return SourceTable(columns)


def _by_filter(
    aid: Any, magnitudes: dict[str, Any], names: list[str], number: int
) -> tuple[dict[str, Any], dict[str, ColumnMeaning]]:
    columns: dict[str, Any] = {}
    meanings: dict[str, ColumnMeaning] = {}
    for k, name in enumerate(names):
        mine = magnitudes["FILTER"] == k
        found = mean_magnitudes(aid[mine], magnitudes["MAG"][mine], magnitudes["ERR"][mine], number)
        columns |= {
            f"MAG_{name}": found.mean,
            f"MAGERR_{name}": found.error,
            f"MAG_RMS_{name}": found.rms,
            f"NDET_{name}": found.count,
        }
        meanings |= {
            f"MAG_{name}": ColumnMeaning("mag", f"Mean magnitude in {name}", "phot.mag"),
            f"MAGERR_{name}": ColumnMeaning("mag", "Its error", "stat.error;phot.mag"),
            f"MAG_RMS_{name}": ColumnMeaning("mag", "Rms of the detections", "stat.stdev;phot.mag"),
            f"NDET_{name}": ColumnMeaning("", f"Number of detections in {name}", "meta.number"),
        }
    return columns, meanings


def _curves(rows: SourceTable, magnitudes: dict[str, Any], number: int) -> dict[str, Any]:
    """Return the detections of every source as arrays, by time."""
    order = np.lexsort((magnitudes["MJD"], rows["AID"]))
    ends = np.cumsum(np.bincount(rows["AID"], minlength=number))[:-1]
    flat = {
        "MJD": magnitudes["MJD"], "FILTER": magnitudes["FILTER"], "MAG": magnitudes["MAG"],
        "MAGERR": magnitudes["ERR"], "SLID": rows["SLID"], "SID": rows["SID"],
    }  # fmt: skip
    found: dict[str, Any] = {}
    for name, values in flat.items():
        curves = np.empty(number, dtype=object)
        for row, part in enumerate(np.split(values[order], ends) if number else ()):
            curves[row] = part
        found[f"LC_{name}"] = curves
    return found


def _one_of(values: Any, aperture: int) -> Any:
    if values.ndim == 1:
        return np.asarray(values, float)
    if not 0 <= aperture < values.shape[1]:
        raise TargetError(
            f"APERTURE {aperture}: the lists have {values.shape[1]} apertures", "count from 0"
        )
    return np.asarray(values[:, aperture], float)


def _filter_name(item: Any) -> str:
    band = getattr(item, "filter", None) if "filter" in type(item)._attributes else None
    return str(band.name) if band is not None else ""


def _middle(item: Any) -> float:
    """Return the middle of the observation of a list as MJD [d]; not a number if unknown."""
    if "DATE_OBS" not in type(item)._attributes or item.DATE_OBS is None:
        return float("nan")
    days = (item.DATE_OBS - _MJD_ZERO).total_seconds() / 86400.0
    return float(days + (item.EXPTIME or 0.0) / 2.0 / 86400.0)
