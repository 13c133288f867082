"""The layers of a sky view: frames with their corners, sources with their positions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from awlab.backend.catalogs import BANDS, BaseCatalog, SourceTable, catalog_columns
from awlab.backend.database import DBObject, Query
from awlab.backend.errors import QueryError
from awlab.backend.quality import Footprint, footprints

__all__ = ["FrameLayer", "SourceLayer", "field_of", "layer_of"]

_MOST_FRAMES = 1000
_MOST_SOURCES = 20_000
_STEPS = 60  # of the search for the middle of a field
_MAGNITUDES = ("MAG_AUTO", "MAG_ISO", "MAG", *BANDS)


@dataclass(eq=False)
class FrameLayer:
    """Frames, each with its corners.

    Attributes
    ----------
    name, python : str
        What they are, and the Python that names them.
    frames : list of Footprint
        Those that are somewhere.
    told : str
        What is not shown, in words; empty if everything is.
    """

    name: str
    python: str
    frames: list[Footprint]
    told: str
    kind = "frames"

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.frames)

    def positions(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """All corners, RA and Dec, each of shape (4 n) [deg]."""
        ra = np.array([one.ra for one in self.frames], np.float64).ravel()
        return ra, np.array([one.dec for one in self.frames], np.float64).ravel()


@dataclass(eq=False)
class SourceLayer:
    """Sources of a list or a catalogue.

    Attributes
    ----------
    name, python : str
        What they are, and the Python that names them.
    owner : BaseCatalog
        The list.
    table : SourceTable
        RA, DEC, and SID and a magnitude where there are any; the brightest first.
    magnitude : str
        Column of the magnitude; empty if there is none.
    told : str
        What is not shown, in words; empty if everything is.
    """

    name: str
    python: str
    owner: Any
    table: SourceTable
    magnitude: str
    told: str
    kind = "sources"

    @property
    def count(self) -> int:
        """How many there are."""
        return self.table.count

    def positions(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Positions, RA and Dec, each of shape (n,) [deg]."""
        return self.table["RA"].astype(np.float64), self.table["DEC"].astype(np.float64)

    def sources(self, rows: Sequence[int]) -> SourceTable:
        """Return some of the sources with all that is known of them.

        Parameters
        ----------
        rows : sequence of int
            Rows of the layer.
        """
        if "SID" in self.table and hasattr(self.owner, "SLID"):
            found: SourceTable = self.owner.sources(sids=self.table["SID"][list(rows)].tolist())
            return found
        return self.table.rows(np.asarray(rows, int))


def layer_of(thing: Any, cone: tuple[float, float, float] | None) -> FrameLayer | SourceLayer:
    """Make a layer of frames or of a list of sources.

    Parameters
    ----------
    thing : Query, DBObject or sequence of DBObject
        Frames, what is made of frames, or one list of sources or catalogue.
    cone : tuple of float, or None
        RA, Dec and radius of what is shown already [deg]: of a catalogue only this is read.

    Raises
    ------
    QueryError
        If it can be nowhere on the sky.
    """
    if isinstance(thing, BaseCatalog):
        return _sources(thing, cone)
    if not isinstance(thing, Query | DBObject | list | tuple):
        raise QueryError(f"{type(thing).__name__} is nowhere on the sky", "give frames or sources")
    found = footprints(thing, _MOST_FRAMES)
    notes = []
    if found.more:
        notes.append(f"the first {_MOST_FRAMES:,} only")
    if found.nowhere:
        notes.append(f"{found.nowhere} without coordinates left out")
    name, python = _named(thing, found.frames)
    return FrameLayer(name, python, found.frames, ", ".join(notes))


def _named(thing: Any, frames: list[Footprint]) -> tuple[str, str]:
    if isinstance(thing, Query):
        return thing.root.__name__, str(thing)
    if isinstance(thing, DBObject):
        name = type(thing).__name__
        return name, f"{name}(object_id={thing.object_id!r})"
    classes = list(dict.fromkeys(one.class_name for one in frames))
    ids = [one.object_id for one in frames]
    python = f"DataObject.object_id.in_({ids!r})" if len(classes) != 1 else (
        f"{classes[0]}.object_id.in_({ids!r})"
    )  # fmt: skip
    return " and ".join(classes) or "frames", python


def _sources(owner: Any, cone: tuple[float, float, float] | None) -> SourceLayer:
    known = catalog_columns(owner.retrieve())
    magnitude = next((name for name in _MAGNITUDES if name in known), "")
    wanted = [name for name in ("RA", "DEC", "SID", magnitude) if name in known]
    if cone is None or hasattr(owner, "SLID"):
        table = owner.sources(wanted)
    else:
        table = owner.cone(*cone, wanted)
    table = table.rows(np.isfinite(table["RA"]) & np.isfinite(table["DEC"]))
    if magnitude:
        table = table.rows(np.argsort(table[magnitude], kind="stable"))
    told = ""
    if table.count > _MOST_SOURCES:
        which = "brightest" if magnitude else "first"
        told = f"the {which} {_MOST_SOURCES:,} of {table.count:,}"
        table = table.rows(np.arange(_MOST_SOURCES))
    name = type(owner).__name__
    title = f"{name} {owner.name}".strip()
    return SourceLayer(
        title, f"{name}(object_id={owner.object_id!r})", owner, table, magnitude, told
    )


def field_of(layers: Sequence[FrameLayer | SourceLayer]) -> tuple[float, float, float] | None:
    """Return middle and size of what layers show: RA, Dec, diameter [deg]; None for nothing.

    Parameters
    ----------
    layers : sequence of layers
        What is shown.

    References
    ----------
    Badoiu & Clarkson 2003, SODA, 801 (the circle around points, by steps to the farthest).
    """
    places = [layer.positions() for layer in layers if layer.count]
    if not places:
        return None
    ra, dec = (np.radians(np.concatenate(values)) for values in zip(*places, strict=True))
    vectors = np.array([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)])
    mean = vectors.mean(axis=1)
    if np.linalg.norm(mean) < 1e-6:  # all around the sky
        return 0.0, 0.0, 360.0
    mean /= np.linalg.norm(mean)
    # The smallest circle around all of them: towards the farthest, in ever smaller steps.
    for step in range(2, _STEPS):
        farthest = vectors[:, int(np.argmin(mean @ vectors))]
        mean += (farthest - mean) / step
        mean /= np.linalg.norm(mean)
    # Chords keep their digits where cosines lose them.
    chord = float(np.linalg.norm(vectors - mean[:, None], axis=0).max())
    reach = 2.0 * np.degrees(np.arcsin(min(1.0, chord / 2.0)))
    middle = np.degrees(np.arctan2(mean[1], mean[0])) % 360.0
    height = np.degrees(np.arctan2(mean[2], np.hypot(mean[0], mean[1])))
    return float(middle), float(height), float(min(360.0, max(2.0 * reach, 1e-3)))
