"""A mistake is one line and a hint; loading and unloading leave nothing behind."""

from __future__ import annotations

import subprocess
import sys

import pytest
from IPython.core.error import UsageError

from awlab.backend.errors import ObjectNotFound, QueryError, UnknownAttribute
from awlab.kernel_magic.config import prompt


def shown(shell, capsys, code, error):
    """What the shell prints of an error."""
    capsys.readouterr()
    with pytest.raises(error):
        shell.run_cell(code)
    out, err = capsys.readouterr()
    return [line for line in (out + err).splitlines() if line.strip()]


def test_a_verbs_mistake_is_one_line_and_a_hint(shell, capsys):
    lines = shown(shell, capsys, "%awe query BiasFram", ObjectNotFound)
    assert lines == ["ObjectNotFound: no class 'BiasFram'", "  -> " + lines[1].strip()[3:]]
    assert "BiasFrame" in lines[1]


def test_a_cells_mistake_is_short_and_says_where(shell, capsys):
    code = "from awlab import BiasFrame\nx = 1\nBiasFrame.flot"
    lines = shown(shell, capsys, code, UnknownAttribute)
    assert lines[0] == "UnknownAttribute: BiasFrame has no persistent attribute 'flot'"
    assert lines[-1] == "  in line 3: BiasFrame.flot"
    assert len(lines) == 3
    assert len(shown(shell, capsys, "BiasFrame.flot", UnknownAttribute)) == 2


def test_the_rest_is_there_on_demand(shell, capsys):
    shown(shell, capsys, "%awe query BiasFram", ObjectNotFound)
    shell.run_cell("%awe --traceback")
    told = capsys.readouterr().out
    assert "Traceback (most recent call last)" in told
    assert "words.py" in told
    shell.run_cell("%unload_ext awlab")
    shell.run_cell("%load_ext awlab")
    shell.run_cell("%awe --traceback")
    assert capsys.readouterr().out.strip() == "no error yet"


def test_short_errors_can_be_switched_off(shell, capsys):
    shell.run_cell("%awe config short_errors off")
    assert len(shown(shell, capsys, "%awe query BiasFram", ObjectNotFound)) > 5
    assert len(shown(shell, capsys, "from awlab import *\nBiasFrame.x", UnknownAttribute)) > 3


def test_other_errors_are_shown_as_ever(shell, capsys):
    lines = shown(shell, capsys, "1/0", ZeroDivisionError)
    assert any("Traceback" in line for line in lines)


def test_an_error_can_be_caught_by_its_name(shell):
    shell.run_cell(
        "from awlab.backend.errors import AwlabError\n"
        "try:\n    get_ipython().run_line_magic('awe', 'get Nothing chip=x')\n"
        "except LookupError as exc:\n    caught = type(exc).__name__, isinstance(exc, AwlabError)"
    )
    assert shell.user_ns["caught"] == ("ObjectNotFound", True)


def test_bad_syntax_is_a_usage_error(shell):
    for line in ("%awe gett", "%awe get", "%awe query BiasFrame.x = 3"):
        with pytest.raises(UsageError):
            shell.run_cell(line)


def test_settings(shell):
    shell.run_cell("%awe config rows 7")
    assert prompt.rows == 7
    for bad in ("rows many", "rows 0", "nothing on", "short_errors maybe"):
        with pytest.raises(QueryError):
            shell.run_cell(f"%awe config {bad}")
    assert prompt.rows == 7


def state(shell):
    formatter = shell.display_formatter
    return (
        sorted(shell.magics_manager.magics["line"]),
        sorted(shell.magics_manager.magics["cell"]),
        "AweMagics" in shell.magics_manager.registry,
        list(shell.Completer.custom_matchers),
        list(shell.ast_transformers),
        shell.custom_exceptions,
        set(formatter.mimebundle_formatter.type_printers),
        set(formatter.formatters["text/plain"].type_printers),
    )


def test_nothing_is_left_after_unloading(bare_shell):
    before = state(bare_shell)
    bare_shell.run_cell("%load_ext awlab")
    bare_shell.run_cell("%awe config boolean_words on --quiet")
    bare_shell.run_cell("%reload_ext awlab")
    assert state(bare_shell) != before
    bare_shell.run_cell("%unload_ext awlab")
    assert state(bare_shell) == before
    assert prompt.as_dict() == {"boolean_words": False, "short_errors": True, "rows": 20}


def test_a_handler_of_somebody_else_stays(bare_shell):
    bare_shell.set_custom_exc((ArithmeticError,), lambda *_, **__: None)
    bare_shell.run_cell("%load_ext awlab")
    bare_shell.run_cell("%unload_ext awlab")
    assert bare_shell.custom_exceptions == (ArithmeticError,)


def test_every_persistent_class_is_public():
    """In an interpreter of its own: other tests make classes whose module looks like ours."""
    code = (
        "import awlab\n"
        "shown = {name: getattr(awlab, name) for name in awlab.__all__}\n"
        "from awlab.backend.database import registered_classes\n"
        "own = {n for n, c in registered_classes().items() if c.__module__.startswith('awlab.')}\n"
        "print(len(own) > 50, sorted(own - set(shown) - {'DBObject', 'Named'}))\n"
        "print([name for name, found in shown.items() if found is None])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["True []", "[]"]


def test_names_load_late():
    code = (
        "import sys, awlab\n"
        "light = not any(m.startswith('awlab.backend') for m in sys.modules)\n"
        "from awlab import *\n"
        "print(light, BiasFrame.__name__, 'IPython' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "BiasFrame", "False"]
