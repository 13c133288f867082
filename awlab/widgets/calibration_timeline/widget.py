"""``CalibrationTimeline``: which calibration applies when, to look at and to judge."""

from __future__ import annotations

from typing import Any, ClassVar

import traitlets

from awlab.backend.database import DBObject
from awlab.backend.errors import QueryError
from awlab.widgets.awlab_widget import AwlabWidget, answers
from awlab.widgets.calibration_timeline.change import Change, portrait
from awlab.widgets.calibration_timeline.state import TimelineState

__all__ = ["CalibrationTimeline"]


class CalibrationTimeline(AwlabWidget):
    """The calibrations of the calibration plan as bars from begin to end of their validity.

    Parameters
    ----------
    cls : type, optional
        Class to begin with.
    height : int
        Height of the bars on the screen [pixel].
    **asked
        ``instrument``, ``chip``, ``filter``, ``year``, ``quarter``, ``month``, ``week``,
        ``only_good``.

    Attributes
    ----------
    selection : DBObject or Query
        What was chosen last: one object, or several as a query.
    """

    PARTS: ClassVar[tuple[str, ...]] = ("grid", "bars")

    selection = traitlets.Any(None, allow_none=True)
    height = traitlets.Int(380).tag(sync=True)

    def __init__(self, cls: Any = None, *, height: int = 380, **asked: Any) -> None:
        self.state = TimelineState(cls, **asked)
        super().__init__(height=height)

    @answers
    def opening(self) -> dict[str, Any]:
        """Answer with the plan, the selectors and the bars."""
        return self.state.opening()

    @answers
    def look(self, **asked: Any) -> dict[str, Any]:
        """Answer with the bars of another class or span."""
        return self.state.look(asked)

    @answers
    def choose(self, object_ids: list[str]) -> dict[str, Any]:
        """Make objects the selection; answer with the portrait of one, or the Python of several."""
        query = self.state.chosen(list(object_ids))
        if len(object_ids) == 1:
            self.selection = DBObject(object_id=object_ids[0])
            return portrait(self.selection)
        self.selection = query
        return {"python": str(query), "count": len(object_ids)}

    def _shown(self, object_id: str) -> Any:
        """Return one of the shown objects, as it is now in the database."""
        self.state.chosen([object_id])
        return DBObject(object_id=object_id)

    @answers
    def foresee(self, object_id: str, change: dict[str, Any]) -> dict[str, Any]:
        """Answer with the products that a change would outdate."""
        return Change(self._shown(object_id), change).foresee()

    @answers
    def change(self, object_id: str, change: dict[str, Any], reason: str) -> dict[str, Any]:
        """Change a verdict or a validity; answer with the bars as they are then."""
        item = self._shown(object_id)
        Change(item, change).commit(reason)
        self.selection = item
        return {**self.state.look({}), "portrait": portrait(item)}

    @answers
    def comment(self, object_id: str, text: str) -> dict[str, Any]:
        """Say something about an object; answer with its portrait."""
        words = str(text).strip()
        if not words:
            raise QueryError("an empty comment says nothing", "write a few words")
        item = self._shown(object_id)
        item.comment(words)
        return portrait(item)
