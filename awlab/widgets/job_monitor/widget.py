"""``JobMonitor``: jobs as rows with live status, their targets, messages, and cancel."""

from __future__ import annotations

from typing import Any, ClassVar

import traitlets

from awlab.backend.process import lpu
from awlab.widgets.awlab_widget import AwlabWidget, answers
from awlab.widgets.following import Follower
from awlab.widgets.job_monitor.state import job_cards, one_job

__all__ = ["JobMonitor"]

# A view that is in sight says so every few seconds; without one nothing is looked at.
_INTEREST = 15.0
_PAUSE = 1.0


class JobMonitor(AwlabWidget):
    """The newest jobs of the user and of the user's projects, whichever notebook started them.

    Parameters
    ----------
    height : int
        Height of the rows on the screen [pixel].

    Attributes
    ----------
    selection : Job
        The job chosen last.
    """

    PARTS: ClassVar[tuple[str, ...]] = ()

    selection = traitlets.Any(None, allow_none=True)
    height = traitlets.Int(300).tag(sync=True)

    def __init__(self, *, height: int = 300) -> None:
        super().__init__(height=height)
        self._chosen: int | None = None
        self._follower = Follower(self._look, self._tell, pause=_PAUSE)

    def _look(self) -> tuple[dict[str, Any], bool]:
        found = job_cards()
        if self._chosen is not None:
            found["chosen"] = one_job(self._chosen)
        return found, False

    def _tell(self, found: dict[str, Any]) -> None:
        self.send({"op": "jobs", **found})

    @answers
    def watch(self) -> dict[str, Any]:
        """Go on telling for a while; a view asks for it as long as it is in sight."""
        self._follower.begin(seconds=_INTEREST)
        return {}

    @answers
    def look(self) -> dict[str, Any]:
        """Answer with the jobs as they are."""
        return self._look()[0]

    @answers
    def choose(self, number: int) -> dict[str, Any]:
        """Make a job the selection; answer with its targets."""
        found = one_job(number)
        self.selection, self._chosen = lpu.job(number), number
        return found

    @answers
    def cancel(self, number: int) -> dict[str, Any]:
        """Stop a job before its next target."""
        one_job(number)
        lpu.job(number).cancel()
        return self._look()[0]

    def close(self) -> None:
        """Close the widget; nothing is looked at any more."""
        if hasattr(self, "_follower"):
            self._follower.stop()
        super().close()
