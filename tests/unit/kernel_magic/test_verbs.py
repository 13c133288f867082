"""Every verb, as somebody types it."""

from __future__ import annotations

import re

import pytest

from awlab.backend.database import DBObject, Query, commit_objects, context, persistent
from awlab.backend.errors import (
    AccessDenied,
    NotUnique,
    ObjectNotFound,
    QueryError,
    TargetError,
)
from awlab.backend.ingest import IngestReport
from awlab.backend.lineage import Account
from awlab.backend.process import Plan, ProcessTarget, lpu
from awlab.kernel_magic.verbs import VERBS


class MagicSource(DBObject):
    """Something measured."""

    name = persistent("Name", str, "")
    level = persistent("Level [ADU]", float, 1.0)


class MagicDouble(ProcessTarget):
    """Twice a source."""

    SEQUENCE = "MagicDouble"
    source = persistent("What is doubled", MagicSource)
    level = persistent("Twice the level [ADU]", float, 0.0)

    def make(self):
        """Double it."""
        self.level = 2 * self.source.level


@pytest.fixture(scope="module")
def sources(database):
    commit_objects([MagicSource(name=f"s{i}", level=float(i)) for i in range(30)])
    return list(Query(MagicSource).order_by("level"))


@pytest.fixture
def desk(shell, sources, equipment):
    """A shell with a few variables."""
    shell.user_ns.update(one=sources[1], two=sources[2], every=Query(MagicSource))
    return shell


def told(shell, capsys, code):
    capsys.readouterr()
    shell.run_cell(code)
    return capsys.readouterr().out


def test_status(desk, capsys):
    text = told(desk, capsys, "%awe status")
    assert all(word in text for word in ("PostgreSQL", "files", context.user, "edges"))


def test_context(desk, capsys):
    assert context.user in told(desk, capsys, "%awe context")
    told(desk, capsys, "%awe context privileges=2 instrument=MAGIC")
    assert (context.privileges, context.instrument) == (2, "MAGIC")
    with pytest.raises(AccessDenied):
        desk.run_cell("%awe context project=NotMine")
    for bad in ("privileges=9", "colour=red", "project", "privileges=1 privileges=2"):
        with pytest.raises(QueryError):
            desk.run_cell(f"%awe context {bad}")
    desk.run_cell("%awe context privileges=1 instrument=")
    assert (context.privileges, context.instrument) == (1, "")


@pytest.mark.parametrize(
    ("line", "count"),
    [
        ("MagicSource", 30),
        ("MagicSource name=s3", 1),
        ("MagicSource name=s1*", 11),
        ("MagicSource level=3", 1),
        ("MagicSource.level > 27", 2),
        ("MagicSource.name == 's3' or MagicSource.name == \"s4\"", 2),
        ("not (MagicSource.level > 27) and MagicSource.level > 20", 7),
        ("(MagicSource.level > 27) & (MagicSource.level < 29)", 1),
        ("every", 30),
        ("MagicDouble.source.name == one.name", 0),
        ("Chip instrument=MAGIC", 3),
    ],
)
def test_query(desk, line, count):
    desk.run_cell(f"q = %awe query {line}")
    assert len(desk.user_ns["q"]) == count


def test_query_takes_a_cell(desk):
    found = desk.run_cell("%%awe query\n(MagicSource.level > 3)\n").result
    assert found.count() == 26


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("MagicSourc", ObjectNotFound),
        ("MagicSource nam=s3", AttributeError),
        ("MagicSource.name == s3", ObjectNotFound),
        ("MagicSource.name", QueryError),
        ("1 + 1", QueryError),
        ("--page 0 MagicSource", QueryError),
        ("MagicSource name='; DROP TABLE x; --' level=nothing", QueryError),
    ],
)
def test_a_wrong_query(desk, line, error):
    with pytest.raises(error):
        desk.run_cell(f"%awe query {line}")


