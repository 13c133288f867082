"""Tables as surveys and services give them become catalogues with our names and units."""

from __future__ import annotations

import numpy as np
import pytest
from astropy import units as u
from astropy.table import Table

from awlab.backend.catalogs import as_catalog, read_foreign
from awlab.backend.errors import FileMissing, IngestError, MissingKeyword

GAIA = Table(
    {
        "source_id": np.array([2**62 + 1, 5]),
        "ra": [10.0, 10.1] * u.deg,
        "dec": [-5.0, -5.1] * u.deg,
        "ra_error": [0.1, 0.2] * u.mas,
        "pmra": [1.5, np.nan] * u.mas / u.yr,
        "phot_g_mean_mag": [15.2, 16.3] * u.mag,
    }
)
SDSS = Table({"objID": [1], "ra": [180.0], "dec": [1.0], "psfMag_g": [19.1], "psfMag_r": [18.2]})
PS1 = Table({"objid": [1], "raMean": [180.0], "decMean": [1.0], "gMeanPSFMag": [19.1]})
LANDOLT = Table(
    {
        "name": ["SA112-223", "SA112-250"],
        "RA": ["20:42:14", "20:42:26"],
        "DEC": ["+00:09:01", "+00:07:43"],
        "V": [11.424, 12.095],
        "B-V": [0.454, 0.532],
        "U-B": [0.010, -0.025],
        "V-R": [0.273, 0.317],
        "V-I": [0.547, 0.639],
    }
)


@pytest.mark.parametrize("suffix", ["fits", "vot", "ecsv", "csv", "parquet"])
def test_every_format_gives_the_same_catalogue(tmp_path, suffix):
    path = tmp_path / f"gaia.{suffix}"
    GAIA.write(path, format="votable") if suffix == "vot" else GAIA.write(path)
    found = as_catalog(read_foreign(path))
    assert np.allclose(found["RA"], [10.0, 10.1]) and np.allclose(found["GaiaG"], [15.2, 16.3])
    assert found["SOURCE_ID"].tolist() == [2**62 + 1, 5]  # no detour through float
    if suffix != "csv":  # which has no units
        assert np.allclose(found["RA_ERR"], [1e-4, 2e-4])  # arcsec
        assert found.meaning("PMRA").unit == "mas / yr"


def test_surveys_are_recognised_by_their_column_names():
    assert {"SloanG", "SloanR", "RA", "SOURCE_ID"} <= set(as_catalog(SDSS))
    assert {"SloanG", "RA", "DEC"} <= set(as_catalog(PS1))


def test_colours_of_standard_stars_become_magnitudes():
    found = as_catalog(LANDOLT)
    assert found["JohnsonB"] == pytest.approx([11.878, 12.627])
    assert found["JohnsonU"] == pytest.approx([11.888, 12.602])
    assert found["CousinsR"] == pytest.approx([11.151, 11.778])
    assert found["CousinsI"] == pytest.approx([10.877, 11.456])
    assert found["RA"][0] == pytest.approx(310.558333, abs=1e-5)
    assert found["SOURCE_ID"].tolist() == ["SA112-223", "SA112-250"]
    assert found.meaning("JohnsonV").unit == "mag"


def test_whoever_has_other_names_says_so():
    table = Table({"a": [1.0], "d": [2.0], "mine": [3.0]})
    found = as_catalog(table, {"RA": "a", "DEC": "d", "JohnsonV": "mine"})
    assert found["JohnsonV"].tolist() == [3.0]
    with pytest.raises(MissingKeyword, match="no column 'b'"):
        as_catalog(table, {"RA": "b"})
    with pytest.raises(MissingKeyword, match="has no RA: a, d, mine"):
        as_catalog(table)


def test_text_without_a_header_is_read_with_the_names_given(tmp_path):
    path = tmp_path / "sa112.cat"
    path.write_text("# a remark\nSA112-595 310.325 +0.2744 11.352\nSA112-704 310.508 +0.319 11.4\n")
    found = as_catalog(read_foreign(path, ["name", "ra", "dec", "V"]))
    assert found["JohnsonV"].tolist() == [11.352, 11.4]
    assert found["RA"].tolist() == [310.325, 310.508]


def test_what_is_masked_is_no_number():
    table = Table({"ra": [1.0, 2.0], "dec": [1.0, 2.0], "Vmag": np.ma.array([9, 9], mask=[0, 1])})
    assert np.isnan(as_catalog(table)["JohnsonV"]).tolist() == [False, True]


def test_what_is_no_table_is_said_in_one_sentence(tmp_path):
    with pytest.raises(FileMissing, match="no file"):
        read_foreign(tmp_path / "none.fits")
    path = tmp_path / "broken.fits"
    path.write_bytes(b"SIMPLE = no" * 10)
    with pytest.raises(IngestError, match=r"broken\.fits cannot be read as a table"):
        read_foreign(path)
    with pytest.raises(IngestError, match="RA cannot be read as an angle"):
        as_catalog(Table({"ra": ["here", "12:00:00"], "dec": ["x", "y"]}))
