"""Reference catalogues of the demo nights: what their stars are measured against.

Those of the simulated night are made of its truth, with the errors that such catalogues have:
positions as from Gaia, standard stars as from a photometric survey. The real night lies in
Landolt's selected area 112, whose standard stars are written here.

References
----------
.. [1] Landolt 1992, AJ 104, 340 (SA 112; CDS II/183A): V and colours; positions J2000.
.. [2] Source list of SA112-SF1-001R1 by the observers, published with the frames (BSD-3-Clause).
.. [3] Gaia Collaboration 2023, A&A 674, A1 (DR3: errors of position of faint stars).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from awlab.backend.catalogs import SourceTable, ingest_reference
from awlab.backend.ingest.nights.night_files import NightFiles

__all__ = ["ingest_references"]

_POSITION_ERROR = 0.002  # [arcsec]
_MAGNITUDE_ERROR = 0.005  # [mag]
_FIELDS = ("SIM_SA104", "SIM_DEEP_1", "SIM_BLANK")
_STANDARDS = "SIM_SA104"
# Name, RA and Dec [deg], V, B-V, U-B, V-R, V-I [mag]. Printed positions are cut to whole seconds
# of right ascension, up to 15 arcsec: those of the five stars on the frames are what the observers
# measured; the other two lie outside of them.
_SA112 = (
    ("SA112-595", 310.32500, 0.27444, 11.352, 1.601, 1.993, 0.899, 1.801),
    ("SA112-704", 310.50833, 0.31944, 11.452, 1.536, 1.742, 0.822, 1.570),
    ("SA112-223", 310.56081, 0.14990, 11.424, 0.454, 0.010, 0.273, 0.547),
    ("SA112-250", 310.60994, 0.12848, 12.095, 0.532, -0.025, 0.317, 0.639),
    ("SA112-275", 310.64762, 0.12226, 9.905, 1.210, 1.299, 0.647, 1.217),
    ("SA112-805", 310.69481, 0.26896, 12.086, 0.152, 0.150, 0.063, 0.138),
    ("SA112-822", 310.72881, 0.25050, 11.549, 1.031, 0.883, 0.558, 1.060),
)
_LANDOLT_COLUMNS = ("SOURCE_ID", "RA", "DEC", "V", "B-V", "U-B", "V-R", "V-I")


def ingest_references(night: NightFiles) -> list[Any]:
    """Bring the reference catalogues of a demo night into the database, once.

    Parameters
    ----------
    night : NightFiles
        The night.

    Returns
    -------
    list of AstrometricCatalog and PhotRefCatalog
        The catalogues.
    """
    return _landolt() if night.truth is None else _simulated(night)


def _landolt() -> list[Any]:
    from astropy.table import Table

    table = Table(rows=list(_SA112), names=_LANDOLT_COLUMNS)
    paper = "Landolt 1992, AJ 104, 340"
    return [ingest_reference(table, "Landolt SA112", kind="photometric", publication=paper)]


def _simulated(night: NightFiles) -> list[Any]:
    from awlab.backend.ingest.nights.truth import NightTruth

    assert night.truth is not None
    truth = NightTruth(night.truth)
    found = [
        ingest_reference(
            _as_gaia(truth.stars(field)),
            f"Gaia of {field}",
            epoch=2000.3,
            publication="simulated",
        )
        for field in _FIELDS
    ]
    standards = _as_standards(truth.stars(_STANDARDS))
    name = f"Standard stars of {_STANDARDS}"
    standard = ingest_reference(standards, name, kind="photometric", publication="simulated")
    return [*found, standard]


def _as_gaia(stars: Any) -> SourceTable:
    rng = np.random.default_rng([7, len(stars)])
    east, north = rng.normal(0.0, _POSITION_ERROR / 3600.0, (2, len(stars)))
    errors = np.full(len(stars), _POSITION_ERROR)
    return SourceTable(
        {
            "SOURCE_ID": stars["id"],
            "RA": stars["ra"] + east / np.cos(np.radians(stars["dec"])),
            "DEC": stars["dec"] + north,
            "RA_ERR": errors,
            "DEC_ERR": errors,
            # Gaia's wide band lies near R for stars of middle colour.
            "GaiaG": stars["R"] + 0.3 * (stars["B"] - stars["R"]),
        }
    )


def _as_standards(stars: Any) -> SourceTable:
    rng = np.random.default_rng([8, len(stars)])
    bands = {"JohnsonB": "B", "CousinsR": "R"}
    noise = rng.normal(0.0, _MAGNITUDE_ERROR, (len(bands), len(stars)))
    columns = {"SOURCE_ID": stars["id"], "RA": stars["ra"], "DEC": stars["dec"]}
    for (band, letter), errors in zip(bands.items(), noise, strict=True):
        columns[band] = stars[letter] + errors
        columns[f"{band}_ERR"] = np.full(len(stars), _MAGNITUDE_ERROR)
    return SourceTable(columns)
