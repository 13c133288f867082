"""A private PostgreSQL for the contract: one home per test session, one project per module."""

from __future__ import annotations

import os

import pytest


@pytest.fixture(scope="session")
def home(tmp_path_factory):
    """A home of its own, connected; stopped at the end."""
    folder = tmp_path_factory.mktemp("home")
    os.environ["AWLAB_HOME"] = str(folder)
    from awlab.backend.database import close_database, start_embedded
    from awlab.backend.datamodel import connect

    connect()
    yield folder
    close_database()
    start_embedded(folder).stop()
    os.environ["AWLAB_HOME"] = os.devnull + "/a-test-must-set-its-own-home"


@pytest.fixture
def database(home):
    """The database of the session."""
    from awlab.backend.database import current_database

    return current_database()
