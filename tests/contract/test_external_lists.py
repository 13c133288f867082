"""Catalogues from outside: all formats, names of other surveys, parents, once each; online ones."""

from __future__ import annotations

import sys
from types import ModuleType

import numpy as np
import pytest
from astropy.table import Table

from awlab.backend.catalogs import AstrometricCatalog, PhotRefCatalog, fetch_reference
from awlab.backend.datamodel import Filter, Instrument, Judged
from awlab.backend.errors import FileMissing, IngestError, MissingKeyword, TargetError
from awlab.backend.targets import AssociateList, CombinedList, ExternalList, ingest_catalog

rng = np.random.default_rng(4)
COUNT = 50
GAIA = {
    "source_id": np.arange(COUNT) + 6_000_000_000_000_000_000 // 2,
    "ra": 30 + rng.uniform(0, 0.2, COUNT),
    "dec": rng.uniform(-5, -4.8, COUNT),
    "pmra": rng.normal(0, 5, COUNT),
    "phot_g_mean_mag": rng.uniform(12, 20, COUNT),
}
SDSS = {
    "objID": np.arange(COUNT) + 1_237_000_000_000_000_000,
    "ra": GAIA["ra"],
    "dec": GAIA["dec"],
    "psfMag_g": rng.uniform(14, 20, COUNT),
    "psfMagErr_g": np.full(COUNT, 0.02),
    "psfMag_r": rng.uniform(14, 20, COUNT),
}
PS1 = {
    "raMean": GAIA["ra"],
    "decMean": GAIA["dec"],
    "gMeanPSFMag": SDSS["psfMag_g"],
    "nDetections": np.arange(COUNT),
}


@pytest.mark.parametrize("suffix", ["fits", "vot", "ecsv", "csv", "parquet"])
def test_every_format_gives_the_same_list(home, tmp_path, suffix):
    path = tmp_path / f"gaia.{suffix}"
    Table(GAIA).write(path, **({"format": "votable"} if suffix == "vot" else {}))
    found = ingest_catalog(path, name="Gaia as a list", epoch=2016.0)
    assert type(found) is ExternalList and len(found) == COUNT and found.bands == "GaiaG"
    rows = found.table()
    assert np.allclose(rows["RA"].value, GAIA["ra"]) and (rows["SLID"] == found.SLID).all()
    assert np.array_equal(rows["SOURCE_ID"], GAIA["source_id"])
    assert np.allclose(rows["GaiaG"].value, GAIA["phot_g_mean_mag"])
    assert pytest.approx(GAIA["pmra"][7]) == found[7].PMRA
    assert ingest_catalog(path, name="Gaia as a list") == found
    assert ExternalList.select(name="Gaia as a list").count() == 1


def test_names_of_other_surveys_are_known(home):
    sdss = ingest_catalog(Table(SDSS), name="SDSS")
    assert sdss.bands == "SloanG SloanR"
    assert sdss[3].SloanG == SDSS["psfMag_g"][3]
    ps1 = ingest_catalog(Table(PS1), name="PS1")
    assert ps1.bands == "SloanG" and ps1[3].nDetections == 3
    own = Table({"alpha": [1.0, np.nan], "delta": [2.0, 3.0], "v": [15.0, 16.0]})
    named = ingest_catalog(own, name="own", columns={"DEC": "delta", "JohnsonV": "v"})
    assert len(named) == 1 and named[0].JohnsonV == 15.0
    # The numbers that another list gave stay, beside our own.
    back = ingest_catalog(Table({"SLID": [5], "SID": [9], "RA": [1.0], "DEC": [1.0]}), name="back")
    assert (back[0].SLID, back[0].SLID_ORIGIN, back[0].SID_ORIGIN) == (back.SLID, 5, 9)


def test_parents_are_lineage(home):
    class ExternalFrame(Judged):
        """Something that a catalogue was made of elsewhere."""

    one, other = ExternalFrame().commit(), ExternalFrame().commit()
    found = ingest_catalog(Table(GAIA), name="made elsewhere", parents=[one, other])
    assert list(found.parents) == [one, other] and found in one.downstream()
    assert ingest_catalog(Table(GAIA), name="made elsewhere", parents=[one, other]) == found
    assert ingest_catalog(Table(GAIA), name="made elsewhere", parents=[one]) != found
    assert list(found[0].lineage()) == []
    with pytest.raises(TargetError, match="is not committed"):
        ingest_catalog(Table(GAIA), name="early", parents=[ExternalFrame()])


