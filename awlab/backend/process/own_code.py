"""Code of the user that workers do not have: a notebook, or a module named by its path."""

from __future__ import annotations

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from awlab.backend.database import classes_as_bytes
from awlab.backend.errors import TargetError
from awlab.backend.process.plan import Plan

__all__ = ["NOTEBOOK", "load_code", "travelling_classes"]

NOTEBOOK = "__main__"


def load_code(code: str | Path | ModuleType) -> str:
    """Load a module of the user, if it is not loaded yet, and return its name.

    Parameters
    ----------
    code : str, Path or module
        Path of a Python file, or a module.

    Raises
    ------
    TargetError
        If there is no such file, or it cannot be run.
    """
    if isinstance(code, ModuleType):
        return code.__name__
    path = Path(code).expanduser().resolve()
    known = sys.modules.get(path.stem)
    if known is not None and _is_from(known, path):
        return path.stem
    spec = spec_from_file_location(path.stem, path) if path.is_file() else None
    if known is not None or spec is None or spec.loader is None:
        why = "a module of that name is loaded" if known else "there is no such Python file"
        raise TargetError(f"code={str(code)!r}: {why}", "give the path of a .py file")
    module = module_from_spec(spec)
    sys.modules[path.stem] = module
    try:
        spec.loader.exec_module(module)
    # Whatever the code of a user raises.
    except Exception as exc:
        del sys.modules[path.stem]
        raise TargetError(f"{path.name}: {type(exc).__name__}: {exc}", "mend the module") from exc
    return path.stem


def _is_from(module: ModuleType, path: Path) -> bool:
    file = getattr(module, "__file__", None)
    return file is not None and Path(file).resolve() == path


def travelling_classes(plan: Plan, modules: frozenset[str]) -> bytes:
    """Return the classes of a plan that are declared in certain modules, as bytes.

    Raises
    ------
    TargetError
        If something they refer to cannot travel: an open file, a connection.
    """
    classes: dict[str, Any] = {
        node.cls.__name__: node.cls for node in plan.nodes if node.cls.__module__ in modules
    }
    if not classes:
        return b""
    try:
        return classes_as_bytes(classes.values(), modules)
    # Each kind of object that cannot be pickled raises what it likes.
    except Exception as exc:
        raise TargetError(
            f"{', '.join(classes)} cannot be sent to workers: {exc}",
            "keep open files and connections out of what the class refers to",
        ) from exc
