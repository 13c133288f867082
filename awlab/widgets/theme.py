"""How states look, in one place: a sign, a word and a colour of the Okabe-Ito palette.

Colour is never alone: who cannot tell orange from green reads the word or the sign.

References
----------
Okabe, M. & Ito, K. (2008), Color Universal Design, https://jfly.uni-koeln.de/color/
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

__all__ = ["PALETTE", "STATES", "Look", "part", "states_as_script", "style_sheet"]

_PARTS = Path(__file__).parent / "parts"

PALETTE: dict[str, str] = {
    "black": "#000000",
    "orange": "#E69F00",
    "sky": "#56B4E9",
    "green": "#009E73",
    "yellow": "#F0E442",
    "blue": "#0072B2",
    "vermillion": "#D55E00",
    "purple": "#CC79A7",
    "grey": "#999999",
}


@dataclass(frozen=True, slots=True)
class Look:
    """How a state is shown.

    Attributes
    ----------
    sign : str
        One character, different for every state.
    word : str
        The state in words.
    colour : str
        Colour of the sign's ground.
    ink : str
        Colour of the sign on it: at least 4.5 to 1.
    """

    sign: str
    word: str
    colour: str
    ink: str = "#000000"


STATES: dict[str, Look] = {
    "up to date": Look("✓", "up to date", PALETTE["green"]),
    "outdated": Look("↻", "outdated", PALETTE["orange"]),
    "to be built": Look("+", "to be built", PALETTE["sky"]),
    "not checked": Look("?", "not checked", PALETTE["grey"]),
    "null": Look("–", "null", "#C8C8C8"),
    "running": Look("▶", "running", PALETTE["blue"], "#FFFFFF"),
    "failed": Look("✕", "failed", PALETTE["vermillion"]),
    "invalid": Look("⊘", "invalid", PALETTE["purple"]),
    "flagged": Look("⚑", "flagged", PALETTE["yellow"]),
    "raw": Look("●", "raw data", PALETTE["sky"]),
    # Calibrations in time: whether they are the ones that apply.
    "used": Look("■", "used", PALETTE["blue"], "#FFFFFF"),
    "partly eclipsed": Look("◧", "partly eclipsed", PALETTE["sky"]),
    "eclipsed": Look("□", "eclipsed", "#C8C8C8"),
    "good": Look("◉", "good", PALETTE["green"]),
    # Jobs and what they make.
    "queued": Look("…", "queued", "#C8C8C8"),
    "finished": Look("◆", "finished", PALETTE["green"]),
    "skipped": Look("»", "skipped", PALETTE["yellow"]),
    "cancelled": Look("◇", "cancelled", PALETTE["grey"]),
}


def part(name: str) -> str:
    """Return the text of a script or style sheet that several widgets share.

    Parameters
    ----------
    name : str
        File in ``parts/``.
    """
    return (_PARTS / name).read_text(encoding="utf-8")


def states_as_script() -> str:
    """Return the states as a constant of JavaScript: scripts know them from here alone."""
    looks = {name: asdict(look) for name, look in STATES.items()}
    return f"const STATES = {json.dumps(looks, ensure_ascii=False)};\n"


def style_sheet(parts: tuple[str, ...] = ()) -> str:
    """Return the style sheet that all widgets share, and those of the parts that have one.

    Parameters
    ----------
    parts : tuple of str
        Names of parts.
    """
    names = ["theme", *(name for name in parts if (_PARTS / f"{name}.css").is_file())]
    return "\n".join(part(f"{name}.css") for name in names)
