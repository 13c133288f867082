"""The state of a quality page: plain data, buffers, and what its buttons do."""

from __future__ import annotations

import json

import numpy as np
import pytest

from awlab.backend.catalogs import SourceTable, write_catalog
from awlab.backend.datamodel import Chip, Instrument, RawBiasFrame
from awlab.backend.dataserver import write_image
from awlab.backend.errors import AwlabError, QueryError
from awlab.backend.quality import quality_page
from awlab.backend.targets import AstrometricParameters, BiasFrame, GAstrometric, GPhotometric
from awlab.widgets import QualityPage
from awlab.widgets.quality_page.state import PageState


@pytest.fixture(scope="module")
def house(database, tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    chip = Chip(name="ccd50", instrument=Instrument(name="PAGE")).commit()
    raws = []
    for n in range(3):
        write_image(folder / f"raw{n}.fits", np.full((40, 30), 200 + n, np.uint16))
        raw = RawBiasFrame(
            folder / f"raw{n}.fits", instrument=chip.instrument, chip=chip, night="2000-04-28"
        )
        raws.append(raw.store().commit())
    image = np.random.default_rng(1).normal(0, 2, (40, 30)).astype(np.float32)
    write_image(folder / "bias.fits", image, {"OBSERVER": ("somebody", "who it was")})
    bias = BiasFrame(
        folder / "bias.fits", instrument=chip.instrument, chip=chip, raw_bias_frames=raws
    )
    return bias.store().commit(), raws, image


@pytest.fixture(scope="module")
def solution(house, tmp_path_factory):
    path = tmp_path_factory.mktemp("stars") / "it.parquet"
    rng = np.random.default_rng(2)
    names = ("RA", "DEC", "DRA", "DDEC")
    table = {name: rng.uniform(0, 1, 20) for name in names} | {"USED": np.ones(20, np.uint8)}
    write_catalog(path, SourceTable(table))
    whiskers = {"stars": {"x": [1.0], "y": [2.0], "e1": [0.1], "e2": [0.0]}, "map": {}}
    found = AstrometricParameters(path, NREF=20, SIG_DRA=0.3, anisotropy=whiskers)
    return found.store().commit()


def of_field(cls, folder, names, **values):
    """Return the solution of a field with a table of residuals; the last two are not used."""
    rng = np.random.default_rng(3)
    table = {name: rng.uniform(0, 1, 30) for name in names}
    table[names[-1]][:5] = np.nan
    table["USED"] = (np.arange(30) < 28).astype(np.uint8)
    write_catalog(folder / f"{cls.__name__}.parquet", SourceTable(table))
    return cls(folder / f"{cls.__name__}.parquet", **values).store().commit()


@pytest.fixture
def state(house):
    return PageState(house[0])


def test_all_texts_can_be_sent(state, house, solution):
    for page in (state, PageState(house[1][0]), PageState(solution)):
        json.dumps(page.content(), allow_nan=False)
    content = state.content()
    assert content["title"].startswith("Quality of BIASFRAME: ")
    assert content["blocks"][0]["title"] == "Processing Details"
    assert content["has_image"] and not content["has_plots"]
    assert (content["state"], content["judged"]) == ("", True)


def test_the_page_of_inspect_is_not_read_again(house, statements):
    page = house[0].inspect()
    assert statements(lambda: PageState(page).content()) == 0


def test_the_picture_travels_as_it_is(state, house):
    told, buffers = state.picture()
    assert (told["ny"], told["nx"], told["binning"], told["weighted"]) == (40, 30, 1, False)
    assert np.array_equal(np.frombuffer(buffers[0], np.float32).reshape(40, 30), house[2])
    assert len(told["edges"]) == len(told["counts"]) + 1
    json.dumps(told, allow_nan=False)
    told, buffers = state.section([10, 20, 30, 40])
    part = np.frombuffer(buffers[0], np.float32).reshape(20, 20)
    assert np.array_equal(part, house[2][20:40, 10:30])
    assert state.pixel(11, 21)["value"] == pytest.approx(float(house[2][20, 10]))


def test_plots_travel_as_doubles(solution):
    told, buffers = PageState(solution).plots()
    assert told["residuals"] and told["anisotropy"]["stars"]["x"] == [1.0]
    assert told["sigma"] == [0.3, None]
    assert [len(buffer) for buffer in buffers] == [160, 160, 160, 160, 20]
    assert np.frombuffer(buffers[0]).max() <= 1


def test_solutions_of_a_field_say_what_their_plots_are_of(database, tmp_path):
    light = of_field(GPhotometric, tmp_path, ("RA", "DEC", "MAG", "DMAG"), RMS_BEFORE=0.1)
    state = PageState(light)
    assert state.content()["has_plots"] and not state.content()["has_image"]
    told, buffers = state.plots()
    assert told["of"] == "GPhotometric" and told["columns"] == ["RA", "DEC", "MAG", "DMAG"]
    assert all(name in told["columns"] for panel in told["panels"] for name in panel)
    assert [len(buffer) for buffer in buffers] == [200, 200, 200, 200, 25]
    assert np.frombuffer(buffers[4], np.uint8).sum() in (23, 24, 25)
    place = of_field(GAstrometric, tmp_path, ("RA", "DEC", "DRA", "DDEC"), NREF=9, SIG_DRA=0.1)
    told, buffers = PageState(place).plots()
    assert told["of"] == "GAstrometric" and told["sigma"] == [0.1, None] and len(buffers) == 5
    titles = [block["title"] for block in PageState(place).content()["blocks"]]
    assert "Global Astrometry Details" in titles and "Local Astrometry Details" not in titles


def test_no_image_and_no_solution(solution, state):
    with pytest.raises(QueryError, match="has no image"):
        PageState(solution).picture()
    assert state.plots() == ({"residuals": False, "anisotropy": None}, [])


def test_header_and_tables(state, house):
    cards = {row[0]: row for row in state.header()["hdus"][0]["cards"]}
    assert cards["OBSERVER"] == ["OBSERVER", "somebody", "who it was"]
    rows = next(t for t in state.content()["tables"] if t["role"] == "raw_bias_frames")
    assert [*rows["object_ids"]] == [raw.object_id for raw in house[1]]
    again = state.table("upstream", "raw_bias_frames", "RawBiasFrame")
    assert again["rows"] == rows["rows"]
    with pytest.raises(QueryError, match="stands upstream"):
        state.table("upstream", "creator", "Chip")


def test_going_to_another_object_and_back(house):
    widget = QualityPage(house[0])
    assert widget.selection == house[0]
    found = widget.answer("go", {"object_id": house[1][1].object_id})
    assert found["class_name"] == "RawBiasFrame" and widget.selection == house[1][1]
    with pytest.raises(AwlabError):
        widget.answer("go", {"object_id": "nonsense"})
    assert widget.selection == house[1][1]


def test_comment_rate_review_announce(house):
    raw = house[1][2]
    state = PageState(raw)
    found = state.act("comment", "  stripes\nabove  ")
    assert found["remarks"][-1]["text"] == "stripes above"
    assert found["done"].endswith("item.comment('stripes above')")
    found = state.act("rate", "light leak", 0)
    assert (found["state"], found["verdict"]) == ("invalid", "0: bad")
    assert "item.set_valid(0, 'light leak')" in found["done"]
    state.act("review", "seen")
    found = state.act("announce", "in the release")
    assert {tag.name for tag in raw.tags()} == {"reviewed", "announced"}
    assert [comment.content for comment in raw.comments()][-1] == "in the release"
    # what was copied does what was clicked
    names = {"RawBiasFrame": RawBiasFrame}
    exec(found["done"], names)
    assert quality_page(raw).remarks[-1].text == "in the release"
    state.act("rate", "none after all", 1)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("rate", "  "), "few words"),
        (("delete", "x"), "cannot be done"),
        (("rate", "x", 7), "no meaning"),
    ],
)
def test_what_is_refused_is_said(state, words, said):
    with pytest.raises(QueryError, match=said):
        state.act(*words)


def test_jupyter_shows_inspect_as_the_widget_and_a_terminal_as_text(house):
    from IPython.core.interactiveshell import InteractiveShell

    from awlab.kernel_magic import display

    shell = InteractiveShell()
    page = house[0].inspect()
    display.install(shell)
    text, _ = shell.display_formatter.format(page)
    assert text["text/plain"].startswith("Quality of BIASFRAME")
    assert "application/vnd.jupyter.widget-view+json" not in text
    shell.kernel = object()  # what a notebook's shell has
    display.install(shell)
    bundle, _ = shell.display_formatter.format(page)
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert bundle["text/plain"] == str(page)
    display.remove(shell)
    bundle, _ = shell.display_formatter.format(page)
    assert "application/vnd.jupyter.widget-view+json" not in bundle
