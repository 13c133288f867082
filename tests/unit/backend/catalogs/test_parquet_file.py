"""Catalogues on disk: the same comes back, parts of it as by brute force."""

from __future__ import annotations

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from awlab.backend.catalogs import (
    ColumnMeaning,
    SourceTable,
    catalog_columns,
    read_catalog,
    search_cone,
    separation,
    write_catalog,
)
from awlab.backend.errors import IngestError, QueryError, UnknownAttribute


def make_table(count=5000, seed=3):
    rng = np.random.default_rng(seed)
    return SourceTable(
        {
            "SID": np.arange(count),
            "RA": (rng.normal(0.0, 1.0, count)) % 360,
            "DEC": rng.normal(20.0, 1.0, count),
            "FLUX_APER": rng.normal(1e4, 100, (count, 3)).astype(np.float32),
            "FLAGS": rng.integers(0, 8, count).astype(np.int16),
            "NAME": np.array([f"étoile {i}" for i in range(count)]),
            "OWN": rng.normal(size=count).astype(">f8"),
        },
        {"OWN": ColumnMeaning("km / s", "Velocity", "phys.veloc")},
        {"APERTURES": np.array([2.0, 4.0, 8.0]), "zeropoint": np.float32(25.5)},
    )


@pytest.fixture(scope="module")
def table():
    return make_table()


@pytest.fixture(scope="module")
def path(table, tmp_path_factory):
    path = tmp_path_factory.mktemp("catalogue") / "sources.parquet"
    write_catalog(path, table)
    return path


def test_what_was_written_comes_back_sorted_along_the_sky(table, path):
    back = read_catalog(path)
    assert back.count == table.count
    order = np.argsort(back["SID"])
    for name, values in table.columns.items():
        assert np.array_equal(back[name][order], values), name
        assert back[name].dtype == values.dtype.newbyteorder("=") or values.dtype.kind == "U"
    assert (np.diff(back["_healpix_29"]) >= 0).all()
    assert back.facts == {"APERTURES": [2.0, 4.0, 8.0], "zeropoint": 25.5}


def test_units_meanings_and_ucds_stand_in_the_file(path):
    columns = catalog_columns(path)
    assert columns["RA"] == ColumnMeaning("deg", "Right ascension, ICRS", "pos.eq.ra;meta.main")
    assert columns["OWN"] == ColumnMeaning("km / s", "Velocity", "phys.veloc")
    shown = read_catalog(path, ["RA", "OWN", "FLUX_APER"]).table()
    assert str(shown["OWN"].unit) == "km / s" and shown["FLUX_APER"].shape[1] == 3


def test_anybody_can_read_the_file(path, table):
    """It is plain Parquet, compressed and with the statistics that let readers skip."""
    file = pq.ParquetFile(path)
    group = file.metadata.row_group(0).column(file.schema_arrow.get_field_index("_healpix_29"))
    assert group.compression == "ZSTD" and group.statistics.has_min_max
    assert file.read(["SID"]).num_rows == table.count


def test_parts_are_read_by_column_and_by_source(table, path):
    some = read_catalog(path, ["SID", "FLAGS"], sids=[7, 4000])
    assert sorted(some["SID"]) == [7, 4000] and list(some) == ["SID", "FLAGS"]
    assert dict(zip(some["SID"], some["FLAGS"], strict=True))[7] == table["FLAGS"][7]


@settings(max_examples=30, deadline=None)
@given(
    ra=st.floats(-2, 2), dec=st.floats(17, 23), radius=st.floats(0.001, 3), seed=st.integers(0, 3)
)
def test_a_cone_is_what_brute_force_finds(path, table, ra, dec, radius, seed):
    found = search_cone(path, ra % 360, dec, radius, ["SID"])
    distance = separation(table["RA"], table["DEC"], ra, dec)
    assert set(found["SID"]) == set(table["SID"][distance <= radius])
    measured = separation(found["RA"], found["DEC"], ra, dec)
    assert (np.diff(measured) >= 0).all()


def test_an_empty_catalogue_is_a_catalogue(tmp_path, table):
    path = tmp_path / "none.parquet"
    write_catalog(path, table.rows(np.zeros(table.count, bool)))
    assert read_catalog(path).count == 0 and search_cone(path, 1, 1, 1).count == 0


def test_what_is_wrong_is_said(tmp_path, path, table):
    with pytest.raises(QueryError, match="without RA and DEC"):
        write_catalog(tmp_path / "x.parquet", SourceTable({"SID": np.arange(3)}))
    with pytest.raises(QueryError, match="different lengths: A 3, B 2"):
        SourceTable({"A": np.arange(3), "B": np.arange(2)})
    with pytest.raises(QueryError, match="no column 'FLUX'"):
        read_catalog(path, ["FLUX"])
    with pytest.raises(UnknownAttribute, match="FLUX_APER"):
        table["FLUX_APERR"]
    text = tmp_path / "text.parquet"
    text.write_text("no catalogue")
    with pytest.raises(IngestError, match=r"text\.parquet is not a Parquet catalogue"):
        read_catalog(text)


def light_curves(*rows, order="<"):
    """A catalogue with an array of its own length in every row."""
    curves = np.empty(len(rows), dtype=object)
    curves[:] = [np.array(row, dtype=f"{order}f8") for row in rows]
    places = np.arange(len(rows), dtype=float)
    return SourceTable({"RA": places, "DEC": places, "LC_MAG": curves})


def test_light_curves_are_part_of_what_a_catalogue_is():
    one = light_curves([1.0, 2.0], [], [3.0]).digest()
    assert one == light_curves([1.0, 2.0], [], [3.0], order=">").digest()
    assert one != light_curves([1.0], [2.0], [3.0]).digest()
    assert one != light_curves([1.0, 2.0], [], [4.0]).digest()
