"""Words of an address: hostile ones end in a sentence."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
import threading
from typing import ClassVar

import pytest
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application
from tornado.websocket import WebSocketHandler

import awlab.backend.targets  # noqa: F401 - makes the classes known
from awlab.backend.errors import QueryError
from awlab.dashboards import Words, address
from awlab.dashboards.words import asked_text


def test_words_are_read_with_defaults():
    words = Words("class=BiasFrame&y=imstat.mean&empty=&by=chip.name%20")
    assert words.cls("class", "DarkFrame").__name__ == "BiasFrame"
    assert words.text("y") == "imstat.mean"
    assert words.text("empty", "x") == "x"
    assert words.text("nobody") == ""
    assert words.object() is None


@pytest.mark.parametrize(
    "text", ["class=" + "a" * 201, "class=a%00b", "class=a%0d%0ab", "class=%ff%fe%1b[31m"]
)
def test_what_is_no_sensible_text_is_refused(text):
    with pytest.raises(QueryError, match="no sensible text"):
        Words(text).text("class")


def test_an_unknown_class_is_named_not_looked_up():
    for text in ("class=__import__", "class=<script>alert(1)</script>", "class=os.system"):
        with pytest.raises(QueryError, match="there is no class"):
            Words(text).cls("class", "BiasFrame")


def test_too_many_words_are_refused():
    with pytest.raises(QueryError, match="too many"):
        Words("&".join(f"a{i}=1" for i in range(50)))


def test_addresses_carry_any_value_and_leave_out_empty_ones():
    link = address("trend", x="a&b=<c>", y="", by="#842")
    assert link == "trend.ipynb?x=a%26b%3D%3Cc%3E&by=%23842"
    assert Words(link.partition("?")[2]).text("x") == "a&b=<c>"
    assert address("night") == "night.ipynb"


def test_outside_of_a_server_nothing_is_asked(monkeypatch):
    monkeypatch.delenv("VOILA_PREHEAT", raising=False)
    monkeypatch.delenv("QUERY_STRING", raising=False)
    assert asked_text() == ""
    monkeypatch.setenv("QUERY_STRING", "date=2000-04-28")
    assert asked_text() == "date=2000-04-28"


class Query(WebSocketHandler):
    """What Voila's server has at this address: cuts the line once, then tells who came."""

    calls: ClassVar[list[str]] = []

    def open(self, kernel):
        self.calls.append(kernel)
        if len(self.calls) == 1:
            self.close()
        else:
            self.write_message(json.dumps({"QUERY_STRING": "object=1", "SERVER_NAME": "here"}))


@pytest.fixture
def port():
    """A server with such an address, in a thread of its own."""
    ready, found = threading.Event(), {}

    async def serve():
        server = HTTPServer(Application([(r"/base/voila/query/(.*)", Query)]))
        sockets = bind_sockets(0, "127.0.0.1")
        server.add_sockets(sockets)
        found.update(port=sockets[0].getsockname()[1], over=asyncio.Event())
        found["loop"] = asyncio.get_running_loop()
        ready.set()
        await found["over"].wait()
        server.stop()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert ready.wait(10)
    yield found["port"]
    found["loop"].call_soon_threadsafe(found["over"].set)
    thread.join(10)


def test_a_page_that_waits_asks_again_when_the_line_was_cut(monkeypatch, port):
    for name, value in (("PREHEAT", "True"), ("APP_PORT", str(port)), ("SERVER_URL", "/base/"),
                        ("KERNEL_ID", "k-1")):  # fmt: skip
        monkeypatch.setenv(f"VOILA_{name}", value)
    monkeypatch.setenv("QUERY_STRING", "")
    monkeypatch.setenv("SERVER_NAME", "")
    monkeypatch.setattr("awlab.dashboards.words._PAUSE", 0.0)
    assert asked_text() == "object=1"
    assert Query.calls == ["k-1", "k-1"]


def test_a_page_whose_server_is_gone_gives_up(monkeypatch):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    monkeypatch.setenv("VOILA_PREHEAT", "True")
    monkeypatch.setenv("VOILA_APP_PORT", str(port))
    monkeypatch.delenv("QUERY_STRING", raising=False)
    monkeypatch.setattr("awlab.dashboards.words._PAUSE", 0.0)
    assert asked_text() == ""


def test_the_kernel_of_a_page_does_not_load_the_server():
    code = (
        "import sys; from awlab.dashboards import Page, Words; "
        "from awlab.dashboards.words import asked_text; asked_text(); "
        "print(*{'voila', 'jupyter_server', 'nbconvert', 'bqplot', 'pandas'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.split() == []
