"""Kernels of pages are many and short-lived: what they need not load is kept out of them."""

from __future__ import annotations

import sys
from importlib import import_module

__all__ = ["load_lean_pandas"]


def load_lean_pandas() -> None:
    """Import pandas, which bqplot needs, without pyarrow.

    pandas loads pyarrow where it finds it, for types of columns that no plot has: 33 MB of each
    kernel. Whoever imports pyarrow afterwards gets it.
    """
    if "pandas" in sys.modules or "pyarrow" in sys.modules:
        return
    sys.modules["pyarrow"] = None  # type: ignore[assignment]  # as if it were not installed
    try:
        import_module("pandas")
    finally:
        del sys.modules["pyarrow"]
