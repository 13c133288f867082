"""The object maker: choose a target, see what it needs and why, and have it made."""

from __future__ import annotations

from awlab.widgets.target_processor.widget import TargetProcessor

__all__ = ["TargetProcessor"]
