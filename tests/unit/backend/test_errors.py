"""The tree of errors: one place, each also a built-in, each with a hint."""

from __future__ import annotations

import builtins
import pickle
import pkgutil
import re
from importlib import import_module

import pytest

import awlab
from awlab.backend import errors

LEAVES = [getattr(errors, name) for name in errors.__all__ if name != "AwlabError"]


def test_every_error_of_awlab_is_in_the_tree():
    """Whoever catches an error of awlab finds its class in one module."""
    for module in pkgutil.walk_packages(awlab.__path__, "awlab."):
        if not module.name.endswith("__main__") and ".migrations." not in module.name:
            import_module(module.name)
    elsewhere = [c for c in errors.AwlabError.__subclasses__() if c.__module__ != errors.__name__]
    assert [c for c in elsewhere if c.__module__.startswith("awlab.")] == []


@pytest.mark.parametrize("leaf", LEAVES, ids=lambda leaf: leaf.__name__)
def test_a_leaf_is_what_the_tree_says(leaf):
    drawn = dict(re.findall(r"(\w+)\((\w+)\)", errors.__doc__))
    base = getattr(builtins, drawn[leaf.__name__])
    assert issubclass(leaf, errors.AwlabError)
    assert issubclass(leaf, base)
    error = leaf("chip 'x' is unknown", "use ccd50")
    again = pickle.loads(pickle.dumps(error))
    for one in (error, again):
        assert (one.message, one.hint) == ("chip 'x' is unknown", "use ccd50")
        assert str(one) == "chip 'x' is unknown (use ccd50)"
