"""Outside a room only its front door (``awlab.backend.<room>``) is imported."""

from __future__ import annotations

import ast
import re

ROOM_OWNERS = ("awlab.backend", "awlab")
MODULE_TEXT = re.compile(r"awlab(\.\w+){2,}")


def module_name(path):
    parts = path.removesuffix(".py").split("/")
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def room_of(module):
    """The room a module lives in: ``awlab.backend.<room>`` or ``awlab.<room>``."""
    depth = 3 if module.startswith("awlab.backend.") else 2
    return ".".join(module.split(".")[:depth])


def known_modules(sources):
    return {module_name(source.path) for source in sources}


def public_names(sources):
    """``room.name`` of everything the front doors hand out, whatever its module is called."""
    return {
        f"{module_name(source.path)}.{alias.asname or alias.name}"
        for source in sources
        if source.path.endswith("/__init__.py")
        for node in source.tree.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def imported_modules(source, modules, public=frozenset()):
    """Modules of awlab that a file names: in imports, and in text meant for a lazy import."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            named = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            # `from room import x` names the module room.x where there is one, else the room.
            full = {f"{node.module}.{alias.name}" for alias in node.names}
            named = [name if name in modules - public else node.module for name in full]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            named = [node.value] if MODULE_TEXT.fullmatch(node.value) else []
        else:
            continue
        yield from ((node.lineno, name) for name in named if name in modules)


def side_entrances(source, modules, public=frozenset()):
    own = module_name(source.path)
    found = []
    for line, name in imported_modules(source, modules, public):
        room = room_of(name)
        if room_of(own) != room and name != room:
            found.append(f"{source.path}:{line} imports {name} past its front door {room}")
        elif room_of(own) == room == name and own != room and room not in ROOM_OWNERS:
            found.append(f"{source.path}:{line} imports its own front door {room}: a knot")
    return found


def without_all(source, modules):
    """Front doors of the backend's rooms that do not say what is public."""
    name = module_name(source.path)
    is_door = source.path.endswith("/__init__.py") and name.startswith("awlab.backend.")
    if not is_door or room_of(name) != name or not any(m.startswith(name + ".") for m in modules):
        return []
    said = any(
        ast.unparse(target) == "__all__"
        for node in source.tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
    )
    return [] if said else [f"{source.path} has no __all__"]


def test_rooms_are_entered_by_the_front_door(sources):
    modules, public = known_modules(sources), public_names(sources)
    found = [line for source in sources for line in side_entrances(source, modules, public)]
    assert not found, "\n".join(found)


def test_front_doors_say_what_is_public(sources):
    modules = known_modules(sources)
    found = [line for source in sources for line in without_all(source, modules)]
    assert not found, "\n".join(found)


def test_every_room_has_a_front_door(sources):
    # alembic runs the scripts below migrations/ by their path; they are no package.
    sources = [source for source in sources if "/migrations/" not in source.path]
    folders = {source.path.rpartition("/")[0] for source in sources}
    doors = {source.path for source in sources}
    found = [folder for folder in folders if f"{folder}/__init__.py" not in doors]
    assert not found, "\n".join(found)


def test_checker_sees_side_entrances(source_of):
    room, door = "awlab.backend.database", "awlab/backend/database/__init__.py"
    modules = {room, f"{room}.query", f"{room}.meta", "awlab.backend.process.planner"}

    def entrances(text, path="awlab/backend/process/planner.py"):
        return side_entrances(source_of(text, path), modules)

    assert entrances(f"from {room} import Query") == []
    assert entrances(f"from {room} import query") != []
    assert entrances(f"from {room}.query import Query") != []
    assert entrances(f"def f():\n    import {room}.query") != []
    assert entrances(f"x = load('{room}.query')") != []
    assert entrances(f"from {room}.query import Query", "awlab/backend/database/meta.py") == []
    assert entrances(f"from {room} import Query", "awlab/backend/database/meta.py") != []
    assert entrances(f"from {room}.query import Query", door) == []
    open_door = public_names([source_of(f"from {room}.meta import meta", door)])
    user = source_of(f"from {room} import meta", "awlab/backend/process/planner.py")
    assert side_entrances(user, modules, open_door) == []


def test_checker_sees_a_door_without_all(source_of):
    modules = {"awlab.backend.database", "awlab.backend.database.query"}
    door = "awlab/backend/database/__init__.py"
    assert without_all(source_of("x = 1", door), modules) != []
    assert without_all(source_of("__all__ = ['x']", door), modules) == []
