"""The account of an object: trees to the raw files, verdicts, timeline; as text and as HTML."""

from __future__ import annotations

from datetime import datetime
from html.parser import HTMLParser

import pytest

from awlab.backend.database import commit_objects, persistent
from awlab.backend.datamodel import Chip, Flag, Instrument
from awlab.backend.errors import FileMissing, QueryError
from awlab.backend.lineage import (
    explain,
    export_prov,
    mermaid,
    tell_me_everything,
)
from awlab.backend.process import ProcessParameters, ProcessTarget


class StoryRaw(ProcessTarget):
    """Raw data of the story."""

    _raw_data = True
    name = persistent("Name", str, "")
    DATE_OBS = persistent("When it was taken", datetime)


class StoryBiasParameters(ProcessParameters):
    """Parameters of the story's bias."""

    CLIP = persistent("Clipping threshold", float, 3.0)


class StoryBias(ProcessTarget):
    """Bias of the story."""

    FLAGS = (Flag(16, "STORY_HIGH", "the level is high <b>"),)
    raws = persistent("Raw frames", StoryRaw, [])
    chip = persistent("Chip", Chip)
    name = persistent("Name", str, "")
    process_params = persistent("Process parameters", StoryBiasParameters)
    level = persistent("Level [ADU]", float)


class StoryFrame(ProcessTarget):
    """Reduced frame of the story."""

    raw = persistent("Raw frame", StoryRaw)
    bias = persistent("Bias", StoryBias)
    other = persistent("Another frame", ProcessTarget, optional=True)
    name = persistent("Name", str, "")


@pytest.fixture(scope="module")
def story(database):
    """Two frames, each of a raw frame and a bias of its own with other parameters."""
    chip = Chip(instrument=Instrument(name="<WFI>"), name="ccd50")
    raws = [
        StoryRaw(name=f"raw{i}<i>.fits", DATE_OBS=datetime(2000, 4, 28, 20 + i)) for i in range(4)
    ]
    biases = [
        StoryBias(
            raws=raws[first : first + 3],
            chip=chip,
            level=1.5 + first,
            quality_flags=1 << 16,
            code_version=f"1+{first}",
            process_params=StoryBiasParameters(CLIP=3.0 + first),
        )
        for first in (0, 1)
    ]
    frames = [StoryFrame(raw=raws[0], bias=bias, name="frame") for bias in biases]
    top = StoryFrame(raw=raws[0], bias=biases[0], other=frames[0])
    commit_objects([*frames, top])
    return raws, biases, frames, top


class Balanced(HTMLParser):
    """Checks that every tag is closed, in order, and collects the text."""

    def __init__(self):
        super().__init__()
        self.open, self.text, self.deepest = [], "", 0

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        self.deepest = max(self.deepest, self.open.count("details"))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def html_of(item):
    parser = Balanced()
    parser.feed(item._repr_html_())
    parser.close()
    assert parser.open == []
    return parser


def test_the_account_goes_down_to_every_raw_file(story):
    _, _, frames, _ = story
    account = tell_me_everything(frames[0])
    assert account.raw_files == ["raw0<i>.fits", "raw1<i>.fits", "raw2<i>.fits"]
    assert account.inputs == {"StoryBias": 1, "StoryRaw": 3}
    assert account.raw == {"StoryRaw": 3}
    assert account.products == {"StoryFrame": 1}
    text = str(account)
    assert "raw: StoryRaw  raw0<i>.fits" in text
    assert "bias: StoryBias" in text
    assert "raws: 3 StoryRaw  raw0<i>.fits, raw1<i>.fits, raw2<i>.fits (1 as above)" in text
    assert "other: StoryFrame" in text  # what it was used for


def test_what_is_in_the_tree_already_is_not_spread_out_again(story):
    _, biases, _, top = story
    tree = tell_me_everything(top).ancestry
    branches = [branch for _, branch in tree.walk()]
    spread = [b for b in branches if b.class_name == "StoryBias" and b.branches]
    again = [b for b in branches if b.class_name == "StoryBias" and b.repeated]
    assert (len(spread), len(again)) == (1, 1)
    assert again[0].title().endswith("(as above)")
    assert biases[0].object_id in again[0].title()


