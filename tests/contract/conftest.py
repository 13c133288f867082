"""A private PostgreSQL for the contract: started once, connected while a module runs."""

from __future__ import annotations

import os

import pytest


@pytest.fixture(scope="session")
def contract_home(tmp_path_factory):
    """A home whose private PostgreSQL stops at the end of the session."""
    from awlab.backend.database import start_embedded

    folder = tmp_path_factory.mktemp("home")
    yield folder
    start_embedded(folder).stop()


@pytest.fixture(scope="module")
def home(contract_home):
    """The home, connected for one module: others in this process have databases of their own."""
    from awlab.backend.database import close_database
    from awlab.backend.datamodel import connect

    before = os.environ["AWLAB_HOME"]
    os.environ["AWLAB_HOME"] = str(contract_home)
    connect()
    yield contract_home
    close_database()
    os.environ["AWLAB_HOME"] = before


@pytest.fixture
def database(home):
    """The database of the module."""
    from awlab.backend.database import current_database

    return current_database()
