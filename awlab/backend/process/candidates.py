"""The objects of one class that can answer wishes, indexed by what they are asked by."""

from __future__ import annotations

from typing import Any

from awlab.backend.process.dependencies import dependencies_of, is_keyed_by_raw
from awlab.backend.process.keys import Candidate, Group, Request, Selection
from awlab.backend.process.timeline import Timeline

__all__ = ["CandidateIndex"]


class CandidateIndex:
    """Finds the answer to a request among the candidates of one class.

    Parameters
    ----------
    candidates : list of Candidate
        Everything that may be an answer.
    """

    def __init__(self, candidates: list[Candidate]) -> None:
        self.by_id = {c.id: c for c in candidates}
        self._timelines: dict[tuple[Group, int | None], Timeline[Candidate]] = {}
        self._by_group: dict[tuple[Group, int | None], list[Candidate]] = {}
        self._by_night: dict[tuple[Group, str, int | None], list[Candidate]] = {}
        self._by_raw: dict[int, list[Candidate]] = {}
        self._by_selection: dict[Selection, list[Candidate]] = {}
        self._defaults: dict[Group, list[Candidate]] = {}
        for candidate in sorted(candidates, key=_rank):
            self._file(candidate)

    def _file(self, candidate: Candidate) -> None:
        group = candidate.group
        if candidate.is_default:
            self._defaults.setdefault(group._replace(readout=""), []).append(candidate)
            return
        for overscan in {candidate.overscan, None}:
            self._by_group.setdefault((group, overscan), []).append(candidate)
            self._by_night.setdefault((group, candidate.night, overscan), []).append(candidate)
        if candidate.raw:
            self._by_raw.setdefault(candidate.raw, []).append(candidate)
        if candidate.selection is not None:
            self._by_selection.setdefault(candidate.selection, []).append(candidate)

    def resolve(self, cls: Any, request: Request) -> tuple[Any, Request, Candidate | None]:
        """Find the object that answers a request, or the key of the one to make.

        Parameters
        ----------
        cls : type
            Target class.
        request : Request
            The wish.

        Returns
        -------
        key : hashable
            Equal for wishes that the same node answers.
        request : Request
            The wish.
        existing : Candidate or None
            The object there is.
        """
        existing = self._existing(cls, request)
        if existing is not None:
            return ("object", existing.id), request, existing
        if request.selection is not None:
            return ("selection", request.selection, request.grid), request, None
        if request.raw or request.given:
            key = ("raw", request.raw, request.given, request.overscan, request.grid)
            return key, request, None
        return ("night", request.group, request.night, request.overscan), request, None

    def _existing(self, cls: Any, request: Request) -> Candidate | None:
        if request.forced:
            return self.by_id.get(request.forced)
        if request.selection is not None:
            return _newest_valid(_on_grid(self._by_selection.get(request.selection, []), request))
        if request.raw and is_keyed_by_raw(cls):
            same = _on_grid(self._by_raw.get(request.raw, []), request)
            return _newest_valid([c for c in same if _has_named(cls, c, request)])
        if request.given:
            wanted = dict(request.given)
            same = [c for c in self.by_id.values() if _has_inputs(c, wanted)]
            return _newest_valid(sorted(same, key=_rank))
        own = self._attempt(request)
        if request.own_night:
            return own
        applies = self.at(request)
        return applies if applies is not None else own

    def at(self, request: Request) -> Candidate | None:
        """Return the calibration that applies at the time of a request."""
        if request.time is None:
            return None
        key = (request.group, request.overscan)
        timeline = self._timelines.get(key)
        if timeline is None:
            ranges = [
                (c.start, c.end, _rank(c), c)
                for c in self._by_group.get(key, [])
                if c.is_selectable
            ]
            timeline = self._timelines[key] = Timeline(ranges)
        return timeline.at(request.time)

    def _attempt(self, request: Request) -> Candidate | None:
        """Return the newest object made for that very night and not invalidated, good or not."""
        return _newest_valid(
            self._by_night.get((request.group, request.night, request.overscan), [])
        )

    def like(self, cls: Any, request: Request) -> frozenset[int]:
        """Return the row numbers of all objects of the same key, good or not."""
        if is_keyed_by_raw(cls):
            found = self._by_raw.get(request.raw, [])
        elif request.given:
            wanted = dict(request.given)
            found = [c for c in self.by_id.values() if _has_inputs(c, wanted)]
        else:
            found = self._by_night.get((request.group, request.night, None), [])
        return frozenset(c.id for c in found)

    def alternative(self, request: Request) -> Candidate | None:
        """Return what serves where a calibration of the very night cannot be made."""
        if request.raw or request.given or request.forced or request.selection:
            return None
        return self.at(request) or self.default(request)

    def default(self, request: Request) -> Candidate | None:
        """Return the default (boot-strap) calibration for a request."""
        if request.time is None:
            return None
        found = self._defaults.get(request.group._replace(readout=""), [])
        fitting = [c for c in found if c.is_selectable and c.covers(request.time)]
        return fitting[-1] if fitting else None


def _rank(candidate: Candidate) -> tuple[bool, Any, int]:
    """Favourites first, then the newest."""
    return (candidate.favourite, candidate.creation, candidate.id)


def _on_grid(candidates: list[Candidate], request: Request) -> list[Candidate]:
    """Leave out what has other pixels than asked for; without a wish any grid will do."""
    return [c for c in candidates if request.grid in ("", c.grid)]


def _has_named(cls: Any, candidate: Candidate, request: Request) -> bool:
    """Tell whether it was made with what the key names besides the raw frame, and nothing else."""
    wanted = dict(request.given)
    roles = (d.role for d in dependencies_of(cls) if d.rule == "given" and not d.many)
    return all(candidate.links.get(r, 0) == (wanted.get(r) or (0,))[0] for r in roles)


def _newest_valid(candidates: list[Candidate]) -> Candidate | None:
    valid = [c for c in candidates if c.is_valid > 0]
    return valid[-1] if valid else None


def _has_inputs(candidate: Candidate, wanted: dict[str, tuple[int, ...]]) -> bool:
    for role, numbers in wanted.items():
        one = candidate.links.get(role, 0)
        have = candidate.lists.get(role, (one,) if one else ())
        if tuple(have) != tuple(numbers):
            return False
    return True
