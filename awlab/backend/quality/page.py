"""The quality page of one object as plain data: what QualityWISE showed, and what was missing.

At most ten statements, whatever the class: the object with all it links to is one of them.

References
----------
Astro-WISE QualityWISE (quality.astro-wise.org), page of a RegriddedFrame.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from awlab.backend.database import (
    NeighbourGroup,
    Query,
    Remark,
    class_named,
    neighbour_groups,
    read_records,
    read_remarks,
)
from awlab.backend.datamodel import Comment, Judged, Tag, use_inspector
from awlab.backend.errors import QueryError
from awlab.backend.quality.blocks import WANTED, Block, blocks_of, flag_lines, verdict_word
from awlab.backend.quality.figures import FrameFiles, files_of
from awlab.backend.quality.record import Record, has_path, read_record
from awlab.backend.quality.relatives import (
    Compared,
    Relatives,
    compare_around,
    linked_table,
    relatives,
)

__all__ = ["PageContent", "quality_page"]

_SOLUTION = (
    *("creation_date", "is_valid", "quality_flags", "RMS", "SEEING", "NREF", "SIG_DRA"),
    *("SIG_DDEC", "MEAN_DRA", "MEAN_DDEC", "anisotropy", "cards", "filename", "file_sha256"),
)


@dataclass
class PageContent:
    """What the quality page of an object says.

    Attributes
    ----------
    item : DBObject
        The object.
    title : str
        ``Quality of REGRIDDEDFRAME: <file name>``.
    is_valid : int
        Verdict of people; 1 for what is not judged.
    verdict, flags : str
        Both verdicts in words.
    facts : dict
        Observing block and project.
    blocks : list of Block
        Processing, statistics, astrometry, photometry, observation, the rest, parameters.
    compared : list of Compared
        Numbers beside those of the previous object and of the neighbours in time.
    neighbours : list of str
        Identities of these neighbours and the object, in order of time.
    here : int
        Which of them is the object.
    remarks : list of Remark
        Comments, tags and changes, oldest first.
    tables : list of Relatives
        What it is made from and what was made from it; those without rows were only counted.
    files : FrameFiles or None
        Where its pixels are.
    record : Record
        Everything that was read of it.
    seconds : dict
        What it took: ``database`` and ``processing`` [s].
    """

    item: Any
    title: str
    is_valid: int
    verdict: str
    flags: str
    facts: dict[str, str]
    blocks: list[Block]
    compared: list[Compared]
    neighbours: list[str]
    here: int
    remarks: list[Remark]
    tables: list[Relatives]
    files: FrameFiles | None
    record: Record
    seconds: dict[str, float] = field(default_factory=dict)

    def python(self) -> str:
        """Return the Python that gets the object back."""
        return f"{type(self.item).__name__}(object_id={self.item.object_id!r})"

    def __str__(self) -> str:
        facts = "  ".join(f"{name}: {value}" for name, value in self.facts.items())
        lines = [self.title, facts, f"is_valid = {self.verdict}", f"quality_flags: {self.flags}"]
        for block in self.blocks:
            lines += ["", block.title]
            width = max(len(row.label) for row in block.rows)
            for row in block.rows:
                unit = f" {row.unit}" if row.unit else ""
                lines.append(f"  {row.label:<{width}}  {row.value}{unit}")
            lines += [f"  {block.note}"] if block.note else []
        lines += ["", "Comments and history"]
        said = [_remark_line(remark) for remark in self.remarks]
        lines += [f"  {line}" for line in said or ["no previous comments"]]
        for table in self.tables:
            way = "Source" if table.direction == "upstream" else "Derived"
            number = f"{'more than ' if table.more else ''}{table.count:,}"
            lines.append(f"  {way}: {number} {table.class_name} ({table.role})")
        return "\n".join(lines)

    def __repr__(self) -> str:
        return str(self)


def _remark_line(remark: Remark) -> str:
    when = f"{remark.made:%Y-%m-%d %H:%M:%S} {remark.member}"
    if remark.attribute:
        return f"{when} changed {remark.attribute}: {remark.old} -> {remark.new}, {remark.text}"
    if remark.kind == "Tag":
        return f"{when} tagged it {remark.text}"
    return f"{when}: {remark.text}"


class _Clock:
    """Adds up what reading from the database takes."""

    def __init__(self) -> None:
        self.begin = time.perf_counter()
        self.reading = 0.0

    def read(self, work: Callable[..., Any], *arguments: Any) -> Any:
        start = time.perf_counter()
        try:
            return work(*arguments)
        finally:
            self.reading += time.perf_counter() - start

    def seconds(self) -> dict[str, float]:
        total = time.perf_counter() - self.begin
        return {"database": self.reading, "processing": total - self.reading}


def quality_page(item: Any) -> PageContent:
    """Return the content of the quality page of an object: ten statements at most.

    Parameters
    ----------
    item : DBObject
        Committed object of any class.

    Returns
    -------
    PageContent
        Prints as text; Jupyter shows it as a page with figures.

    Raises
    ------
    QueryError
        If the object is not committed.
    """
    if getattr(item, "_id", None) is None:
        raise QueryError(f"{item!r} has no quality page: it is not committed", "commit() it first")
    clock = _Clock()
    record = clock.read(read_record, item, WANTED)
    clock.read(_add_solution, record)
    compared, around, here = clock.read(compare_around, record)
    remarks = clock.read(read_remarks, item, {Comment: "content", Tag: "name"})
    groups = clock.read(neighbour_groups, item)
    tables = clock.read(_tables, item, record, groups)
    files = clock.read(files_of, record)
    valid = record.get("is_valid")
    flags = flag_lines(record.get("quality_flags"), record.cls) if has_flags(record.cls) else ""
    page = PageContent(
        item=item,
        title=f"Quality of {record.cls.__name__.upper()}: {_name(record)}",
        is_valid=1 if valid is None else int(valid),
        verdict=f"{valid}: {verdict_word(valid)}" if valid is not None else "not judged",
        flags=flags or "not a thing that is flagged",
        facts=_facts(record),
        blocks=blocks_of(record),
        compared=compared,
        neighbours=around,
        here=here,
        remarks=remarks,
        tables=tables,
        files=files,
        record=record,
    )
    page.seconds = clock.seconds()
    return page


def has_flags(cls: Any) -> bool:
    """Tell whether the objects of a class have quality flags."""
    return issubclass(cls, Judged)


def _name(record: Record) -> str:
    return str(record.get("filename", "orig_filename", "name") or record["object_id"])


def _facts(record: Record) -> dict[str, str]:
    block = record.get("observing_block.name", "raw.observing_block.name")
    facts = {"OBName": str(block)} if block else {}
    return facts | {"project": str(record["project"])}


def _add_solution(record: Record) -> None:
    """Of a reduced frame read the newest valid astrometry, which links to it, not it to that."""
    solutions: Any = class_named("AstrometricParameters")
    if record.cls.__name__ != "ReducedScienceFrame" or solutions is None:
        return
    found: Query = (solutions.reduced.object_id == str(record["object_id"])) & (
        solutions.is_valid > 0
    )
    rows = read_records(found.order_by("-creation_date").limit(1), ("object_id", *_SOLUTION))
    if rows:
        names = ("object_id", *_SOLUTION)
        record.linked["astrom_params"] = solutions
        for name, value in zip(names, rows[0], strict=True):
            record.values[f"astrom_params.{name}"] = value


def _tables(item: Any, record: Record, groups: list[NeighbourGroup]) -> list[Relatives]:
    """Tables of all that is linked to; of lists and products the first is read, others counted."""
    found = []
    read: set[str] = set()
    for group in sorted(groups, key=_prominence):
        table = linked_table(record, group)
        if table is None and group.direction not in read:
            read.add(group.direction)
            table = relatives(item, group)
        found.append(
            table
            or Relatives(group.direction, group.role, group.class_name, group.count, group.more)
        )
    return found


def _prominence(group: NeighbourGroup) -> tuple[bool, bool, str]:
    """Inputs before products, frames before what describes them."""
    cls = class_named(group.class_name)
    is_frame = cls is not None and has_path(cls, "NAXIS1")
    return (group.direction == "downstream", not is_frame, group.class_name)


use_inspector(quality_page)
