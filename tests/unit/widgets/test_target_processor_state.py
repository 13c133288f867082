"""The object maker without a browser: choices, parameters, check boxes, a run on real rows."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

import numpy as np
import pytest

from awlab.backend.database import Query, persistent
from awlab.backend.datamodel import Chip, Filter, Instrument, RawBiasFrame, RawScienceFrame
from awlab.backend.dataserver import read_image, write_image
from awlab.backend.errors import AwlabError, QueryError, TargetError
from awlab.backend.process import Calibration, FilteredCalibration, ProcessParameters, ProcessTarget
from awlab.widgets import TargetProcessor
from awlab.widgets.target_processor.choices import key_of, target_class, target_classes
from awlab.widgets.target_processor.parameters import Parameters
from awlab.widgets.target_processor.plan_tree import PlanTree

NIGHT = "2000-04-28"


class MakerBiasParameters(ProcessParameters):
    """Parameters of the bias."""

    OFFSET = persistent("Added to the level [ADU]", float, 0.0)
    COUNT = persistent("How many", int, 3)
    WORD = persistent("A word", str, "mean")
    RADII = persistent("Radii [pixel]", float, [5.0, 10.0])


class MakerBias(Calibration):
    """Level of the biases of a night."""

    MINIMUM: ClassVar[dict[str, int]] = {"raw_bias": 2}
    raw_bias = persistent("Raw biases", RawBiasFrame, [])
    process_params = persistent("Parameters", MakerBiasParameters)
    level = persistent("Level [ADU]", float)

    def make(self):
        found = [float(read_image(f.retrieve())[0].mean()) for f in self.raw_bias]
        self.level = float(np.mean(found)) + self.process_params.OFFSET


class MakerFrame(ProcessTarget):
    """Level of one science frame."""

    raw = persistent("Raw frame", RawScienceFrame)
    bias = persistent("Bias", MakerBias)
    other = persistent("Another", MakerBias, optional=True)
    level = persistent("Level", float)

    def make(self):
        self.level = float(read_image(self.raw.retrieve())[0].mean()) - self.bias.level


class MakerFlat(FilteredCalibration):
    """Never made here: it has a filter."""

    raw_bias = persistent("Raw biases", RawBiasFrame, [])


class MakerSum(ProcessTarget):
    """Made of what its key names: no form can ask for it."""

    frames = persistent("Frames", MakerFrame, [])


@pytest.fixture(scope="module")
def camera(database, tmp_path_factory):
    """Two chips with three biases and two science frames each."""
    folder = tmp_path_factory.mktemp("raws")
    camera = Instrument(name="MAKE", timezone=0.0).commit()
    band = Filter(instrument=camera, name="#M").commit()
    for c in range(2):
        chip = Chip(instrument=camera, name=f"make{c}").commit()
        for i in range(5):
            cls = RawBiasFrame if i < 3 else RawScienceFrame
            path = folder / f"{c}-{i}.fits"
            write_image(path, np.full((4, 4), 100.0 + 10 * c + i, dtype=np.float32), {})
            more = {"filter": band, "OBJECT": f"field{i}"} if cls is RawScienceFrame else {}
            cls(
                path, instrument=camera, chip=chip, night=NIGHT, NAXIS1=4, NAXIS2=4,
                DATE_OBS=datetime(2000, 4, 28, 23, i), **more,
            ).store().commit()  # fmt: skip
    return camera


KEY = {"instrument": "MAKE", "date": NIGHT}


@pytest.fixture
def tree(camera):
    return PlanTree(MakerFrame.plan(**KEY, pars={"MakerBias.process_params.COUNT": 4}))


# -- choices -------------------------------------------------------------------------------


def test_only_what_a_key_can_ask_for_is_offered(database):
    entries = {entry["name"]: entry for entry in target_classes()}
    assert entries["MakerFrame"]["kind"] == "image pipeline"
    assert entries["MakerBias"]["kind"] == "calibrations"
    assert not entries["MakerBias"]["by_filter"]
    assert entries["MakerFlat"]["by_filter"]
    assert "MakerSum" not in entries
    for bad in ("MakerSum", "Chip", "nothing", None):
        with pytest.raises(QueryError, match="is not a target that can be chosen"):
            target_class(bad)


@pytest.mark.parametrize(
    ("cls", "asked", "key"),
    [
        (MakerBias, {"date": NIGHT, "object": "x", "filter": "y"}, {"date": NIGHT, "chip": "*"}),
        (MakerBias, {"chips": ["a"]}, {"chip": "a"}),
        (MakerBias, {"chips": ["a", "b"]}, {"chip": ["a", "b"]}),
        (MakerFlat, {"date": NIGHT}, {"date": NIGHT, "chip": "*", "filter": "*"}),
        (MakerFrame, {"object": " x ", "filter": "", "chips": []}, {"object": "x"}),
    ],
)
def test_keys(cls, asked, key):
    assert key_of(cls, asked) == key


@pytest.mark.parametrize("chips", ["ccd50", [1], {"a": 1}])
def test_bad_chips(chips):
    with pytest.raises(QueryError, match="are no chips"):
        key_of(MakerBias, {"chips": chips})


# -- parameters ----------------------------------------------------------------------------


def test_parameters_are_parsed_checked_and_marked():
    parameters = Parameters(MakerFrame)
    (group,) = parameters.table()
    assert group["target"] == "MakerBias"
    assert group["changed"] == 0
    offset = group["rows"][0]
    assert (offset["name"], offset["value"], offset["default"]) == ("OFFSET", "0.0", "0.0")
    assert (offset["unit"], offset["doc"]) == ("adu", "Added to the level [ADU]")
    assert parameters.set("MakerBias", "OFFSET", " 2.5 ")["changed"]
    assert parameters.set("MakerBias", "RADII", "1, 2.5")["value"] == "[1.0, 2.5]"
    assert parameters.set("MakerBias", "WORD", "median")["value"] == "median"
    assert parameters.asked() == {
        "MakerBias.process_params.OFFSET": 2.5,
        "MakerBias.process_params.RADII": [1.0, 2.5],
        "MakerBias.process_params.WORD": "median",
    }
    assert parameters.table()[0]["changed"] == 3
    assert not parameters.set("MakerBias", "OFFSET", "")["changed"]
    assert not parameters.set("MakerBias", "WORD", "mean")["changed"]
    # Another class keeps what it has as well.
    kept = Parameters(MakerBias, parameters)
    assert list(kept.asked()) == ["MakerBias.process_params.RADII"]


@pytest.mark.parametrize(
    ("target", "name", "text", "told"),
    [
        ("MakerBias", "COUNT", "2.5", "'2.5' is no int"),
        ("MakerBias", "OFFSET", "much", "'much' is no float"),
        ("MakerBias", "RADII", "a, b", "'a, b' is no list"),
        ("MakerBias", "NOTHING", "1", "no process parameter 'NOTHING'"),
        ("Chip", "COUNT", "1", "'Chip' has no process parameters"),
        (["x"], "COUNT", "1", "has no process parameters"),
    ],
)
def test_bad_parameters(target, name, text, told):
    parameters = Parameters(MakerFrame)
    with pytest.raises(AwlabError, match=told):
        parameters.set(target, name, text)
    assert parameters.asked() == {}


# -- tree ----------------------------------------------------------------------------------


def test_the_tree_has_states_reasons_and_leaves(tree):
    page = tree.children()
    assert page["left"] == 0
    cards = page["items"]
    assert [card["class_name"] for card in cards] == ["MakerFrame"] * 4
    assert cards[0]["state"] == "to be built"
    assert cards[0]["work"]
    below = {card["role"]: card for card in tree.children(cards[0]["n"])["items"]}
    assert below["bias"]["label"] == f"make0 {NIGHT}"
    assert below["raw"] | {"label": "1", "state": "raw", "n": None} == below["raw"]
    leaves = tree.children(below["bias"]["n"])["items"]
    assert [(c["role"], c["label"], c["class_name"]) for c in leaves] == [
        ("raw_bias", "3", "RawBiasFrame")
    ]


def test_the_tree_comes_in_pages(tree, monkeypatch):
    monkeypatch.setattr("awlab.widgets.target_processor.plan_tree.PAGE", 3)
    first, second = tree.children(), tree.children(-1, 3)
    assert (len(first["items"]), first["left"]) == (3, 1)
    assert (len(second["items"]), second["left"]) == (1, 0)


def numbers(tree, name):
    return {i for i, node in enumerate(tree.plan.nodes) if node.cls.__name__ == name}


def test_what_is_made_is_made_with_what_it_needs(tree):
    frames, biases = numbers(tree, "MakerFrame"), numbers(tree, "MakerBias")
    assert tree.checked == frames | biases
    # Without its bias no frame of the chip can be made.
    tree.check(min(biases), on=False)
    assert len(tree.checked & frames) == 2
    tree.check_all(on=False)
    assert tree.checked == set()
    tree.check(tree.children()["items"][0]["n"], on=True)
    assert len(tree.checked & frames) == 1
    assert len(tree.checked & biases) == 1
    assert len(tree.chosen().work) == 2
    totals = tree.totals()
    assert totals["seconds"] > 0
    assert {row["class_name"]: row["chosen"] for row in totals["classes"]} == {
        "MakerFrame": 1, "MakerBias": 1,
    }  # fmt: skip


def test_alike_on_all_chips(tree):
    tree.check_all(on=False)
    tree.check(min(numbers(tree, "MakerBias")), on=True, alike=True)
    assert tree.checked == numbers(tree, "MakerBias")


def test_bad_targets(tree):
    for bad in (-2, 10_000, "0", None, 1.5):
        with pytest.raises(QueryError, match="is no target of the plan"):
            tree.check(bad, on=True)
    with pytest.raises(QueryError, match="is no place in a list"):
        tree.children(-1, -1)
    tree.check_all(on=False)
    with pytest.raises(TargetError, match="nothing of what was chosen"):
        tree.chosen()


def test_clicks_ask_the_database_nothing(tree, statements):
    assert statements(lambda: (tree.check_all(on=True), tree.totals(), tree.children())) == 0


# -- the widget ----------------------------------------------------------------------------


@pytest.fixture
def widget(camera):
    found = TargetProcessor(MakerFrame, instrument="MAKE", date=NIGHT)
    found.sent = []
    found.send = lambda content, buffers=None: found.sent.append(content)
    yield found
    found.close()


def test_what_there_is_to_choose_from(widget):
    found = widget.answer("opening", {})
    assert found["class_name"] == "MakerFrame"
    choices = found["choices"]
    assert (choices["chips"], choices["filters"]) == (["make0", "make1"], ["#M"])
    assert choices["nights"] == [NIGHT]
    assert choices["objects"] == ["field3", "field4"]
    assert choices["project"] in choices["projects"]
    assert widget.answer("set_project", {"name": choices["project"]})["choices"] == choices
    with pytest.raises(AwlabError):
        widget.answer("set_project", {"name": "nobody's"})


def test_nothing_is_made_before_it_is_planned(widget):
    for op in ("start", "cancel", "logs"):
        with pytest.raises(TargetError):
            widget.answer(op, {})


@pytest.mark.parametrize("depth", ["deep", -1, 1000])
def test_bad_depths(widget, depth):
    with pytest.raises(QueryError):
        widget.answer("plan", {"asked": KEY, "depth": depth})


def test_a_run_from_the_first_click_to_the_products(widget):
    widget.answer("set_parameter", {"target": "MakerBias", "name": "OFFSET", "text": "7"})
    asked = KEY | {"object": "field3", "chips": ["make1"]}
    found = widget.answer("plan", {"asked": asked})
    assert "pars={'MakerBias.process_params.OFFSET': 7.0}" in found["python"]
    assert found["totals"]["work"] == 2
    root = found["items"][0]["n"]
    reply = widget.answer("start", {"processes": 0})
    assert widget.selection.number == reply["number"]
    widget.selection.wait()
    widget._follower.wait(60)
    last = widget.sent[-1]
    assert (last["op"], last["over"], last["status"]) == ("progress", True, "finished")
    assert (last["done"], last["total"]) == (2, 2)
    assert last["nodes"][root] == "finished"
    assert any("MakerFrame" in line and "finished" in line for line in last["lines"])
    (product,) = last["products"]
    frame = widget.selection
    assert isinstance(frame, MakerFrame)
    assert product["id"] == frame.object_id
    assert frame.level == pytest.approx(113.0 - (111.0 + 7.0))
    assert widget.answer("product", {"object_id": product["id"]})["python"].startswith("MakerFrame")
    assert "finished" in widget.answer("logs", {})["text"]
    with pytest.raises(QueryError, match="is no product of this run"):
        widget.answer("product", {"object_id": "x"})
    # What is there can be chosen in the tree of the next plan; other parameters outdate it.
    again = widget.answer("plan", {"asked": asked})
    assert again["totals"]["work"] == 0
    node = again["items"][0]
    assert node["state"] == "up to date"
    assert frame.object_id in widget.answer("choose", {"number": node["n"]})["python"]
    # Beyond the depth nothing is checked.
    flat = widget.answer("plan", {"asked": asked, "depth": "0"})
    assert flat["python"].endswith("depth=0)")
    assert flat["items"][0]["state"] == "not checked"
    near = widget.answer("plan", {"asked": asked, "depth": 1})["totals"]["classes"]
    assert {row["class_name"]: row["states"] for row in near} == {
        "MakerFrame": {"up to date": 1}, "MakerBias": {"not checked": 1},
    }  # fmt: skip
    widget.answer("set_parameter", {"target": "MakerBias", "name": "OFFSET", "text": ""})
    other = widget.answer("plan", {"asked": asked | {"chips": []}})
    states = {row["class_name"]: row["states"] for row in other["totals"]["classes"]}
    assert "to be built" in states["MakerFrame"]


def test_several_products_are_a_query(widget):
    widget.answer("plan", {"asked": KEY | {"object": "field4"}})
    widget.answer("start", {"processes": 0})
    widget.run.job.wait()
    widget._follower.wait(60)
    assert isinstance(widget.selection, Query)
    assert len(widget.selection) == 2


def test_a_failure_is_told_and_the_rest_is_kept(widget, monkeypatch):
    def broken(self):
        raise ValueError("the frame is empty")

    monkeypatch.setattr(MakerFrame, "make", broken)
    widget.answer("set_parameter", {"target": "MakerBias", "name": "OFFSET", "text": "9"})
    widget.answer("plan", {"asked": KEY | {"object": "field3", "chips": ["make0"]}})
    widget.answer("start", {"processes": 0})
    widget._follower.wait(60)
    last = widget.sent[-1]
    assert (last["status"], last["failed"], last["done"]) == ("failed", 1, 1)
    assert "the frame is empty" in last["error"]
    assert any("the frame is empty" in line for line in last["lines"])
    assert [product["class_name"] for product in last["products"]] == ["MakerBias"]


def test_one_run_at_a_time_and_cancel(widget, monkeypatch):
    import threading

    gate, reached = threading.Event(), threading.Event()
    make = MakerBias.make

    def held(self):
        reached.set()
        assert gate.wait(60)
        make(self)

    monkeypatch.setattr(MakerBias, "make", held)
    widget.answer("set_parameter", {"target": "MakerBias", "name": "OFFSET", "text": "11"})
    widget.answer("plan", {"asked": KEY})
    widget.answer("start", {"processes": 0})
    assert reached.wait(60)
    with pytest.raises(TargetError, match="still runs"):
        widget.answer("start", {"processes": 0})
    widget.answer("cancel", {})
    gate.set()
    widget._follower.wait(60)
    assert widget.sent[-1]["status"] == "cancelled"
    assert widget.sent[-1]["done"] < widget.sent[-1]["total"]
