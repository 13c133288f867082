"""What the dashboards cost: first byte and whole page, warm and cold, many at once, memory.

    python benchmarks/dashboards.py [openings]

Shows the data in AWLAB_HOME (after `make demo`, those of the demo). The floor of a page is the
start of a bare kernel with one empty cell on the same machine in the same run.
"""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import sys
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil

from awlab.dashboards.server import dashboards_in

FOLDER = Path(__file__).resolve().parents[1] / "notebooks" / "dashboards"
PORT = 9466
ROUNDS = 3


def start(*words: str) -> tuple[subprocess.Popen[str], str]:
    """Start the dashboards; return process and address when they answer."""
    command = [sys.executable, "-m", "awlab", "dashboards", "--no-open", f"--port={PORT}", "--"]
    server = subprocess.Popen(
        [*command, *words], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    url = server.stdout.readline().split()[-1]
    for _ in range(240):
        try:
            urllib.request.urlopen(f"{url}voila/static/voila.js").close()
            return server, url
        except OSError:
            time.sleep(0.25)
    raise SystemExit("the dashboards do not answer")


def stop(server: subprocess.Popen[str]) -> None:
    """End the server and its kernels."""
    os.killpg(server.pid, signal.SIGTERM)
    server.wait(60)


def opened(url: str) -> tuple[float, float]:
    """Open a page; return the seconds to its first byte and to its last."""
    started = time.perf_counter()
    with urllib.request.urlopen(url, timeout=300) as answer:
        answer.read(1)
        first = time.perf_counter() - started
        text = answer.read().decode()
    assert "awlab-trouble" not in text, url
    return first, time.perf_counter() - started


def bare_kernel() -> float:
    """Return the seconds from nothing to a kernel that has run an empty cell."""
    from jupyter_client.manager import start_new_kernel

    started = time.perf_counter()
    manager, client = start_new_kernel(kernel_name="python3")
    client.execute_interactive("pass")
    seconds = time.perf_counter() - started
    client.stop_channels()
    manager.shutdown_kernel(now=True)
    return seconds


def kernels(server: subprocess.Popen[str]) -> list[float]:
    """Return the memory of the kernels that is theirs alone [MB]."""
    found = psutil.Process(server.pid).children(recursive=True)
    here = [child for child in found if "awlab.dashboards.kernel" in " ".join(child.cmdline())]
    return [child.memory_full_info().uss / 1e6 for child in here]


def main() -> None:
    """Measure and print."""
    openings = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    names = [name for name, _ in dashboards_in(FOLDER)]
    floor = statistics.median(bare_kernel() for _ in range(ROUNDS))
    print(f"floor: a bare kernel {floor:.2f} s")
    server, url = start("--preheat_kernel=False")
    try:
        print("cold pages: first byte, whole page, whole over floor, memory of the kernel alone")
        for name in names:
            before = len(kernels(server))
            times = [opened(f"{url}voila/render/{name}.ipynb") for _ in range(ROUNDS)]
            whole = statistics.median(t for _, t in times)
            first = statistics.median(t for t, _ in times)
            mine = statistics.median(kernels(server)[before:])
            print(
                f"  {name:<14}{first:6.3f} s {whole:6.2f} s {whole / floor:5.1f} x {mine:6.0f} MB"
            )
        started = time.perf_counter()
        with ThreadPoolExecutor(openings) as pool:
            page = f"{url}voila/render/{names[0]}.ipynb"
            done = list(pool.map(opened, [page] * openings))
        total = time.perf_counter() - started
        print(f"{openings} openings at once: all {len(done)} served within {total:.1f} s")
    finally:
        stop(server)
    server, url = start(f"--VoilaKernelManager.preheat_denylist={names[1:]!r}")
    try:
        times = []
        for _ in range(ROUNDS):
            time.sleep(8)  # until the next page is prepared
            times.append(opened(f"{url}voila/render/{names[0]}.ipynb"))
        first = statistics.median(t for t, _ in times)
        whole = statistics.median(t for _, t in times)
        print(f"warm page: first byte {first:.3f} s, whole {whole:.2f} s")
    finally:
        stop(server)


if __name__ == "__main__":
    main()
