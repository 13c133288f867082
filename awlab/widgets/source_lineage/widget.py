"""``SourceLineage``: cut-outs of sources in everything they passed through."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import traitlets

from awlab.widgets.awlab_widget import AwlabWidget, answers
from awlab.widgets.source_lineage.state import SourceState

__all__ = ["SourceLineage"]


class SourceLineage(AwlabWidget):
    """A grid of cut-outs: a row per source and exposure, a column per frame and calibration.

    Parameters
    ----------
    sources : SourceList, Source or sequence of Source
        What to show.
    sids : sequence of int, optional
        Sources of the list, by SID.

    Attributes
    ----------
    selection : DBObject
        The frame clicked last.

    Examples
    --------
    >>> SourceLineage(source_list, [0, 27, 29])
    >>> SourceLineage(source_list[5])
    """

    PARTS: ClassVar[tuple[str, ...]] = ("picture",)

    selection = traitlets.Any(None, allow_none=True)

    def __init__(self, sources: Any, sids: Sequence[int] | None = None) -> None:
        self.state = SourceState(sources, sids)
        super().__init__()

    @answers
    def more(self) -> dict[str, Any]:
        """Answer with the next sources."""
        return self.state.more()

    @answers
    def opening(self) -> dict[str, Any]:
        """Answer with all rows read so far, or the first ones."""
        return self.state.opening()

    @answers
    def cutouts(self, row: int, size: int = 32) -> tuple[dict[str, Any], list[bytes]]:
        """Answer with the cut-outs of a row."""
        return self.state.cutouts(row, size)

    @answers
    def choose(self, object_id: str) -> dict[str, Any]:
        """Make a frame the selection."""
        self.selection = self.state.object(object_id)
        return self.state.portrait(object_id)
