"""Bad input through the command: a sentence each, a status that is not 0, nothing lost."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from awlab.backend.dataserver import write_image

SHAPE = (60, 50)
COMMAND = [sys.executable, "-m", "awlab.cli"]
REPOSITORY = Path(__file__).resolve().parents[2]


def bias(path, rng, **cards):
    """Write a bias frame as a small camera does; None leaves a card out."""
    header = {
        "INSTRUME": "little", "IMAGETYP": "bias", "EXPTIME": 0.0, "OBJECT": "BIAS",
        "DATE-OBS": "2000-04-29T02:04:18.5", **cards,
    }  # fmt: skip
    kept = {key: value for key, value in header.items() if value is not None}
    write_image(path, rng.integers(200, 400, SHAPE, dtype=np.uint16), kept)
    return path


@pytest.fixture(scope="module")
def rng():
    return np.random.default_rng(4)


@pytest.fixture(scope="module")
def home(tmp_path_factory, rng):
    """A home with a running database that holds one frame."""
    folder = tmp_path_factory.mktemp("home")
    first = bias(folder / "first.fits", rng)
    assert awlab(folder, "ingest", first).returncode == 0
    yield folder
    awlab(folder, "db", "stop")


def awlab(home, *words, **options):
    """Run the command in a home; what it prints is kept apart from its progress."""
    environment = os.environ | {"AWLAB_HOME": str(home), "PYTHONPATH": str(REPOSITORY)}
    environment |= options.pop("environment", {})
    before = options.pop("before", [])
    return subprocess.run(
        [*before, *COMMAND, *map(str, words)],
        env=environment, capture_output=True, text=True, check=False, timeout=120, **options,
    )  # fmt: skip


def refusals(done):
    """Reasons of the refused files by name: the lines that begin so."""
    lines = [line for line in done.stdout.splitlines() if line.startswith("refused")]
    pairs = (line.removeprefix("refused").strip().split(": ", 1) for line in lines)
    assert "Traceback" not in done.stdout + done.stderr
    return {Path(path).name: why for path, why in pairs}


def headline(done):
    return done.stdout.splitlines()[-1]


def test_one_folder_with_all_that_can_be_wrong(home, tmp_path, rng):
    whole = bias(tmp_path / "cut.fits", rng).read_bytes()
    (tmp_path / "cut.fits").write_bytes(whole[:-3000])
    (tmp_path / "empty.fits").write_bytes(b"")
    (tmp_path / "letter.fits").write_text("Dear observer,\n" * 300)
    bias(tmp_path / "undated.fits", rng, **{"DATE-OBS": None})
    bias(tmp_path / "timeless.fits", rng, IMAGETYP="object", OBJECT="M 1", EXPTIME=None)
    write_image(tmp_path / "cube.fits", np.zeros((3, 8, 9), np.uint16), {"INSTRUME": "x"})
    good = bias(tmp_path / "good.fits", rng)
    shutil.copy(good, tmp_path / "zz-good-again.fits")
    (tmp_path / "dead.fits").symlink_to(tmp_path / "gone.fits")
    done = awlab(home, "ingest", tmp_path, tmp_path / "nowhere")
    why = refusals(done)
    said = {
        "cut.fits": "cut short", "empty.fits": "is empty", "letter.fits": "is not a FITS file",
        "undated.fits": "no DATE-OBS", "timeless.fits": "EXPTIME", "cube.fits": "9 x 8 x 3",
        "dead.fits": "does not exist", "nowhere": "there is no",
    }  # fmt: skip
    assert set(why) == set(said)
    for name, words in said.items():
        assert words in why[name], name
        assert len(why[name]) < 250
    assert done.returncode == 1
    assert headline(done) == "10 files: 1 known, 1 new, 8 refused; 1 new frames"
    assert "already ingested as good.fits" in done.stdout
    # Nothing lost: mended, the same files are taken.
    (tmp_path / "cut.fits").write_bytes(whole)
    done = awlab(home, "ingest", tmp_path / "cut.fits", tmp_path / "good.fits")
    assert (done.returncode, headline(done)) == (0, "2 files: 1 known, 1 new; 1 new frames")


def test_values_that_are_sql_or_no_numbers(home, tmp_path, rng):
    nasty = "M 1'; DROP TABLE dbobject; --"
    bias(tmp_path / "sql.fits", rng, OBJECT=nasty, INSTRUME="x'); DELETE FROM edge; --")
    header = {
        "INSTRUME": "little", "IMAGETYP": "bias", "EXPTIME": 0.0,
        "DATE-OBS": "2000-04-29T02:04:19.5",
    }  # fmt: skip
    write_image(tmp_path / "nan.fits", np.full(SHAPE, np.nan, np.float32), header)
    done = awlab(home, "ingest", tmp_path)
    assert done.returncode == 0
    assert "3000 pixels that are no numbers" in done.stdout
    done = awlab(home, "ingest", tmp_path)
    assert headline(done) == "2 files: 2 known; 0 new frames"
    done = awlab(home, "doctor")
    assert done.returncode == 0, done.stdout


def test_a_full_disk(home, tmp_path, rng):
    """The data server is a tmpfs of 1 MB, or may not write larger files: then as after ``ulimit``.

    What fits is ingested, what does not is refused, and both are so again later.
    """
    small = bias(tmp_path / "a-small.fits", rng)
    large = tmp_path / "b-large.fits"
    write_image(large, rng.integers(200, 400, (900, 900), dtype=np.uint16), {
        "INSTRUME": "little", "IMAGETYP": "bias", "EXPTIME": 0, "DATE-OBS": "2000-04-29T02:10:00",
    })  # fmt: skip
    server = tmp_path / "server"
    server.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(server)]
    mounted = not os.geteuid() and not subprocess.run(mount, check=False).returncode
    environment = {"AWLAB_DATASERVER": str(server)}
    limit = None if mounted else (lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (10**6,) * 2))
    try:
        done = awlab(home, "ingest", small, large, environment=environment, preexec_fn=limit)
        assert done.returncode == 1
        assert list(refusals(done)) == ["b-large.fits"]
        assert "the disk is full" in done.stdout or "too large" in done.stdout
        assert headline(done) == "2 files: 1 new, 1 refused; 1 new frames"
        stored = [path.name for path in server.rglob("*.fits")]
        assert len(stored) == 1, "no half of a file"
    finally:
        if mounted:
            subprocess.run(["umount", str(server)], check=True)
    roomy = {"AWLAB_DATASERVER": str(tmp_path / "roomy")}
    done = awlab(home, "ingest", large, environment=roomy)
    assert (done.returncode, headline(done)) == (0, "1 files: 1 new; 1 new frames")


def test_what_may_not_be_read(tmp_path, rng):
    """Root may read everything, unless it is without the capabilities that allow that.

    Then it cannot reach its own PostgreSQL either, which runs as another user: a dry run it is.
    """
    home = tmp_path / "home"
    before = []
    if os.geteuid() == 0:
        before = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"]
        if shutil.which("setpriv") is None or awlab(home, "--version", before=before).returncode:
            pytest.skip("NO SETPRIV: root cannot be kept from reading everything")
    closed, secret = tmp_path / "closed", tmp_path / "secret.fits"
    closed.mkdir()
    bias(closed / "hidden.fits", rng)
    bias(secret, rng).chmod(0)
    closed.chmod(0)
    try:
        words = ["ingest", "--dry-run", closed, secret, bias(tmp_path / "open.fits", rng)]
        done = awlab(home, *words, before=before)
    finally:
        closed.chmod(0o700)
    why = refusals(done)
    assert set(why) == {"closed", "secret.fits"}
    assert "cannot be read: Permission denied" in why["closed"]
    assert "may not be read" in why["secret.fits"]
    assert done.returncode == 1
    assert headline(done) == "3 files: 2 refused, 1 would ingest; 0 new frames"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["BiasFrames", "chip=ccd1"], "no target class 'BiasFrames'"),
        (["RawBiasFrame", "chip=ccd1"], "no target class 'RawBiasFrame'"),
        (["BiasFrame", "ccd1"], "'ccd1' is not name=value"),
        (["BiasFrame", "chip=ccd99", "date=2000-04-28", "instrument=little"], "ccd99"),
        (["BiasFrame", "chip=ccd1", "date=yesterday", "instrument=little"], "yesterday"),
        (["BiasFrame", "chip=ccd1", "instrument=little"], "date"),
        (["BiasFrame", "shoesize=44", "chip=ccd1", "date=2000-04-28"], "shoesize"),
        (["ReducedScienceFrame", "filename=nothing.fits"], "nothing.fits"),
        (["BiasFrame", "chip=x' OR 1=1 --", "date=2000-04-28", "instrument=little"], "x' OR 1=1"),
    ],
)
def test_get_with_bad_words(home, words, said):
    done = awlab(home, "get", *words)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    first = done.stderr.splitlines()[0]
    assert first.startswith("awlab: ")
    assert said in first
