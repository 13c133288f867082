"""Lineage for others: W3C PROV, and Mermaid diagrams.

References
----------
W3C PROV-DM (https://www.w3.org/TR/prov-dm/); IVOA Provenance Data Model 1.0.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from awlab.backend.database import DBObject, current_database, objects_with_ids
from awlab.backend.dataserver import storage_errors
from awlab.backend.lineage.asked import committed

__all__ = ["export_prov", "mermaid"]


def _graph(item: Any) -> tuple[dict[int, Any], list[tuple[int, int, str]]]:
    """Objects by row number, and the edges (target, source, role) among them."""
    upstream = committed(item).upstream()
    edges = upstream.edges().rows()
    numbers = sorted({n for target, source, _ in edges for n in (target, source)} | {item._id})
    rows = objects_with_ids(current_database(), np.asarray(numbers, dtype=np.int64), DBObject)
    return dict(zip(numbers, rows, strict=True)), edges


def export_prov(item: Any, path: str | Path) -> Path:
    """Write the lineage of an object as PROV-JSON.

    Every object is an entity; its making is an activity that used its inputs and is associated
    with the user who made it.

    Parameters
    ----------
    item : DBObject
        Committed object.
    path : str or Path
        File to write.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    QueryError
        If it is not a committed object.
    FileMissing, AccessDenied, StorageFailed
        If the file cannot be written.
    """
    from prov.model import ProvDocument

    objects, edges = _graph(item)
    document = ProvDocument()
    document.add_namespace("awlab", "urn:awlab:")
    for found in objects.values():
        facts = {"prov:type": type(found).__name__, "awlab:project": found.project}
        if getattr(found, "filename", ""):
            facts["awlab:filename"] = found.filename
        document.entity(f"awlab:{found.object_id}", facts)
        document.agent(f"awlab:user-{found.creator}", {"prov:type": "prov:Person"})
        document.wasAttributedTo(f"awlab:{found.object_id}", f"awlab:user-{found.creator}")
    for number in sorted({target for target, _, _ in edges}):
        made = objects[number]
        activity = f"awlab:make-{made.object_id}"
        code = {"awlab:code_version": getattr(made, "code_version", "") or ""}
        document.activity(activity, None, made.creation_date, code)
        document.wasGeneratedBy(f"awlab:{made.object_id}", activity, made.creation_date)
        document.wasAssociatedWith(activity, f"awlab:user-{made.creator}")
    for target, source, role in edges:
        made, used = objects[target], objects[source]
        document.used(
            f"awlab:make-{made.object_id}",
            f"awlab:{used.object_id}",
            other_attributes={"prov:role": role},
        )
        document.wasDerivedFrom(f"awlab:{made.object_id}", f"awlab:{used.object_id}")
    target_path = Path(path)
    text = str(document.serialize(format="json", indent=1))
    with storage_errors(f"{target_path} cannot be written"):
        target_path.write_text(text, encoding="utf-8")
    return target_path


def mermaid(item: Any) -> str:
    """Return the lineage of an object as a Mermaid diagram, one node per class and role.

    Parameters
    ----------
    item : DBObject
        Committed object.
    """
    objects, edges = _graph(item)
    counts: dict[tuple[str, str, str], int] = {}
    for target, source, role in edges:
        key = (type(objects[source]).__name__, role, type(objects[target]).__name__)
        counts[key] = counts.get(key, 0) + 1
    lines = ["flowchart LR"] if counts else ["flowchart LR", f"  {type(item).__name__}"]
    lines += [f"  {a} -- {role} x {n} --> {b}" for (a, role, b), n in sorted(counts.items())]
    return "\n".join(lines)
