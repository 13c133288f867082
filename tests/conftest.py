"""What every test may ask for: real data beside the checkout, a home of its own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
FOLDER_MARKS = ("science", "integration", "browser")


def chromium() -> str | None:
    """Path of the system's Chromium, or None."""
    found = (shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome"))
    return next((path for path in found if path), None)


def pytest_configure() -> None:
    """Point awlab away from the user's own home, before any test module is imported."""
    for name in [name for name in os.environ if name.startswith("AWLAB_")]:
        if name != "AWLAB_PG_BIN":  # says where PostgreSQL's programs are, not whose data
            del os.environ[name]
    # A home that cannot be made: a test that forgot to ask for its own fails instead of
    # writing among the user's data.
    os.environ["AWLAB_HOME"] = os.devnull + "/a-test-must-set-its-own-home"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark tests by their folder, so that no test can forget its mark."""
    browser_absent = pytest.mark.skip(
        reason="NO CHROMIUM: browser tests did not run (as root: apt-get install chromium)"
    )
    for item in items:
        folders = item.path.relative_to(REPOSITORY).parts
        for name in FOLDER_MARKS:
            if folders[:2] == ("tests", name):
                item.add_marker(name)
        if item.get_closest_marker("browser") and chromium() is None:
            item.add_marker(browser_absent)


@pytest.fixture(autouse=True)
def no_loop_of_the_browser(request: pytest.FixtureRequest):
    """Let a test without a browser see no running loop.

    Playwright, once started in a process, leaves its own marked as running between the tests; a
    widget would then wait for it to draw.
    """
    running = asyncio._get_running_loop()
    hide = running is not None and request.node.get_closest_marker("browser") is None
    if hide:
        asyncio._set_running_loop(None)
    yield
    if hide:
        asyncio._set_running_loop(running)


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """Path of the system's Chromium, for a test that drives it."""
    path = chromium()
    assert path is not None, "tests that ask for a browser belong below tests/browser"
    return path


@pytest.fixture(scope="session")
def repository() -> Path:
    """Root of the checkout."""
    return REPOSITORY


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real data kept beside the checkout (``../shared/data``); skips loudly where absent."""
    folder = REPOSITORY.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("NO REAL DATA: ../shared/data is not beside the checkout")
    return folder


@pytest.fixture(scope="session")
def new_home(tmp_path_factory):
    """Make homes whose private PostgreSQL stops at the end of the session."""
    from awlab.backend.database import start_embedded

    made = []

    def make() -> Path:
        made.append(tmp_path_factory.mktemp("home"))
        return made[-1]

    yield make
    for folder in made:
        start_embedded(folder).stop()


@pytest.fixture(scope="session")
def connected_to():
    """Connect to a home inside a ``with``: other tests of the process have homes of their own."""
    from awlab.backend.database import close_database, current_database
    from awlab.backend.datamodel import connect

    @contextlib.contextmanager
    def connected(home: Path):
        before = os.environ["AWLAB_HOME"]
        os.environ["AWLAB_HOME"] = str(home)
        connect()
        try:
            yield current_database()
        finally:
            close_database()
            os.environ["AWLAB_HOME"] = before

    return connected
