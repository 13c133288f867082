"""Moved into the data server: the file itself where that can be, and never a file the less."""

from __future__ import annotations

import errno
import gzip
import os
import shutil
import time
from pathlib import Path

import pytest

from awlab.backend.dataserver import hash_file
from awlab.backend.ingest import ingest

CHIPS = 8


@pytest.fixture
def night(tmp_path, pixels, single):
    """Write bias frames that have lain on the disk for a while."""

    def write(*names):
        paths = [single(tmp_path / name, pixels()) for name in names]
        for path in paths:
            settle(path)
        return paths if len(paths) > 1 else paths[0]

    return write


def settle(path):
    """Give a file the time of an hour ago: nobody is writing to it."""
    os.utime(path, (time.time() - 3600.5,) * 2)


def state(path):
    """All that a file is, but for when it was read."""
    status = path.stat()
    return status.st_ino, status.st_nlink, status.st_mode, status.st_mtime_ns, status.st_ctime_ns


def why(report):
    (row,) = report.rows
    return row.why.removeprefix(
        "the telescope's longitude is not known: the night is counted in UTC; "
    )


def test_the_file_itself_is_stored_and_its_first_name_goes(tmp_path, night):
    paths = night("a.fits", "b.fits")
    before = {path.name: (path.stat().st_ino, path.read_bytes()) for path in paths}
    report = ingest(tmp_path, move=True)
    assert report.headline == "2 files: 2 new; 2 new frames; 2 originals moved"
    assert not any("stays" in row.why for row in report.rows)
    assert list(tmp_path.iterdir()) == []
    for frame in report.objects:
        stored = frame.retrieve()
        assert (stored.stat().st_ino, stored.read_bytes()) == before[frame.raw_fits.orig_filename]
        assert stored.stat().st_mode & 0o777 == stored.parent.stat().st_mode & 0o444
        assert stored.stat().st_nlink == 1


def test_what_was_packed_as_a_whole_is_moved_as_it_is(night):
    plain = night("plain.fits")
    packed = plain.with_name("packed.fits.gz")
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    settle(packed)
    content = packed.read_bytes()
    (frame,) = ingest(packed, move=True).objects
    assert frame.retrieve().read_bytes() == content
    assert not packed.exists()


def test_what_is_refused_known_or_cut_stays_and_it_is_said(tmp_path, pixels, night, mosaic, single):
    first = night("a-first.fits")
    shutil.copy2(first, tmp_path / "b-again.fits")
    settle(mosaic(tmp_path / "c-WFI.fits", [pixels() for _ in range(CHIPS)]))
    settle(single(tmp_path / "d-undated.fits", pixels(), **{"DATE-OBS": None}))
    (tmp_path / "e-text.fits").write_text("no")
    report = ingest(tmp_path, move=True)
    assert report.counts == {"new": 2, "known": 1, "refused": 2}
    assert report.moved == 1
    assert sorted(path.name[0] for path in tmp_path.iterdir()) == ["b", "c", "d", "e"]
    told = [row.why for row in report.rows]
    assert told[1] == "already ingested as a-first.fits; it stays where it is"
    assert told[2].endswith("; its chips are stored one by one: it stays where it is")
    assert "DATE-OBS" in told[3]
    again = ingest(tmp_path, move=True)
    assert (again.counts, again.moved) == ({"known": 2, "refused": 2}, 0)
    assert len(list(tmp_path.iterdir())) == 4
    assert all(frame.retrieve().exists() for frame in report.objects)


def test_a_link_to_a_file_elsewhere_stays_and_so_does_the_file(tmp_path, night):
    target = night("elsewhere.fits")
    link = tmp_path / "link.fits"
    link.symlink_to(target)
    report = ingest(link, move=True)
    assert report.counts == {"new": 1}
    assert why(report) == "link.fits is a symbolic link: it stays where it is"
    (frame,) = report.objects
    assert link.is_symlink() and target.exists()
    assert frame.retrieve().stat().st_ino != target.stat().st_ino


def test_one_file_by_two_folders_is_moved_once(tmp_path, night):
    (tmp_path / "real").mkdir()
    path = night("real/a.fits")
    (tmp_path / "linked").symlink_to(tmp_path / "real")
    report = ingest([path, tmp_path / "linked" / "a.fits"], move=True)
    assert (report.counts, report.moved) == ({"new": 1, "known": 1}, 1)
    assert not path.exists()
    (frame,) = report.objects
    assert frame.retrieve().exists()


def test_a_dry_run_changes_nothing(tmp_path, night):
    from awlab.backend.datamodel import current_dataserver

    path = night("dry.fits")
    before, names = state(path), set(current_dataserver().names())
    report = ingest(tmp_path, move=True, dry_run=True)
    assert report.headline == "1 files: 1 would ingest; 0 new frames"
    assert state(path) == before
    assert set(current_dataserver().names()) == names


