"""The demo as a newcomer runs it, then the notebooks and the Awe prompt on its database."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from awlab import widgets

REPOSITORY = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.slow

# As it stands on the slide, with its prompts, its broken line and its blanks.
SLIDE = """#Find ScienceFrames for a ccd named ccd53 and filter

Awe> q = (ReducedScienceFrame.chip.name == 'ccd') and  
(ReducedScienceFrame.filter == '841')

# From the query result, get the rms of the sky in image

Awe> x = [k.imstat.stdev for k in q]

# get the rms of the used Masterflat

Awe> y = [k.flat.imstat.stdev for k in q]

# Make a plot

Awe> pylab.scatter(x,y)
"""  # noqa: W291
FIVE_LINES = SLIDE.replace("'ccd'", "'ccd53'").replace("'841'", "'#842'")
WITH_SIGNS = """q = (ReducedScienceFrame.chip.name == 'ccd53') & \\
    (ReducedScienceFrame.filter == '#842')
x = [k.imstat.stdev for k in q]
y = [k.flat.imstat.stdev for k in q]
pylab.scatter(x,y)
"""
# The same numbers without awlab's statistics: astropy reads the files, numpy looks at the pixels.
FROM_PIXELS = """from astropy.io import fits

def rms(frame):
    pixels = np.asarray(fits.getdata(frame.retrieve()), dtype=np.float64)
    return np.std(pixels[np.isfinite(pixels)], ddof=1)

direct = [(rms(k), rms(k.flat)) for k in q]
same = np.allclose([x, y], np.transpose(direct), rtol=1e-9, atol=0)
print(len(x), len(y), len(set(x)), same)"""


@pytest.fixture(scope="module")
def demo_home(tmp_path_factory):
    """A home with the simulated night, made by the command of the README."""
    folder = tmp_path_factory.mktemp("demo")
    environment = os.environ | {"AWLAB_HOME": str(folder)}
    command = [sys.executable, "-m", "awlab.cli"]
    done = subprocess.run(
        [*command, "demo", "--night", "wfi", "--no-open"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    assert "reduced frames   112 (56 #842, 56 #844)" in done.stdout
    yield folder
    subprocess.run([*command, "db", "stop"], env=environment, check=False, timeout=60)


@pytest.fixture
def in_demo(demo_home, monkeypatch):
    """Kernels started now work on the demo."""
    monkeypatch.setenv("AWLAB_HOME", str(demo_home))
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
    return demo_home


def run(notebook, **options):
    client = NotebookClient(notebook, timeout=240, kernel_name="python3", **options)
    client.execute()
    return notebook


def outputs(cell):
    return "".join(
        output.get("text", "") or str(output.get("data", {}).get("text/plain", ""))
        for output in cell.outputs
    )


def test_start_here(in_demo):
    notebook = run(nbformat.read(REPOSITORY / "notebooks" / "00_start_here.ipynb", as_version=4))
    text = "\n".join(outputs(cell) for cell in notebook.cells if cell.cell_type == "code")
    assert "a newer BiasFrame applies now" in text
    assert "the MasterFlatFrame used was invalidated" in text
    assert "ADU/s, up to date" in text
    assert "59 raw frames went into" in text
    shown = json.dumps(notebook)
    assert "awlab-plan" in shown
    assert "awlab-account" in shown


def test_look(in_demo):
    """Every widget has a cell that shows it."""
    notebook = run(nbformat.read(REPOSITORY / "notebooks" / "20_look.ipynb", as_version=4))
    shown = {
        re.search(r"(\w+)(\(| object at )", str(output["data"]["text/plain"]))[1]
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if "application/vnd.jupyter.widget-view+json" in output.get("data", {})
    }
    assert shown >= set(widgets.__all__) - {"SkyView"}
    text = "\n".join(outputs(cell) for cell in notebook.cells if cell.cell_type == "code")
    assert "frames are far from the median" in text


@pytest.fixture
def awe(in_demo, tmp_path, monkeypatch):
    """The Awe kernel is among Jupyter's."""
    folder = tmp_path / "kernels" / "awe"
    folder.mkdir(parents=True)
    spec = json.loads((REPOSITORY / "jupyter-config/kernelspec/awe/kernel.json").read_text())
    assert spec["argv"][1:] == ["-m", "awlab.kernel_magic.awe_kernel", "-f", "{connection_file}"]
    spec["argv"][0] = sys.executable
    (folder / "kernel.json").write_text(json.dumps(spec))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    return "awe"


def cells(*sources, kernel="python3", **options):
    """Run cells in a kernel and return them."""
    made = [nbformat.v4.new_code_cell(source) for source in sources]
    notebook = nbformat.v4.new_notebook(cells=made)
    NotebookClient(notebook, timeout=120, kernel_name=kernel, **options).execute()
    return notebook.cells


def test_five_lines_at_the_awe_prompt(awe):
    plot, pixels = cells(FIVE_LINES, FROM_PIXELS, kernel=awe)
    assert "Scatter" in outputs(plot)
    assert "7 7 7 True" in outputs(pixels)


def test_the_slide_word_for_word_finds_nothing_here_and_says_nothing_wrong(awe):
    *_, count = cells(SLIDE, "print(len(q), x, y)", kernel=awe)
    assert "0 [] []" in outputs(count)


