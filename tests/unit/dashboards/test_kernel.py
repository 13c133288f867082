"""The kernel of a page: what it does without, and that it works."""

from __future__ import annotations

import pytest
from jupyter_client.manager import KernelManager

from awlab.dashboards.kernel import LEFT_OUT
from awlab.dashboards.server import DashboardServer, _PageKernels

LOOK = """import sys
print(*sorted(name for name in ("debugpy", "jedi", "pydevd") if sys.modules.get(name)))
print("kernel", 6 * 7)"""


def test_pages_have_kernels_of_their_own_and_other_kernels_stay(tmp_path):
    specs = _PageKernels().get_all_specs()
    assert "awlab.dashboards.kernel" in specs["python3"]["spec"]["argv"]
    folder = tmp_path / "other"
    folder.mkdir()
    (folder / "kernel.json").write_text(
        '{"argv": ["other", "-f", "{connection_file}"], "display_name": "Other", "language": "x"}'
    )
    found = _PageKernels(kernel_dirs=[str(tmp_path)]).get_kernel_spec("other")
    assert found.argv == ["other", "-f", "{connection_file}"]


@pytest.mark.slow
def test_it_runs_code_without_debugger_and_completion():
    manager = KernelManager(kernel_name="python3", kernel_spec_manager=_PageKernels())
    manager.start_kernel()
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=60)
        said = []
        client.execute_interactive(
            LOOK, timeout=60, output_hook=lambda m: said.append(m["content"].get("text", ""))
        )
        info = client.kernel_info(reply=True, timeout=60)["content"]
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    assert "".join(said).splitlines() == ["", "kernel 42"]
    assert not info.get("debugger")
    assert "debugger" not in info.get("supported_features", [])
    assert set(LEFT_OUT) == {"debugpy", "jedi"}


def test_the_server_uses_it(monkeypatch, tmp_path):
    monkeypatch.setenv("AWLAB_HOME", str(tmp_path))
    monkeypatch.delenv("AWLAB_DASHBOARDS", raising=False)
    server = DashboardServer()
    server.initialize([str(tmp_path), "--no-browser"])
    assert server.voila_configuration.kernel_spec_manager_class is _PageKernels
