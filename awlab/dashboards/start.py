"""How the server of the dashboards is started: where things are, who may come, which port."""

from __future__ import annotations

import ipaddress
import logging
import os
import secrets
import socket
import sys
from dataclasses import dataclass
from pathlib import Path

from awlab.backend.errors import SettingsError
from awlab.backend.settings import load_settings

__all__ = ["PORT", "Start", "is_loopback", "log_to_file", "server_words"]

PORT = 8866
_TRIES = 20


@dataclass(frozen=True, slots=True)
class Start:
    """How to start the server.

    Attributes
    ----------
    words : list of str
        Command line.
    environment : dict
        What to add to the environment; the token travels here, where other users cannot see it.
    address : str
        Where the dashboards will be, token included.
    """

    words: list[str]
    environment: dict[str, str]
    address: str


def server_words(
    port: int = PORT, ip: str = "127.0.0.1", *, token: bool = False, opening: bool = False
) -> Start:
    """Return how to start the server of the dashboards.

    Parameters
    ----------
    port : int
        Port; the next free one is taken if it is not free.
    ip : str
        Address to listen on. Anything but this machine's own loopback asks visitors for a token.
    token : bool
        Ask for a token on loopback as well: on a machine with other users.
    opening : bool
        Open a browser.

    Raises
    ------
    SettingsError
        If the dashboards are not here, or no port is free.
    """
    share = _share()
    free = _free_port(port, ip)
    host = socket.gethostname() if ip in ("", "0.0.0.0", "::") else ip
    address = f"http://{f'[{host}]' if ':' in host else host}:{free}/"
    environment = {
        "JUPYTER_PATH": _before(share["jupyter"], "JUPYTER_PATH"),
        "JUPYTER_CONFIG_PATH": _before(share["config"], "JUPYTER_CONFIG_PATH"),
        "VOILA_APP_IP": ip if ip not in ("", "0.0.0.0", "::") else "127.0.0.1",
    }
    words = [sys.executable, "-m", "awlab.dashboards.server", str(share["dashboards"])]
    words += [f"--port={free}", f"--Voila.ip={ip}"]
    if sys.platform == "linux":
        # Kernels are talked to through sockets in a folder of this user, not over TCP.
        words.append("--KernelManager.transport=ipc")
    if token or not is_loopback(ip):
        secret = os.environ.get("JUPYTER_TOKEN") or secrets.token_hex(24)
        environment["JUPYTER_TOKEN"] = secret
        words.append("--Voila.auto_token=True")
        address += f"?token={secret}"
    environment["AWLAB_DASHBOARDS"] = address if opening else ""
    return Start(words, environment, address)


def is_loopback(ip: str) -> bool:
    """Tell whether only this machine can reach an address."""
    try:
        return ipaddress.ip_address(ip).is_loopback
    except ValueError:
        return ip == "localhost"


def log_to_file() -> logging.Handler:
    """Return a handler that appends to ``log/dashboards.log`` in the home of awlab."""
    folder = load_settings().home / "log"
    folder.mkdir(parents=True, exist_ok=True)
    handler = logging.FileHandler(folder / "dashboards.log", encoding="utf-8", delay=True)
    handler.setLevel(logging.WARNING)
    handler.setFormatter(logging.Formatter("%(asctime)s %(name)s[%(process)d] %(message)s"))
    return handler


def _share() -> dict[str, Path]:
    """Find notebooks and settings: beside the package in a checkout, else as installed."""
    checkout = Path(__file__).resolve().parents[2]
    installed = Path(sys.prefix) / "share" / "awlab"
    for root, settings in ((checkout / "notebooks", checkout / "jupyter-config"), (installed,) * 2):
        folder = root / "dashboards"
        if (folder / "index.ipynb").is_file():
            return {"dashboards": folder, "jupyter": settings, "config": settings / "voila"}
    raise SettingsError("the dashboards are not here", "install awlab again")


def _before(path: Path, name: str) -> str:
    return os.pathsep.join(filter(None, [str(path), os.environ.get(name, "")]))


def _free_port(port: int, ip: str) -> int:
    """Return the port, or the next free one: pages made beforehand must know it."""
    for candidate in range(port, min(port + _TRIES, 65536)):
        family = socket.AF_INET6 if ":" in ip else socket.AF_INET
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((ip, candidate))
            except OverflowError:
                break
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise SettingsError(f"no port is free at {ip} from {port} on", "choose one with --port")