def test_pages(desk):
    desk.run_cell("%awe config rows 12 --quiet")
    first = desk.shows("%awe query MagicSource")
    assert "30 objects, 1 to 12 shown; the next ones: q[12:24]" in first["text/plain"]
    assert "<table" in first["text/html"]
    last = desk.shows("%awe query --page 3 MagicSource")["text/plain"]
    assert "25 to 30 shown" in last
    assert "next" not in last
    assert "0 objects" in desk.shows("%awe query MagicSource name=none")["text/plain"]


def test_get_plan_and_make(desk, capsys):
    plan = desk.run_cell("%awe plan MagicDouble source=one").result
    assert isinstance(plan, Plan)
    assert "to be built" in desk.shows("%awe plan --depth 1 MagicDouble source=one")["text/plain"]
    assert desk.run_cell("%awe get --dry-run MagicDouble source=one").result.work
    desk.run_cell("x = %awe get MagicDouble source=one")
    made = desk.user_ns["x"]
    assert (made.level, made.source.name) == (2.0, "s1")
    assert desk.run_cell("%awe get MagicDouble source=x.source").result == made
    job = desk.run_cell("%awe make MagicDouble source=two").result
    assert (job.status, [item.level for item in job.products]) == ("finished", [4.0])
    assert "MagicDouble" in told(desk, capsys, "%awe jobs")
    assert "finished" in told(desk, capsys, f"%awe jobs {job.number}")
    later = desk.run_cell("%awe make --background MagicDouble source=two").result
    assert later.wait().status == "finished"


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("get Chip name=x", QueryError),
        ("get MagicDouble", TargetError),
        ("get MagicDouble colour=red", TargetError),
        ("get MagicDouble source", QueryError),
        ("get BiasFrame chip=nope date=2000-01-01", TargetError),
        ("make Nothing date=2000-01-01", TargetError),
        ("jobs 123456", ObjectNotFound),
    ],
)
def test_wrong_targets(desk, line, error):
    with pytest.raises(error):
        desk.run_cell(f"%awe {line}")


def test_a_dry_run_is_asked_for_in_either_way(desk, sources):
    for line in (
        "%awe get --dry-run MagicDouble source=two",
        "%awe get MagicDouble source=two commit=False",
    ):
        assert isinstance(desk.run_cell(line).result, Plan)
    key = "MagicDouble source=two BiasFrame.process_params.SIGMA_CLIP=3.0"
    for line in (f"%awe make --dry-run {key}", f"%awe make {key} commit=False"):
        assert isinstance(desk.run_cell(line).result, Plan)
    with pytest.raises(QueryError, match="commit='maybe'"):
        desk.run_cell("%awe get MagicDouble source=two commit=maybe")


def test_a_sequence_is_run_on_a_cluster(desk, sources, monkeypatch):
    from awlab.backend.process import dpu

    desk.user_ns["four"] = sources[4]
    with pytest.raises(TargetError, match="'nowhere' is no address of a Dask scheduler"):
        desk.run_cell("%awe make --scheduler nowhere MagicDouble source=four")
    asked = []
    monkeypatch.setattr(dpu, "run", lambda *args, **words: asked.append((args, words)))
    desk.run_cell("%awe make --background --cluster --processes 2 MagicDouble source=two")
    ((args, words),) = asked
    assert args == ("MagicDouble",)
    assert (words["scheduler"], words["processes"], words["wait"]) == (None, 2, False)
    assert words["source"].name == "s2"


def test_inspection_of_a_class_lists_its_attributes(desk, capsys):
    desk.user_ns["MagicDouble"] = MagicDouble
    said = desk.inspector.info(MagicDouble, "MagicDouble")
    assert said["init_definition"] == "MagicDouble(*args: 'Any', **values: 'Any')"
    words = said["docstring"] or said["class_docstring"] or said["init_docstring"]
    assert words.startswith("Twice a source.")
    assert words.index("Twice the level [ADU]") < words.index("The object identifier")


