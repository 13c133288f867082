"""`import awlab` pulls in no Jupyter, no astropy, nothing slow: seen in sys.modules."""

from __future__ import annotations

import subprocess
import sys

HEAVY = {
    "IPython", "alembic", "anywidget", "astropy", "bqplot", "fsspec", "ipyaladin", "ipykernel",
    "ipywidgets", "jupyter_client", "jupyter_server", "jupyterlab", "matplotlib", "numba",
    "prov", "pyarrow", "s3fs", "scipy", "sep", "sqlalchemy", "traitlets", "voila",
}  # fmt: skip


def heavy_modules(statement, heavy):
    """Which of the heavy packages a fresh interpreter holds after one statement."""
    program = f"import sys\n{statement}\nprint(*{{name.partition('.')[0] for name in sys.modules}})"
    answer = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return sorted(heavy & set(answer.stdout.split()))


def test_import_awlab_is_light():
    assert heavy_modules("import awlab", HEAVY) == []


def test_a_name_of_the_backend_brings_no_jupyter():
    jupyter = {"IPython", "anywidget", "bqplot", "ipykernel", "ipywidgets", "traitlets"}
    assert heavy_modules("import awlab.backend.errors, awlab.backend.settings", jupyter) == []


def test_checker_sees_heavy_modules():
    assert heavy_modules("import json.decoder", {"json", "astropy"}) == ["json"]
