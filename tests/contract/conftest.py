"""A private PostgreSQL for the contract: started once, connected while a module runs."""

from __future__ import annotations

import contextlib

import pytest


@pytest.fixture(scope="session")
def contract_home(new_home):
    """The home of the contract."""
    return new_home()


@pytest.fixture(scope="module")
def home(contract_home, connected_to):
    """The home, connected for one module."""
    with connected_to(contract_home):
        yield contract_home


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
