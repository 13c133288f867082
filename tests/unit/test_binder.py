"""What Binder runs: in which order, what may fail, and that nothing is left running."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys

import pytest

SCRIPTS = ("install", "postBuild", "start")


@pytest.mark.parametrize("name", SCRIPTS)
def test_scripts_can_be_run(repository, name):
    path = repository / "binder" / name
    assert path.stat().st_mode & stat.S_IXUSR
    assert path.read_text().startswith("#!/bin/sh\n")
    subprocess.run(["sh", "-n", str(path)], check=True)


@pytest.fixture
def built(repository, tmp_path):
    """Run postBuild in a copy where every command only says that it was called."""
    (tmp_path / "binder").mkdir()
    tools = tmp_path / "tools"
    tools.mkdir()
    shutil.copy(repository / "binder" / "postBuild", tmp_path / "binder")

    def run(failing=""):
        log = tmp_path / "log"
        log.write_text("")
        for path in (tmp_path / "binder" / "install", tools / "awlab", tools / "python3"):
            path.write_text(
                f'#!/bin/sh\nline="{path.name} $*"; echo "$line" >> {log}\n'
                f'[ "$line" != "{failing}" ]\n'
            )
            path.chmod(0o755)
        environment = os.environ | {"PATH": f"{tools}:{os.environ['PATH']}"}
        done = subprocess.run(["binder/postBuild"], cwd=tmp_path, env=environment, check=False)
        return done.returncode, [line for line in log.read_text().splitlines() if "pip" not in line]

    return run


def test_the_night_is_built_and_the_database_stopped(built):
    wanted = ["install --here", "awlab assets", "awlab demo --night wfi --no-open", "awlab db stop"]
    assert built() == (0, wanted)
    # Without Aladin Lite the sky is a chart; without the night the image would be of no use.
    assert built("awlab assets") == (0, wanted)
    status, ran = built("awlab demo --night wfi --no-open")
    assert status != 0 and ran == wanted[:3]
    assert built("install --here") == (1, wanted[:1])


def test_the_server_gets_our_settings_before_its_own(repository):
    program = 'printf "%s|" "$JUPYTER_CONFIG_PATH" "$@"'
    command = [str(repository / "binder" / "start"), "sh", "-c", program, "sh", "a b", "--port=1"]
    own = f"{sys.prefix}/share/awlab/jupyter"
    for before, wanted in (("", own), ("/etc/x", f"{own}:/etc/x")):
        environment = os.environ | {"JUPYTER_CONFIG_PATH": before}
        environment["PATH"] = f"{sys.prefix}/bin:{environment['PATH']}"
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        assert done.stdout == f"{wanted}|a b|--port=1|"
