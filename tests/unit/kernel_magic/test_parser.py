"""The words behind ``%awe``: what is understood, and what is said where it is not."""

from __future__ import annotations

import re

import pytest
from IPython.core.error import UsageError

from awlab.kernel_magic.parser import TEXT_VERBS, make_parsers, parse
from awlab.kernel_magic.verbs import VERBS

CONTRACT = {
    *("status", "context", "query", "get", "plan", "make", "lineage", "trend", "calts"),
    *(
        "inspect",
        "ingest",
        "jobs",
        "stats",
        "dashboards",
        "config",
        "help",
        "quality",
        "load",
        "publish",
    ),
}


def examples(verb):
    """The lines that the help of a verb shows."""
    text = re.sub(r"\s*\n\s*", " ", VERBS[verb].__doc__)
    code = re.findall(r"``([^`]+)``", text.partition("Examples:")[2].partition("Python:")[0])
    return [line.rpartition("%awe ")[2] for line in code]


def test_every_verb_of_the_contract_is_there():
    assert set(VERBS) == CONTRACT | {"sql", "outdated", "delete"}


@pytest.mark.parametrize("verb", VERBS)
def test_every_help_has_examples_and_a_python_twin(verb):
    text = VERBS[verb].__doc__
    summary, blank, *_ = text.splitlines()
    assert summary.startswith(f"``%awe {verb}``: ")
    assert blank == ""
    assert "Python: " in text
    assert examples(verb)


@pytest.mark.parametrize(
    ("verb", "line"), [(v, line) for v in VERBS for line in examples(v) if "--into" not in line]
)
def test_examples_are_understood(verb, line):
    assert parse(line).verb == verb


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("gett", "did you mean get"),
        ("zzz", "there are status"),
        ("get", "TARGET"),
        ("get 'BiasFrame", "quote"),
        ("get --dry BiasFrame", "--dry"),
        ("plan --depth x BiasFrame", "--depth"),
        ("jobs three", "three"),
        ("status now", "now"),
        ("query", "nothing to run"),
        ("query --page two BiasFrame", "--page"),
        ("sql  ", "nothing to run"),
    ],
)
def test_bad_syntax_is_a_usage_error(line, said):
    with pytest.raises(UsageError, match=re.escape(said)) as caught:
        parse(line)
    assert "\n" not in str(caught.value)


def test_only_text_verbs_take_a_cell():
    assert set(TEXT_VERBS) == {"query", "sql"}
    assert parse("sql", "SELECT 1\n").text == "SELECT 1"
    with pytest.raises(UsageError, match="takes no cell"):
        parse("get BiasFrame", "x = 1")


def test_text_is_left_as_it_was_typed():
    found = parse("""query --page 3 A.name == 'two  blanks' and A.b == "x--page" """)
    assert found.page == 3
    assert found.text == """A.name == 'two  blanks' and A.b == "x--page\""""
    assert parse("sql", "-- a remark\nSELECT ':a', '--limit 5'").text.startswith("-- a remark")
    assert parse("sql --limit=7 SELECT 1").limit == 7


def test_an_empty_line_is_help():
    assert parse("").verb == "help"
    assert parse("get --help").topic == "get"
    assert parse("sql --help").topic == "sql"
    assert parse("sql SELECT '--help'").verb == "sql"


def test_every_argument_says_what_it_is():
    for name, parser in make_parsers().items():
        for action in parser._actions:
            assert action.nargs == 0 or action.metavar, (name, action.dest)
