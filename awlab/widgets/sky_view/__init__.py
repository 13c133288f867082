"""Frames and sources on the sky."""

from __future__ import annotations

from awlab.widgets.sky_view.library import fetch_library, library_path, library_version
from awlab.widgets.sky_view.widget import SkyView

__all__ = ["SkyView", "fetch_library", "library_path", "library_version"]
