"""Read an instrument definition from one YAML file or one Python file."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import yaml

from awlab.backend.errors import IngestError
from awlab.backend.ingest.description import ScanRegions
from awlab.backend.ingest.instruments.definition import (
    ChipDefinition,
    Extract,
    FilterDefinition,
    InstrumentDefinition,
    KeywordRule,
    KindRule,
)

__all__ = ["definition_from_mapping", "read_definition"]

_HINT = "compare with awlab/backend/ingest/instruments/definitions/wfi.yaml"
_KINDS = {"bias", "dark", "dome", "twilight", "science", "standard", "unsupported"}

#: Gives the definition of a name, for ``extends``.
Lookup = Callable[[str], InstrumentDefinition]


def read_definition(path: Path, parent: Lookup) -> InstrumentDefinition:
    """Read one instrument definition.

    Parameters
    ----------
    path : Path
        A ``.yaml`` file with the fields of `InstrumentDefinition`, or a ``.py`` file that sets
        ``definition`` to an `InstrumentDefinition` or to a dict of those fields.
    parent : callable
        Gives the definition named in ``extends``.

    Returns
    -------
    InstrumentDefinition

    Raises
    ------
    IngestError
        If the file cannot be read or says something that makes no sense.
    """
    try:
        content = _run(path) if path.suffix == ".py" else _load(path)
    except Exception as exc:  # a user's file may raise anything; it is told as one sentence
        raise IngestError(f"instrument file {path.name} cannot be read: {exc}", _HINT) from exc
    if isinstance(content, InstrumentDefinition):
        return content
    if not isinstance(content, Mapping):
        raise IngestError(f"instrument file {path.name} does not describe an instrument", _HINT)
    return definition_from_mapping(content, parent, origin=path.name)


def definition_from_mapping(
    content: Mapping[str, Any], parent: Lookup, *, origin: str
) -> InstrumentDefinition:
    """Build a definition from plain values, on top of the one it extends.

    Parameters
    ----------
    content : mapping
        Fields of `InstrumentDefinition`, and ``extends``.
    parent : callable
        Gives the definition named in ``extends``.
    origin : str
        Where it was read, for messages.

    Raises
    ------
    IngestError
        If a field is unknown or has a value that makes no sense.
    """
    values = dict(content)
    extends = values.pop("extends", None)
    known = {f.name for f in fields(InstrumentDefinition)}
    unknown = sorted(set(values) - known)
    if unknown:
        raise IngestError(
            f"instrument file {origin} has the unknown field {unknown[0]!r}",
            f"known fields: extends, {', '.join(sorted(known))}",
        )
    if "name" not in values:
        raise IngestError(f"instrument file {origin} does not give a name", _HINT)
    try:
        built = InstrumentDefinition(**_converted(values))
        return _on_top_of(parent(str(extends)), built) if extends else built
    except (TypeError, ValueError, KeyError, re.error) as exc:
        raise IngestError(f"instrument file {origin} is wrong: {exc}", _HINT) from exc


def _load(path: Path) -> object:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # five times faster where it exists
    return yaml.load(path.read_text(encoding="utf-8"), Loader=loader)


def _run(path: Path) -> object:
    namespace: dict[str, object] = {"__name__": path.stem, "__file__": str(path)}
    exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), namespace)
    return namespace.get("definition")


def _converted(values: Mapping[str, Any]) -> dict[str, Any]:
    out = dict(values)
    if "chips" in out:
        out["chips"] = tuple(_chip(c) for c in out["chips"])
    if "filters" in out:
        out["filters"] = tuple(_filter(f) for f in out["filters"])
    if "kinds" in out:
        out["kinds"] = tuple(_kind(k) for k in out["kinds"])
    if "recognise" in out:
        out["recognise"] = tuple(_patterns(r) for r in out["recognise"])
    if "keywords" in out:
        out["keywords"] = {k: _rules(v) for k, v in out["keywords"].items()}
    return out


def _patterns(test: Mapping[str, object]) -> dict[str, str]:
    patterns = {str(k): str(v) for k, v in test.items()}
    for pattern in patterns.values():
        re.compile(pattern)
    return patterns


def _rules(value: object) -> tuple[KeywordRule, ...]:
    entries = value if isinstance(value, list | tuple) else [value]
    rules: list[KeywordRule] = []
    for entry in entries:
        if isinstance(entry, Mapping):
            re.compile(str(entry["pattern"]))
            rules.append(Extract(str(entry["keyword"]), str(entry["pattern"])))
        elif callable(entry):
            rules.append(entry)
        else:
            rules.append(str(entry))
    return tuple(rules)


def _chip(value: ChipDefinition | Mapping[str, Any]) -> ChipDefinition:
    if isinstance(value, ChipDefinition):
        return value
    values = dict(value)
    values["scans"] = ScanRegions(**values.get("scans", {}))
    values["aliases"] = tuple(values.get("aliases", ()))
    return ChipDefinition(**values)


def _filter(value: FilterDefinition | Mapping[str, Any]) -> FilterDefinition:
    if isinstance(value, FilterDefinition):
        return value
    values = dict(value)
    values["matches"] = tuple(str(m) for m in values.get("matches", ()))
    for pattern in values["matches"]:
        re.compile(pattern)
    return FilterDefinition(**values)


def _kind(value: KindRule | Mapping[str, Any]) -> KindRule:
    if isinstance(value, KindRule):
        return value
    rule = KindRule(**{**value, "when": _patterns(value["when"])})
    if rule.kind not in _KINDS:
        raise ValueError(f"{rule.kind!r} is not a kind of frame ({', '.join(sorted(_KINDS))})")
    return rule


def _on_top_of(parent: InstrumentDefinition, child: InstrumentDefinition) -> InstrumentDefinition:
    """Inherit what the child does not say: keywords one by one, its kind rules before ours."""
    plain = InstrumentDefinition(name="")
    inherited = {
        f.name: getattr(parent, f.name)
        for f in fields(InstrumentDefinition)
        if f.name not in {"name", "priority", "recognise", "name_from"}
        and getattr(child, f.name) == getattr(plain, f.name)
    }
    inherited["keywords"] = {**parent.keywords, **child.keywords}
    inherited["defaults"] = {**parent.defaults, **child.defaults}
    inherited["kinds"] = (*child.kinds, *parent.kinds)
    return replace(child, **inherited)
