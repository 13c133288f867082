"""A shell whose cells raise, and a small database of a few objects."""

from __future__ import annotations

import atexit

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
    shell = RaisingShell.instance(config=config)
    yield shell
    RaisingShell.clear_instance()
    # Hundreds of shells that tidy up at the end of the process would take minutes to do so.
    atexit.unregister(shell.atexit_operations)


@pytest.fixture
def shell(bare_shell):
    """A shell with awlab."""
    bare_shell.run_cell("%load_ext awlab")
    yield bare_shell
    if "awe" in bare_shell.magics_manager.magics["line"]:
        bare_shell.run_cell("%unload_ext awlab")


@pytest.fixture(scope="session")
def server_home(new_home):
    """The home of the tests of this folder."""
    return new_home()


@pytest.fixture(scope="module")
def database(server_home, connected_to):
    """The database of this process while the tests of a module run."""
    with connected_to(server_home) as database:
        yield database


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
