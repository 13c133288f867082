"""Voila with the dashboards and nothing else: ``python -m awlab.dashboards.server FOLDER``.

Pages, their scripts and the messages of their widgets are all it answers: no list of files, no
files, no notebooks as text, no code from a visitor.
"""

from __future__ import annotations

import json
import logging
import os
import threading
import uuid
import webbrowser
from pathlib import Path
from typing import Any

from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_server.utils import url_path_join
from tornado.web import HTTPError, RedirectHandler
from voila.app import Voila
from voila.handler import BaseVoilaHandler
from voila.shutdown_kernel_handler import VoilaShutdownKernelHandler
from voila.tornado.contentshandler import VoilaContentsHandler
from voila.tornado.handler import TornadoVoilaHandler
from voila.tornado.treehandler import TornadoVoilaTreeHandler

from awlab.dashboards.start import is_loopback, log_to_file

__all__ = ["DashboardServer", "dashboards_in"]

_log = logging.getLogger("awlab.dashboards")
# Nothing comes from elsewhere but pictures of the sky, where there is a network.
_POLICY = (
    "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; "
    "connect-src 'self' ws: wss: https: data: blob:; img-src 'self' data: blob: https:; "
    "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'self'"
)
_START = "voila/render/index.ipynb"


class _Pages(TornadoVoilaHandler):
    """Pages; the browser chooses the theme, so that a warm page serves every theme."""

    def should_use_rendered_notebook(
        self, notebook_data: dict[str, Any], pool_size: int, *_: Any
    ) -> bool:
        """Use the page made beforehand, if there is one."""
        return bool(pool_size and notebook_data)


class _Closing(VoilaShutdownKernelHandler):
    """A page that is closed ends its kernel."""

    def check_xsrf_cookie(self) -> None:
        """Take the word of the browser for the page it closes: it sends no cookie then."""
        if not self.check_origin():
            raise HTTPError(403)


class _PageKernels(KernelSpecManager):
    """Kernels of pages are leaner than those of notebooks."""

    def _get_kernel_spec_by_name(self, kernel_name: str, resource_dir: str) -> KernelSpec:
        found = super()._get_kernel_spec_by_name(kernel_name, resource_dir)
        own = {"ipykernel_launcher": "awlab.dashboards.kernel"}
        found.argv = [own.get(word, word) for word in found.argv]
        return found


class _Missing(BaseVoilaHandler):
    """Every address that is none of ours."""

    async def prepare(self) -> None:
        """Say that there is no such page."""
        await super().prepare()
        raise HTTPError(404)


class DashboardServer(Voila):
    """The server of the dashboards."""

    def initialize(self, argv: list[str] | None = None) -> None:
        """Read settings and command line, and look which dashboards there are."""
        super().initialize(argv)
        self.open_browser = bool(os.environ.get("AWLAB_DASHBOARDS"))
        found = dashboards_in(Path(self.root_dir))
        self.voila_configuration.kernel_spec_manager_class = _PageKernels
        self.voila_configuration.config.VoilaConfiguration.resources = {"dashboards": found}
        _log.addHandler(log_to_file())

    def init_settings(self) -> dict[str, Any]:
        """Add what error pages need, and refuse strangers' host names on loopback."""
        settings: dict[str, Any] = super().init_settings()
        settings["voila_jinja2_env"].globals.update(
            dashboards=dashboards_in(Path(self.root_dir)), error_id=_error_id
        )
        settings["allow_remote_access"] = not is_loopback(self.ip)
        settings["default_handler_class"] = _Missing
        settings["default_handler_args"] = {"voila_configuration": self.voila_configuration}
        settings["headers"] = {
            "Content-Security-Policy": _POLICY,
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "same-origin",
        }
        return settings

    def init_handlers(self) -> list[Any]:
        """Leave out the lists of files; the start page is the first dashboard."""
        found = []
        for handler in super().init_handlers():
            if handler[1] in (TornadoVoilaTreeHandler, VoilaContentsHandler):
                continue
            own = {TornadoVoilaHandler: _Pages, VoilaShutdownKernelHandler: _Closing}
            found.append((handler[0], own.get(handler[1], handler[1]), *handler[2:]))
        start = url_path_join(self.base_url, _START)
        found.append((self.server_url, RedirectHandler, {"url": start, "permanent": False}))
        return found

    def launch_browser(self) -> None:
        """Open a browser on the start page, token included."""
        url = os.environ["AWLAB_DASHBOARDS"]
        threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()


def dashboards_in(folder: Path) -> list[tuple[str, str]]:
    """Return name and title of the dashboards of a folder, in the order they say.

    Parameters
    ----------
    folder : Path
        Folder of notebooks; each has ``title`` and ``place`` in its metadata.
    """
    found = []
    for path in folder.glob("*.ipynb"):
        about = json.loads(path.read_text(encoding="utf-8"))["metadata"]
        found.append((int(about.get("place", 99)), path.stem, str(about.get("title", path.stem))))
    return [(name, title) for _, name, title in sorted(found)]


def _error_id(status: int) -> str:
    """Make the number of an error page, and note it in the log."""
    number = uuid.uuid4().hex[:8]
    _log.warning("error %s: a page answered with status %s", number, status)
    return number


if __name__ == "__main__":
    DashboardServer.launch_instance()
