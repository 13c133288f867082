"""The statistics of the archive: every object and byte counted once, in four statements."""

from __future__ import annotations

import json
from datetime import date

import numpy as np
import pytest

from awlab.backend.database import FileCount, GrowthDay, context
from awlab.backend.datamodel import Chip, Instrument, RawBiasFrame
from awlab.backend.dataserver import write_image
from awlab.backend.errors import QueryError
from awlab.backend.targets import BiasFrameParameters
from awlab.widgets.archive_statistics.services import services
from awlab.widgets.archive_statistics.state import ArchiveState, growth_series, size_text


@pytest.fixture(scope="module")
def database(new_home, connected_to):
    """A database of its own: everything in it is counted."""
    with connected_to(new_home()) as database:
        yield database


@pytest.fixture(scope="module")
def frames(database, tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    chip = Chip(name="ccd50", instrument=Instrument(name="SUM")).commit()
    found = []
    for n in range(4):
        path = folder / f"sum{n}.fits"
        write_image(path, np.full((10, 10 + n), n, np.uint16))
        frame = RawBiasFrame(
            path, instrument=chip.instrument, chip=chip, night=f"2000-04-2{n // 2}",
            quality_flags=(1 << 16) if n == 1 else 0,
        )  # fmt: skip
        found.append(frame.store().commit())
    found[3].set_valid(0, "for a test")
    return found


def row(table, name):
    return next(row for row in table if row[0] == name)


def test_every_object_and_byte_once(frames):
    found = ArchiveState().overview()
    size = sum(frame.file_size for frame in frames)
    tables = found["tables"]
    assert row(tables["class"], "RawBiasFrame")[1:6] == [4, 1, 1, 4, size]
    assert row(tables["class"], "Chip")[4:6] == [0, 0]
    assert row(tables["instrument"], "SUM")[1:3] == [4, size]
    assert row(tables["night"], "2000-04-20")[1] == 2
    assert row(tables["project"], context.project)[1] >= 4
    assert found["totals"]["objects"] == sum(line[1] for line in tables["class"])
    assert found["totals"]["size"] == sum(line[-2] for line in tables["night"])
    assert found["growth"]["objects"][-1] == found["totals"]["objects"]
    assert found["growth"]["bytes"][-1] == found["totals"]["size"]
    json.dumps(found, allow_nan=False)


def test_news_newest_first_and_only_what_is_wrong(frames):
    state = ArchiveState()
    BiasFrameParameters().commit()  # made along with a target: no news of its own
    newest = state.overview()["newest"]
    assert newest[0]["object_id"] == frames[3].object_id
    wrong = state.overview(flagged_only=True)["newest"]
    assert [one["object_id"] for one in wrong] == [frames[3].object_id, frames[1].object_id]
    assert state.object(wrong[0]["object_id"]) == frames[3]


def test_few_statements(frames, statements):
    state = ArchiveState()
    state.overview()
    # Four, and what it takes to learn of classes that other processes have added since.
    assert statements(state.overview) <= 6


def test_growth_begins_at_nothing_and_adds_up():
    made = [GrowthDay(date(2000, 1, 2), "A", 3), GrowthDay(date(2000, 1, 5), "B", 2)]
    stored = [FileCount("A", "", "", date(2000, 1, 3), 1, 100)]
    assert growth_series(made, stored) == {
        "days": ["2000-01-01", "2000-01-02", "2000-01-03", "2000-01-05"],
        "objects": [0, 3, 3, 5],
        "bytes": [0, 0, 100, 100],
    }
    assert growth_series([], []) == {"days": [], "objects": [], "bytes": []}


def test_sizes_for_people():
    texts = [size_text(n) for n in (0, 999, 1000, 999_600, 12_345_678, 4.2e15, 1e19)]
    assert texts == ["0 B", "999 B", "1 kB", "1 MB", "12.3 MB", "4.2 PB", "1e+04 PB"]


def test_a_class_is_a_name():
    assert ArchiveState().query_text("BiasFrame") == "BiasFrame.select_all()"
    with pytest.raises(QueryError, match="is no class"):
        ArchiveState().query_text("x; import os")


def test_services_say_whether_they_answer_and_one_that_is_down_hides_none(frames, monkeypatch):
    found = {one["name"]: one for one in services()}
    assert {one["state"] for one in found.values()} == {"good"}
    database = dict(found["database"]["facts"])
    assert database["version"].startswith("PostgreSQL 1")
    assert int(database["transactions"].replace(",", "")) > 0
    assert int(database["connections"]) >= 1
    assert database["running since"].endswith("UTC (0 days)")
    assert "password" not in database["where"]
    assert dict(found["data server"]["facts"])["files are in"]

    def broken():
        raise ConnectionError("the bucket is gone")

    monkeypatch.setattr("awlab.widgets.archive_statistics.services.current_dataserver", broken)
    found = {one["name"]: one for one in services()}
    assert found["data server"]["state"] == "failed"
    assert "ConnectionError" in found["data server"]["error"]
    assert found["database"]["state"] == found["jobs"]["state"] == "good"
    json.dumps(found)
