"""Whether a line across a frame is a satellite track, and how wide it is with its wings.

The frame is resampled along the line into segments; in each the profile across the line is the
median of many pixels, so stars on the way do not matter. The line is moved and turned to follow the
crest, then judged: how much of it is bright, how evenly, and how far out the mean profile stands
above the sky.

References
----------
.. [1] Rousseeuw & Leroy 1987, Robust Regression and Outlier Detection (medians, repeated medians).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from awlab.backend.algorithms.arrays import FloatImage, PixelMap

__all__ = ["Track", "examine_line", "mask_track"]

Values = npt.NDArray[np.float64]
Ends = tuple[float, float, float, float]

_REACH = 40
_SKY_FROM = 28
_SEGMENT = 32
_CORE = 2
# A track seen in a segment has this much of its median brightness, and stands out this much.
_EVEN = (0.25, 4.0)
_SEEN = 2.5
# Wings end where they are lost: below this part of the noise of a pixel, and of the crest.
_FAINTEST = 0.1
_AXIS = 2.0
_SHARP = 1.5
# Steps from pixel to pixel, as a part of the crest: 0.6 in a seeing of 2 pixels, 1 in a column.
_STEP = 0.75
_CLEAR = 5.0
# Fifths of a track differ less than this; the spike of a star fades by far more.
_FADING = 3.0
_PARTS = 5


@dataclass(frozen=True, slots=True)
class Track:
    """A satellite track.

    Attributes
    ----------
    x0, y0, x1, y1 : float
        Ends on its crest, 0-based [pixel].
    half_width : float
        Distance from the crest at which the wings are lost in the noise [pixel].
    brightness : float
        Crest over the noise of a pixel.
    coverage : float
        Part of the way along which it is seen.
    """

    x0: float
    y0: float
    x1: float
    y1: float
    half_width: float
    brightness: float
    coverage: float

    @property
    def length(self) -> float:
        """Distance between the ends [pixel]."""
        return float(np.hypot(self.x1 - self.x0, self.y1 - self.y0))


def examine_line(
    excess: FloatImage, hidden: npt.NDArray[np.bool_], ends: Ends, coverage: float
) -> Track | None:
    """Judge a line; follow the track if it is one.

    Parameters
    ----------
    excess : ndarray of float32, shape (ny, nx)
        Frame less background, over its noise [sigma].
    hidden : ndarray of bool, shape (ny, nx)
        Pixels that do not count [true or false].
    ends : tuple of float
        x0, y0, x1, y1 of the line, to about 3 pixels [pixel].
    coverage : float
        Least part of the way along which a track is seen.

    Returns
    -------
    Track or None
        The track; None if the line is something else.
    """
    clipped = _clip_ends(ends, excess.shape)
    if clipped is None:
        return None
    for reach in (12, 6, 4):
        profiles = _profiles(excess, hidden, clipped)
        turned = _follow(profiles, clipped, reach)
        clipped = None if turned is None else _clip_ends(turned, excess.shape)
        if clipped is None:
            return None
    return _judge(_profiles(excess, hidden, clipped), clipped, coverage)


def _clip_ends(ends: Ends, shape: tuple[int, ...]) -> Ends | None:
    """The part of an endless line that lies in the frame."""
    x0, y0, x1, y1 = ends
    dx, dy = x1 - x0, y1 - y0
    low, high = -np.inf, np.inf
    for start, step, size in ((x0, dx, shape[1]), (y0, dy, shape[0])):
        if abs(step) < 1e-9:
            if not -0.5 <= start <= size - 0.5:
                return None
            continue
        one, other = sorted(((-0.5 - start) / step, (size - 0.5 - start) / step))
        low, high = max(low, one), min(high, other)
    if not high - low > 0 or not np.isfinite(high - low):
        return None
    if np.hypot(dx, dy) * (high - low) < 2 * _SEGMENT:
        return None
    return x0 + low * dx, y0 + low * dy, x0 + high * dx, y0 + high * dy


def _profiles(excess: FloatImage, hidden: npt.NDArray[np.bool_], ends: Ends) -> Values:
    """Median profiles across the line, per segment: shape (segments, 2 reach + 1); NaN: no data."""
    x0, y0, x1, y1 = ends
    length = float(np.hypot(x1 - x0, y1 - y0))
    ux, uy = (x1 - x0) / length, (y1 - y0) / length
    segments = max(2, int(length / _SEGMENT))
    along = (np.arange(segments * _SEGMENT) + 0.5) * length / (segments * _SEGMENT)
    across = np.arange(-_REACH, _REACH + 1)
    x = np.rint(x0 + ux * along[:, None] - uy * across).astype(int)
    y = np.rint(y0 + uy * along[:, None] + ux * across).astype(int)
    inside = (x >= 0) & (x < excess.shape[1]) & (y >= 0) & (y < excess.shape[0])
    x, y = np.where(inside, x, 0), np.where(inside, y, 0)
    values = np.where(inside & ~hidden[y, x], excess[y, x], np.nan).astype(np.float64)
    stacked = values.reshape(segments, _SEGMENT, across.size)
    # nanmedian without its warning for profiles that have no pixel at all.
    ordered = np.sort(stacked, axis=1)
    number = np.isfinite(ordered).sum(axis=1)
    middle = np.take_along_axis(ordered, np.maximum(number - 1, 0)[:, None, :] // 2, axis=1)[:, 0]
    return np.where(number >= _SEGMENT // 4, middle, np.nan)


def _sky(profiles: Values) -> Values:
    """Level beside the line, per segment."""
    outer = np.abs(np.arange(-_REACH, _REACH + 1)) >= _SKY_FROM
    return _median(profiles[:, outer], axis=1)


def _median(values: Values, axis: int) -> Values:
    """Median of what is finite along an axis; 0 where nothing is."""
    masked = np.ma.masked_invalid(values)
    return np.asarray(np.ma.median(masked, axis=axis).filled(0.0), np.float64)  # type: ignore[no-untyped-call]


def _follow(profiles: Values, ends: Ends, reach: int) -> Ends | None:
    """Move and turn a line to the crest of its segments."""
    light = np.nan_to_num(profiles - _sky(profiles)[:, None])
    near = slice(_REACH - reach, _REACH + reach + 1)
    offsets = np.arange(-reach, reach + 1)
    # A running mean of 3 finds the crest; what stands above half of it gives the centre.
    smooth = light.copy()
    smooth[:, 1:-1] = (light[:, :-2] + light[:, 1:-1] + light[:, 2:]) / 3
    part = np.maximum(smooth[:, near] - 0.5 * smooth[:, near].max(axis=1, keepdims=True), 0)
    total = part.sum(axis=1)
    good = total > 0
    if good.sum() < 2:
        return None
    centre = (part[good] * offsets).sum(axis=1) / total[good]
    place = (np.flatnonzero(good) + 0.5) / len(profiles)
    start, slope = _straight(place, centre)
    x0, y0, x1, y1 = ends
    length = float(np.hypot(x1 - x0, y1 - y0))
    ux, uy = (x1 - x0) / length, (y1 - y0) / length
    first, last = start, start + slope
    return x0 - uy * first, y0 + ux * first, x1 - uy * last, y1 + ux * last


def _straight(place: Values, value: Values) -> tuple[float, float]:
    """Intercept and slope of a line through points, some of which are far off."""
    from scipy.stats import siegelslopes

    slope, start = siegelslopes(value, place)
    return float(start), float(slope)


def _judge(profiles: Values, ends: Ends, coverage: float) -> Track | None:
    """A track if it is bright along most of its way, evenly, and no bad column."""
    sky = _sky(profiles)
    light = profiles - sky[:, None]
    core = light[:, _REACH - _CORE : _REACH + _CORE + 1]
    known = np.isfinite(core).sum(axis=1) > _CORE
    if known.sum() < 2:
        return None
    crest = np.where(known, np.ma.masked_invalid(core).mean(axis=1).filled(0.0), 0.0)
    outer = np.abs(np.arange(-_REACH, _REACH + 1)) >= _SKY_FROM
    scatter = 1.4826 * float(np.nanmedian(np.abs(light[known][:, outer])))
    error = scatter / np.sqrt(2 * _CORE + 1)
    typical = float(np.median(crest[known]))
    low, high = _EVEN
    seen = known & (crest > _SEEN * error) & (crest > low * typical) & (crest < high * typical)
    first, last = _extent(seen, known)
    part = float(seen[first : last + 1].sum() / max(known[first : last + 1].sum(), 1))
    if part < coverage or (last - first + 1) < 0.5 * len(known):
        return None
    # Taken over the whole track the mean must be beyond doubt.
    if np.mean(crest[seen]) * np.sqrt(seen.sum()) < 3 * _SEEN * error:
        return None
    if _fades(crest, seen, error) or _is_column(light[seen], ends):
        return None
    profile = _median(light[seen], axis=0)
    width = _half_width(profile, scatter / np.sqrt(seen.sum()))
    return _track(ends, (first, last, len(known)), (width, float(profile.max()), part))


def _extent(seen: npt.NDArray[np.bool_], known: npt.NDArray[np.bool_]) -> tuple[int, int]:
    """First and last segment of the track; up to the edge if only hidden pixels lie beyond."""
    where = np.flatnonzero(seen)
    if not where.size:
        return 0, len(seen) - 1
    first, last = int(where[0]), int(where[-1])
    if not known[:first].any() or first <= 2:
        first = 0
    if not known[last + 1 :].any() or last >= len(seen) - 3:
        last = len(seen) - 1
    return first, last


def _fades(crest: Values, seen: npt.NDArray[np.bool_], error: float) -> bool:
    """Whether the light falls from one place to both sides, as a spike does from its star."""
    where = np.array_split(np.flatnonzero(seen), _PARTS)
    if min(len(part) for part in where) < 1:
        return False
    levels = np.array([np.median(crest[part]) for part in where])
    top = int(np.argmax(levels))
    tolerance = 3 * error / np.sqrt(len(where[0]))
    falling = np.all(np.diff(levels[: top + 1]) > -tolerance)
    falling &= np.all(np.diff(levels[top:]) < tolerance)
    lowest = min(levels[0], levels[-1])
    return bool(falling and levels[top] > _FADING * max(lowest, tolerance))


def _is_column(light: Values, ends: Ends) -> bool:
    """A line along an axis of the detector, with edges sharper than the seeing makes anything."""
    x0, y0, x1, y1 = ends
    if min(abs(x1 - x0), abs(y1 - y0)) >= _AXIS:
        return False
    near = light[:, _REACH - 8 : _REACH + 9]
    profile = _median(near, axis=0)
    top = max(float(profile.max()), 1e-9)
    if profile[5:12].clip(0).sum() < 2 * _SHARP * top:
        return True
    if top < _CLEAR:
        return bool(np.abs(np.diff(profile)).max() > _STEP * top)
    # A line that is turned a little smears the mean profile: ask the segments.
    steps = np.nanmax(np.abs(np.diff(near, axis=1)), axis=1)
    tops = np.maximum(np.nanmax(near, axis=1), 1e-9)
    return bool(np.median(steps / tops) > _STEP)


def _half_width(profile: Values, error: float) -> float:
    """Distance at which the wings are lost, on the side where they reach further."""
    least = max(_FAINTEST, 3 * error)
    bright = profile > least
    widths = []
    for side in (bright[_REACH:], bright[_REACH::-1]):
        # The wing ends at the first two pixels in a row below the limit.
        below = ~side[:-1] & ~side[1:]
        widths.append(int(np.argmax(below)) if below.any() else _REACH)
    return float(max(*widths, 2))


def _track(ends: Ends, segments: tuple[int, int, int], found: tuple[float, float, float]) -> Track:
    x0, y0, x1, y1 = ends
    first, last, number = segments
    start, stop = first / number, (last + 1) / number
    return Track(
        x0 + start * (x1 - x0),
        y0 + start * (y1 - y0),
        x0 + stop * (x1 - x0),
        y0 + stop * (y1 - y0),
        *found,
    )


def mask_track(free: PixelMap, track: Track, margin: float) -> None:
    """Set the pixels under a track to 0, in place.

    Parameters
    ----------
    free : ndarray of uint8, shape (ny, nx)
        Pixel map [1 good, 0 bad].
    track : Track
        The track.
    margin : float
        Added to its half width, and to its ends [pixel].
    """
    ny, nx = free.shape
    dx, dy = track.x1 - track.x0, track.y1 - track.y0
    length = max(track.length, 1e-9)
    width = track.half_width + margin
    columns = np.arange(nx, dtype=np.float32) - np.float32(track.x0)
    rows = np.arange(ny, dtype=np.float32) - np.float32(track.y0)
    across = (columns[None, :] * np.float32(dy) - rows[:, None] * np.float32(dx)) / length
    along = (columns[None, :] * np.float32(dx) + rows[:, None] * np.float32(dy)) / length
    free[(np.abs(across) <= width) & (along >= -width) & (along <= length + width)] = 0