def test_lineage(desk, tmp_path, capsys):
    desk.run_cell("x = %awe get MagicDouble source=one")
    assert isinstance(desk.run_cell("%awe lineage x").result, Account)
    assert "MagicSource" in desk.shows("%awe lineage x")["text/plain"]
    by_identity = desk.run_cell(f"%awe lineage {desk.user_ns['x'].object_id}").result
    assert by_identity.title == desk.run_cell("%awe lineage x").result.title
    assert "flowchart" in told(desk, capsys, "%awe lineage --mermaid x")
    told(desk, capsys, f"%awe lineage --prov {tmp_path / 'prov.json'} x")
    assert (tmp_path / "prov.json").stat().st_size > 100


def test_inspect(desk):
    text = desk.shows("%awe inspect one")["text/plain"]
    assert "Level" in text
    assert "adu" in text.lower()
    assert desk.shows("%awe inspect every[3]")["text/plain"].startswith("MagicSource")


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("nothing", ObjectNotFound),
        ("every", NotUnique),
        ("every[0:0]", ObjectNotFound),
        ("every[1000]", ObjectNotFound),
        ("one.nothing", ObjectNotFound),
        ("'text'", ObjectNotFound),
        ("0192f0c1-7d3e-7abc-8def-0123456789ab", ObjectNotFound),
        ("missing.fits", ObjectNotFound),
    ],
)
def test_wrong_objects(desk, name, error):
    with pytest.raises(error):
        desk.run_cell(f'%awe inspect "{name}"')


def test_ingest(desk, tmp_path):
    (tmp_path / "a.fits").write_text("no FITS")
    (tmp_path / "b.fits").write_text("neither")
    report = desk.run_cell(f"%awe ingest --dry-run {tmp_path}/*.fits").result
    assert isinstance(report, IngestReport)
    assert report.counts == {"refused": 2}
    assert "<table" in desk.shows(f"%awe ingest {tmp_path}")["text/html"]
    (tmp_path / "c.fits").symlink_to(tmp_path / "gone.fits")
    report = desk.run_cell(f"%awe ingest --move {tmp_path}").result
    assert (report.counts, report.moved) == ({"refused": 3}, 0)
    assert (tmp_path / "a.fits").read_text() == "no FITS"


def test_stats(desk, capsys):
    text = told(desk, capsys, "%awe stats")
    assert "MagicSource" in text
    assert "30" in text


def test_help(desk, capsys):
    text = told(desk, capsys, "%awe help")
    assert "%awe lineage" in text
    assert "%%awe sql" in text
    assert "``" not in text
    assert "usage: %awe get" in told(desk, capsys, "%awe help get")
    assert told(desk, capsys, "%awe --version").startswith("awlab ")
    assert told(desk, capsys, "%awe get --help") == told(desk, capsys, "%awe help get")
    with pytest.raises(QueryError):
        desk.run_cell("%awe help nothing")


def test_config(desk, capsys):
    assert "boolean_words  off" in told(desk, capsys, "%awe config")
    told(desk, capsys, "%awe config boolean_words on")
    desk.run_cell("q = (every.root.level > 3) and (every.root.level < 6)")
    assert len(desk.user_ns["q"]) == 2


def test_progress_is_told(desk, sources):
    seen = []
    plan = MagicDouble.plan(source=sources[20])
    plan.run(progress=lambda *step: seen.append(step))
    assert seen == [(1, 1, plan.label(plan.roots[0]))]
    steps = []
    job = lpu.run(MagicDouble, source=sources[21], wait=False)
    assert job.follow(lambda *step: steps.append(step)) is job
    assert steps[-1] == (1, 1)
    assert len(job.products) == 1


def test_an_interrupt_stops_a_job_before_its_next_target(desk, sources, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    job = lpu.run(MagicDouble, source=sources[22], wait=False)
    with pytest.raises(KeyboardInterrupt):
        job.follow(interrupt)
    assert job.status in ("finished", "cancelled")
    assert not job._thread.is_alive()


def test_every_verb_names_its_python_twin():
    for name, verb in VERBS.items():
        assert re.search(r"^Python: ``.+``", verb.__doc__, re.MULTILINE), name
        assert "Examples: ``" in verb.__doc__, name
