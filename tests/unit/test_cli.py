"""The command line: what it says of a mistake, and with which status it ends."""

from __future__ import annotations

import io
import os
import shlex
import subprocess
import sys

import pytest

from awlab import __version__, cli
from awlab.backend.errors import TargetError
from awlab.backend.process import read_key_words


def ends(capsys, *words):
    """Run a command in this process: its status, what it said, and what it complained of."""
    status = cli.main(list(words))
    said = capsys.readouterr()
    assert "Traceback" not in said.err
    return status, said.out, said.err


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("AWLAB_HOME", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["get", "Nothing"], "no target class 'Nothing'"),
        (["get", "BiasFram", "chip=a"], "did you mean BiasFrame"),
        (["get", "Chip", "name=a"], "no target class 'Chip'"),
        (["get", "ProcessTarget", "chip=a"], "no target class 'ProcessTarget'"),
        (["get", "BiasFrame", "chip"], "'chip' is not name=value"),
        (["get", "BiasFrame", "=a"], "'=a' is not name=value"),
        (["get", "BiasFrame", "chip=a", "chip=b"], "chip is given twice"),
        (["get", "BiasFrame", "chip=a", "commit=no"], "commit=no is neither True nor False"),
    ],
)
def test_a_wrong_target_is_one_sentence(home, capsys, words, said):
    status, out, err = ends(capsys, *words)
    assert (status, out) == (1, "")
    assert said in err
    assert err.startswith("awlab: ")
    assert len(err.splitlines()) == 2  # the sentence and the hint
    assert not list(home.iterdir())  # no database was made for it


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("AWLAB_DATABASE_URL", "postgresql://me:secret@127.0.0.1:1/x", "does not answer"),
        ("AWLAB_DATABASE_URL", "nonsense", "is not a database URL"),
        ("AWLAB_DATABASE_URL", "mysql://x/y", "PostgreSQL"),
        ("AWLAB_HOME", "/dev/null/nowhere", "cannot be used"),
        ("AWLAB_PRIVILEGES", "9", "privileges"),
    ],
)
def test_a_wrong_setting_is_one_sentence(home, capsys, monkeypatch, name, value, said):
    monkeypatch.setenv(name, value)
    status, _, err = ends(capsys, "get", "BiasFrame", "chip=a", "date=2000-04-28")
    assert status == 1
    assert said in err
    assert "secret" not in err


def test_a_broken_file_of_settings(home, capsys):
    (home / "awlab.toml").write_text("home = [[")
    for command in (
        ["config"],
        ["db", "status"],
        ["get", "BiasFrame", "chip=a", "date=2000-04-28"],
    ):
        status, _, err = ends(capsys, *command)
        assert (status, "awlab.toml cannot be read" in err) == (1, True)


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["nothing"],
        ["db", "nothing"],
        ["ingest"],
        ["demo", "--night", "x"],
        ["get"],
        ["lab", "-x"],
    ],
)
def test_a_wrong_command_line_is_status_2(words, capsys):
    with pytest.raises(SystemExit) as stop:
        cli.main(words)
    assert stop.value.code == 2
    assert "usage: awlab" in capsys.readouterr().err


def test_the_words_of_a_key():
    words = read_key_words(["chip=ccd5*", "filter=#842", "A.process_params.N=3", "commit=False"])
    assert words.key == {"chip": "ccd5*", "filter": "#842"}
    assert words.pars == {"A.process_params.N": 3}
    assert not words.commit
    assert read_key_words(["A.process_params.WORD=two"]).pars == {"A.process_params.WORD": "two"}


@pytest.mark.parametrize("command", ["get", "ingest"])
def test_help_shows_an_example_that_is_understood(capsys, command):
    with pytest.raises(SystemExit) as stop:
        cli.main([command, "--help"])
    assert stop.value.code == 0
    said = capsys.readouterr().out
    examples = [
        line.split(f"awlab {command} ")[1] for line in said.splitlines() if "awlab " in line
    ]
    for example in examples[1:]:  # the first one is the usage
        options = cli._parser().parse_args([command, *shlex.split(example)])
        if command == "get":
            assert read_key_words(options.key).key["date"] == "2000-04-28"


def test_traceback_on_demand(home):
    with pytest.raises(TargetError):
        cli.main(["--traceback", "get", "Nothing"])


def test_config_names_what_changes_it_and_hides_passwords(home, capsys, monkeypatch):
    monkeypatch.setenv("AWLAB_DATABASE_URL", "postgresql://me:secret@host/db")
    status, out, _ = ends(capsys, "config")
    assert status == 0
    assert f"AWLAB_HOME           {home}" in out
    assert "postgresql://me:***@host/db" in out
    assert "secret" not in out


def test_it_is_a_module_as_well():
    done = subprocess.run(
        [sys.executable, "-m", "awlab", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout == f"awlab {__version__}\n"


def test_a_reader_that_goes_away_is_no_error(home):
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "awlab", "config"],
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, "")


@pytest.fixture
def started(monkeypatch):
    """What awlab would become, and in which environment."""
    found = []
    monkeypatch.setattr(os, "execv", lambda _, words: found.extend(words))
    monkeypatch.setattr(os, "environ", dict(os.environ))
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER", "JUPYTER_CONFIG_PATH"):
        os.environ.pop(name, None)
    return found


def test_lab_without_a_screen_says_where_to_look(home, started, capsys):
    cli._open_lab("00_start_here.ipynb", ["--port=9999"])
    assert str(home / "notebooks" / "00_start_here.ipynb") in started
    assert "--port=9999" in started
    assert ("--no-browser" in started) == (sys.platform != "darwin")
    assert ("address" in capsys.readouterr().out) == (sys.platform != "darwin")
    settings = os.environ["JUPYTER_CONFIG_PATH"]
    assert os.path.isfile(os.path.join(settings, "labconfig", "default_setting_overrides.json"))


def test_lab_with_a_screen_opens_a_browser(home, started):
    os.environ.update(DISPLAY=":0", JUPYTER_CONFIG_PATH="/mine")
    cli._open_lab("", [])
    assert str(home / "notebooks") in started
    assert "--no-browser" not in started
    assert os.environ["JUPYTER_CONFIG_PATH"].endswith(os.pathsep + "/mine")


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_log_has_a_line_at_every_quarter(capsys):
    bar = cli._Bar(" targets")
    for done in range(1, 101):
        bar(done, 100, "BiasFrame")
    assert capsys.readouterr().err.splitlines() == [f"  {n} of 100 targets" for n in (25, 50, 75)]
    cli._Bar(" files")(3, 4)
    assert capsys.readouterr().err == ""


def test_a_bar_counts(monkeypatch):
    seen = []

    class Quiet:
        def __init__(self, total, **_):
            self.n, self.total = 0, total

        def update(self, more):
            self.n += more
            seen.append((self.n, self.total))

        def set_postfix_str(self, text):
            seen.append(text)

        def close(self):
            seen.append("closed")

    monkeypatch.setattr("tqdm.tqdm", Quiet)
    monkeypatch.setattr(sys, "stderr", Terminal())
    bar = cli._Bar(" files")
    bar(1, 3, "a")
    bar(3, 3)
    assert seen == [(1, 3), "a", (3, 3), "", "closed"]
