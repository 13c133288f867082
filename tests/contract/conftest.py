"""A private PostgreSQL for the contract: started once, connected while a module runs."""

from __future__ import annotations

import contextlib
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


@pytest.fixture(scope="module")
def as_user(home):
    """Connect as another login role: ``with as_user("anna") as database: ...``."""
    from awlab.backend.database import Database, connection, current_database

    owner = current_database()
    made = {}

    def login(name, member):
        with owner.transaction() as opened:
            known = opened.exec_driver_sql(f"SELECT 1 FROM pg_roles WHERE rolname = '{name}'")
            if known.first() is None:
                opened.exec_driver_sql(f'CREATE ROLE "{name}" LOGIN')
                if member:
                    opened.exec_driver_sql(f'GRANT "{owner.user}" TO "{name}"')
        url = owner.url.set(username=name).render_as_string(hide_password=False)
        return Database(url)

    @contextlib.contextmanager
    def switch(name, member=True):
        if name not in made:
            made[name] = login(name, member)
        before, connection._current = connection._current, made[name]
        try:
            yield made[name]
        finally:
            connection._current = before

    yield switch
    for database in made.values():
        database.close()
