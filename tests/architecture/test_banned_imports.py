"""FITS is read in one file, SQL libraries are imported in one room."""

from __future__ import annotations

import ast

DATABASE = "awlab/backend/database/"
ONLY_IN = {
    "astropy.io.fits": "awlab/backend/dataserver/fits_file.py",
    "fitsio": "awlab/backend/dataserver/fits_file.py",
    "sqlalchemy": DATABASE,
    "psycopg2": DATABASE,
    "alembic": DATABASE,
}


def imported_names(tree):
    """Every dotted name a file imports, also inside functions; ``from a import b`` is ``a.b``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def misplaced_imports(source):
    return [
        f"{source.path}:{line} imports {name}"
        for line, name in imported_names(source.tree)
        for library, place in ONLY_IN.items()
        if f"{name}.".startswith(f"{library}.") and not source.path.startswith(place)
    ]


def test_libraries_stay_in_their_room(sources):
    found = [line for source in sources for line in misplaced_imports(source)]
    assert not found, "\n".join(found)


def test_checker_sees_misplaced_imports(source_of):
    bad = "def f():\n    from astropy.io import fits\n"
    assert misplaced_imports(source_of(bad)) != []
    assert misplaced_imports(source_of("import astropy.io.fits as f")) != []
    assert misplaced_imports(source_of("from sqlalchemy import text")) != []
    assert misplaced_imports(source_of("from sqlalchemy import text", DATABASE + "a.py")) == []
    assert misplaced_imports(source_of("from astropy.io import ascii")) == []