@pytest.mark.parametrize("case", ["other disk", "no links", "two names", "a moment old"])
def test_what_cannot_be_given_away_is_copied_and_then_removed(night, monkeypatch, case):
    path = night("copied.fits")
    inode, content = path.stat().st_ino, path.read_bytes()
    if case == "two names":
        os.link(path, path.with_name("mine.txt"))
    if case == "a moment old":  # somebody may still be writing to it
        os.utime(path)
    link = os.link
    number = {"other disk": errno.EXDEV, "no links": errno.EPERM}.get(case)

    def refuse(source, target, **options):
        if number and Path(source) == path:
            raise OSError(number, os.strerror(number))
        link(source, target, **options)

    monkeypatch.setattr(os, "link", refuse)
    report = ingest(path, move=True)
    assert (report.counts, report.moved) == ({"new": 1}, 1)
    (frame,) = report.objects
    stored = frame.retrieve()
    assert (stored.stat().st_ino != inode, stored.read_bytes()) == (True, content)
    assert not path.exists()


def test_a_folder_that_may_not_be_changed_is_one_sentence(tmp_path, night, monkeypatch):
    from awlab.backend.datamodel import current_dataserver
    from awlab.backend.ingest import moving

    path = night("kept.fits")
    before, names = state(path), set(current_dataserver().names())
    # Not by its mode: the superuser may do everything.
    monkeypatch.setattr(moving.os, "access", lambda folder, mode: Path(folder) != tmp_path)
    report = ingest(path, move=True)
    assert (report.counts, report.exit_status) == ({"refused": 1}, 1)
    assert f"kept.fits cannot be moved: the folder {tmp_path} may not be written to" in why(report)
    assert ingest(path, move=True, dry_run=True).counts == {"refused": 1}
    assert (state(path), set(current_dataserver().names())) == (before, names)
    assert ingest(path).counts == {"new": 1}
    assert path.exists()


def test_what_cannot_be_removed_is_ingested_and_a_later_run_finishes(night, monkeypatch):
    path = night("sticky.fits")
    unlink = Path.unlink

    def refuse(which, **options):
        if which == path:
            raise PermissionError(errno.EPERM, "Operation not permitted", str(which))
        unlink(which, **options)

    monkeypatch.setattr(Path, "unlink", refuse)
    report = ingest(path, move=True)
    assert (report.counts, report.moved) == ({"new": 1}, 0)
    assert "sticky.fits cannot be removed: permission denied" in why(report)
    assert why(report).endswith("it stays where it is")
    monkeypatch.undo()
    again = ingest(path, move=True)
    assert (again.counts, again.moved) == ({"known": 1}, 1)
    assert not path.exists()
    (frame,) = report.objects
    assert hash_file(frame.retrieve()).digest == frame.file_sha256


def test_what_changed_after_it_was_stored_stays(night, monkeypatch):
    from awlab.backend.ingest import run

    path = night("growing.fits")
    os.utime(path)  # so that it is copied
    flushed = run.make_durable

    def grow():
        with path.open("ab") as file:
            file.write(b" " * 2880)
        flushed()

    monkeypatch.setattr(run, "make_durable", grow)
    report = ingest(path, move=True)
    assert (report.counts, report.moved) == ({"new": 1}, 0)
    assert "growing.fits was changed after it was stored: it stays where it is" in why(report)
    (frame,) = report.objects
    assert path.stat().st_size == frame.retrieve().stat().st_size + 2880


def test_a_commit_that_fails_leaves_the_file_which_can_be_kept_afterwards(night, monkeypatch):
    from awlab.backend.ingest import run

    path = night("unlucky.fits")
    content = path.read_bytes()

    def broken(objects, **how):
        raise RuntimeError("the plug was pulled")

    monkeypatch.setattr(run, "commit_objects", broken)
    assert ingest(path, move=True).counts == {"refused": 1}
    assert path.read_bytes() == content
    monkeypatch.undo()
    # Now without move: the data server has the file already, but must not share it.
    (frame,) = ingest(path).objects
    assert frame.retrieve().read_bytes() == path.read_bytes() == content
    assert not frame.retrieve().samefile(path)


def test_the_data_server_cannot_be_moved_into_itself(night):
    from awlab.backend.datamodel import current_dataserver

    report = ingest(night("inside.fits"), move=True)
    (frame,) = report.objects
    stored = frame.retrieve()
    os.link(stored, night("other.fits").with_name("third.txt"))  # it has a second name, too
    again = ingest(stored, move=True)
    assert (again.counts, again.moved) == ({"known": 1}, 0)
    assert stored.exists()
    # Nor a stray file that lies where it would be stored.
    stray = night("stray.fits")
    digest = hash_file(stray).digest
    current_dataserver().put(stray, "stray.fits", digest)
    stored = current_dataserver().store.local_path("stray.fits")
    report = ingest(stored, move=True)
    assert (report.counts, report.moved) == ({"new": 1}, 0)
    assert "is the stored file itself: it stays" in why(report)
    assert current_dataserver().retrieve("stray.fits", digest) == stored


def test_the_command_moves(tmp_path, night, capsys):
    from awlab.cli import main

    path, _ = night("commanded.fits", "second.fits")
    assert main(["ingest", "--move", "--dry-run", str(path)]) == 0
    assert path.exists()
    assert main(["ingest", "--move", str(tmp_path)]) == 0
    assert capsys.readouterr().out.splitlines()[-1].endswith("2 originals moved")
    assert list(tmp_path.iterdir()) == []
    assert main(["ingest", "--move", str(path)]) == 1
    assert "there is no file or folder" in capsys.readouterr().out