def test_verdict_parameters_and_timeline(story):
    _, biases, _, _ = story
    bias = biases[1]
    bias.comment("looks <b>odd</b>")
    bias.tag("DR1")
    bias.set_valid(0, "banding")
    account = tell_me_everything(bias)
    assert account.parameters == {"CLIP": "4.0"}
    assert account.made["code"] == "1+1"
    assert "privileges 1 (MyDB)" in account.made["by"]
    assert account.values["level"] == "2.5 adu"
    assert "STORY_HIGH: the level is high <b>" in account.verdict
    assert "0: bad" in account.verdict
    told = [line.split(" ", 2)[2] for line in account.timeline]
    assert told[:2] == ["first raw frame taken", "last raw frame taken"]
    assert told[2].startswith("made by")
    assert any("changed is_valid from 1 to 0: banding" in line for line in told)
    assert any("looks <b>odd</b>" in line for line in told)
    assert any("tagged it DR1" in line for line in told)
    times = [line[:19] for line in account.timeline]
    assert times == sorted(times)


@pytest.mark.parametrize("ask", [tell_me_everything, lambda x: explain(x, x), mermaid])
def test_what_is_no_object_is_said(story, ask):
    with pytest.raises(QueryError, match=r"q\[0\]"):
        ask(StoryBias.level > 0)
    with pytest.raises(QueryError, match="is not committed"):
        ask(StoryBias())


def test_a_file_that_cannot_be_written_is_said(story, tmp_path):
    with pytest.raises(FileMissing, match=r"prov\.json cannot be written"):
        export_prov(story[-1], tmp_path / "nowhere" / "prov.json")


def test_html_is_escaped_and_nested(story):
    _, biases, frames, top = story
    page = html_of(tell_me_everything(top))
    assert page.deepest >= 3  # tree, frame, bias
    assert "raw0<i>.fits" in page.text
    for item in (tell_me_everything(biases[1]), explain(*frames), top.upstream()):
        assert html_of(item).text
        assert "<b>" not in item._repr_html_()
        assert "<i>" not in item._repr_html_()


def test_a_constant_number_of_statements(story, database):
    """The account of a bias of thirty frames costs what that of a bias of three costs."""

    def statements(item):
        tell_me_everything(item)
        before = database.statements
        tell_me_everything(item)
        return database.statements - before

    _, biases, _, _ = story
    many = StoryBias(raws=[StoryRaw(name=f"r{i}") for i in range(30)], chip=biases[0].chip)
    commit_objects([StoryFrame(bias=many) for _ in range(30)])
    few = statements(biases[0])
    assert statements(many) <= few


def test_a_long_chain_does_not_end_the_account(database):
    last = None
    for _ in range(300):
        last = StoryFrame(other=last)
    last.commit()
    account = tell_me_everything(last)
    assert account.inputs == {"StoryFrame": 299}
    assert "branches deeper" in str(account)
    assert html_of(account).deepest < 70
    assert sum(1 for _ in account.ancestry.walk()) == 300


def test_a_new_object_has_no_account(database):
    from awlab.backend.errors import QueryError

    with pytest.raises(QueryError, match="not committed"):
        tell_me_everything(StoryFrame())


def test_mermaid_counts_links_between_classes(story):
    raws, _, frames, _ = story
    lines = mermaid(frames[0]).splitlines()
    assert lines[0] == "flowchart LR"
    assert set(lines[1:]) == {
        "  StoryBias -- bias x 1 --> StoryFrame",
        "  StoryRaw -- raw x 1 --> StoryFrame",
        "  StoryRaw -- raws x 3 --> StoryBias",
    }
    assert mermaid(raws[0]).splitlines() == ["flowchart LR", "  StoryRaw"]


def test_prov_reads_back(story, tmp_path):
    from prov.model import ProvDerivation, ProvDocument, ProvEntity, ProvUsage

    _, biases, frames, _ = story
    path = export_prov(frames[0], tmp_path / "prov.json")
    document = ProvDocument.deserialize(str(path), format="json")
    entities = {record.identifier.localpart for record in document.get_records(ProvEntity)}
    upstream = {item.object_id for item in frames[0].upstream()}
    assert entities == upstream | {frames[0].object_id}
    assert len(list(document.get_records(ProvDerivation))) == 5
    assert len(list(document.get_records(ProvUsage))) == 5
    assert f"make-{biases[0].object_id}" in path.read_text()
