"""``and``, ``or``, ``not``: queries are combined, everything else is as Python has it."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from awlab.backend.datamodel import Chip
from awlab.backend.errors import AmbiguousTruth, QueryError
from awlab.kernel_magic.boolean_words import BooleanWords, install, is_installed, remove

A, B, C = Chip.gain > 1, Chip.gain < 5, Chip.name == "x"


def run(code, mode="exec", **names):
    tree = BooleanWords(names).visit(ast.parse(code, mode=mode))
    compiled = compile(tree, "<cell>", mode)
    return eval(compiled, names) if mode == "eval" else exec(compiled, names) or names


def value(expression, **names):
    return run(expression, "eval", **names)


@pytest.mark.parametrize(
    ("words", "signs"),
    [
        ("a and b", "a & b"),
        ("a or b", "a | b"),
        ("not a", "~a"),
        ("a and b and c", "a & (b & c)"),
        ("a and b or c", "(a & b) | c"),
        ("a or b and c", "a | (b & c)"),
        ("not (a or not b) and c", "~(a | ~b) & c"),
        ("a and (b or c)", "a & (b | c)"),
        ("True and a", "a"),
        ("None or a", "a"),
    ],
)
def test_words_between_queries(words, signs):
    names = {"a": A, "b": B, "c": C}
    assert str(value(words, **names)) == str(eval(signs, names))


OPERANDS = ["0", "1", "''", "'s'", "[]", "[0]", "None", "2.5"]


def expressions():
    leaf = st.sampled_from(OPERANDS)
    joined = lambda inner: st.one_of(  # noqa: E731
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(
            lambda part: f"({part[0]} {part[1]} {part[2]})"
        ),
        inner.map(lambda part: f"(not {part})"),
        st.lists(inner, min_size=3, max_size=4).map(lambda parts: f"({' and '.join(parts)})"),
    )
    return st.recursive(leaf, joined, max_leaves=12)


@given(expressions())
def test_plain_values_are_as_in_python(expression):
    assert value(expression) == eval(expression)
    assert type(value(expression)) is type(eval(expression))


@given(expressions())
def test_the_same_operands_are_asked_in_the_same_order(expression):
    def traced(how):
        log = []
        tree = ast.parse(expression, mode="eval")

        class Wrap(ast.NodeTransformer):
            def wrap(self, node):
                call = ast.Call(ast.Name("ask", ast.Load()), [node], [])
                return ast.copy_location(call, node)

            visit_Constant = visit_List = wrap  # noqa: N815

        def ask(inner):
            log.append(inner)
            return inner

        names = {"ask": ask}
        tree = ast.fix_missing_locations(Wrap().visit(tree))
        eval(compile(how(tree, names), "<cell>", "eval"), names)
        return log

    assert traced(lambda tree, names: BooleanWords(names).visit(tree)) == traced(
        lambda tree, names: tree
    )


def test_the_second_operand_is_not_looked_at_where_python_does_not():
    assert value("a or 1/0", a=1) == 1
    assert value("a and 1/0", a=0) == 0
    with pytest.raises(ZeroDivisionError):
        value("a and 1/0", a=A)


def test_names_scopes_and_statements_keep_their_meaning():
    names = run(
        "class K:\n"
        "    one = 1\n"
        "    two = one and 2\n"
        "    three = [i for i in range(4) if i and not i == 2]\n"
        "def f(n):\n"
        "    return n and f(n - 1) or 'end'\n"
        "def g():\n"
        "    here = 5\n"
        "    return here and sorted(locals())\n"
        "if (m := 3) and (k := m + 1):\n"
        "    found = m, k\n"
        "try:\n"
        "    q and 1/0\n"
        "except ZeroDivisionError:\n"
        "    after = 1 and 2\n"
        "many = ' and '.join(str(i) for i in range(3) if i or True)\n",
        q=A,
    )
    assert (names["K"].two, names["K"].three) == (2, [1, 3])
    assert names["f"](50) == "end"
    assert names["g"]() == ["here"]
    assert (names["found"], names["after"]) == ((3, 4), 2)
    assert names["many"] == "0 and 1 and 2"


def test_generators_and_coroutines_keep_their_order():
    names = run(
        "def g():\n    x = (yield 1) and (yield 2)\n    yield ('end', x)\n"
        "pairs = [(a and b) for a in (0, 1) for b in (2, 3)]\n"
    )
    made = names["g"]()
    assert [next(made), made.send(5), made.send(7)] == [1, 2, ("end", 7)]
    assert names["pairs"] == [0, 0, 2, 3]


def test_a_query_and_something_else_is_refused():
    with pytest.raises(QueryError, match="not a query"):
        value("a and 5", a=A)


def test_in_a_shell(shell):
    shell.user_ns.update(a=A, b=B)
    with pytest.raises(AmbiguousTruth):
        shell.run_cell("a and b")
    install(shell)
    install(shell)
    assert sum(isinstance(t, BooleanWords) for t in shell.ast_transformers) == 1
    shell.run_cell("q = a and b")
    assert str(shell.user_ns["q"]) == str(A & B)
    shell.run_cell("def later():\n    return a and not b")
    remove(shell)
    assert not is_installed(shell)
    assert str(shell.user_ns["later"]()) == str(A & ~B)
    with pytest.raises(AmbiguousTruth):
        shell.run_cell("a and b")


def test_reset_does_no_harm(shell):
    install(shell)
    shell.run_cell("%reset -f")
    shell.user_ns.update(a=A, b=B)
    shell.run_cell("q = a or b")
    assert str(shell.user_ns["q"]) == str(A | B)
