"""The state of a lineage tree: what it says, and how many statements that takes."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from datetime import datetime

import numpy as np
import pytest

from awlab.backend.database import (
    DBObject,
    NeighbourGroup,
    Query,
    commit_objects,
    neighbour_groups,
    neighbours,
    objects_with_ids,
    persistent,
    register_bulk,
)
from awlab.backend.datamodel import Chip, Flag, Instrument
from awlab.backend.dataserver import write_image
from awlab.backend.errors import ObjectNotFound, QueryError
from awlab.backend.lineage import explain
from awlab.backend.process import ProcessTarget
from awlab.backend.targets import BiasFrame
from awlab.widgets.lineage_tree.drawing import layers_of
from awlab.widgets.lineage_tree.portrait import plain_difference
from awlab.widgets.lineage_tree.state import PAGE, LineageState, short_label


class TreeRaw(ProcessTarget):
    """Raw data."""

    _raw_data = True
    name = persistent("Name", str, "")
    DATE_OBS = persistent("When", datetime)
    chip = persistent("Chip", Chip)


class TreeBias(ProcessTarget):
    """Made from raw frames."""

    FLAGS = (Flag(16, "TREE_HIGH", "the level is high"),)
    raws = persistent("Raw frames", TreeRaw, [])
    level = persistent("Level [ADU]", float)


class TreeFrame(ProcessTarget):
    """Made from a raw frame and a bias."""

    raw = persistent("Raw frame", TreeRaw)
    bias = persistent("Bias", TreeBias)


class TreeCoadd(ProcessTarget):
    """Made from many frames."""

    frames = persistent("Frames", TreeFrame, [])


@pytest.fixture(scope="module")
def house(database):
    chip = Chip(name="ccd50", instrument=Instrument(name="TREE")).commit()
    raws = [
        TreeRaw(name=f"raw{i}", chip=chip, DATE_OBS=datetime(2000, 4, 28, i)) for i in range(12)
    ]
    bias = TreeBias(raws=raws[:10], level=3.0, quality_flags=1 << 16)
    frames = [TreeFrame(raw=raw, bias=bias) for raw in raws[10:]]
    coadd = TreeCoadd(frames=frames)
    commit_objects([coadd])
    return {"raws": raws, "bias": bias, "frames": frames, "coadd": coadd}


def test_it_opens_by_class(house):
    found = LineageState(house["coadd"]).opening()
    assert found["root"]["class_name"] == "TreeCoadd"
    assert found["ancestors"] == {"TreeBias": 1, "TreeFrame": 2, "TreeRaw": 12}
    assert (found["total"], found["hidden"]) == (15, 0)
    assert [(g["role"], g["class_name"], g["count"], g["more"]) for g in found["groups"]] == [
        ("frames", "TreeFrame", 2, False)
    ]


def test_both_ways_from_the_middle(house):
    groups = LineageState(house["bias"]).opening()["groups"]
    told = [(g["direction"], g["role"], g["class_name"], g["count"]) for g in groups]
    assert told == [("upstream", "raws", "TreeRaw", 10), ("downstream", "bias", "TreeFrame", 2)]


def test_members_come_in_pages_by_key(house, monkeypatch):
    state = LineageState(house["bias"])
    monkeypatch.setattr("awlab.widgets.lineage_tree.state.PAGE", 4)
    seen, after, more = [], 0, True
    while more:
        page = state.members(house["bias"].object_id, "upstream", "raws", "TreeRaw", after)
        assert len(page["items"]) <= 4
        seen += [card["id"] for card in page["items"]]
        after, more = page["items"][-1]["row"], page["more"]
    assert len(seen) == 10
    assert set(seen) == {raw.object_id for raw in house["raws"][:10]}


def test_cards_say_state_and_label(house):
    state = LineageState(house["bias"])
    items = state.members(house["bias"].object_id, "upstream", "raws", "TreeRaw")["items"]
    raw = next(card for card in items if card["name"] == "raw3")
    assert (raw["state"], raw["label"], raw["name"]) == (
        "raw", "ccd50  2000-04-28 03:00:00", "raw3",
    )  # fmt: skip
    assert state.opening()["root"]["state"] == "flagged"


def test_invalid_is_told_before_flagged(house, database):
    bias = TreeBias(raws=house["raws"][:1], quality_flags=1 << 16).commit()
    bias.set_valid(0, "banding")
    assert LineageState(bias).opening()["root"]["state"] == "invalid"
    judged = LineageState(bias).judge([bias.object_id])
    assert judged[bias.object_id]["state"] == "invalid"


def test_judging_gives_reasons(house):
    bias = TreeBias(raws=house["raws"][:3]).commit()
    frame = TreeFrame(raw=house["raws"][0], bias=bias).commit()
    state = LineageState(frame)
    assert state.judge([frame.object_id])[frame.object_id] == {"state": "up to date", "reasons": []}
    bias.set_valid(0, "banding")
    found = state.judge([frame.object_id, house["raws"][0].object_id])
    assert found[frame.object_id]["state"] == "outdated"
    assert "invalidated" in found[frame.object_id]["reasons"][0]
    assert found[house["raws"][0].object_id]["state"] == "raw"


def test_the_portrait_has_units_and_verdict(house):
    bias = house["bias"]
    portrait = LineageState(bias).portrait(bias.object_id)
    sections = {title: dict(rows) for title, rows in portrait["sections"]}
    assert sections["values"]["level"] == "3 adu"
    assert "TREE_HIGH: the level is high" in sections["verdict"]["verdict"]
    assert portrait["python"] == f"TreeBias(object_id='{bias.object_id}')"
    assert eval(portrait["python"]) == bias


def test_the_difference_of_two_is_that_of_explain(house):
    bias = TreeBias(raws=house["raws"][:4], level=5.0).commit()
    frame = house["frames"][0]
    other = TreeFrame(raw=frame.raw, bias=bias).commit()
    state = LineageState(frame.raw)
    found = state.difference(frame.object_id, other.object_id)
    assert [row[:2] for row in found["rows"]] == [["input", "bias"]]
    ((role, inner),) = found["because"]
    assert role == "bias"
    assert {tuple(row[:2]) for row in inner["rows"]} >= {("input", "raws"), ("result", "level")}
    json.dumps(found)
    told = eval(found["python"], {"explain": explain, "TreeFrame": TreeFrame})
    assert plain_difference(told)["rows"] == found["rows"]
    assert state.difference(frame.object_id, frame.object_id)["rows"] == []
    with pytest.raises(QueryError, match="cannot be compared"):
        state.difference(frame.object_id, bias.object_id)


@pytest.fixture(scope="module")
def framed(database, tmp_path_factory):
    """A bias with pixels, and one whose file is gone."""
    folder = tmp_path_factory.mktemp("files")
    chip = Chip(name="ccd50", instrument=Instrument(name="TREEPIX")).commit()
    image = np.arange(1000 * 500, dtype=np.float32).reshape(1000, 500)
    image[0, :3] = np.nan
    made = []
    for name in ("a.fits", "b.fits"):
        write_image(folder / name, image + len(made))
        own = {"instrument": chip.instrument, "chip": chip}
        made.append(BiasFrame(folder / name, **own).store().commit())
    made[1].retrieve().unlink()
    return made


def test_a_thumbnail_is_small_and_the_right_way_up(framed, house):
    state = LineageState(framed[0])
    assert state.portrait(framed[0].object_id)["has_image"]
    told, (buffer,) = state.thumbnail(framed[0].object_id)
    assert max(told["nx"], told["ny"]) <= 240 and told["told"] == "500 × 1000 pixel"
    pixels = np.frombuffer(buffer, np.float32).reshape(told["ny"], told["nx"])
    assert (np.diff(pixels[:, 5]) > 0).all()  # the first row is the lowest
    assert told["limits"][0] < told["limits"][1]
    json.dumps(told, allow_nan=False)
    plain = LineageState(house["bias"])
    assert not plain.portrait(house["bias"].object_id)["has_image"]
    assert plain.thumbnail(house["bias"].object_id) == ({"nx": 0, "ny": 0, "told": ""}, [])


def test_a_file_that_is_gone_is_told_in_place_of_the_thumbnail(framed):
    told, buffers = LineageState(framed[1]).thumbnail(framed[1].object_id)
    assert (told["nx"], buffers) == (0, [])
    assert framed[1].filename in told["told"]


def test_the_way_to_a_raw_frame(house):
    raw = house["raws"][4]
    found = LineageState(house["coadd"]).path_to(raw.object_id)
    told = [(step["role"], step["class_name"]) for step in found["steps"]]
    assert told == [("frames", "TreeFrame"), ("bias", "TreeBias"), ("raws", "TreeRaw")]
    assert found["steps"][-1]["id"] == raw.object_id
    between = {house["coadd"].object_id, house["bias"].object_id, raw.object_id}
    assert set(found["between"]) == between | {frame.object_id for frame in house["frames"]}


def test_the_way_down_to_a_product(house):
    found = LineageState(house["raws"][4]).path_to(house["coadd"].object_id)
    assert [step["direction"] for step in found["steps"]] == ["downstream"] * 3
    told = [(step["role"], step["class_name"]) for step in found["steps"]]
    assert told == [("raws", "TreeBias"), ("bias", "TreeFrame"), ("frames", "TreeCoadd")]


def test_no_way_to_a_stranger(house, database):
    stranger = TreeRaw(name="stranger").commit()
    with pytest.raises(QueryError, match="not in the lineage"):
        LineageState(house["coadd"]).path_to(stranger.object_id)


def test_a_group_is_a_query(house):
    state = LineageState(house["bias"])
    bias = house["bias"].object_id
    down = state.group_query(bias, "downstream", "bias", "TreeFrame")
    assert isinstance(down, Query)
    assert set(down) == set(house["frames"])
    assert str(down) == f"TreeFrame.bias == TreeBias(object_id='{bias}')"
    assert len(state.group_query(bias, "upstream", "raws", "TreeRaw")) == 10


def test_search_by_identity(house):
    state = LineageState(house["coadd"])
    found = state.search(house["raws"][2].object_id)
    assert [card["name"] for card in found] == ["raw2"]
    assert state.search("  ") == []
    assert state.search("nothing like it") == []


@pytest.mark.parametrize(
    ("direction", "role", "name"),
    [("sideways", "raws", "TreeRaw"), ("downstream", "raws", "TreeFrame"), ("upstream", "x", "No")],
)
def test_bad_groups(house, direction, role, name):
    with pytest.raises(QueryError):
        LineageState(house["bias"]).members(house["bias"].object_id, direction, role, name)


def test_bad_roots(house):
    with pytest.raises(QueryError, match="not committed"):
        LineageState(TreeRaw())
    with pytest.raises(ObjectNotFound):
        LineageState(house["coadd"]).portrait("nonsense")


def test_prov_and_svg(house):
    state = LineageState(house["coadd"])
    assert len(json.loads(state.prov())["entity"]) == 16
    drawing = ET.fromstring(state.drawing())
    words = [text.text for text in drawing.iter("{http://www.w3.org/2000/svg}text")]
    assert words[:2] == ["TreeBias", "1"]
    assert {"TreeRaw", "12", "TreeCoadd"} <= set(words)
    titles = {title.text for title in drawing.iter("{http://www.w3.org/2000/svg}title")}
    assert titles == {"raws: 10", "raw: 2", "bias: 2", "frames: 2"}


def test_layers_go_from_inputs_to_products():
    links = {("A", "B", "x"): 1, ("B", "C", "y"): 1, ("A", "C", "z"): 1, ("B", "D", "z"): 1}
    assert layers_of(["C", "A", "D", "B"], links)[:2] == [["A"], ["B"]]
    circle = layers_of(["A", "B"], {("A", "B", "x"): 1, ("B", "A", "x"): 1})
    assert sorted(name for column in circle for name in column) == ["A", "B"]


# -- cost ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def crowd(database):
    """A coadd of 2,500 frames, and a bias that 3,000 frames were made from."""
    raws = register_bulk(TreeRaw, {"name": [f"many{i}" for i in range(3000)]})
    bias = register_bulk(TreeBias, {}, {"raws": ([0, 5], raws[:5])})
    frames = register_bulk(TreeFrame, {"raw": raws, "bias": np.repeat(bias, 3000)})
    coadd = register_bulk(TreeCoadd, {}, {"frames": ([0, 2500], frames[:2500])})
    return objects_with_ids(database, np.array([coadd[0], bias[0]]), DBObject)


def test_three_statements_open_5000_ancestors(crowd, statements):
    coadd = crowd[0]
    state = LineageState(coadd)
    assert statements(state.opening) <= 3
    # The 2,500 frames count no further than the cap says.
    assert state.opening()["total"] > 5000
    assert state.opening()["groups"][0]["count"] == 1000
    assert state.opening()["groups"][0]["more"]


def test_a_crowd_costs_what_a_few_cost(crowd, house, statements):
    few, many = LineageState(house["bias"]), LineageState(crowd[1])
    opening = [statements(state.opening) for state in (few, many)]
    assert opening[0] == opening[1] <= 3
    group = NeighbourGroup("downstream", "bias", "TreeFrame", 0, False)
    assert len(neighbours(crowd[1], group, limit=7)) == 7
    assert statements(lambda: neighbours(crowd[1], group, limit=7)) == 1
    page = many.members(crowd[1].object_id, "downstream", "bias", "TreeFrame")
    assert (len(page["items"]), page["more"]) == (PAGE, True)


def test_an_own_class_of_another_process_is_met(house):
    """A class that appeared after the catalogue was read is counted all the same."""
    neighbour_groups(house["bias"])

    class TreeLate(ProcessTarget):
        """Made from a bias, later."""

        bias = persistent("Bias", TreeBias)

    TreeLate(bias=house["bias"]).commit()
    names = [group.class_name for group in neighbour_groups(house["bias"])]
    assert "TreeLate" in names


def test_labels_fall_back_to_names(house):
    assert short_label(house["bias"]) == house["bias"].object_id
    assert short_label(TreeRaw(name="alone").commit()) == "alone"
