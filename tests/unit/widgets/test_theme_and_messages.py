"""The room: looks of states, messages asked and answered, a front door that costs nothing."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys

import pytest

from awlab.backend.errors import QueryError
from awlab.widgets.awlab_widget import AwlabWidget, answers, one_line
from awlab.widgets.theme import PALETTE, STATES, states_as_script


def luminance(colour):
    """Relative luminance of WCAG 2.1."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_every_state_has_a_sign_and_a_word_of_its_own():
    wanted = {
        "up to date", "outdated", "to be built", "not checked", "null", "running", "failed",
        "invalid", "flagged",
    }  # fmt: skip
    assert wanted <= set(STATES)
    assert len({look.sign for look in STATES.values()}) == len(STATES)
    assert len({look.word for look in STATES.values()}) == len(STATES)


@pytest.mark.parametrize("name", sorted(STATES))
def test_signs_are_legible(name):
    look = STATES[name]
    assert contrast(look.colour, look.ink) >= 4.5
    assert look.colour in {*PALETTE.values(), "#C8C8C8"}


def test_contrast_is_that_of_the_standard():
    assert contrast("#000000", "#FFFFFF") == pytest.approx(21)
    assert contrast("#777777", "#FFFFFF") == pytest.approx(4.48, abs=0.01)


def test_scripts_know_the_states():
    assert states_as_script().startswith("const STATES = {")
    assert '"up to date": {"sign": "✓"' in states_as_script()


class Talker(AwlabWidget):
    """Keeps what it would send."""

    def __init__(self):
        super().__init__()
        self.sent = []

    def send(self, content, buffers=None):
        self.sent.append((content, buffers))

    @answers
    def double(self, number):
        return {"number": 2 * number}

    @answers
    def picture(self):
        return {"shape": [2]}, [b"ab"]

    @answers
    def refuse(self):
        raise QueryError("the chip 'x' is unknown", "try ccd50")

    @answers
    def break_down(self):
        raise ZeroDivisionError("secret detail")

    def hidden(self):
        raise AssertionError("nobody may call this")


@pytest.fixture
def talker():
    return Talker()


def test_a_question_gets_its_answer(talker):
    talker._hear(None, {"op": "double", "req": "a-1", "number": 21}, [])
    talker._hear(None, {"op": "picture", "req": "a-2"}, [])
    assert talker.sent[0][0] == {"req": "a-1", "number": 42}
    assert talker.sent[1] == ({"req": "a-2", "shape": [2]}, [b"ab"])


def test_errors_are_one_line_with_the_hint(talker):
    talker._hear(None, {"op": "refuse", "req": "1"}, [])
    assert talker.sent[0][0]["failure"] == "the chip 'x' is unknown (try ccd50)"


def test_what_nobody_foresaw_is_told_by_a_number_that_is_in_the_log(talker, caplog):
    with caplog.at_level(logging.ERROR, "awlab.widgets"):
        talker._hear(None, {"op": "break_down", "req": "1"}, [])
    told = talker.sent[0][0]["failure"]
    assert "secret" not in told
    assert "\n" not in told
    number = told.rsplit("error ", 1)[1].split()[0]
    assert number in caplog.text
    assert "secret detail" in caplog.text


@pytest.mark.parametrize(
    "message",
    [
        {"op": "hidden", "req": "1"},
        {"op": "__init__", "req": "1"},
        {"op": "close", "req": "1"},
        {"op": "no such", "req": "1"},
        {"op": None, "req": "1"},
        {"op": "double", "req": "1"},
        {"op": "double", "req": "1", "number": 1, "more": 2},
        {"req": "1"},
    ],
)
def test_hostile_messages_are_refused_in_one_line(talker, message):
    talker._hear(None, message, [])
    assert set(talker.sent[0][0]) == {"req", "failure"}


def test_what_is_no_question_is_not_answered(talker):
    for message in ({"op": "double"}, "text", None, [1]):
        talker._hear(None, message, [])
    assert talker.sent == []


def test_ten_messages_a_second_at_most(talker):
    async def burst():
        for i in range(1000):
            talker.push("progress", done=i)
            talker.push("other", value=i)
        await asyncio.sleep(0.3)

    asyncio.run(burst())
    progress = [content["done"] for content, _ in talker.sent if content["op"] == "progress"]
    assert progress == [0, 999]
    assert len(talker.sent) <= 4


def test_without_a_loop_nothing_is_kept_back(talker):
    talker.push("a", value=1)
    talker.push("a", value=2)
    assert [content["value"] for content, _ in talker.sent] == [1, 2]


def test_one_line_of_a_long_error():
    assert one_line(QueryError("a\nb")) == "a b"


def test_the_front_door_is_light_and_says_what_there_is():
    program = (
        "import sys, awlab.widgets as w; print(*dir(w)); "
        "print({'anywidget', 'bqplot', 'sqlalchemy', 'astropy'} & set(sys.modules))"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    names, heavy = done.stdout.strip().splitlines()
    assert "LineageTree" in names.split()
    assert heavy == "set()"


def test_an_unknown_widget():
    import awlab.widgets

    with pytest.raises(AttributeError, match="NoSuchWidget"):
        awlab.widgets.NoSuchWidget  # noqa: B018
