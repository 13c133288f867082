"""Decide the state of every target of a plan, inputs first, and say why.

A target is outdated when an input would today be another object, was invalidated, lost its
validity or is itself outdated; when the raw frames of the night changed; when an optional input
appeared; or when other process parameters are asked for. The same content made again does not
outdate anything.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

from awlab.backend.datamodel import QualityFlags
from awlab.backend.process.candidates import CandidateIndex
from awlab.backend.process.code_version import code_version
from awlab.backend.process.dependencies import Dependency, dependencies_of, fatal_bits
from awlab.backend.process.keys import Candidate
from awlab.backend.process.plan import Node, State

__all__ = ["Judge"]


class _Today(NamedTuple):
    """What an input would be today."""

    kind: str  # "use" | "make" | "default" | "none"
    id: int = 0
    why: str = ""


class Judge:
    """Decides states.

    Parameters
    ----------
    asked : dict
        Process parameters asked for, by class name.
    code : bool
        Whether other code counts as outdated.
    """

    def __init__(self, asked: dict[str, dict[str, Any]], *, code: bool = False) -> None:
        self._asked = asked
        self._code = code
        self._known: dict[int, Candidate] = {}

    def learn(self, _cls: Any, index: CandidateIndex) -> None:
        """Remember candidates, to say later what became of an input."""
        self._known.update(index.by_id)

    def decide(self, node: Node) -> None:
        """Set state and reasons of a node whose inputs are decided."""
        if node.existing is not None and node.existing.is_default:
            node.state = State.UP_TO_DATE
            node.reasons = ["default calibration"]
        elif not self._was_checked(node):
            node.state = State.NOT_CHECKED
        elif node.existing is None:
            self._decide_new(node)
        else:
            self._decide_existing(node)

    def _was_checked(self, node: Node) -> bool:
        return bool(node.inputs) or not dependencies_of(node.cls)

    # -- a target that does not exist ------------------------------------------------------

    def _decide_new(self, node: Node) -> None:
        problems = self._problems(node)
        if not problems:
            node.state = State.TO_BE_BUILT
            node.reasons = ["does not exist"]
        elif node.alternative is not None:
            node.existing = node.alternative
            node.state = State.UP_TO_DATE
            node.stands_in = True
            which = "default" if node.alternative.is_default else "valid"
            node.reasons = [f"{problems[0]}; the {which} one is used"]
        else:
            node.state = State.NULL
            node.reasons = problems

    def _problems(self, node: Node) -> list[str]:
        """Say why a target cannot be made, if so."""
        problems = []
        derived: set[str] = set()
        for dependency in dependencies_of(node.cls):
            today = self._today(node, dependency)
            problem = self._missing(node, dependency, today)
            if problem and not dependency.optional:
                problems.append(problem)
            if today.kind in ("use", "make"):
                derived.add(dependency.role)
        for roles in getattr(node.cls, "NEEDS_DERIVED", ()):
            if not derived & set(roles):
                problems.append(f"no {' or '.join(roles)} made from raw frames")
        return problems

    # -- a target that exists --------------------------------------------------------------

    def _decide_existing(self, node: Node) -> None:
        existing = node.existing
        assert existing is not None
        reasons = self._reasons(node, existing)
        if not reasons:
            node.state = State.UP_TO_DATE
            if existing.flags:
                node.reasons = [_flagged(node.cls, existing)]
            return
        node.state = State.OUTDATED
        node.reasons = reasons
        problems = self._problems(node)
        if problems:
            node.blocked = problems[0]
            node.reasons.append(f"cannot be made again: {problems[0]}")

    def _reasons(self, node: Node, existing: Candidate) -> list[str]:
        reasons = []
        if existing.is_valid <= 0:
            reasons.append("was invalidated")
        for dependency in dependencies_of(node.cls):
            if dependency.rule == "members":
                reasons += self._changed_members(node, existing, dependency)
            elif dependency.rule in ("raws", "raw") or dependency.many:
                reasons += _changed_list(node, existing, dependency)
                if gone := node.withdrawn.get(dependency.role):
                    reasons.append(f"{dependency.role}: {gone} invalidated")
            else:
                reasons += self._changed_link(node, existing, dependency)
        for name, value in self._asked.get(node.cls.__name__, {}).items():
            if existing.params.get(name) != value:
                reasons.append(f"{name} is {existing.params.get(name)!r}, asked for {value!r}")
        if self._code and existing.code != code_version(node.cls):
            reasons.append(f"made with code {existing.code}")
        return reasons

    def _changed_link(self, node: Node, existing: Candidate, dependency: Dependency) -> list[str]:
        role, used = dependency.role, existing.links.get(dependency.role, 0)
        today = self._today(node, dependency)
        name = dependency.cls.__name__
        known = self._known.get(used)
        if known is not None and known.is_valid <= 0:
            return [f"{role}: the {name} used was invalidated"]
        if today.kind == "make":
            if used == 0 and dependency.optional:
                return [f"{role}: an optional {name} can be made now"]
            return [f"{role}: {name} is {today.why}"]
        if today.id == used:
            return []
        if used == 0:
            return [f"{role}: an optional {name} is available now"]
        return self._replaced(node, dependency, used, today)

    def _replaced(self, node: Node, dependency: Dependency, used: int, today: _Today) -> list[str]:
        role, name = dependency.role, dependency.cls.__name__
        old, new = self._known.get(used), self._known.get(today.id)
        if old is not None and new is not None and old.content and old.content == new.content:
            return []
        time = node.request.time if dependency.rule == "calibration" else None
        if old is not None and time and not old.covers(time):
            return [f"{role}: the validity of the {name} used does not cover the time any more"]
        method = node.request.overscan
        if old is not None and None not in (old.overscan, method) and old.overscan != method:
            made = f"made with OVERSCAN_CORRECTION {old.overscan}"
            return [f"{role}: the {name} used was {made}, {method} is needed"]
        if today.id == 0:
            return [f"{role}: the {name} used does not apply any more ({today.why or 'none does'})"]
        if old is not None and old.is_default and today.kind == "default":
            return []
        if today.kind == "default":
            why = f" ({today.why})" if today.why else ""
            return [f"{role}: only the default {name} applies now{why}"]
        if new is not None and old is not None and new.creation < old.creation:
            return [f"{role}: an older {name} applies now"]
        made = f" (made {new.creation:%Y-%m-%d %H:%M:%S})" if new is not None else ""
        return [f"{role}: a newer {name} applies now{made}"]

    # -- members of a list, each a target --------------------------------------------------

    def _changed_members(
        self, node: Node, existing: Candidate, dependency: Dependency
    ) -> list[str]:
        """Compare the members used with those of today; the same content again is the same."""
        used = set(existing.lists.get(dependency.role, ()))
        today = self._members(node, dependency)
        new = [child for child in today if child.is_work or child.object_id not in used]
        gone = used - {child.object_id for child in today}
        contents = {known.content for n in gone if (known := self._known.get(n)) and known.content}
        same = [c for c in new if not c.is_work and c.existing and c.existing.content in contents]
        again = {c.existing.content for c in same if c.existing}
        new = [child for child in new if child not in same]
        gone = {n for n in gone if (k := self._known.get(n)) is None or k.content not in again}
        counts = Counter(c.state.value if c.is_work else "new" for c in new)
        texts = [f"{count} {state}" for state, count in counts.items()]
        texts += [f"{len(gone)} no longer good"] if gone else []
        if not texts:
            return []
        whys = [child.reasons[0] for child in new if child.existing and child.is_work]
        why = f"{', the first one' if len(whys) > 1 else ''}: {whys[0]}" if whys else ""
        return [f"{dependency.role}: {', '.join(texts)}{why}"]

    def _members(self, node: Node, dependency: Dependency) -> list[Node]:
        """Return the members of a list that can serve, or will once they are made."""
        children = node.inputs.get(dependency.role) or []
        assert isinstance(children, list)
        return [c for c in children if c.is_work or not self._usable(node, dependency, c)]

    # -- inputs ----------------------------------------------------------------------------

    def _today(self, node: Node, dependency: Dependency) -> _Today:
        """Return what an input of a node would be if the node were made now."""
        child = node.inputs.get(dependency.role)
        if isinstance(child, tuple):
            return _Today("use", child[0] if child else 0) if child else _Today("none")
        if isinstance(child, list):
            return _Today("use" if self._members(node, dependency) else "none")
        if child is None:
            return _Today("none")
        if child.is_work:
            why = child.state.value
            detail = "" if child.existing is None else f": {child.reasons[0]}"
            return _Today("make", 0, why + detail)
        usable = self._usable(node, dependency, child)
        if not usable and child.existing is not None:
            return _Today("default" if child.existing.is_default else "use", child.existing.id)
        default = 0 if dependency.optional else node.fallback.get(dependency.role, 0)
        return _Today("default", default, usable) if default else _Today("none", 0, usable)

    def _missing(self, node: Node, dependency: Dependency, today: _Today) -> str:
        """Say what is missing for an input, if something is."""
        role, name = dependency.role, dependency.cls.__name__
        if dependency.rule == "members":
            count = len(self._members(node, dependency))
            if count >= dependency.minimum:
                return ""
            members = (child for its_role, child in node.children if its_role == role)
            why = next((reason for child in members for reason in child.reasons), "")
            text = f"{count} {name} for {role}, {dependency.minimum} needed"
            return f"{text}: {why}" if why else text
        if dependency.rule in ("raws", "raw") or dependency.many:
            have = node.inputs.get(role) or ()
            count = len(have) if isinstance(have, tuple) else 1
            least = dependency.minimum if dependency.rule == "raws" else int(not dependency.many)
            if count < least:
                return f"{count} {name} of night {node.request.night}, {least} needed"
            return ""
        if dependency.rule == "reference" and today.kind == "none":
            return f"no {name} covers the position"
        if today.kind == "none":
            return f"no {name} for {role}" + (f": {today.why}" if today.why else "")
        return ""

    def _usable(self, node: Node, dependency: Dependency, child: Node) -> str:
        """Say why a node cannot serve as an input; empty if it can."""
        existing = child.existing
        if existing is None or child.state is State.NULL:
            return child.reasons[0] if child.reasons else "there is none"
        if child.blocked:
            return f"{child.reasons[0]}; {child.reasons[-1]}"
        if dependency.rule != "calibration":
            bad = existing.flags & fatal_bits(child.cls)
            return (
                f"the {child.cls.__name__} is {_flagged(child.cls, existing, bad)}" if bad else ""
            )
        if existing.is_default and dependency.optional:
            return "only a default one exists"
        if existing.flags:
            return f"the {dependency.cls.__name__} of the night is {_flagged(child.cls, existing)}"
        if not existing.covers(node.request.time):
            return f"the validity of the {dependency.cls.__name__} does not cover the time"
        return ""


def _flagged(cls: Any, existing: Candidate, bits: int | None = None) -> str:
    """Put flags in words, and what the object itself says about them."""
    names = ", ".join(QualityFlags(existing.flags if bits is None else bits, cls).names)
    return f"flagged {names}" + (f" ({existing.said})" if existing.said else "")


def _changed_list(node: Node, existing: Candidate, dependency: Dependency) -> list[str]:
    role = dependency.role
    now = node.inputs.get(role) or ()
    if not isinstance(now, tuple):
        return []
    one = existing.links.get(role, 0)
    used = existing.lists.get(role, (one,) if one else ())
    added, gone = len(set(now) - set(used)), len(set(used) - set(now))
    texts = [f"{added} new"] if added else []
    texts += [f"{gone} no longer good"] if gone else []
    return [f"{role}: {', '.join(texts)}"] if texts else []
