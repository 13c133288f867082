"""Pages that hold the ES module of one widget and nothing of Jupyter.

A stub model takes the place of Jupyter: what a view asks is answered by the widget's own state in
this process, or by what a test says.
"""

from __future__ import annotations

import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import pytest

PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{name}</title>
<style>{css}</style></head><body {theme}><main id="here" style="width:{width}px"></main>
<script type="module">
import widget from "/view.js";
const traits = {traits};
const listeners = {{}};
window.model = {{
  get: (name) => traits[name],
  set: (name, value) => {{
    traits[name] = value;
    (listeners["change:" + name] ?? []).forEach((work) => work());
  }},
  save_changes: () => {{}},
  on: (name, work) => {{ (listeners[name] ??= []).push(work); }},
  off: (name, work) => {{ listeners[name] = (listeners[name] ?? []).filter((f) => f !== work); }},
  send: async (message) => {{
    const answer = await window.kernel(JSON.stringify(message));
    if (!answer) return;
    const {{ reply, buffers }} = JSON.parse(answer);
    // A buffer begins anywhere, as those of Jupyter do.
    const views = buffers.map((text) => {{
      const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
      const room = new Uint8Array(bytes.length + 3);
      room.set(bytes, 3);
      return new DataView(room.buffer, 3);
    }});
    window.model.tell(reply, views);
  }},
  tell: (message, buffers = []) =>
    (listeners["msg:custom"] ?? []).forEach((work) => work(message, buffers)),
}};
window.close_widget = widget.render({{ model: window.model, el: document.getElementById("here") }});
</script></body></html>"""


class _Pages(BaseHTTPRequestHandler):
    texts: ClassVar[dict[str, tuple[str, str]]] = {}

    def do_GET(self):
        text, kind = self.texts.get(self.path, ("", "text/plain"))
        self.send_response(200 if self.path in self.texts else 204)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture(scope="session")
def server_home(new_home):
    """The home of the tests of this folder."""
    return new_home()


@pytest.fixture(scope="module")
def database(server_home, connected_to):
    """The database of this process while the tests of a module run."""
    with connected_to(server_home) as database:
        yield database


@pytest.fixture(scope="session")
def server():
    """A server on the loopback interface that gives out the pages of the tests."""
    found = ThreadingHTTPServer(("127.0.0.1", 0), _Pages)
    thread = threading.Thread(target=found.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{found.server_port}"
    found.shutdown()
    thread.join(5)


@pytest.fixture
def show(page, server):
    """Open a widget in a page: its class, an answering function, its traits."""

    def open_widget(cls, answer, traits=None, *, width=1200, dark=False):
        def kernel(message):
            words = json.loads(message)
            number, op = words.pop("req"), words.pop("op")
            buffers = []
            try:
                found = answer(op, words)
                found, buffers = found if isinstance(found, tuple) else (found, [])
                reply = {"req": number, **(found or {})}
            except Exception as exc:  # the page shows it as the kernel would
                reply = {"req": number, "failure": f"{type(exc).__name__}: {exc}"}
            packed = [base64.b64encode(buffer).decode() for buffer in buffers]
            return json.dumps({"reply": reply, "buffers": packed}, default=str)

        theme = f'data-jp-theme-light="{"false" if dark else "true"}"'
        values = {"failure": "", **(traits or {})}
        html = PAGE.format(
            name=cls.__name__, css=cls._css, theme=theme, width=width, traits=json.dumps(values)
        )
        _Pages.texts = {"/": (html, "text/html"), "/view.js": (cls._esm, "text/javascript")}
        page.set_default_timeout(10_000)
        page.expose_function("kernel", kernel)
        page.goto(server)
        return page

    return open_widget
