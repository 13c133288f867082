// A line drawn over a figure of another library: the corners are told as shares of the plot.

const SVG = "http://www.w3.org/2000/svg";
const STEP = 4; // between two corners [pixel]
const MOST = 400;

function render({ model, el: host }) {
  const wire = connect(model, () => {});
  const layer = document.createElementNS(SVG, "svg");
  layer.setAttribute("class", "awlab-lasso");
  layer.setAttribute("role", "img");
  layer.setAttribute("aria-label", "lasso: draw around points with the mouse");
  const line = document.createElementNS(SVG, "path");
  layer.append(line);
  host.classList.add("awlab-lasso-host");
  let corners = [];
  let drawing = false;

  function figure() {
    for (let up = host; up; up = up.parentElement) {
      const found = up.querySelector(`.${model.get("figure")}`);
      if (found) return found;
    }
    return null;
  }
  function place() {
    const area = figure()?.querySelector(".plotarea_events")?.getBoundingClientRect();
    if (!area) return;
    const outer = layer.parentElement.getBoundingClientRect();
    Object.assign(layer.style, {
      left: `${area.left - outer.left}px`, top: `${area.top - outer.top}px`,
      width: `${area.width}px`, height: `${area.height}px`,
    });
  }
  const size = new ResizeObserver(place);
  function clear() {
    corners = [];
    line.setAttribute("d", "");
  }
  function adapt() {
    const below = model.get("active") ? figure() : null;
    clear();
    size.disconnect();
    if (!below) { layer.remove(); return; }
    if (getComputedStyle(below).position === "static") below.style.position = "relative";
    below.append(layer);
    size.observe(below);
    place();
  }

  const where = (event) => {
    const area = layer.getBoundingClientRect();
    const inside = (value, most) => Math.max(0, Math.min(most, value));
    return [inside(event.clientX - area.left, area.width), inside(event.clientY - area.top, area.height)];
  };
  const draw = (end = "") => {
    line.setAttribute("d", corners.map(([x, y], i) => `${i ? "L" : "M"}${x.toFixed(1)},${y.toFixed(1)}`).join("") + end);
  };
  layer.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    layer.setPointerCapture(event.pointerId);
    drawing = true;
    corners = [where(event)];
    event.preventDefault();
  });
  layer.addEventListener("pointermove", (event) => {
    if (!drawing) return;
    const [x, y] = where(event);
    const [lastX, lastY] = corners.at(-1);
    if (Math.hypot(x - lastX, y - lastY) < STEP) return;
    corners.push([x, y]);
    draw();
  });
  layer.addEventListener("pointerup", () => {
    if (!drawing) return;
    drawing = false;
    if (corners.length < 3) { clear(); return; }
    draw("Z");
    const { width, height } = layer.getBoundingClientRect();
    const step = Math.ceil(corners.length / MOST);
    wire.ask("enclose", {
      corners: corners.filter((_, i) => i % step === 0).map(([x, y]) => [x / width, 1 - y / height]),
    });
  });
  layer.addEventListener("pointercancel", () => { drawing = false; clear(); });

  wire.on("clear", clear);
  model.on("change:active", adapt);
  adapt();
  return () => { size.disconnect(); layer.remove(); model.off("change:active", adapt); wire.close(); };
}

export default { render };
