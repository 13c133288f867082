"""Write the reference pages from the classes themselves: ``make docs``.

What is declared in the code is the documentation: quality flags come from the registry that decodes
them, process parameters from the classes that keep them.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from typing import Any

from awlab import backend
from awlab.backend.database import registered_classes
from awlab.backend.datamodel import describe_flags
from awlab.backend.process import parameter_class, parameter_names

PAGES = Path(__file__).parent
_HEAD = "<!-- Written by `make docs` from the classes: change those, not this page. -->\n"
_FLAGS = """# Quality flags

`quality_flags` is the verdict of the system: one bit per finding, 0 is good. `frame.quality_flags`
shows names, `.explain()` says what they mean. Bits 0 to 15 mean the same everywhere; those of a
class begin at 16 and hold for the classes derived from it. Bad data is never an exception: it is a
bit. `is_valid` is the verdict of people: 0 bad, 1 valid, 2 qualified.
"""
_PARAMETERS = """# Process parameters

Every parameter of the chain with its default. `Pars(ReducedScienceFrame)` shows those of a target
and all it needs; change some and hand them to `get`, `plan` or `lpu.run`:

```python
p = Pars(ReducedScienceFrame)
p.BiasFrame.process_params.SIGMA_CLIP = 5.0
ReducedScienceFrame.get(chip='ccd53', date='2000-04-28', pars=p)
```

The values used are kept with every product, and a change of them makes it outdated.
"""


def quality_flags_page() -> str:
    """Return the page of the quality flags."""
    known = _classes()
    rows: dict[str, list[dict[str, Any]]] = {}
    for row in describe_flags():
        if row["class"] in known:
            rows.setdefault(row["class"], []).append(row)
    parts = [_HEAD, _FLAGS]
    # The class whose bits all others share comes first.
    for name in sorted(rows, key=lambda name: (rows[name][0]["bit"], name)):
        parts.append(f"\n## {name}\n\n| bit | value | name | meaning |\n|---|---|---|---|\n")
        parts += [
            f"| {row['bit']} | {1 << row['bit']} | `{row['name']}` | {_cell(row['meaning'])} |\n"
            for row in rows[name]
        ]
    return "".join(parts)


def process_parameters_page() -> str:
    """Return the page of the process parameters."""
    parts = [_HEAD, _PARAMETERS]
    for name, cls in sorted(_classes().items()):
        parameters = parameter_class(cls)
        if parameters is None or cls._abstract:
            continue
        parts.append(f"\n## {name}\n\n| parameter | default | meaning |\n|---|---|---|\n")
        for parameter in parameter_names(parameters):
            attribute = parameters._attributes[parameter]
            default = _cell(repr(attribute.default))
            parts.append(f"| `{parameter}` | {default} | {_cell(attribute.doc)} |\n")
    return "".join(parts)


def write_pages() -> None:
    """Write all pages beside this file."""
    for name, page in pages().items():
        (PAGES / name).write_text(page, encoding="utf-8")


def pages() -> dict[str, str]:
    """Return the pages by file name."""
    return {
        "quality-flags.md": quality_flags_page(),
        "process-parameters.md": process_parameters_page(),
    }


def _classes() -> dict[str, Any]:
    """Return the classes of awlab itself, without those that a user or a test has defined."""
    # All rooms, whether or not the prompt knows their names: the page depends on nothing else.
    for module in walk_packages(backend.__path__, "awlab.backend."):
        import_module(module.name)
    return {
        name: cls
        for name, cls in registered_classes().items()
        if cls.__module__.startswith("awlab.backend.")
    }


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


if __name__ == "__main__":
    write_pages()
