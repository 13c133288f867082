"""A private PostgreSQL for the tests of the backend: started once, connected per module."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session")
def server_home(new_home):
    """The home of the tests of this folder."""
    return new_home()


@pytest.fixture(scope="module")
def database(server_home, connected_to):
    """The database of this process while the tests of a module run."""
    with connected_to(server_home) as database:
        yield database
