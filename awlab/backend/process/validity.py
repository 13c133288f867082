"""Validity of default (boot-strap) calibrations, as in Astro-WISE."""

from __future__ import annotations

from datetime import datetime

__all__ = ["ALWAYS_END", "ALWAYS_START"]

ALWAYS_START, ALWAYS_END = datetime(1990, 1, 1), datetime(2030, 1, 1)
