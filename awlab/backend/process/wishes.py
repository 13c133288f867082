"""What a target wants as inputs: wishes for other targets, and objects that are just there.

For all nodes of a class at once, so that the registry is asked once per class and kind of input.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from awlab.backend.errors import TargetError
from awlab.backend.process.dependencies import (
    Dependency,
    dependencies_of,
    is_selection,
    is_target,
)
from awlab.backend.process.keys import (
    Group,
    Pointing,
    RawRecord,
    Reference,
    Request,
    Selection,
    preferred,
)
from awlab.backend.process.plan import Node
from awlab.backend.process.process_params import parameter_class

__all__ = ["Wish", "Wishes", "group_for"]


@dataclass(frozen=True, slots=True)
class Wish:
    """A request, and whose input it is."""

    request: Request
    consumer: Node | None = None
    role: str = ""
    optional: bool = False
    many: bool = False


def group_for(cls: Any, group: Group) -> Group:
    """Return the group of a calibration of a class: without filter where it has none."""
    return group if "filter" in cls._attributes else group.without_filter()


class Wishes:
    """Says what nodes want.

    Parameters
    ----------
    registry : Registry
        Source of what exists.
    asked : mapping
        Process parameters asked for, by class name.
    """

    def __init__(self, registry: Any, asked: Mapping[str, Mapping[str, Any]]) -> None:
        self._registry = registry
        self._asked = asked
        self._just_there = {"raw": self._raw, "raws": self._raws, "reference": self._reference}

    def of(self, cls: Any, nodes: Sequence[Node]) -> Iterator[tuple[Any, Wish]]:
        """Fill in the inputs of nodes that are just there, and yield wishes for the others.

        Parameters
        ----------
        cls : type
            Target class.
        nodes : sequence of Node
            Nodes of that class.

        Yields
        ------
        target : type
            Class of the input.
        wish : Wish
            For one node and role.
        """
        if not nodes:
            return
        records = self._records(cls, nodes)
        everybody = nodes
        for dependency in dependencies_of(cls):
            nodes = [node for node in everybody if self._is_asked_for(dependency, node)]
            if dependency.rule in self._just_there:
                self._just_there[dependency.rule](dependency, nodes)
            elif dependency.rule == "calibration":
                yield from self._calibrations(dependency, nodes)
            elif dependency.rule == "field":
                yield from self._fields(dependency, nodes)
            elif dependency.rule == "given" and dependency.many:
                self._named(dependency, nodes)
            elif dependency.rule == "members":
                for node in nodes:
                    yield from self._members(dependency, node, records)
            else:
                for node in nodes:
                    yield from self._one(dependency, node)

    def _is_asked_for(self, dependency: Dependency, node: Node) -> bool:
        """Tell whether the process parameters want an input; those not asked for stay absent."""
        if dependency.only_with is None:
            return True
        name, values = dependency.only_with
        own = node.existing.params.get(name) if node.existing is not None else None
        default = parameter_class(node.cls)._attributes[name].default if own is None else own
        if self._asked.get(node.cls.__name__, {}).get(name, default) in values:
            return True
        node.inputs[dependency.role] = None
        return False

    # -- objects that are just there -------------------------------------------------------

    def _raw(self, dependency: Dependency, nodes: Sequence[Node]) -> None:
        for node in nodes:
            raw = node.request.raw
            node.inputs[dependency.role] = (raw,) if raw else ()

    def _raws(self, dependency: Dependency, nodes: Sequence[Node]) -> None:
        keys = {
            id(node): (group_for(dependency.cls, node.group), node.request.night) for node in nodes
        }
        purposes = getattr(nodes[0].cls, "PURPOSES", ()) if nodes else ()
        found = self._registry.raw_frames(dependency.cls, set(keys.values()), purposes)
        for node in nodes:
            node.inputs[dependency.role] = found.get(keys[id(node)], ())

    def _reference(self, dependency: Dependency, nodes: Sequence[Node]) -> None:
        known = self._registry.references(dependency.cls)
        for node in nodes:
            wanted = self._asked.get(node.cls.__name__, {}).get("REFERENCE", "")
            fitting = [
                r for r in known if wanted in ("", r.name) and _covers(r, node.request.position)
            ]
            node.inputs[dependency.role] = (fitting[-1].id,) if fitting else ()

    def _named(self, dependency: Dependency, nodes: Sequence[Node]) -> None:
        """Take a list that the key names as it is; say which of it was invalidated meanwhile."""
        role = dependency.role
        for node in nodes:
            node.inputs[role] = tuple(dict(node.request.given).get(role, ()))
        named = {node.request.given for node in nodes if node.existing is not None}
        used = {n for given in named for n in dict(given).get(role, ())}
        gone = self._registry.withdrawn(used) if used else set()
        for node in nodes if gone else ():
            node.withdrawn[role] = len(gone & set(dict(node.request.given).get(role, ())))

    # -- other targets ---------------------------------------------------------------------

    def _calibrations(
        self, dependency: Dependency, nodes: Sequence[Node]
    ) -> Iterator[tuple[Any, Wish]]:
        target = dependency.cls
        condition = getattr(target, "ONLY_FOR_FILTERS", "")
        filters = self._registry.filters_with(condition) if condition else None
        for node in nodes:
            # A product of many frames has no chip and no time for which a calibration applies.
            is_of_many = is_selection(node.cls) and not node.request.raw
            if is_of_many or (filters is not None and node.group.filter not in filters):
                node.inputs[dependency.role] = None
                continue
            request = node.request
            wanted = Request(group_for(target, request.group), request.night, request.time)
            yield target, self._wish(dependency, node, target, wanted)

    def _fields(self, dependency: Dependency, nodes: Sequence[Node]) -> Iterator[tuple[Any, Wish]]:
        """Wish for the solution of the field that a raw frame is of, all its chips and nights."""
        numbers = {node.request.raw for node in nodes} - {0}
        raw_class = nodes[0].cls._attributes["raw"].type if nodes else None
        known = self._registry.raw_records_of(raw_class, numbers) if numbers else {}
        for node in nodes:
            record = known.get(node.request.raw)
            if record is None or not record.object:
                node.inputs[dependency.role] = None
                continue
            group = record.group
            band = group.filter if "filter" in dependency.cls._attributes else 0
            of = Selection(group.instrument, band, 0, record.object)
            wanted = Request(Group(group.instrument, 0, band, ""), "", None, selection=of)
            yield dependency.cls, self._wish(dependency, node, dependency.cls, wanted)

    def _one(self, dependency: Dependency, node: Node) -> Iterator[tuple[Any, Wish]]:
        """Wish for the one input of a role: a companion, a choice, or what the key names."""
        request, target = node.request, dependency.cls
        given = dict(request.given).get(dependency.role, ())
        if dependency.rule == "companion":
            raw = request.raw
            if not raw:
                # A product of a selection has no companions of one raw frame.
                node.inputs[dependency.role] = None
                return
            wanted = Request(request.group, request.night, request.time, raw)
            wanted = wanted._replace(position=request.position, grid=_grid(target, request))
            yield target, self._wish(dependency, node, target, wanted)
        elif given and not dependency.many and (dependency.choices or is_target(target)):
            if dependency.choices:
                target = self._registry.classes_of(set(given))[given[0]]
            if dependency.choices and target not in dependency.choices:
                node.inputs[dependency.role] = tuple(given)
                return
            wanted = Request(node.group, request.night, request.time, forced=given[0])
            yield target, self._wish(dependency, node, target, wanted)
        elif dependency.choices and not given:
            chosen = _chosen(dependency, request)
            wanted = request._replace(own_night=False, forced=0, overscan=None, given=())
            yield chosen, self._wish(dependency, node, chosen, wanted)
        else:
            node.inputs[dependency.role] = tuple(given) or (() if dependency.many else None)

    def _members(
        self,
        dependency: Dependency,
        node: Node,
        records: dict[Selection, tuple[RawRecord, ...]],
    ) -> Iterator[tuple[Any, Wish]]:
        request, target = node.request, dependency.cls
        node.inputs[dependency.role] = []
        given = dict(request.given).get(dependency.role, ())
        for number in given:
            wanted = Request(node.group, request.night, request.time, forced=number)
            yield target, self._wish(dependency, node, target, wanted)
        if given:
            return
        found = records.get(_selection(node), ())
        for record in preferred(found, getattr(node.cls, "PURPOSES", ())):
            wanted = Request(record.group, record.night, record.time, record.id)
            wanted = wanted._replace(position=record.position, grid=_grid(target, request))
            yield target, self._wish(dependency, node, target, wanted)

    def _wish(self, dependency: Dependency, node: Node, target: Any, wanted: Request) -> Wish:
        default = self._registry.overscan_default(target)
        if default is not None and not wanted.forced:
            wanted = wanted._replace(overscan=self._overscan(node, target, default))
        return Wish(wanted, node, dependency.role, dependency.optional, dependency.many)

    def _overscan(self, node: Node, target: Any, default: int) -> int:
        """A bias made with another overscan method does not fit what is made from it."""
        asked = self._asked.get(target.__name__, {}).get("OVERSCAN_CORRECTION")
        method = node.request.overscan
        if method is None:
            method = default if asked is None else asked
        if asked not in (None, method):
            raise TargetError(
                f"{target.__name__} is asked for with OVERSCAN_CORRECTION {asked}, but"
                f" {node.cls.__name__} with {method}",
                "ask for the same method in both",
            )
        return int(method)

    # -- selections ------------------------------------------------------------------------

    def _records(self, cls: Any, nodes: Sequence[Node]) -> dict[Selection, tuple[RawRecord, ...]]:
        """Read the raw frames of the selections of all nodes, and choose grids by them."""
        members = [d for d in dependencies_of(cls) if d.rule == "members"]
        records: dict[Selection, tuple[RawRecord, ...]] = {}
        for raw_class in {d.cls._attributes["raw"].type for d in members}:
            records |= self._registry.selected(raw_class, {_selection(node) for node in nodes})
        if "grid" in cls._attributes:
            for node in nodes:
                if not node.request.grid and node.existing is None:
                    pointings = [r.position for r in records.get(_selection(node), ())]
                    _choose_grid(cls, node, pointings or [node.request.position])
        return records


def _choose_grid(cls: Any, node: Node, pointings: Sequence[Pointing | None]) -> None:
    """Give all members of a product the same pixels: they are chosen once, here."""
    known = [pointing for pointing in pointings if pointing is not None]
    if known:
        node.request = node.request._replace(grid=cls.choose_grid(known))


def _grid(target: Any, request: Request) -> str:
    return request.grid if "grid" in target._attributes else ""


def _chosen(dependency: Dependency, request: Request) -> Any:
    """Return the class that a key leads to: a product of a selection, or of one raw frame."""
    for cls in dependency.choices:
        if bool(getattr(cls, "_is_selection", False)) == (request.selection is not None):
            return cls
    return dependency.choices[0]


def _selection(node: Node) -> Selection:
    """Return which raw frames a product is made from; a calibration those of its night."""
    if node.request.selection is not None:
        return node.request.selection
    group = node.group
    return Selection(group.instrument, group.filter, group.chip, "", node.request.night)


def _covers(reference: Reference, position: Pointing | None) -> bool:
    """Tell whether a position lies within a reference catalogue (haversine formula)."""
    if position is None:
        return False
    ra, dec = math.radians(position.ra), math.radians(position.dec)
    ra0, dec0 = math.radians(reference.ra), math.radians(reference.dec)
    half = math.sin((dec - dec0) / 2) ** 2
    half += math.cos(dec) * math.cos(dec0) * math.sin((ra - ra0) / 2) ** 2
    return math.degrees(2 * math.asin(min(1.0, math.sqrt(half)))) <= reference.radius
