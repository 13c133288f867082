"""How long targets took before."""

from __future__ import annotations

from awlab.backend.database import mean_seconds

__all__ = ["seconds_per_target"]


def seconds_per_target(names: set[str]) -> dict[str, float]:
    """Return the mean time [s] that targets of these classes took in earlier jobs."""
    return mean_seconds(names) if names else {}
