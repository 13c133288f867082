"""``QualityPage``: everything about the quality of one object, with its figures."""

from __future__ import annotations

from typing import Any, ClassVar

import traitlets

from awlab.widgets.awlab_widget import AwlabWidget, answers
from awlab.widgets.quality_page.state import PageState

__all__ = ["QualityPage"]


class QualityPage(AwlabWidget):
    """The quality page of an object: numbers, image, residuals, history, and what to do about it.

    Parameters
    ----------
    item : DBObject
        Committed object of any class.

    Attributes
    ----------
    selection : DBObject
        The object that the page shows; another one after a link was followed.

    Examples
    --------
    >>> page = QualityPage(frame)
    >>> page.selection.comments()
    """

    PARTS: ClassVar[tuple[str, ...]] = ("picture", "plots")

    selection = traitlets.Any(None, allow_none=True)

    def __init__(self, item: Any) -> None:
        self.state = PageState(item)
        super().__init__(selection=self.state.item)

    @answers
    def opening(self) -> dict[str, Any]:
        """Answer with all texts and numbers."""
        return self.state.content()

    @answers
    def picture(self) -> tuple[dict[str, Any], list[bytes]]:
        """Answer with the whole image, binned."""
        return self.state.picture()

    @answers
    def section(self, box: list[int]) -> tuple[dict[str, Any], list[bytes]]:
        """Answer with a part of the image."""
        return self.state.section(box)

    @answers
    def pixel(self, x: int, y: int) -> dict[str, Any]:
        """Answer with one pixel."""
        return self.state.pixel(x, y)

    @answers
    def plots(self) -> tuple[dict[str, Any], list[bytes]]:
        """Answer with residuals and ellipticities."""
        return self.state.plots()

    @answers
    def table(self, direction: str, role: str, class_name: str) -> dict[str, Any]:
        """Answer with the rows of a table."""
        return self.state.table(direction, role, class_name)

    @answers
    def header(self) -> dict[str, Any]:
        """Answer with the FITS header."""
        return self.state.header()

    @answers
    def go(self, object_id: str) -> dict[str, Any]:
        """Turn to another object; answer with its page."""
        found = self.state.go(object_id)
        self.selection = self.state.item
        return found

    @answers
    def act(self, kind: str, text: str, verdict: int = 1) -> dict[str, Any]:
        """Comment, rate, review or announce; answer with the page as it is then."""
        return self.state.act(kind, text, verdict)
