"""What solutions of all frames of a field have in common: their key, their frames, their groups."""

from __future__ import annotations

from typing import Any

from awlab.backend.database import persistent
from awlab.backend.datamodel import Chip, Filter, Instrument
from awlab.backend.process import ProcessTarget

__all__ = ["FieldSolution"]


class FieldSolution(ProcessTarget, abstract=True):
    """A solution of all frames of an object in one filter together.

    A key names the field: all its chips and nights are solved together. `RegriddedFrame` takes the
    solution of the field its raw frame is of, where it is asked to: it is a version of its own, and
    a frame does not change with it.
    """

    _is_selection = True
    _is_field_solution = True

    instrument = persistent("Instrument", Instrument)
    chip = persistent("Detector chip, of frames that were named and are of one only", Chip)
    filter = persistent("Filter", Filter)
    OBJECT = persistent("Name of the object observed", str, "")
    chosen_by = persistent("key, or frames if they were named one by one", str, "")
    solutions = persistent("What was found for each frame, by name of the raw frame", dict, {})
    reason = persistent("Why there is no solution; empty if there is one", str, "")
    nframes = persistent("Number of frames", int, 0)
    nexposures = persistent("Number of exposures", int, 0)
    groups = persistent("Number of groups of exposures that share no star", int, 0)
    NOVERLAP = persistent("Number of stars used more than once", int, 0)

    def solution_of(self, raw: Any) -> dict[str, Any] | None:
        """Return what was found for a raw frame; None if it was not among the frames.

        Parameters
        ----------
        raw : RawScienceFrame
            The raw frame.
        """
        return None if self.reason else self.solutions.get(raw.filename)

    def take_facts(self, raws: list[Any]) -> None:
        """Fill in what all frames have in common, where the key did not say it.

        Parameters
        ----------
        raws : list of RawScienceFrame
            Raw frames.
        """
        self.nframes = len(raws)
        self.nexposures = len({raw.DATE_OBS for raw in raws})
        self.instrument = self.instrument or raws[0].instrument
        self.filter = self.filter or raws[0].filter
        self.OBJECT = self.OBJECT or raws[0].OBJECT
        chips = {raw.chip.name: raw.chip for raw in raws}
        if len(chips) == 1 and self.chosen_by != "key":
            self.chip = next(iter(chips.values()))
