"""A private PostgreSQL for the tests of the widgets: started once, connected per module."""

from __future__ import annotations

import os

import pytest


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


@pytest.fixture
def statements(database):
    """Count the statements of a piece of work."""

    def count(work):
        before = database.statements
        work()
        return database.statements - before

    return count
