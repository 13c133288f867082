// Small plots as SVG: one path for all points, colours by the style sheet, text as text.

const SVG = "http://www.w3.org/2000/svg";
const PLOT = { width: 300, height: 210, left: 48, right: 10, top: 10, bottom: 34 };

function svg(tag, attributes = {}, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

function ticksOf(low, high, count = 4) {
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((f) => f * power).find((s) => s >= rough);
  const found = [];
  for (let v = Math.ceil(low / step) * step; v <= high + step * 1e-6; v += step) found.push(v);
  const digits = Math.max(0, Math.min(8, -Math.floor(Math.log10(step) + 1e-9) + (step / power === 2.5 ? 1 : 0)));
  return found.map((v) => [v, Math.abs(v) >= 1e5 ? v.toExponential(1) : v.toFixed(digits)]);
}

function rangeOf(values, room = 0.06) {
  let [low, high] = [Infinity, -Infinity];
  for (const v of values) {
    if (v < low) low = v;
    if (v > high) high = v;
  }
  if (!Number.isFinite(low)) return [0, 1];
  const margin = (high - low) * room || Math.abs(low) * 0.01 || 0.5;
  return [low - margin, high + margin];
}

// Axes with titles; returns the drawing and how values become places.
function axes({ x, y, xTitle, yTitle, label, width = PLOT.width, height = PLOT.height, zero = false }) {
  const { left, right, top, bottom } = PLOT;
  const toX = (v) => left + ((v - x[0]) / (x[1] - x[0])) * (width - left - right);
  const toY = (v) => height - bottom - ((v - y[0]) / (y[1] - y[0])) * (height - top - bottom);
  const drawing = svg("svg", {
    viewBox: `0 0 ${width} ${height}`, class: "awlab-plot", role: "img", "aria-label": label,
  });
  drawing.style.maxWidth = `${width * 1.25}px`;
  drawing.append(svg("rect", {
    x: left, y: top, width: width - left - right, height: height - top - bottom, class: "awlab-plot-frame",
  }));
  for (const [v, text] of ticksOf(...x)) {
    drawing.append(svg("line", { x1: toX(v), x2: toX(v), y1: height - bottom, y2: height - bottom + 4, class: "awlab-plot-tick" }),
      svg("text", { x: toX(v), y: height - bottom + 14, "text-anchor": "middle" }, text));
  }
  for (const [v, text] of ticksOf(...y)) {
    drawing.append(svg("line", { x1: left - 4, x2: left, y1: toY(v), y2: toY(v), class: "awlab-plot-tick" }),
      svg("text", { x: left - 6, y: toY(v) + 3.5, "text-anchor": "end" }, text));
  }
  if (zero && y[0] < 0 && y[1] > 0) {
    drawing.append(svg("line", { x1: left, x2: width - right, y1: toY(0), y2: toY(0), class: "awlab-plot-zero" }));
  }
  drawing.append(
    svg("text", { x: (left + width - right) / 2, y: height - 4, "text-anchor": "middle" }, xTitle),
    svg("text", { x: 10, y: (top + height - bottom) / 2, "text-anchor": "middle",
      transform: `rotate(-90 10 ${(top + height - bottom) / 2})` }, yTitle));
  return { drawing, toX, toY };
}

const dots = (indices, toX, toY, x, y) =>
  indices.map((i) => `M${toX(x[i]).toFixed(1)},${toY(y[i]).toFixed(1)}h0`).join("");

// Points, those left out of the solution as crosses.
function scatterPlot({ x, y, used, xTitle, yTitle, label }) {
  const { drawing, toX, toY } = axes({ x: rangeOf(x), y: rangeOf(y), xTitle, yTitle, label, zero: true });
  const all = [...x.keys()];
  const kept = all.filter((i) => used[i]);
  const gone = all.filter((i) => !used[i]);
  drawing.append(svg("path", { d: dots(kept, toX, toY, x, y) || "M0,0", class: "awlab-plot-dots" }),
    svg("path", {
      d: gone.map((i) => `M${toX(x[i]) - 3},${toY(y[i]) - 3}l6,6m0,-6l-6,6`).join("") || "M0,0", class: "awlab-plot-gone",
    }));
  drawing.dataset.points = x.length;
  return drawing;
}

function histogramPlot({ counts, edges, xTitle, label }) {
  const logs = counts.map((n) => Math.log10(n + 1));
  const { drawing, toX, toY } = axes({
    x: [edges[0], edges.at(-1)], y: [0, Math.max(...logs) * 1.05 || 1], xTitle, yTitle: "log10(pixels + 1)", label,
  });
  const path = logs.map((v, i) => `V${toY(v).toFixed(1)}H${toX(edges[i + 1]).toFixed(1)}`).join("");
  drawing.append(svg("path", { d: `M${toX(edges[0])},${toY(0)}${path}V${toY(0)}Z`, class: "awlab-plot-area" }));
  return drawing;
}

// Whiskers along the major axis of every star, as long as its ellipticity.
function whiskerPlot({ stars, map, label }) {
  const all = (name) => [stars, map].flatMap((found) => found?.[name] ?? []);
  const x = rangeOf(all("x"), 0.04);
  const y = rangeOf(all("y"), 0.04);
  const shape = Math.max(0.6, Math.min(1.3, (y[1] - y[0]) / (x[1] - x[0])));
  const width = 300;
  const { drawing, toX, toY } = axes({
    x, y, xTitle: "x [pixel]", yTitle: "y [pixel]", label, width, height: Math.round(width * shape) + 20,
  });
  const length = 400; // of an ellipticity of 1, on the drawing
  const whiskers = ({ x: xs, y: ys, e1, e2 }) => xs.map((_, i) => {
    const size = (Math.hypot(e1[i], e2[i]) * length) / 2;
    const angle = Math.atan2(e2[i], e1[i]) / 2;
    const [dx, dy] = [size * Math.cos(angle), size * Math.sin(angle)];
    return `M${(toX(xs[i]) - dx).toFixed(1)},${(toY(ys[i]) + dy).toFixed(1)}l${(2 * dx).toFixed(1)},${(-2 * dy).toFixed(1)}`;
  }).join("");
  if (map?.x?.length && map.e1) drawing.append(svg("path", { d: whiskers(map), class: "awlab-plot-map" }));
  if (stars?.x?.length) drawing.append(svg("path", { d: whiskers(stars), class: "awlab-plot-whiskers" }));
  const bar = 0.1 * length;
  drawing.append(svg("path", { d: `M${width - 16 - bar},18h${bar}`, class: "awlab-plot-whiskers" }),
    svg("text", { x: width - 20 - bar, y: 22, "text-anchor": "end" }, "e = 0.1"));
  drawing.dataset.stars = stars?.x?.length ?? 0;
  return drawing;
}

// A line through a few values, the one at `here` marked.
function sparkline(series, here, label) {
  const known = series.map((v, i) => [i, v]).filter(([, v]) => v !== null);
  const [width, height] = [110, 24];
  const drawing = svg("svg", {
    viewBox: `0 0 ${width} ${height}`, width, height, class: "awlab-spark", role: "img", "aria-label": label,
  });
  if (known.length < 2) return drawing;
  const [low, high] = rangeOf(known.map(([, v]) => v), 0.15);
  const place = ([i, v]) => [4 + (i / Math.max(1, series.length - 1)) * (width - 8), height - ((v - low) / (high - low)) * height];
  drawing.append(svg("path", { d: `M${known.map((p) => place(p).map((c) => c.toFixed(1)).join(",")).join("L")}`, class: "awlab-plot-line" }));
  const mine = known.find(([i]) => i === here);
  if (mine) {
    const [cx, cy] = place(mine);
    drawing.append(svg("circle", { cx, cy, r: 3.5, class: "awlab-plot-here" }));
  }
  return drawing;
}
