"""The controls of a trend plot: core widgets, each with a label, reached by keyboard."""

from __future__ import annotations

import html
from typing import Any

import ipywidgets

from awlab.backend.database import class_named
from awlab.widgets.trend_plot.figure import COLOURS
from awlab.widgets.trend_plot.judging import VERDICTS
from awlab.widgets.trend_plot.state import PRESETS

__all__ = ["Controls", "legend", "number_paths", "presets_here"]

MODES = [("inspect", "inspect"), ("pan, zoom", "pan"), ("select", "select"), ("lasso", "lasso")]
METHODS = [("from the median", "clip"), ("from a running median", "running")]
# The shapes of the marks, for the legend: no font has all of them.
_SHAPES = [
    "M7,2a5,5 0 1,0 .01,0z", "M2,2h10v10h-10z", "M7,2l6,10h-12z", "M7,1l4,6l-4,6l-4,-6z",
    "M5,1h4v4h4v4h-4v4h-4v-4h-4v-4h4z", "M7,12l6,-10h-12z", "M5,1h4v12h-4z",
    "M7,1a3,6 0 1,0 .01,0z",
]  # fmt: skip


def legend(names: list[str]) -> str:
    """Return the legend of the groups as HTML: a shape and a colour for each name."""
    parts = [
        f'<span><svg width="14" height="14" aria-hidden="true" style="vertical-align:-2px">'
        f'<path d="{shape}" fill="{colour}"/></svg> {html.escape(name)}</span>'
        for name, colour, shape in zip(names, COLOURS, _SHAPES, strict=False)
    ]
    return f'<div style="line-height:1.6">{" &nbsp; ".join(parts)}</div>'


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
        self.twin = ipywidgets.ToggleButton(
            description="second plot", layout={"width": "110px"},
            tooltip="Another plot of the same objects: what is selected in one shows in both",
        )  # fmt: skip
        self.verdict = ipywidgets.Dropdown(
            options=VERDICTS, description="flag as", layout={"width": "165px"},
            style={"description_width": "48px"},
        )  # fmt: skip
        self.reason = ipywidgets.Text(placeholder="reason", layout={"width": "180px"})
        self.judge = ipywidgets.Button(
            description="flag selected", disabled=True, layout={"width": "110px"},
            tooltip="Sets is_valid of the selected objects; the reason is kept with it",
        )  # fmt: skip

    def rows(self) -> list[Any]:
        """Return the controls as rows that wrap where the page is narrow."""
        wrap = {"flex_flow": "row wrap", "align_items": "center"}
        return [
            ipywidgets.HBox([self.preset, self.y, self.x, self.by], layout=wrap),
            ipywidgets.HBox(
                [self.mode, self.log_x, self.log_y, self.all, self.table, self.twin], layout=wrap
            ),
        ]

    def lower_rows(self) -> list[Any]:
        """Return what stands below the plot."""
        wrap = {"flex_flow": "row wrap", "align_items": "center"}
        return [
            ipywidgets.HBox([self.x_range, self.y_range], layout=wrap),
            ipywidgets.HBox(
                [self.method, self.sigma, self.find, self.verdict, self.reason, self.judge],
                layout=wrap,
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
