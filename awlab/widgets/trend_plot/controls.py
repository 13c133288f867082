"""The controls of a trend plot: core widgets, each with a label, reached by keyboard."""

from __future__ import annotations

from typing import Any

import ipywidgets

from awlab.backend.database import class_named
from awlab.widgets.trend_plot.state import PRESETS

__all__ = ["Controls", "number_paths", "presets_here"]

MODES = [("inspect", "inspect"), ("pan, zoom", "pan"), ("select", "select")]
METHODS = [("from the median", "clip"), ("from a running median", "running")]


def presets_here() -> list[tuple[str, str, str, str, str]]:
    """Return the presets whose class exists."""
    return [preset for preset in PRESETS if class_named(preset[1]) is not None]


def number_paths(root: Any, *, texts: bool = False) -> list[str]:
    """Return paths of numbers and times of a class and of what it links to.

    Parameters
    ----------
    root : type
        Persistent class.
    texts : bool
        Return what can colour points instead: names and texts.
    """
    found = []
    for name, attribute in root._attributes.items():
        found += _fitting(name, attribute, texts=texts)
        if attribute.kind == "link" and attribute.dependency:
            for inner, deeper in attribute.type._attributes.items():
                found += _fitting(f"{name}.{inner}", deeper, texts=texts)
    return found


def _fitting(path: str, attribute: Any, *, texts: bool) -> list[str]:
    kinds = ("str", "bool", "int") if texts else ("int", "float", "datetime")
    if attribute.kind == "value" and attribute.type.__name__ in kinds:
        return [path]
    if attribute.kind == "struct" and not texts:
        fields = attribute.type._attributes
        return [f"{path}.{name}" for name in fields if fields[name].type in (int, float)]
    named = attribute.kind == "link" and "name" in attribute.type._attributes
    return [f"{path}.name"] if texts and named else []


class Controls:
    """All controls of a plot, by name; what they do is said where they are observed."""

    def __init__(self) -> None:
        wide = ipywidgets.Layout(width="250px", min_width="150px")
        field = {"layout": wide, "continuous_update": False, "style": {"description_width": "50px"}}
        self.preset = ipywidgets.Dropdown(
            options=[("presets …", "")], layout={"width": "250px"}, tooltip="Plots to begin with",
            description="preset", style={"description_width": "50px"},
        )  # fmt: skip
        self.y = ipywidgets.Combobox(description="y", ensure_option=False, **field)
        self.x = ipywidgets.Combobox(description="x", ensure_option=False, **field)
        self.by = ipywidgets.Combobox(description="colour", ensure_option=False, **field)
        self.x_range = ipywidgets.Text(description="x from", **field)
        self.x_range.layout = {"width": "390px", "min_width": "150px"}
        self.y_range = ipywidgets.Text(description="y from", **field)
        self.mode = ipywidgets.ToggleButtons(
            options=MODES, value="inspect", style={"button_width": "100px"}
        )
        self.log_x = _check("log x")
        self.log_y = _check("log y")
        self.all = ipywidgets.Button(description="show all", layout={"width": "90px"})
        self.table = ipywidgets.ToggleButton(description="show as table", layout={"width": "120px"})
        self.method = ipywidgets.Dropdown(
            options=METHODS, layout={"width": "225px"}, description="far",
            style={"description_width": "30px"},
        )  # fmt: skip
        self.sigma = ipywidgets.BoundedFloatText(
            value=4.0, min=1.0, max=20.0, step=0.5, description="sigma", layout={"width": "130px"},
            style={"description_width": "45px"},
        )  # fmt: skip
        self.find = ipywidgets.Button(description="find outliers", layout={"width": "110px"})
        self.reason = ipywidgets.Text(placeholder="reason", layout={"width": "180px"})
        self.invalidate = ipywidgets.Button(
            description="mark bad", disabled=True, layout={"width": "90px"},
            tooltip="Sets is_valid = 0 on the selected objects, with the reason",
        )  # fmt: skip

    def rows(self) -> list[Any]:
        """Return the controls as rows that wrap where the page is narrow."""
        wrap = {"flex_flow": "row wrap", "align_items": "center"}
        return [
            ipywidgets.HBox([self.preset, self.y, self.x, self.by], layout=wrap),
            ipywidgets.HBox([self.mode, self.log_x, self.log_y, self.all, self.table], layout=wrap),
        ]

    def lower_rows(self) -> list[Any]:
        """Return what stands below the plot."""
        wrap = {"flex_flow": "row wrap", "align_items": "center"}
        return [
            ipywidgets.HBox([self.x_range, self.y_range], layout=wrap),
            ipywidgets.HBox(
                [self.method, self.sigma, self.find, self.reason, self.invalidate], layout=wrap
            ),
        ]

    def offer(self, root: Any) -> None:
        """Offer the paths of a class, and the presets that exist."""
        self.y.options = self.x.options = number_paths(root)
        self.by.options = number_paths(root, texts=True)
        names = [(title, title) for title, *_ in presets_here()]
        self.preset.options = [("presets …", ""), *names]


def _check(text: str) -> Any:
    return ipywidgets.Checkbox(
        description=text, indent=False, layout={"width": "70px"}, style={"description_width": "0"}
    )
