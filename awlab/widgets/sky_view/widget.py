"""``SkyView``: frames and sources where they are on the sky."""

from __future__ import annotations

from typing import Any, ClassVar

import traitlets

from awlab.widgets.awlab_widget import AwlabWidget, answers
from awlab.widgets.sky_view.library import library_bytes, library_missing
from awlab.widgets.sky_view.state import SkyState

__all__ = ["SkyView"]

# Asked only when the user asks for a background from the network.
_SURVEY = "https://alaskybis.unistra.fr/DSS/DSSColor"


class SkyView(AwlabWidget):
    """Footprints of frames, their images and sources, on the sky.

    Drawn by Aladin Lite where ``awlab assets`` has fetched it, else as a chart of its own;
    nothing comes from the network unless a survey is chosen as the background.

    Parameters
    ----------
    *things : Query, DBObject, or sequence of DBObject
        One layer each: frames, what was made of one frame, a list of sources or a catalogue. Of
        a reference catalogue only what lies around the frames before it.
    height : int
        Height of the sky [pixel].
    survey : str
        Address of a HiPS that can be chosen as the background; DSS in colour by default.

    Attributes
    ----------
    selection : DBObject, Source, Query or SourceTable
        The frame or source clicked last, or what lies in the box that was drawn last: a query on
        frames, else sources.

    Examples
    --------
    >>> sky = SkyView(ReducedScienceFrame.night == '2000-04-28', source_list)
    >>> sky.mark(ReducedScienceFrame.imstat.stdev > 20)
    >>> TrendPlot(sky.selection, 'imstat.stdev')
    """

    PARTS: ClassVar[tuple[str, ...]] = ("grid", "picture", "sky_chart", "sky_aladin")

    selection = traitlets.Any(None, allow_none=True)
    marked_rows: Any = traitlets.List().tag(sync=True)
    revision = traitlets.Int(0).tag(sync=True)
    height = traitlets.Int(420).tag(sync=True)
    survey = traitlets.Unicode(_SURVEY).tag(sync=True)
    engine = traitlets.Unicode("Aladin").tag(sync=True)

    def __init__(self, *things: Any, height: int = 420, survey: str = _SURVEY) -> None:
        self.state = SkyState(things)
        super().__init__(height=height, survey=survey)

    def add(self, thing: Any) -> None:
        """Show one more layer.

        Parameters
        ----------
        thing : Query, DBObject, or sequence of DBObject
            Frames, or a list of sources.
        """
        self.state.add(thing)
        self.revision += 1

    def mark(self, frames: Any) -> int:
        """Draw some of the frames shown here thick, and return how many: a selection elsewhere.

        Parameters
        ----------
        frames : Query, DBObject, sequence of DBObject, or None
            What was selected in a table or a plot; None marks nothing.
        """
        self.marked_rows = self.state.rows_of(frames)
        return len(self.marked_rows)

    @answers
    def opening(self) -> tuple[dict[str, Any], list[bytes]]:
        """Answer with all layers."""
        return self.state.opening()

    @answers
    def picture(self, layer: int, index: int) -> tuple[dict[str, Any], list[bytes]]:
        """Answer with the picture of a frame."""
        return self.state.picture(layer, index)

    @answers
    def choose(self, layer: int, index: int) -> dict[str, Any]:
        """Make a frame or a source the selection."""
        self.selection, told = self.state.choose(layer, index)
        return told

    @answers
    def area(self, found: dict[str, list[int]]) -> dict[str, Any]:
        """Make what lies in a box the selection."""
        self.selection, told = self.state.area(found)
        return told

    @answers
    def library(self) -> tuple[dict[str, Any], list[bytes]]:
        """Answer with Aladin Lite, or why it is not here."""
        missing = library_missing()
        return {"missing": missing}, [] if missing else [library_bytes()]
