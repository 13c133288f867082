"""How the server is started: who may come, on which port, from which folders."""

from __future__ import annotations

import json
import logging
import socket

import pytest

from awlab.backend.errors import SettingsError
from awlab.dashboards import server_words
from awlab.dashboards.server import dashboards_in
from awlab.dashboards.start import is_loopback, log_to_file


@pytest.fixture(autouse=True)
def no_token(monkeypatch):
    monkeypatch.delenv("JUPYTER_TOKEN", raising=False)


@pytest.mark.parametrize(
    ("ip", "local"),
    [("127.0.0.1", True), ("::1", True), ("localhost", True), ("127.9.9.9", True),
     ("0.0.0.0", False), ("192.168.1.4", False), ("", False), ("observatory.org", False)],
)  # fmt: skip
def test_loopback(ip, local):
    assert is_loopback(ip) is local


def test_loopback_needs_no_token_and_everything_else_does():
    local = server_words()
    assert "JUPYTER_TOKEN" not in local.environment
    assert "?" not in local.address
    for start in (server_words(ip="0.0.0.0"), server_words(token=True)):
        secret = start.environment["JUPYTER_TOKEN"]
        assert len(secret) >= 32
        assert start.address.endswith(f"?token={secret}")
        # Other users of the machine can read command lines.
        assert not any(secret in word for word in start.words)
        assert "--Voila.auto_token=True" in start.words


def test_a_token_of_the_user_is_kept(monkeypatch):
    monkeypatch.setenv("JUPYTER_TOKEN", "mine")
    assert server_words(token=True).environment["JUPYTER_TOKEN"] == "mine"


def test_the_next_free_port_is_taken():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        found = server_words(port).address
    assert f":{port}/" not in found


@pytest.mark.parametrize(("port", "ip"), [(70_000, "127.0.0.1"), (8866, "203.0.113.1")])
def test_where_nobody_can_listen_is_one_sentence(port, ip):
    with pytest.raises(SettingsError, match="no port is free"):
        server_words(port, ip)


def test_settings_and_notebooks_are_found_and_closed(repository):
    start = server_words()
    folder = repository / "notebooks" / "dashboards"
    assert str(folder) in start.words
    config = repository / "jupyter-config" / "voila" / "voila.json"
    assert start.environment["JUPYTER_CONFIG_PATH"].split(":")[0] == str(config.parent)
    settings = json.loads(config.read_text())
    voila = settings["VoilaConfiguration"]
    assert voila["file_allowlist"] == []
    assert voila["strip_sources"] and not voila["show_tracebacks"]
    assert voila["allow_template_override"] == voila["allow_theme_override"] == "NO"
    cull = settings["MappingKernelManager"]
    assert (cull["cull_interval"], cull["cull_idle_timeout"]) == (60, 600)


def test_every_dashboard_has_a_title_and_a_place(repository):
    folder = repository / "notebooks" / "dashboards"
    found = dashboards_in(folder)
    assert found[0] == ("index", "Start")
    places = [json.loads(p.read_text())["metadata"]["place"] for p in folder.glob("*.ipynb")]
    assert len(set(places)) == len(places) == len(found)
    for path in folder.glob("*.ipynb"):
        cells = json.loads(path.read_text())["cells"]
        # The first cell imports, and may run long before anybody looks; the last one asks.
        assert "asked()" in "".join(cells[-1]["source"])
        assert all(cell["outputs"] == [] for cell in cells)


def test_the_log_keeps_what_people_are_told_about(tmp_path, monkeypatch):
    monkeypatch.setenv("AWLAB_HOME", str(tmp_path))
    logger = logging.getLogger("awlab.test_of_the_log")
    handler = log_to_file()
    logger.addHandler(handler)
    logger.error("error 12ab: it broke")
    logger.removeHandler(handler)
    handler.close()
    assert "error 12ab: it broke" in (tmp_path / "log" / "dashboards.log").read_text()
