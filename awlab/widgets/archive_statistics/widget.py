"""``ArchiveStatistics``: what there is, how it grows, what is new and what is flagged."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, ClassVar

import traitlets

from awlab.widgets.archive_statistics.services import services
from awlab.widgets.archive_statistics.state import ArchiveState
from awlab.widgets.awlab_widget import AwlabWidget, answers

__all__ = ["ArchiveStatistics"]


class ArchiveStatistics(AwlabWidget):
    """Objects and files by class, project, instrument and night; storage, growth and news.

    Attributes
    ----------
    selection : DBObject or None
        The new object clicked last.
    """

    PARTS: ClassVar[tuple[str, ...]] = ("tabs", "plots")

    selection = traitlets.Any(None, allow_none=True)

    def __init__(self) -> None:
        self.state = ArchiveState()
        super().__init__()

    @answers
    def overview(self, flagged: bool = False) -> dict[str, Any]:  # noqa: FBT001, FBT002 - a message
        """Answer with all counts."""
        return self.state.overview(flagged_only=bool(flagged))

    @answers
    def services(self) -> dict[str, Any]:
        """Answer with what the archive runs on, and whether it answers."""
        return {"services": services(), "updated": f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC"}

    @answers
    def choose(self, object_id: str) -> dict[str, Any]:
        """Make a new object the selection."""
        self.selection = self.state.object(object_id)
        return {"python": f"{type(self.selection).__name__}(object_id={object_id!r})"}

    @answers
    def choose_class(self, class_name: str) -> dict[str, Any]:
        """Answer with the query on a class."""
        return {"python": self.state.query_text(class_name)}
