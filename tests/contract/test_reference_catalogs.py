"""Reference catalogues in the database: once per content, found again, read by cone."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.table import Table

from awlab.backend.catalogs import AstrometricCatalog, PhotRefCatalog, ingest_reference
from awlab.backend.errors import IngestError


@pytest.fixture(scope="module")
def stars():
    rng = np.random.default_rng(5)
    return Table(
        {
            "ra": 359.9 + rng.uniform(0, 0.3, 400),
            "dec": rng.uniform(-10.2, -9.9, 400),
            "phot_g_mean_mag": rng.uniform(10, 20, 400),
        }
    )


def test_a_catalogue_is_kept_once_and_read_by_cone(home, stars):
    stars["ra"] %= 360
    found = ingest_reference(stars, "Gaia of the test", epoch=2016.0, publication="nowhere")
    assert type(found) is AstrometricCatalog and found.nsources == 400
    assert found.bands == "GaiaG" and found.epoch == 2016.0
    assert np.allclose([found.RA, found.DEC], [0.05, -10.05], atol=0.02)
    assert 0.15 < found.radius < 0.35
    assert ingest_reference(stars, "Gaia of the test") == found
    again = AstrometricCatalog(object_id=found.object_id)
    cone = again.cone(0.05, -10.05, 0.05)
    ra = (np.asarray(stars["ra"]) + 180) % 360 - 180
    inside = np.hypot((ra - 0.05) * np.cos(np.radians(10.05)), stars["dec"] + 10.05) < 0.05
    assert abs(cone.count - inside.sum()) <= 1
    assert again.sources(["RA"]).count == 400
    assert again.is_on_dataserver() and again.filename.endswith(".parquet")


def test_a_photometric_catalogue_needs_magnitudes(home, stars):
    found = ingest_reference(stars, "with magnitudes", kind="photometric")
    assert type(found) is PhotRefCatalog
    with pytest.raises(IngestError, match="no magnitudes in a known band"):
        ingest_reference(stars["ra", "dec"], "without", kind="photometric")
    with pytest.raises(IngestError, match="no sources with a position"):
        ingest_reference(stars[:0], "empty")
    with pytest.raises(IngestError, match="no reference catalogue is 'spectral'"):
        ingest_reference(stars, "x", kind="spectral")
