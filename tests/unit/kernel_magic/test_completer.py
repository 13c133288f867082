"""Tab completion: verbs, options, classes, chains, values; and never a fault of its own."""

from __future__ import annotations

import pytest

from awlab.backend.database import close_database, database_is_open
from awlab.kernel_magic import suggestions
from awlab.kernel_magic.verbs import VERBS


def test_verbs(shell):
    assert set(shell.completions("%awe ")) == {*VERBS, "--traceback", "--version"}
    assert shell.completions("x = %awe ge") == ["get"]
    assert shell.completions("a, b = %awe in") == ["ingest", "inspect"]
    assert shell.completions("%awe help lin") == ["lineage"]
    assert shell.completions("%%awe ") == ["query", "sql"]


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("%awe get Bias", ["BiasFrame"]),
        ("%awe query Bias", ["BiasFrame", "BiasFrameParameters"]),
        ("%awe get --", ["--dry-run"]),
        ("%awe get --dry-run Bias", ["BiasFrame"]),
        ("%awe query BiasFrame.chip.na", ["BiasFrame.chip.name"]),
        ("%awe query (BiasFrame.imstat.me", ["mean", "median"]),
        ("%awe query BiasFrame.chip.name.li", ["BiasFrame.chip.name.like("]),
        ("%awe query BiasFrame.nothing.na", []),
        ("%awe get BiasFrame d", ["date="]),
        ("%awe get BiasFrame chip=a c", []),
        ("%awe get ReducedScienceFrame r", ["raw="]),
        ("%awe make Hot", ["HotPixels"]),
        ("%awe make Bias>Hot", ["Bias>HotPixels"]),
        ("%awe plan BiasFrame BiasFrame.process_params.SIG", ["SIGMA_CLIP="]),
        ("%awe calts Bias", ["BiasFrame"]),
        ("%awe calts Reduced", []),
        ("%awe calts --w", ["--week"]),
        ("%awe trend ReadNoise read_noise_", ["read_noise_error"]),
        ("%awe trend ReadNoise read_noise c", ["chip="]),
        ("%awe outdated Hot", ["HotPixelMap"]),
        ("%awe publish x --level ", ["1", "2", "3", "4", "5"]),
        ("%awe config bool", ["boolean_words"]),
        ("%awe config boolean_words o", ["off", "on"]),
        ("%awe config rows ", []),
        ("%awe context pri", ["privileges="]),
        ("%awe nothing x", []),
        ("%awe stats x", []),
    ],
)
def test_without_a_database(shell, line, found):
    options = shell.completions(line)
    assert len(options) == len(found)
    assert all(option.endswith(end) for option, end in zip(options, found, strict=True))


def test_no_tab_starts_a_database(shell):
    close_database()
    assert shell.completions("%awe get BiasFrame chip=") == []
    assert shell.completions("%awe jobs ") == []
    assert not database_is_open()


def test_values_come_from_the_database(shell, equipment):
    assert shell.completions("%awe get BiasFrame chip=magic") == [
        "chip=magic0",
        "chip=magic1",
        "chip=magic2",
    ]
    other = shell.completions("%awe get BiasFrame instrument=OTHER chip=")
    assert other == ["chip=<b>other</b>"]
    assert shell.completions("%awe get ReducedScienceFrame instrument=MAGIC filter=") == [
        "filter=#842"
    ]
    assert shell.completions("%awe context instrument=M") == ["instrument=MAGIC"]
    assert shell.completions("%awe context privileges=") == [f"privileges={i}" for i in range(1, 6)]


def test_objects_are_the_users_variables(shell, equipment):
    shell.user_ns.update(a_chip=equipment[0], a_number=1, _a_hidden=equipment[1])
    assert shell.completions("%awe inspect a") == ["a_chip"]


def test_words_of_sql(shell):
    cell = "%%awe sql\nSELECT count(*) FROM BiasFrame WHERE imstat_me"
    assert shell.completions(cell) == ["imstat_mean", "imstat_median"]
    assert shell.completions("%%awe sql\nSELECT * FROM biasf") == [
        "BiasFrame",
        "BiasFrameParameters",
    ]


def test_whatever_goes_wrong_there_are_no_suggestions(shell, monkeypatch):
    def broken(*_):
        raise RuntimeError("the database went away")

    monkeypatch.setitem(suggestions._KINDS, "TARGET", broken)
    assert shell.completions("%awe get Bias") == []


@pytest.mark.parametrize("line", ["awe get", "x = 1", "print('%awe get", "%awextra ge", "%time x"])
def test_other_lines_are_left_alone(shell, line):
    assert shell.completions(line) == []


def test_nothing_is_left_after_unloading(shell):
    shell.run_cell("%unload_ext awlab")
    assert shell.completions("%awe ge") == []
    assert shell.Completer.custom_matchers == []
