"""The notebook of the calibration history, on a small history that it makes itself."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

REPOSITORY = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.slow


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home without anything; its PostgreSQL stops at the end."""
    monkeypatch.setenv("AWLAB_HOME", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
    yield tmp_path
    command = [sys.executable, "-m", "awlab.cli", "db", "stop"]
    subprocess.run(command, env=dict(os.environ), check=False, timeout=60)


def test_calibration_history(home):
    path = REPOSITORY / "notebooks" / "10_calibration_history.ipynb"
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=240, kernel_name="python3").execute()
    text = "\n".join(
        output.get("text", "") or str(output.get("data", {}).get("text/plain", ""))
        for cell in notebook.cells
        for output in cell.get("outputs", [])
    )
    assert "objects/s" in text
    assert "563     Zeropoint" in text
    assert all(f"{name:14} ccd50 2002-0" in text for name in ("RawBiasFrame", "ReadNoise"))
    assert "0 bad flats are left" in text
    assert "invalid" in text
    assert "a newer BiasFrame applies now" in text
    assert "TrendPlot" in text
