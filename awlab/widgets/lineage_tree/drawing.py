"""A layered drawing of classes and the links between them, as SVG.

References
----------
Sugiyama, K., Tagawa, S., Toda, M. (1981), IEEE Trans. SMC 11, 109: layers, and the order within
them by barycentres.
"""

from __future__ import annotations

from xml.sax.saxutils import escape

__all__ = ["draw_classes", "layers_of"]

_WIDTH, _HEIGHT = 190, 40
_GAP_X, _GAP_Y = 90, 22
_SWEEPS = 8

Links = dict[tuple[str, str, str], int]


def layers_of(names: list[str], links: Links) -> list[list[str]]:
    """Put every class to the right of all it is made from, and order the columns.

    Parameters
    ----------
    names : list of str
        Classes.
    links : dict
        Numbers of links by (made from, made, role).

    Returns
    -------
    list of list of str
        Columns from left to right, each from top to bottom.
    """
    pairs = {(source, made) for source, made, _ in links if source != made}
    rank = dict.fromkeys(names, 0)
    # As many rounds as there are classes reach the longest way; a circle of classes ends there.
    for _ in names:
        for source, made in pairs:
            rank[made] = max(rank[made], min(rank[source] + 1, len(names)))
    used = sorted(set(rank.values()))
    columns = [sorted(name for name in names if rank[name] == r) for r in used]
    for sweep in range(_SWEEPS):
        _order(columns, pairs, leftwards=sweep % 2 == 1)
    return columns


def _order(columns: list[list[str]], pairs: set[tuple[str, str]], *, leftwards: bool) -> None:
    place = {n: i / max(1, len(c) - 1) for c in columns for i, n in enumerate(c)}
    near: dict[str, list[str]] = {}
    for source, made in pairs:
        here, there = (source, made) if leftwards else (made, source)
        near.setdefault(here, []).append(there)
    for column in columns[::-1] if leftwards else columns:
        centre = {
            name: _mean([place[other] for other in near.get(name, [name])]) for name in column
        }
        column.sort(key=lambda name, centre=centre: (centre[name], name))  # type: ignore[misc]
        place |= {n: i / max(1, len(column) - 1) for i, n in enumerate(column)}


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


def draw_classes(counts: dict[str, int], links: Links) -> str:
    """Draw classes as boxes, inputs to the left of what is made from them.

    Parameters
    ----------
    counts : dict
        Objects by class.
    links : dict
        Numbers of links by (made from, made, role).

    Returns
    -------
    str
        An SVG document, readable on light and on dark ground.
    """
    columns = layers_of(list(counts), links)
    tallest = max(len(column) for column in columns)
    height = tallest * (_HEIGHT + _GAP_Y) + _GAP_Y
    width = len(columns) * (_WIDTH + _GAP_X) + 20
    corner: dict[str, tuple[float, float]] = {}
    for i, column in enumerate(columns):
        free = (height - len(column) * (_HEIGHT + _GAP_Y) + _GAP_Y) / 2
        for j, name in enumerate(column):
            corner[name] = (20 + i * (_WIDTH + _GAP_X), free + j * (_HEIGHT + _GAP_Y))
    lines = [_curve(corner[s], corner[m], r, n) for (s, m, r), n in links.items() if s != m]
    boxes = [_box(name, counts[name], *corner[name]) for name in counts]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"'
            f' width="{width}" height="{height}" font-family="sans-serif" font-size="12">',
            f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
            *lines,
            *boxes,
            "</svg>",
        ]
    )


def _curve(start: tuple[float, float], end: tuple[float, float], role: str, count: int) -> str:
    x1, y1 = start[0] + _WIDTH, start[1] + _HEIGHT / 2
    x2, y2 = end[0], end[1] + _HEIGHT / 2
    bend = (x1 + x2) / 2
    told = escape(f"{role}: {count:,}")
    return (
        f'<path d="M{x1:.0f},{y1:.0f} C{bend:.0f},{y1:.0f} {bend:.0f},{y2:.0f} {x2:.0f},{y2:.0f}"'
        f' fill="none" stroke="#666666" stroke-width="1.2"><title>{told}</title></path>'
    )


def _box(name: str, count: int, x: float, y: float) -> str:
    colour = "#56B4E9" if name.startswith("Raw") else "#E8F4EF"
    return (
        f'<g><rect x="{x:.0f}" y="{y:.0f}" width="{_WIDTH}" height="{_HEIGHT}" rx="4"'
        f' fill="{colour}" stroke="#333333"/>'
        f'<text x="{x + 8:.0f}" y="{y + 17:.0f}" font-weight="600">{escape(name)}</text>'
        f'<text x="{x + 8:.0f}" y="{y + 33:.0f}">{count:,}</text></g>'
    )