def test_it_is_associated_and_combined_as_any_other(home):
    camera = Instrument(name="OutsideCam").commit()
    band = Filter(instrument=camera, name="g").commit()
    mine = Table({
        "RA": GAIA["ra"] + 1e-5, "DEC": GAIA["dec"], "MAG_AUTO": SDSS["psfMag_g"],
        "MAGERR_AUTO": np.full(COUNT, 0.01),
    })  # fmt: skip
    lists = [ingest_catalog(mine, name="g of ours", filter=band, DATE_OBS="2020-01-01"),
             ingest_catalog(Table(GAIA), name="Gaia to associate")]  # fmt: skip
    found = AssociateList.get(input_lists=lists)
    assert found.complete_count == COUNT
    combined = CombinedList.get(associate_list=found)
    assert combined.filters == "g" and np.isfinite(combined.sources(["MAG_g"])["MAG_g"]).all()
    assert combined.light_curve(0)["MJD"][0] == pytest.approx(58849) or combined[0].NDET == 2


def test_what_is_wrong_is_said(home, tmp_path):
    with pytest.raises(FileMissing):
        ingest_catalog(tmp_path / "none.fits", name="x")
    with pytest.raises(MissingKeyword, match="no RA"):
        ingest_catalog(Table({"x": [1.0]}), name="x")
    with pytest.raises(IngestError, match="no sources with a position"):
        ingest_catalog(Table(GAIA)[:0], name="x")
    text = tmp_path / "text.fits"
    text.write_text("not a table")
    with pytest.raises(IngestError, match=r"text\.fits cannot be read as a table"):
        ingest_catalog(text, name="x")


class StandInVizier:
    """What astroquery's Vizier is to us: a query of a region that gives a list of tables."""

    answer: object = ()
    asked: list = []  # noqa: RUF012

    def __init__(self, **options):
        assert options == {"columns": ["*"], "row_limit": -1}

    def query_region(self, centre, radius, catalog):
        StandInVizier.asked.append((centre.ra.deg, centre.dec.deg, radius.to_value("deg"), catalog))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
def vizier(monkeypatch):
    module, package = ModuleType("astroquery.vizier"), ModuleType("astroquery")
    module.Vizier = StandInVizier
    monkeypatch.setitem(sys.modules, "astroquery", package)
    monkeypatch.setitem(sys.modules, "astroquery.vizier", module)
    monkeypatch.setattr(StandInVizier, "asked", [])
    return StandInVizier


def test_reference_catalogues_come_from_the_network(home, vizier, monkeypatch):
    gaia = Table({"RA_ICRS": GAIA["ra"], "DE_ICRS": GAIA["dec"], "Gmag": GAIA["phot_g_mean_mag"]})
    monkeypatch.setattr(vizier, "answer", [gaia])
    found = fetch_reference("gaia", 30.1, -4.9, 0.15)
    assert vizier.asked == [(30.1, -4.9, pytest.approx(0.15), "I/355/gaiadr3")]
    assert type(found) is AstrometricCatalog and found.nsources == COUNT and found.epoch == 2016
    assert found.bands == "GaiaG" and found.publication == "VizieR I/355/gaiadr3"
    assert fetch_reference("gaia", 30.1, -4.9, 0.15) == found
    sdss = Table({"RA_ICRS": GAIA["ra"], "DE_ICRS": GAIA["dec"], "gmag": SDSS["psfMag_g"]})
    monkeypatch.setattr(vizier, "answer", [sdss])
    assert type(fetch_reference("sdss", 30.1, -4.9, 0.15, name="SDSS there")) is PhotRefCatalog


def test_a_network_that_fails_is_one_sentence(home, vizier, monkeypatch):
    monkeypatch.setattr(vizier, "answer", ConnectionError("no route to the service"))
    with pytest.raises(IngestError, match="Gaia DR3 cannot be fetched: no route"):
        fetch_reference("gaia", 1, 1, 0.1)
    monkeypatch.setattr(vizier, "answer", [])
    with pytest.raises(IngestError, match=r"has no sources within 0\.1 deg"):
        fetch_reference("gaia", 1, 1, 0.1)
    with pytest.raises(IngestError, match="use gaia, ps1, sdss, apass"):
        fetch_reference("hipparcos", 1, 1, 0.1)
    monkeypatch.setitem(sys.modules, "astroquery", None)
    monkeypatch.setitem(sys.modules, "astroquery.vizier", None)
    with pytest.raises(IngestError, match="astroquery is not installed"):
        fetch_reference("gaia", 1, 1, 0.1)
