"""Sessions pasted from the slides."""

from __future__ import annotations

import ast

import pytest

from awlab.kernel_magic.pasted_prompt import without_prompts

SLIDE = """#Find ScienceFrames for a ccd named ccd53 and filter

Awe> q = (ReducedScienceFrame.chip.name == 'ccd') and  
(ReducedScienceFrame.filter == '841')

# From the query result, get the rms of the sky in image

Awe> x = [k.imstat.stdev for k in q]
"""  # noqa: W291 - the slide has these blanks


def cleaned(text):
    return "".join(without_prompts(text.splitlines(keepends=True)))


def test_the_slide_is_python():
    text = cleaned(SLIDE)
    first, second = ast.parse(text).body
    assert isinstance(first.value, ast.BoolOp)
    assert isinstance(second.value, ast.ListComp)
    assert "# From the query result" in text


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Awe> 1", "1"),
        ("awe> for i in x:\nawe>     print(i)\n", "for i in x:\n    print(i)\n"),
        ("Awe> a &\n\nAwe> b\nc", "a & b\nc"),
        ("Awe> brand\nAwe> b", "brand\nb"),
        ("Awe> # this and\nAwe> b", "# this and\nb"),
    ],
)
def test_prompts_go_and_operators_go_on(text, wanted):
    assert cleaned(text) == wanted


@pytest.mark.parametrize(
    "text", ['"""this and\nthat"""', "x = 1 and \\\n2", "%%awe sql\nSELECT 1 and\n2", "", "lawe> 1"]
)
def test_other_cells_are_left_alone(text):
    assert cleaned(text) == text


def test_loaded_and_unloaded(bare_shell):
    bare_shell.run_cell("%load_ext awlab")
    assert bare_shell.run_cell("Awe> 1 +\\\nAwe>    2").result == 3
    assert bare_shell.input_transformers_cleanup.count(without_prompts) == 1
    bare_shell.run_cell("%unload_ext awlab")
    assert without_prompts not in bare_shell.input_transformers_cleanup
