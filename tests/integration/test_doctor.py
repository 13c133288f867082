"""Every finding of ``awlab doctor``, made to happen: seen, named, and mended where it can be."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from awlab.backend.dataserver import hash_file, write_image


@pytest.fixture(scope="module", autouse=True)
def home(tmp_path_factory):
    """A private PostgreSQL and data server with three raw frames."""
    folder = tmp_path_factory.mktemp("home")
    os.environ["AWLAB_HOME"] = str(folder)
    from awlab.backend.database import close_database, start_embedded
    from awlab.backend.datamodel import connect
    from awlab.backend.ingest import ingest

    connect()
    rng = np.random.default_rng(7)
    raw = folder / "raw"
    raw.mkdir()
    for number in range(3):
        write_image(raw / f"{number}.fits", rng.integers(200, 400, (40, 30), dtype=np.uint16), {
            "INSTRUME": "little", "IMAGETYP": "bias", "EXPTIME": 0.0,
            "DATE-OBS": f"2000-04-29T02:04:1{number}",
        })  # fmt: skip
    assert ingest(raw).counts == {"new": 3}
    yield folder
    close_database()
    start_embedded(folder).stop()
    os.environ["AWLAB_HOME"] = os.devnull + "/a-test-must-set-its-own-home"


def look(what, **options):
    """The finding of that name; all others are well."""
    from awlab.backend.doctor import examine

    report = examine(**options)
    (found,) = (finding for finding in report.findings if finding.what == what)
    others = [finding for finding in report.findings if finding.what != what]
    assert all(finding.is_well for finding in others), str(report)
    assert found.is_well == report.is_clean
    assert bool(found.advice) != found.is_well, "what is not well comes with what to do"
    return found


def frame():
    from awlab.backend.datamodel import RawBiasFrame

    return RawBiasFrame.select_all()[0]


def dead_process():
    """Number of a process that is gone."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_all_is_well():
    from awlab.backend.doctor import examine

    report = examine()
    assert report.is_clean
    names = [finding.what for finding in report.findings]
    assert names == [
        "database", "disk", "objects", "files", "orphans", "checksums", "work", "locks", "jobs",
    ]  # fmt: skip
    assert str(report).endswith("all is well")
    assert "PostgreSQL" in str(report.findings[0])
    assert "3 files, none is missing" in str(report)
    assert "3 files of 3 are as stored" in str(report)


def test_no_database():
    """Of a server that does not answer nothing else is asked."""
    url = "postgresql+psycopg2://nobody@127.0.0.1:9/none"
    done = subprocess.run(
        [sys.executable, "-m", "awlab.cli", "doctor"],
        env=os.environ | {"AWLAB_DATABASE_URL": url},
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 1
    first, second, *_ = done.stdout.splitlines()
    assert first.startswith("SEE database")
    assert "->" in second
    assert "ok  disk" in done.stdout
    assert "Traceback" not in done.stderr


def test_an_old_server(monkeypatch):
    from awlab.backend.doctor import examination

    monkeypatch.setattr(examination, "_OLDEST_MAJOR", 99)
    assert "PostgreSQL 99 or newer" in look("database").advice


def test_little_space(monkeypatch):
    from awlab.backend.doctor import examination

    nearly_full = SimpleNamespace(free=12_000_000)
    monkeypatch.setattr(examination.shutil, "disk_usage", lambda place: nearly_full)
    found = look("disk")
    assert found.text.startswith("12 MB free")
    assert "make room" in found.advice


def test_a_missing_file():
    from awlab.backend.datamodel import current_dataserver

    lost = frame()
    path = lost.retrieve()
    kept = path.read_bytes()
    path.unlink()
    found = look("files")
    assert lost.filename in found.text
    assert "1 of 3 files are missing" in found.text
    assert lost.object_id in found.advice
    assert not look("files", fix=True).is_well, "it cannot make up a file"
    copy = path.with_name("copy")
    copy.write_bytes(kept)
    current_dataserver().put(copy, lost.filename, lost.file_sha256)
    copy.unlink()
    assert look("files").is_well


def test_a_file_of_no_object(tmp_path):
    from awlab.backend.datamodel import current_dataserver

    (tmp_path / "stray").write_bytes(b"nobody's")
    current_dataserver().put(tmp_path / "stray", "stray.fits", hash_file(tmp_path / "stray").digest)
    found = look("orphans")
    assert "stray.fits" in found.text
    assert "--fix" in found.advice
    assert current_dataserver().exists("stray.fits"), "looking removes nothing"
    assert "1 files without an object removed" in look("orphans", fix=True).text
    assert not current_dataserver().exists("stray.fits")
    assert look("orphans").is_well
    assert frame().retrieve().exists()


def test_a_damaged_file():
    path = frame().retrieve()
    kept, status = path.read_bytes(), path.stat()
    path.chmod(0o644)
    path.write_bytes(kept[:-1] + b"x")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))  # as bits rot: unseen by its date
    found = look("checksums")
    assert "1 of 3 differ" in found.text
    assert path.name in found.text
    assert "copy" in found.advice
    path.write_bytes(kept)
    assert look("checksums").is_well


