"""What a quality page shows and does, as plain data and buffers."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

import numpy as np

from awlab.backend.database import DBObject, NeighbourGroup
from awlab.backend.datamodel import Judged
from awlab.backend.dataserver import read_headers
from awlab.backend.errors import QueryError
from awlab.backend.quality import (
    FrameFiles,
    PageContent,
    Picture,
    quality_page,
    read_magnitude_residuals,
    read_residuals,
    relatives,
)

__all__ = ["PageState"]

Answer = tuple[dict[str, Any], list[bytes]]
_ACTS = ("comment", "rate", "review", "announce")
# Marks by which reviewed and announced objects are found again.
_TAGS = {"review": "reviewed", "announce": "announced"}


class PageState:
    """The page of one object.

    Parameters
    ----------
    item : DBObject or PageContent
        Committed object, or its page if that was made already.

    Raises
    ------
    QueryError
        If the object is not committed.
    """

    def __init__(self, item: Any) -> None:
        self.page: PageContent = item if isinstance(item, PageContent) else quality_page(item)

    @property
    def item(self) -> Any:
        """The object."""
        return self.page.item

    def content(self) -> dict[str, Any]:
        """Return all texts and numbers of the page."""
        page = self.page
        return {
            "title": page.title,
            "class_name": type(page.item).__name__,
            "object_id": page.item.object_id,
            "is_valid": page.is_valid,
            "verdict": page.verdict,
            "flags": page.flags,
            "state": self._state(),
            "judged": isinstance(page.item, Judged),
            "facts": page.facts,
            "blocks": [asdict(block) for block in page.blocks],
            "compared": [asdict(one) for one in page.compared],
            "neighbours": page.neighbours,
            "here": page.here,
            "tables": [asdict(table) for table in page.tables],
            "python": page.python(),
            "seconds": page.seconds,
            "has_image": page.files is not None,
            "has_plots": self._solution() is not None or self._has_magnitudes(),
            **self._remarks(),
        }

    def _state(self) -> str:
        if not isinstance(self.item, Judged):
            return ""
        if self.page.is_valid <= 0:
            return "invalid"
        return "flagged" if self.page.record["quality_flags"] else ""

    def _remarks(self) -> dict[str, Any]:
        return {"remarks": [asdict(r) | {"made": f"{r.made:%Y-%m-%d %H:%M:%S}"}
                            for r in self.page.remarks]}  # fmt: skip

    # -- pictures --------------------------------------------------------------------------

    def picture(self) -> Answer:
        """Return the whole image, binned, with weight and histogram."""
        found = self._files().picture()
        counts, edges = found.histogram
        told, buffers = _packed(found)
        return told | {
            "counts": counts.tolist(),
            "edges": edges.tolist(),
            "scale": self._scale(),
        }, buffers

    def section(self, box: list[int]) -> Answer:
        """Return a part of the image in the best resolution."""
        if len(box) != 4:
            raise QueryError(f"{box!r} is no box", "give x0, y0, x1, y1")
        x0, y0, x1, y1 = (int(value) for value in box)
        return _packed(self._files().section((x0, y0, x1, y1)))

    def pixel(self, x: int, y: int) -> dict[str, Any]:
        """Return value, weight and position of one pixel, counted from 1."""
        return self._files().pixel(int(x), int(y))

    def _files(self) -> FrameFiles:
        if self.page.files is None:
            raise QueryError(f"{self.item!r} has no image")
        return self.page.files

    def _scale(self) -> float | None:
        plate = self._files().plate()
        return None if plate is None else float(plate.pixel_scale)

    # -- plots -----------------------------------------------------------------------------

    def _solution(self) -> str | None:
        """Where in the record the astrometric solution is: a link, or the object itself."""
        record = self.page.record
        if record.get("astrom_params.file_sha256"):
            return "astrom_params."
        return "" if "NREF" in record.values and record.get("file_sha256") else None

    def plots(self) -> Answer:
        """Return residuals of the astrometry, and ellipticities of the stars."""
        if self._has_magnitudes():
            return self._magnitudes()
        start = self._solution()
        if start is None:
            return {"residuals": False, "anisotropy": None}, []
        record = self.page.record
        found = read_residuals(record[f"{start}filename"], record[f"{start}file_sha256"])
        columns = (found.ra, found.dec, found.dra, found.ddec)
        buffers = [np.ascontiguousarray(c, np.float64).tobytes() for c in columns]
        used = np.ascontiguousarray(found.used, np.uint8).tobytes()
        ellipses = record.get(f"{start}anisotropy") or None
        return {
            "residuals": bool(found.ra.size),
            "anisotropy": ellipses,
            "sigma": [_finite(record.get(f"{start}{n}")) for n in ("SIG_DRA", "SIG_DDEC")],
            "of": "AstrometricParameters" if start else record.cls.__name__,
        }, [*buffers, used]

    def _has_magnitudes(self) -> bool:
        """Whether the object is a solution of zeropoints, with a residual per detection."""
        record = self.page.record
        return "RMS_BEFORE" in record.values and bool(record.get("file_sha256"))

    def _magnitudes(self) -> Answer:
        record = self.page.record
        found = read_magnitude_residuals(record["filename"], record["file_sha256"])
        columns = (found.ra, found.dec, found.magnitude, found.residual)
        buffers = [np.ascontiguousarray(c, np.float64).tobytes() for c in columns]
        used = np.ascontiguousarray(found.used, np.uint8).tobytes()
        return {
            "residuals": bool(found.ra.size),
            "anisotropy": None,
            "of": record.cls.__name__,
            "columns": ["RA", "DEC", "MAG", "DMAG"],
            "panels": [["MAG", "DMAG"], ["RA", "DMAG"], ["DEC", "DMAG"]],
        }, [*buffers, used]

    # -- looking further -------------------------------------------------------------------

    def table(self, direction: str, role: str, class_name: str) -> dict[str, Any]:
        """Return the rows of a table that was only counted."""
        known = next(
            (t for t in self.page.tables
             if (t.direction, t.role, t.class_name) == (direction, role, class_name)),
            None,
        )  # fmt: skip
        if known is None:
            raise QueryError(f"no {class_name} stands {direction} of the object as {role}")
        group = NeighbourGroup(known.direction, role, class_name, known.count, known.more)  # type: ignore[arg-type]
        return asdict(relatives(self.item, group))

    def header(self) -> dict[str, Any]:
        """Return the FITS header of the file: keyword, value and comment of every card."""
        headers = read_headers(self._files().path())
        hdus = []
        for number, header in enumerate(headers):
            name = str(header.get("EXTNAME", "") or ("primary" if not number else ""))
            cards = [
                [card.keyword, "" if card.value is None else str(card.value), card.comment or ""]
                for card in header.cards()
            ]
            hdus.append({"name": name, "number": number, "cards": cards})
        return {"hdus": hdus}

    def go(self, object_id: str) -> dict[str, Any]:
        """Turn to the page of another object."""
        self.page = quality_page(DBObject(object_id=object_id))
        return self.content()

    # -- judging ---------------------------------------------------------------------------

    def act(self, kind: str, text: str, verdict: int = 1) -> dict[str, Any]:
        """Comment on the object, rate, review or announce it.

        Parameters
        ----------
        kind : str
            ``comment``, ``rate``, ``review`` or ``announce``.
        text : str
            The comment, or why.
        verdict : int
            For ``rate``: 0 bad, 1 valid, 2 qualified.

        Raises
        ------
        QueryError
            If it is none of these, or nothing is said.
        """
        item, said = self.item, " ".join(str(text).split())
        if kind not in _ACTS or not isinstance(item, Judged):
            raise QueryError(f"{kind!r} cannot be done to {type(item).__name__}", f"{_ACTS}")
        if not said:
            raise QueryError(f"to {kind} needs a few words", "write them beside the buttons")
        code = []
        if kind == "rate":
            item.set_valid(int(verdict), said)
            code.append(f"set_valid({int(verdict)}, {said!r})")
        else:
            if kind in _TAGS:
                item.tag(_TAGS[kind])
                code.append(f"tag({_TAGS[kind]!r})")
            item.comment(said)
            code.append(f"comment({said!r})")
        self.page = quality_page(item)
        python = self.page.python()
        done = "\n".join([f"item = {python}", *(f"item.{line}" for line in code)])
        return self.content() | {"done": done}


def _packed(found: Picture) -> Answer:
    """Return a picture as numbers and buffers: pixels, and weight where there is one."""
    ny, nx = found.pixels.shape
    buffers = [found.pixels.tobytes()]
    if found.weight is not None:
        buffers.append(found.weight.tobytes())
    return {
        "x0": found.x0,
        "y0": found.y0,
        "rows": found.shape[0],
        "columns": found.shape[1],
        "binning": found.binning,
        "nx": nx,
        "ny": ny,
        "weighted": found.weight is not None,
        "limits": [_finite(value) for value in found.limits],
    }, buffers


def _finite(value: Any) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None
