"""What the panel of JupyterLab is told, and the script that shows it."""

from __future__ import annotations

import ast
import json
import re
import shutil
import subprocess

import pytest

from awlab.kernel_magic import panel


@pytest.fixture
def script(repository):
    return (repository / "jupyter-config" / "labextension" / "static" / "awlab.js").read_text()


def test_facts_in_one_line_of_json(database):
    text = repr(panel.Panel())
    found = json.loads(text)
    assert "\n" not in text and found["open"] is True
    assert set(found) == {
        *("open", "user", "project", "instrument", "objects", "newest", "flagged", "jobs"),
    }
    assert found["objects"] >= 0 and isinstance(found["jobs"], list)


def test_no_database_is_opened_for_it(monkeypatch):
    monkeypatch.setattr(panel, "database_is_open", lambda: False)
    monkeypatch.setattr(panel, "take_census", lambda: 1 / 0)
    assert json.loads(repr(panel.Panel())) == {"open": False}


def test_an_error_is_a_line(monkeypatch):
    from awlab.backend.errors import DatabaseUnavailable

    def fail():
        raise DatabaseUnavailable("the server\nis gone", "start it")

    monkeypatch.setattr(panel, "database_is_open", lambda: True)
    monkeypatch.setattr(panel, "take_census", fail)
    assert json.loads(repr(panel.Panel())) == {"failure": "the server is gone (start it)"}


def test_the_code_that_it_runs_is_python_and_names_what_there_is(script):
    import awlab
    import awlab.widgets

    entries = re.findall(r'^    \w+: \["[^"]+", "[^"]+", "(\w+)", ("(?:.*)"|\'(?:.*)\')\],$',
                         script, re.M)  # fmt: skip
    assert len(entries) == 9
    for widget, code in entries:
        assert widget in awlab.widgets.__all__
        tree = ast.parse(code[1:-1])
        called = tree.body[0].value.func.id
        assert called == widget
        names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} - {widget}
        assert all(hasattr(awlab, name) for name in names)
    ask = re.search(r'const ASK = "(.*)";', script)[1]
    ast.parse(ask, mode="eval")
    assert isinstance(eval(ask), panel.Panel)


@pytest.mark.skipif(shutil.which("node") is None, reason="no node")
def test_without_the_modules_of_lab_it_does_nothing(script):
    probe = (
        "globalThis.window = globalThis;\n" + script + "\nconst box = window._JUPYTERLAB.awlab;"
        "box.init({});"
        "box.get('./extension').then((make) => console.log(make().default.length));"
        "box.get('./other').catch((error) => console.log(error.message));"
    )
    done = subprocess.run(["node", "-e", probe], capture_output=True, text=True, check=True)
    assert sorted(done.stdout.split("\n")[:2]) == ["0", "awlab has no module ./other"]
