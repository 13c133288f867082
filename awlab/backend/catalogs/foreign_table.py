"""Tables of others as catalogues: FITS, VOTable, ECSV, CSV, Parquet or plain text.

Columns are recognised by the names that surveys and services use; whoever has other names says
so. Positions become degrees, ICRS; magnitudes are named by their band.

References
----------
Column names: Gaia DR3 data model, SDSS DR17 ``PhotoObj``, Pan-STARRS1 DR2 ``MeanObject``, VizieR.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from awlab.backend.catalogs.source_columns import SOURCE_COLUMNS, ColumnMeaning
from awlab.backend.catalogs.source_table import SourceTable
from awlab.backend.errors import FileMissing, IngestError, MissingKeyword

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["BANDS", "as_catalog", "read_foreign"]

#: Photometric bands by the name that `Filter.mag_id` has.
BANDS = {
    "JohnsonU": ("U", "Umag"),
    "JohnsonB": ("B", "Bmag"),
    "JohnsonV": ("V", "Vmag"),
    "CousinsR": ("R", "Rmag", "Rc"),
    "CousinsI": ("I", "Imag", "Ic"),
    "SloanU": ("u", "umag", "psfMag_u"),
    "SloanG": ("g", "gmag", "psfMag_g", "gMeanPSFMag"),
    "SloanR": ("r", "rmag", "psfMag_r", "rMeanPSFMag"),
    "SloanI": ("i", "imag", "psfMag_i", "iMeanPSFMag"),
    "SloanZ": ("z", "zmag", "psfMag_z", "zMeanPSFMag"),
    "GaiaG": ("phot_g_mean_mag", "Gmag"),
    "GaiaBP": ("phot_bp_mean_mag", "BPmag"),
    "GaiaRP": ("phot_rp_mean_mag", "RPmag"),
}
# Alternatives in order of preference; ours first.
_NAMES = {
    "RA": ("RA", "ra", "RA_ICRS", "RAJ2000", "_RAJ2000", "raMean", "ALPHA_J2000", "alpha"),
    "DEC": ("DEC", "Dec", "dec", "DE_ICRS", "DEJ2000", "_DEJ2000", "decMean", "DELTA_J2000"),
    "PMRA": ("PMRA", "pmra", "pmRA"),
    "PMDEC": ("PMDEC", "pmdec", "pmDE"),
    "RA_ERR": ("RA_ERR", "ra_error", "e_RA_ICRS", "raMeanErr"),
    "DEC_ERR": ("DEC_ERR", "dec_error", "e_DE_ICRS", "decMeanErr"),
    "SOURCE_ID": ("SOURCE_ID", "source_id", "objID", "objid", "Source", "id", "ID", "name", "Name"),
}
_ERRORS = ("e_{}", "{}_ERR", "{}err", "{}_err", "e{}", "{}Err")
_LEFT_OUT = re.compile(r"^_(RA|DE)")


def read_foreign(path: str | Path, names: list[str] | None = None) -> Any:
    """Read a table of any kind that astropy knows.

    Parameters
    ----------
    path : str or Path
        File.
    names : list of str, optional
        Names of the columns of a text file that has none.

    Returns
    -------
    astropy.table.Table
        The table as it is.

    Raises
    ------
    FileMissing
        If there is no such file.
    IngestError
        If it is no table.
    """
    from astropy.table import Table

    place = Path(path)
    if not place.is_file():
        raise FileMissing(f"no file {place}", "check the path")
    try:
        if names is not None:
            return Table.read(place, format="ascii.no_header", names=names, comment="#")
        if place.suffix.lower() in (".dat", ".cat", ".txt", ".tsv"):
            return Table.read(place, format="ascii")
        return Table.read(place)
    # Readers of a dozen formats raise whatever they like at a file that is none of theirs.
    except Exception as exc:
        why = str(exc).strip().splitlines()[0] if str(exc).strip() else type(exc).__name__
        raise IngestError(
            f"{place.name} cannot be read as a table: {why}",
            "FITS, VOTable, ECSV, CSV, Parquet; for text without a header give names=[...]",
        ) from exc


def as_catalog(table: Any, columns: Mapping[str, str] | None = None) -> SourceTable:
    """Turn a table into a catalogue with awlab's names and units.

    Parameters
    ----------
    table : astropy.table.Table
        With positions.
    columns : mapping of str to str, optional
        Which of its columns is what: ``{"JohnsonV": "mag_v", "RA": "alpha"}``.

    Raises
    ------
    MissingKeyword
        If there are no positions, or a column named in `columns` is not there.
    IngestError
        If positions cannot be read.
    """
    chosen = dict(columns or {})
    for ours, theirs in chosen.items():
        if theirs not in table.colnames:
            raise MissingKeyword(
                f"the table has no column {theirs!r} for {ours}",
                f"it has {', '.join(table.colnames)}",
            )
    found = _known(table, chosen)
    for name in ("RA", "DEC"):
        if name not in found:
            raise MissingKeyword(
                f"the table has no {name}: {', '.join(table.colnames)}",
                f"say which column it is: columns={{{name!r}: ...}}",
            )
    values = {name: _numbers(table[theirs], name) for name, theirs in found.items()}
    values |= _from_colours(table, values)
    rest = [n for n in table.colnames if n not in found.values() and not _LEFT_OUT.match(n)]
    for name in rest:
        own = np.ma.filled(np.ma.asarray(table[name]), _blank(table[name]))
        if own.dtype.kind in "fiubUSO" and own.ndim <= 2 and name not in values:
            values[name] = own
    meanings = {name: _meaning(table, name, found) for name in values}
    return SourceTable(values, meanings, _facts(table))


def _known(table: Any, chosen: dict[str, str]) -> dict[str, str]:
    """Find out which column is what."""
    found = dict(chosen)
    alternatives: dict[str, tuple[str, ...]] = dict(_NAMES)
    alternatives |= {name: (name,) for name in SOURCE_COLUMNS if name not in _NAMES}
    alternatives |= {band: (band, *names) for band, names in BANDS.items()}
    taken = set(found.values())
    for ours, names in alternatives.items():
        theirs = next((n for n in names if n in table.colnames and n not in taken), None)
        if ours not in found and theirs is not None:
            found[ours] = theirs
            taken.add(theirs)
    for band in BANDS:
        if band not in found:
            continue
        for pattern in _ERRORS:
            name = pattern.format(found[band])
            if name in table.colnames and f"{band}_ERR" not in found:
                found[f"{band}_ERR"] = name
    return found


def _numbers(column: Any, name: str) -> NDArray[Any]:
    """Return the values of a column, in our unit and without a mask."""
    if name == "SOURCE_ID":
        return np.asarray(np.ma.filled(np.ma.asarray(column), _blank(column)))
    if name in ("RA", "DEC"):
        return _degrees(column, name)
    # What is masked is not a number; integers cannot say so.
    values = np.asarray(np.ma.filled(np.ma.asarray(column).astype(np.float64), np.nan))
    unit = getattr(column, "unit", None)
    wanted = SOURCE_COLUMNS.get(name, ColumnMeaning()).unit
    if unit is not None and wanted:
        from astropy import units as u

        try:
            return np.asarray((values * u.Unit(unit)).to_value(wanted))
        except u.UnitConversionError:
            return values
    return values


def _degrees(column: Any, name: str) -> NDArray[np.float64]:
    from astropy import units as u
    from astropy.coordinates import Angle

    values = np.ma.filled(np.ma.asarray(column), _blank(column))
    try:
        if values.dtype.kind in "USO":
            # Text with colons or blanks is sexagesimal; RA is then in hours.
            is_plain = all(re.fullmatch(r"\s*[-+]?[\d.]+\s*", str(v)) for v in values)
            unit = u.hourangle if name == "RA" and not is_plain else u.deg
            return np.asarray(Angle([str(v).strip() for v in values], unit=unit).deg)
        unit = getattr(column, "unit", None) or u.deg
        return np.asarray((np.asarray(values, np.float64) * u.Unit(unit)).to_value(u.deg))
    except (ValueError, TypeError, u.UnitsError) as exc:
        raise IngestError(
            f"{name} cannot be read as an angle: {exc}", "degrees, or hh:mm:ss and dd:mm:ss"
        ) from exc


def _from_colours(table: Any, values: Mapping[str, Any]) -> dict[str, NDArray[np.float64]]:
    """Make magnitudes of the colours that tables of standard stars give beside V."""
    if "JohnsonV" not in values:
        return {}
    found: dict[str, NDArray[np.float64]] = {}
    v = np.asarray(values["JohnsonV"], float)
    steps = (
        ("JohnsonB", "B-V", "JohnsonV", 1),
        ("JohnsonU", "U-B", "JohnsonB", 1),
        ("CousinsR", "V-R", "JohnsonV", -1),
        ("CousinsI", "V-I", "JohnsonV", -1),
    )
    known = {"JohnsonV": v, **{n: np.asarray(values[n], float) for n in BANDS if n in values}}
    for band, colour, other, sign in steps:
        if band not in known and colour in table.colnames and other in known:
            added = np.ma.filled(np.ma.asarray(table[colour]).astype(float), np.nan)
            known[band] = found[band] = known[other] + sign * added
    return found


def _blank(column: Any) -> Any:
    kind = np.ma.asarray(column).dtype.kind
    return {"f": np.nan, "U": "", "S": b"", "O": "", "b": False}.get(kind, 0)


def _meaning(table: Any, name: str, found: Mapping[str, str]) -> ColumnMeaning:
    own = SOURCE_COLUMNS.get(name)
    theirs = found.get(name, name)
    doc = ""
    if theirs in table.colnames:
        doc = str(table[theirs].info.description or "")
    if own is not None:
        return own._replace(doc=doc or own.doc)
    if name.removesuffix("_ERR") in BANDS:
        return ColumnMeaning("mag", doc or f"Magnitude {name}", "phot.mag")
    unit = getattr(table[theirs], "unit", None) if theirs in table.colnames else None
    return ColumnMeaning(_spelled(unit), doc)


def _spelled(unit: Any) -> str:
    from astropy import units as u

    try:
        return "" if unit is None else u.Unit(unit).to_string()
    except ValueError:
        return ""  # a unit that nobody knows is no unit


def _facts(table: Any) -> dict[str, Any]:
    """Keep what the file says about itself, as far as it is plain."""
    return {
        str(name): value
        for name, value in (table.meta or {}).items()
        if isinstance(value, (str, int, float, bool))
    }