def test_half_an_object():
    """What only a hand in the database can do, against its triggers."""
    import sqlalchemy as sa

    from awlab.backend.database import current_database

    def by_hand(*statements):
        with current_database().transaction() as connection:
            for text in ("set local session_replication_role = replica", *statements):
                connection.execute(sa.text(text))

    one = f"where id = {int(frame()._id)}"
    by_hand(
        f'create table kept as select * from "RawBiasFrame" {one}',
        f'delete from "RawBiasFrame" {one}',
    )
    found = look_among("objects")
    assert found.text == "not whole: 1 RawBiasFrame"
    assert "backup" in found.advice
    by_hand('insert into "RawBiasFrame" select * from kept', "drop table kept")
    assert look("objects").is_well


def look_among(what):
    """The finding of that name, whatever else it entails."""
    from awlab.backend.doctor import examine

    return next(finding for finding in examine().findings if finding.what == what)


def test_what_a_killed_maker_left(home):
    folder = home / "work" / f"make-{socket.gethostname().replace('-', '_')}-{dead_process()}-x"
    folder.mkdir(parents=True)
    (folder / "half.fits").write_bytes(b"half")
    assert "removed 1 folders" in look("work").text
    assert not folder.exists()
    assert "nothing left behind" in look("work").text


def test_a_lock_that_is_held_for_long():
    """A session that began something, took a lock, and sits there."""
    import sqlalchemy as sa

    from awlab.backend.database import current_database

    with current_database().transaction() as connection:
        connection.execute(sa.text("select pg_advisory_xact_lock(4711)"))
        found = look("locks")
        assert "1 locks are held for long" in found.text
        assert str(connection.scalar(sa.text("select pg_backend_pid()"))) in found.text
        assert not look("locks", fix=True).is_well, "who works is not interrupted"
    assert look("locks").text == "0 targets are being made"


def test_a_lock_that_is_in_use():
    from awlab.backend.database import held_lock

    with held_lock("BiasFrame of somebody"):
        assert look("locks").text == "1 targets are being made"


LEFT = """
from awlab.backend.datamodel import connect
from awlab.backend.database import create_job, update_job
connect()
number = create_job("Bias", {}, [("BiasFrame", "ccd1")])
update_job(number, status="running")
print(number)
"""


def test_a_job_without_its_process():
    from awlab.backend.database import job_row

    done = subprocess.run(
        [sys.executable, "-c", LEFT], capture_output=True, text=True, check=True, timeout=60
    )
    number = int(done.stdout)
    found = look("jobs")
    assert f"first job {number}" in found.text
    assert "--fix" in found.advice
    assert job_row(number)["status"] == "running", "looking changes nothing"
    assert "1 jobs without a process closed" in look("jobs", fix=True).text
    assert (job_row(number)["status"], job_row(number)["error"]) == (
        "failed", "its process is gone",
    )  # fmt: skip
    assert look("jobs").is_well


def test_the_command_tells_with_its_status(home, tmp_path):
    from awlab.backend.datamodel import current_dataserver

    def doctor(*words):
        return subprocess.run(
            [sys.executable, "-m", "awlab.cli", "doctor", *words],
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip

    assert doctor().returncode == 0
    (tmp_path / "stray").write_bytes(b"nobody's")
    digest = hash_file(tmp_path / "stray").digest
    current_dataserver().put(tmp_path / "stray", "stray.fits", digest)
    done = doctor()
    assert done.returncode == 1
    assert "SEE orphans" in done.stdout
    assert "-> awlab doctor --fix removes them" in done.stdout
    assert done.stdout.endswith("1 to look at\n")
    assert doctor("--fix").returncode == 0
    assert doctor("--sample", "1").stdout.count("1 files of 3 are as stored") == 1