def test_five_lines_with_signs_in_plain_python(in_demo):
    start = "from awlab import *\nimport numpy as np\nfrom bqplot import pyplot as pylab"
    *_, cell = cells(start, WITH_SIGNS, FROM_PIXELS)
    assert "7 7 7 True" in outputs(cell)


def test_words_are_plain_python_elsewhere_and_when_switched_off(awe):
    _, mistake = cells("from awlab import *\n%load_ext awlab", FIVE_LINES, allow_errors=True)
    assert mistake.outputs[-1]["ename"] == "AmbiguousTruth"
    assert "&" in "".join(mistake.outputs[-1]["traceback"])
    off = "%awe config boolean_words off"
    _, mistake = cells(off, FIVE_LINES, kernel=awe, allow_errors=True)
    assert mistake.outputs[-1]["ename"] == "AmbiguousTruth"


def test_what_the_awe_prompt_shows(awe):
    query, plan, lineage, sql, got = cells(
        "ReducedScienceFrame.chip.name == 'ccd53' and not ReducedScienceFrame.filter == '#842'",
        "%awe plan BiasFrame chip=ccd50 date=2000-04-28",
        "q = %awe query BiasFrame chip=ccd50\n%awe status\n%awe lineage q[0]",
        "%%awe sql\nSELECT f.name, count(*) FROM RawScienceFrame r\n"
        "JOIN Filter f ON f.id = r.filter GROUP BY f.name ORDER BY f.name",
        "x = %awe get BiasFrame chip=ccd50 date=2000-04-28\nprint(x.uptodate(), np.pi > 3)",
        kernel=awe,
    )
    bundle = query.outputs[-1]["data"]
    assert "7 objects" in bundle["text/plain"]
    assert "<table class='awlab-table'>" in bundle["text/html"]
    assert "awlab-plan" in plan.outputs[-1]["data"]["text/html"]
    assert "BiasFrame ccd50 2000-04-28: up to date" in plan.outputs[-1]["data"]["text/plain"]
    assert "PostgreSQL" in lineage.outputs[0]["data"]["text/plain"]
    assert "awlab-account" in lineage.outputs[-1]["data"]["text/html"]
    assert [line.split() for line in outputs(sql).splitlines()[3:]] == [
        ["#842", "56"],
        ["#844", "56"],
    ]
    assert "True" in outputs(got)


def test_a_mistake_is_one_line(in_demo):
    source = "%load_ext awlab\n%awe get BiasFrame chip=ccd99 date=2000-04-28"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
    run(notebook, allow_errors=True)
    error = notebook.cells[0].outputs[-1]
    assert error["output_type"] == "error"
    assert error["traceback"][0] == "TargetError: no chip 'ccd99'"
    assert len(error["traceback"]) == 2


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["get", "BiasFrame", "chip=ccd50", "date=2000-04-28"], 0, "valid"),
        (["get", "BiasFrame", "chip=ccd99", "date=2000-04-28"], 1, "no chip 'ccd99'"),
        (["get", "Nothing"], 1, "no target class"),
        (["ingest", "/no/such/file.fits"], 1, "there is no file"),
        (["doctor"], 0, "all is well"),
    ],
)
def test_command_line(in_demo, words, status, said):
    done = subprocess.run(
        [sys.executable, "-m", "awlab.cli", *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == status, done.stdout + done.stderr
    assert said in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_eight_at_once_make_it_once(in_demo, tmp_path):
    """Other parameters make a new chain: eight processes ask for it, one makes it."""
    code = (
        "from awlab import *\n"
        "p = {'ReadNoise.process_params.REJECTION_THRESHOLD': 4.5,\n"
        "     'BiasFrame.process_params.SIGMA_CLIP': 2.0}\n"
        "key = dict(instrument='WFI', chip='ccd57', date='2000-04-28')\n"
        "print(HotPixelMap.get(**key, pars=p).object_id)"
    )
    running = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        for _ in range(8)
    ]
    answers = {process.communicate(timeout=200)[0].strip() for process in running}
    assert all(process.returncode == 0 for process in running)
    assert len(answers) == 1


@pytest.mark.parametrize("page", ["newcomer.md", "survey.md", "calibration.md", "operator.md"])
def test_the_guide_does_what_it_says(in_demo, page, tmp_path):
    """Every block of Python of a page, in order, as somebody types it."""
    text = (REPOSITORY / "docs" / page).read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert blocks
    ran = cells("from awlab import *", *blocks, resources={"metadata": {"path": str(tmp_path)}})
    if page == "survey.md":
        assert (tmp_path / "frame.json").is_file()
        assert "finished" in outputs(cells("from awlab import lpu\nprint(lpu.jobs())")[0])
    if page == "calibration.md":
        assert "('parameter', 'SIGMA_CLIP', '3.0', '4.0')" in outputs(ran[-1])


def test_status_of_the_demo(in_demo):
    done = subprocess.run(
        [sys.executable, "-m", "awlab", "status"], capture_output=True, text=True, check=True
    )
    assert "lineage edges" in done.stdout
    assert "ReducedScienceFrame" in done.stdout
