"""``%awe dashboards``: start the dashboards, and show where they are.

They run beside this kernel and end with it; a second call shows the address again. In a terminal
the command is awlab dashboards; with --ip 0.0.0.0 others see them too.

Examples: ``%awe dashboards``, ``%awe dashboards --port 9000``, ``%awe dashboards --stop``.
Python: ``awlab.dashboards.server_words()``, the command that starts them.
"""

from __future__ import annotations

import argparse
import atexit
import os
import subprocess
from typing import Any

from awlab.dashboards import server_words

_PORT = 8866
_running: list[tuple[subprocess.Popen[bytes], str]] = []


def arguments(parser: argparse.ArgumentParser) -> None:
    """Take a port."""
    parser.add_argument(
        "--port", type=int, default=_PORT, metavar="N", help="the next free one if it is taken"
    )
    parser.add_argument("--stop", action="store_true", help="stop them")


def run(options: argparse.Namespace, _shell: Any) -> None:
    """Start the server unless it runs, and print its address."""
    if options.stop:
        stop()
        print("the dashboards are stopped")
        return
    if not (_running and _running[0][0].poll() is None):
        _running.clear()
        # Whoever shares this machine must not work as the owner of this kernel.
        start = server_words(options.port, token=True)
        quiet = subprocess.DEVNULL
        # A session of its own: interrupting a cell of this kernel does not stop them.
        process = subprocess.Popen(
            start.words,
            env=os.environ | start.environment,
            stdout=quiet,
            stderr=quiet,
            start_new_session=True,
        )
        _running.append((process, start.address))
        atexit.register(stop)
    print(f"dashboards at {_running[0][1]}")


def stop() -> None:
    """Stop the server that this kernel started, if it did."""
    while _running:
        process, _ = _running.pop()
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
