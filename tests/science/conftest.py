"""A simulated night of one large chip: as many stars as real chips have, made once a session."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session")
def large_chip(new_home, connected_to):
    """A home that holds one chip of 1536 x 3072 pixels in B, and the truth of its night."""
    from awlab.backend.ingest import ingest
    from awlab.backend.ingest.nights import NightTruth, make_wfi_night
    from awlab.backend.ingest.nights.references import ingest_references

    home = new_home()
    part = {"size": (1536, 3072), "chips": ["ccd53"], "filters": ["#842"]}
    files = make_wfi_night(home / "night", **part)
    truth = NightTruth(files.truth)
    # The pairs of domes are a good flat already; the long series would only take time.
    kept = [p for p in files.paths if "cal_DomeFlat" not in truth.exposures[p.name]["template"]]
    with connected_to(home):
        assert ingest(kept).exit_status == 0
        ingest_references(files)
    return home, truth
