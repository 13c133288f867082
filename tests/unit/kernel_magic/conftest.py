"""A shell whose cells raise, and a small database of a few objects."""

from __future__ import annotations

import os

import pytest
from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config


class RaisingShell(InteractiveShell):
    """A mistake in a cell is a mistake in the test."""

    def run_cell(self, *args, **keywords):
        result = super().run_cell(*args, **keywords)
        result.raise_error()
        return result

    def shows(self, code):
        """Run a cell and return the bundle of what it gives."""
        value = self.run_cell(code).result
        return self.display_formatter.format(value)[0]

    def completions(self, text):
        """What TAB offers at the end of a text."""
        with provisionalcompleter():
            found = list(self.Completer.completions(text, len(text)))
        return [item.text for item in found if item.type == "awe"]


@pytest.fixture
def bare_shell(tmp_path, monkeypatch):
    """A shell without awlab."""
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "nocolor"
    RaisingShell.clear_instance()
    yield RaisingShell.instance(config=config)
    RaisingShell.clear_instance()


@pytest.fixture
def shell(bare_shell):
    """A shell with awlab."""
    bare_shell.run_cell("%load_ext awlab")
    yield bare_shell
    if "awe" in bare_shell.magics_manager.magics["line"]:
        bare_shell.run_cell("%unload_ext awlab")


@pytest.fixture(scope="session")
def server_home(tmp_path_factory):
    """A home whose private PostgreSQL stops at the end of the session."""
    from awlab.backend.database import start_embedded

    folder = tmp_path_factory.mktemp("home")
    yield folder
    start_embedded(folder).stop()


@pytest.fixture(scope="module")
def database(server_home):
    """The database of this process while the tests of a module run."""
    from awlab.backend.database import close_database, current_database
    from awlab.backend.datamodel import connect

    before = os.environ["AWLAB_HOME"]
    os.environ["AWLAB_HOME"] = str(server_home)
    connect()
    yield current_database()
    close_database()
    os.environ["AWLAB_HOME"] = before


@pytest.fixture(scope="module")
def equipment(database):
    """Two instruments with their chips and filters."""
    from awlab.backend.database import commit_objects
    from awlab.backend.datamodel import Chip, Filter, Instrument

    if not (Instrument.name == "MAGIC").exists():
        one, two = Instrument(name="MAGIC"), Instrument(name="OTHER")
        chips = [Chip(name=f"magic{i}", instrument=one, gain=float(i)) for i in range(3)]
        more = [Chip(name="<b>other</b>", instrument=two), Filter(name="#842", instrument=one)]
        commit_objects([*chips, *more])
    return list((Chip.instrument.name == "MAGIC").order_by("name"))
