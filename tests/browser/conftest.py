"""Debian's Chromium, cut off from the world; a page fails its test on whatever goes wrong in it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

# Root may not use the sandbox; no name is resolved, so that nothing can come from elsewhere.
ARGUMENTS = (
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
)


@pytest.fixture(scope="session")
def small_night(tmp_path_factory):
    """A home with one chip of the simulated night, reduced: what pages need, sooner."""
    folder = tmp_path_factory.mktemp("home")
    code = (
        "from awlab.backend.ingest import ingest_night\n"
        "from awlab.backend.datamodel import connect\n"
        "from awlab import ReducedScienceFrame\n"
        "connect(); ingest_night('wfi')\n"
        "ReducedScienceFrame.get(instrument='WFI', chip='ccd53', date='2000-04-28')"
    )
    environment = os.environ | {"AWLAB_HOME": str(folder)}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True, timeout=200)
    yield folder
    subprocess.run(
        [sys.executable, "-m", "awlab", "db", "stop"], env=environment, check=False, timeout=60
    )


@pytest.fixture(scope="session")
def aladin_library(request, tmp_path_factory):
    """Folder with Aladin Lite, fetched once and kept in pytest's cache; skips without it."""
    from awlab.backend.errors import AwlabError
    from awlab.widgets.sky_view import fetch_library, library_version

    kept = Path(request.config.cache.mkdir("aladin-lite")) / library_version()
    if not (kept / "aladin.js").is_file():
        before = os.environ["AWLAB_HOME"]
        os.environ["AWLAB_HOME"] = str(tmp_path_factory.mktemp("assets"))
        try:
            shutil.copytree(fetch_library().parent, kept, dirs_exist_ok=True)
        except AwlabError as exc:
            pytest.skip(f"NO ALADIN LITE: {exc}")
        finally:
            os.environ["AWLAB_HOME"] = before
    return kept


@pytest.fixture(scope="session")
def chromium(chromium_path) -> Iterator[Any]:
    """The browser, one for all tests of this process."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path, args=list(ARGUMENTS))
        yield browser
        browser.close()


@pytest.fixture
def troubles() -> list[str]:
    """What went wrong in the pages of this test: a test that provokes something may clear it."""
    return []


@pytest.fixture
def open_page(chromium, troubles) -> Iterator[Callable[..., Any]]:
    """Make pages: ``open_page(width=900, height=700, color_scheme="dark")``.

    The test fails at its end on errors in the page or its console, and on foreign requests.
    """
    contexts = []

    def open_one(*, width: int = 1400, height: int = 900, color_scheme: str = "light") -> Any:
        context = chromium.new_context(
            viewport={"width": width, "height": height}, color_scheme=color_scheme
        )
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: troubles.append(f"error in the page: {error}"))
        page.on("console", lambda message: _hear(message, troubles))
        page.on("request", lambda request: _watch(request, troubles))
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert not troubles, "\n".join(troubles)


@pytest.fixture
def page(open_page) -> Any:
    """One page of 1400 by 900 pixels, light."""
    return open_page()


def _hear(message: Any, troubles: list[str]) -> None:
    if message.type == "error":
        troubles.append(f"console: {message.text} ({message.location.get('url', '')})")


def _watch(request: Any, troubles: list[str]) -> None:
    parts = urlsplit(request.url)
    if parts.scheme in ("http", "https", "ws", "wss") and parts.hostname != "127.0.0.1":
        troubles.append(f"foreign request: {request.url}")
