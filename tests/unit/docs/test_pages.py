"""The guide: reference pages are those of the classes, links lead somewhere, examples parse."""

from __future__ import annotations

import ast
import builtins
import re
import runpy

import pytest

import awlab
from awlab.backend.ingest import load_instruments

GUIDE = ("README.md", "newcomer.md", "survey.md", "catalogues.md", "calibration.md", "operator.md")


@pytest.fixture(scope="module")
def reference(repository):
    return runpy.run_path(str(repository / "docs" / "make_reference.py"))


@pytest.mark.parametrize("name", ["quality-flags.md", "process-parameters.md"])
def test_reference_pages_are_current(reference, repository, name):
    written = (repository / "docs" / name).read_text(encoding="utf-8")
    assert written == reference["pages"]()[name], "run: make docs"


def test_every_flag_and_parameter_is_on_its_page(reference):
    from awlab.backend.targets import BiasFrame, BiasFrameParameters

    flags, parameters = reference["pages"]().values()
    for flag in BiasFrame.FLAGS:
        assert f"| {flag.bit} | {flag.value} | `{flag.name}` |" in flags
    assert "`DEFAULT_CALIBRATION`" in flags
    default = BiasFrameParameters._attributes["SIGMA_CLIP"].default
    assert f"| `SIGMA_CLIP` | {default!r} |" in parameters


def test_classes_of_others_are_not_on_the_pages(reference):
    from awlab.backend.datamodel import Flag, Judged

    class DocsIntruder(Judged):
        """Not one of awlab's."""

        FLAGS = (Flag(16, "INTRUDER", "does not belong here"),)

    assert "INTRUDER" not in reference["quality_flags_page"]()
    assert DocsIntruder.FLAGS


def pages(repository):
    return [*sorted((repository / "docs").glob("*.md")), *sorted(repository.glob("*.md"))]


def test_links_lead_somewhere(repository):
    for page in pages(repository):
        for target in re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8")):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name}: {target}"


def code_of(page):
    """The Python of a page, one tree per block, in order."""
    for block in re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.S):
        lines = [line for line in block.splitlines() if not line.lstrip().startswith("%")]
        yield ast.parse("\n".join(lines))


def named_in(tree):
    """The names that a piece of code gives to something."""
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name):
                yield name
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
            case ast.alias(name=name, asname=other):
                yield other or name


def test_examples_use_nothing_that_was_not_said_before(repository):
    """Whoever types a page from the top never meets a name that means nothing."""
    for page in pages(repository):
        known = {*vars(builtins), *awlab.__all__}
        for tree in code_of(page):
            known |= set(named_in(tree))
            used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
            assert used <= known, f"{page.name}: {sorted(used - known)}"


def test_the_instrument_of_the_guide_is_one(repository, tmp_path):
    text = (repository / "docs" / "survey.md").read_text(encoding="utf-8")
    (tmp_path / "instruments").mkdir()
    path = tmp_path / "instruments" / "mycam.yaml"
    path.write_text(re.search(r"```yaml\n(.*?)```", text, re.S)[1])
    camera = load_instruments(tmp_path).recognise({"INSTRUME": "ZWO ASI1600"})
    assert (camera.name, camera.timezone, camera.filters[0].name) == ("MyCam", 1.0, "V")


def test_the_guide_is_short_and_complete(repository):
    assert len((repository / "README.md").read_text(encoding="utf-8").splitlines()) <= 120
    for name in GUIDE:
        text = (repository / "docs" / name).read_text(encoding="utf-8")
        assert len(text.splitlines()) < 150, name


def test_pictures_are_small(repository):
    for picture in (repository / "docs").glob("*.[ps][nv]g"):
        assert picture.stat().st_size < 150_000, picture.name
