"""What is said twice is the same: README, Makefile, .ci/run, versions, kernelspec, Binder."""

from __future__ import annotations

import json
import re
import tomllib

import pytest

README_LINES = 120


@pytest.fixture(scope="module")
def read(repository):
    return lambda name: (repository / name).read_text(encoding="utf-8")


def make_commands(text):
    """Targets of every ``make ...`` that a reader would type (in code, not in prose)."""
    blocks = re.findall(r"^```\w*\n(.*?)^```", text, re.M | re.S)
    code = [line for block in blocks for line in block.splitlines()] + re.findall(
        r"`([^`]+)`", text
    )
    return {match.group(1) for line in code if (match := re.match(r"\s*make ([a-z-]+)", line))}


def make_targets(text):
    return set(re.findall(r"^([a-z][a-z-]*):(?!=)", text, re.M))


def ci_commands(text):
    """The commands of .ci/run that are not about getting ready."""
    lines = [line for line in text.splitlines() if line and not line.startswith(("#", " "))]
    ready = ("set ", "cd ", "missing", "command -v", "if ", "fi")
    return [line for line in lines if not line.startswith(ready)]


def test_readme_is_short(read):
    assert len(read("README.md").splitlines()) <= README_LINES


def test_readme_names_the_two_commands(read):
    assert {"demo", "test"} <= make_commands(read("README.md"))


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "ARCHITECTURE.md"])
def test_commands_in_the_pages_exist(read, page):
    assert make_commands(read(page)) - make_targets(read("Makefile")) == set()


def test_ci_runs_the_readme_test_command_and_nothing_else(read):
    assert ci_commands(read(".ci/run")) == ["make test"]


def test_links_in_the_pages_exist(read, repository, repository_files):
    pages = [path for path in repository_files if path.suffix == ".md"]
    links = [(p, link) for p in pages for link in re.findall(r"\]\(([^)#\s]+)", read(p))]
    inside = [(p, link) for p, link in links if not re.match(r"\w+:", link)]
    assert [(p, x) for p, x in inside if not (repository / p).parent.joinpath(x).exists()] == []


def test_versions_agree(read):
    version = re.search(r'^__version__ = "(.+)"$', read("awlab/__init__.py"), re.M).group(1)
    assert f"version: {version}\n" in read("CITATION.cff")
    assert json.loads(read("jupyter-config/labextension/package.json"))["version"] == version
    newest = re.search(r"^## \[?([\w.]+)", read("CHANGELOG.md"), re.M).group(1)
    assert newest in {version, "Unreleased"}


def test_python_versions_agree(read):
    project = tomllib.loads(read("pyproject.toml"))["project"]
    low, high = re.fullmatch(r">=3\.(\d+),<3\.(\d+)", project["requires-python"]).groups()
    minors = range(int(low), int(high))
    named = {line[-4:] for line in project["classifiers"] if re.search(r":: 3\.\d+$", line)}
    assert named == {f"3.{minor}" for minor in minors}
    assert f"(3, {minors[0]}) <= sys.version_info[:2] <= (3, {minors[-1]})" in read(
        "binder/install"
    )
    binder = re.search(r"python=3\.(\d+)", read("binder/environment.yml")).group(1)
    assert int(binder) in minors


def test_kernelspec_is_packaged_as_awe(read):
    shared = tomllib.loads(read("pyproject.toml"))["tool"]["hatch"]["build"]["targets"]["wheel"]
    folder = next(k for k, v in shared["shared-data"].items() if v == "share/jupyter/kernels/awe")
    spec = json.loads(read(f"{folder}/kernel.json"))
    assert spec["argv"][0] == "python"  # jupyter_client puts the server's own Python here
    assert spec["argv"][-1] == "{connection_file}"
    assert spec["display_name"] == "Awe"


def test_checkers_see_a_drift():
    assert make_commands("Say `make fly`.\n```sh\nmake demo  # x\n```\nmake prose") == {
        "fly",
        "demo",
    }
    assert make_targets("a: b\nVENV := x\nb-c:\n") == {"a", "b-c"}
    assert ci_commands("#!x\nset -e\nmake test\npytest || true\n") == [
        "make test",
        "pytest || true",
    ]
