// A picture of an image: cuts, zoom, read-out, mask. Values come as they are; grey levels are made
// here, so that changing the cuts asks nobody.

const floats = (view) => new Float32Array(view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength));

// asinh with softening 0.1, as thumbnails have it; linear for low contrast.
const SOFT = 0.1;
const STRETCHES = {
  asinh: (v) => Math.asinh(v / SOFT) / Math.asinh(1 / SOFT),
  linear: (v) => v,
};

function greyLevel(value, [low, high], stretch) {
  const share = Math.max(0, Math.min(1, (value - low) / (high - low || 1)));
  return Math.round(255 * STRETCHES[stretch](share));
}

// Small pictures, one canvas pixel for each of theirs; the first row is the lowest, NaN stays clear.
function paintGrey(canvas, { nx, ny }, pixels, limits, stretch) {
  canvas.width = nx;
  canvas.height = ny;
  const context = canvas.getContext("2d");
  const image = context.createImageData(nx, ny);
  for (let k = 0; k < nx * ny; k += 1) {
    const value = pixels[(ny - 1 - Math.floor(k / nx)) * nx + (k % nx)];
    if (Number.isNaN(value)) continue;
    const grey = greyLevel(value, limits, stretch);
    image.data.set([grey, grey, grey, 255], 4 * k);
  }
  context.putImageData(image, 0, 0);
}

function unpackPicture(found) {
  return {
    ...found, pixels: floats(found.buffers[0]), weights: found.weighted ? floats(found.buffers[1]) : null,
  };
}

function createPicture({ label, fetchSection, fetchPixel, height = 420 }) {
  const canvas = el("canvas", {
    class: "awlab-picture", tabindex: "0", role: "img", "aria-label": label,
  });
  const told = el("div", { class: "awlab-picture-told awlab-soft", role: "status" });
  const low = el("input", { type: "number", step: "any", "aria-label": "lower cut" });
  const high = el("input", { type: "number", step: "any", "aria-label": "upper cut" });
  const stretch = el("select", { "aria-label": "stretch" },
    el("option", {}, "asinh"), el("option", {}, "linear"));
  const plane = el("select", { "aria-label": "what is shown" },
    el("option", { value: "pixels" }, "image"), el("option", { value: "weights" }, "weight"));
  const mask = el("input", { type: "checkbox" });
  const masking = el("label", {}, mask, " bad pixels");
  let whole = null; // the picture of all
  let part = null; // the finest picture of what is in sight
  let box = null; // in sight: x0, y0, width, height [image pixel]
  let at = null; // pixel under the pointer
  let cuts = { pixels: [0, 1], weights: [0, 1] };
  let serial = 0;

  const scale = () => canvas.width / box.w;
  function fit() {
    box = { x: 0, y: 0, w: whole.columns, h: whole.rows };
    part = null;
    paint();
  }

  function sampleOf(picture, x, y, name) {
    const column = Math.floor((x - picture.x0) / picture.binning);
    const row = Math.floor((y - picture.y0) / picture.binning);
    if (column < 0 || row < 0 || column >= picture.nx || row >= picture.ny) return undefined;
    return picture[name]?.[row * picture.nx + column];
  }
  const sample = (x, y, name) => (part && sampleOf(part, x, y, name)) ?? sampleOf(whole, x, y, name);

  function paint() {
    if (!whole) return;
    const { width, height: rows } = canvas;
    const context = canvas.getContext("2d");
    const image = context.createImageData(width, rows);
    const name = plane.value;
    const step = box.w / width;
    const limits = cuts[name];
    for (let j = 0; j < rows; j += 1) {
      const y = box.y + (rows - j - 0.5) * step; // the first row is the lowest
      for (let i = 0; i < width; i += 1) {
        const x = box.x + (i + 0.5) * step;
        const value = sample(x, y, name);
        const k = 4 * (j * width + i);
        if (value === undefined) continue;
        const grey = Number.isNaN(value) ? 0 : greyLevel(value, limits, stretch.value);
        const bad = mask.checked && (Number.isNaN(value) || sample(x, y, "weights") === 0);
        image.data[k] = bad ? (grey + 2 * 213) / 3 : grey;
        image.data[k + 1] = bad ? (grey + 2 * 94) / 3 : grey;
        image.data[k + 2] = bad ? grey / 3 : grey;
        image.data[k + 3] = 255;
      }
    }
    context.putImageData(image, 0, 0);
    drawCross(context);
    canvas.dataset.zoom = (scale()).toFixed(3);
  }
  function drawCross(context) {
    if (!at || document.activeElement !== canvas) return;
    const x = (at.x - 0.5 - box.x) * scale();
    const y = canvas.height - (at.y - 0.5 - box.y) * scale();
    context.strokeStyle = "#E69F00";
    context.lineWidth = 1.5;
    context.beginPath();
    for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
      context.moveTo(x + 4 * dx, y + 4 * dy);
      context.lineTo(x + 12 * dx, y + 12 * dy);
    }
    context.stroke();
  }

  const refine = calm(async () => {
    if (!whole || whole.binning === 1 || box.w >= whole.columns * 0.9) return;
    serial += 1;
    const mine = serial;
    const edges = [box.x, box.y, box.x + box.w, box.y + box.h];
    const [x0, y0] = edges.map((v) => Math.max(0, Math.floor(v)));
    const x1 = Math.min(whole.columns, Math.ceil(edges[2]));
    const y1 = Math.min(whole.rows, Math.ceil(edges[3]));
    if (x1 <= x0 || y1 <= y0) return;
    const found = await fetchSection([x0, y0, x1, y1]);
    if (mine !== serial) return;
    part = unpackPicture(found);
    paint();
  }, 250);

  const shorten = (value) => (value === null || value === undefined ? "–" : Number(value.toPrecision(6)).toString());
  const ask = calm(async (x, y) => {
    const found = await fetchPixel(x, y);
    if (!at || at.x !== x || at.y !== y) return;
    const sky = found.ra === undefined ? "" : `  RA ${found.ra.toFixed(5)}  Dec ${found.dec.toFixed(5)}`;
    const weight = found.weight === null ? "" : `  weight ${shorten(found.weight)}`;
    told.textContent = `x ${x}  y ${y}  value ${shorten(found.value)}${weight}${sky}`;
    told.dataset.pixel = `${x},${y}`;
  }, 120);
  function look(x, y) {
    at = {
      x: Math.max(1, Math.min(whole.columns, x)), y: Math.max(1, Math.min(whole.rows, y)),
    };
    const near = sample(at.x - 0.5, at.y - 0.5, "pixels");
    told.textContent = `x ${at.x}  y ${at.y}  about ${shorten(near)}`;
    ask(at.x, at.y);
  }
  function placeOf(event) {
    const edge = canvas.getBoundingClientRect();
    const ratio = canvas.width / edge.width;
    const i = (event.clientX - edge.left) * ratio;
    const j = (event.clientY - edge.top) * ratio;
    return { x: box.x + i / scale(), y: box.y + (canvas.height - j) / scale() };
  }
  function zoom(factor, centre) {
    const middle = centre ?? { x: at ? at.x - 0.5 : box.x + box.w / 2, y: at ? at.y - 0.5 : box.y + box.h / 2 };
    const w = Math.max(8, Math.min(whole.columns, box.w / factor));
    const h = (w * whole.rows) / whole.columns;
    const share = { x: (middle.x - box.x) / box.w, y: (middle.y - box.y) / box.h };
    box = { x: middle.x - share.x * w, y: middle.y - share.y * h, w, h };
    hold();
  }
  function hold() {
    box.x = Math.max(0, Math.min(whole.columns - box.w, box.x));
    box.y = Math.max(0, Math.min(whole.rows - box.h, box.y));
    paint();
    refine();
  }
  function follow() { // keep the cross in sight
    if (at.x - 1 < box.x || at.x > box.x + box.w) box.x = at.x - box.w / 2;
    if (at.y - 1 < box.y || at.y > box.y + box.h) box.y = at.y - box.h / 2;
    hold();
  }

  const keys = {
    ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1],
  };
  canvas.addEventListener("keydown", (event) => {
    if (!whole || event.ctrlKey || event.metaKey) return;
    const step = keys[event.key];
    if (step) {
      const by = Math.max(1, Math.round(1 / scale())) * (event.shiftKey ? 10 : 1);
      const from = at ?? { x: Math.round(box.x + box.w / 2), y: Math.round(box.y + box.h / 2) };
      look(from.x + step[0] * by, from.y + step[1] * by);
      follow();
    } else if (event.key === "+" || event.key === "=") zoom(2);
    else if (event.key === "-") zoom(0.5);
    else if (event.key === "0") fit();
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  canvas.addEventListener("focus", () => paint());
  canvas.addEventListener("blur", () => paint());
  canvas.addEventListener("wheel", (event) => {
    if (!whole) return;
    event.preventDefault();
    zoom(event.deltaY < 0 ? 1.25 : 0.8, placeOf(event));
  }, { passive: false });
  let dragged = null;
  canvas.addEventListener("pointerdown", (event) => {
    if (!whole) return;
    dragged = { ...placeOf(event) };
    canvas.setPointerCapture(event.pointerId);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!whole) return;
    const place = placeOf(event);
    if (dragged) {
      box.x += dragged.x - place.x;
      box.y += dragged.y - place.y;
      hold();
      return;
    }
    look(Math.floor(place.x) + 1, Math.floor(place.y) + 1);
  });
  canvas.addEventListener("pointerup", () => { dragged = null; });
  canvas.addEventListener("dblclick", (event) => zoom(2, placeOf(event)));

  function showCuts() {
    [low.value, high.value] = cuts[plane.value].map((v) => Number(v.toPrecision(5)));
  }
  function setCuts() {
    const [a, b] = [Number(low.value), Number(high.value)];
    if (Number.isFinite(a) && Number.isFinite(b) && a < b) { cuts[plane.value] = [a, b]; paint(); }
  }
  function extremes(values) {
    let [least, most] = [Infinity, -Infinity];
    for (const v of values) {
      if (v < least) least = v;
      if (v > most) most = v;
    }
    return least < most ? [least, most] : [least - 0.5, least + 0.5];
  }
  const choose = (limits) => { cuts[plane.value] = limits; showCuts(); paint(); };
  low.addEventListener("change", setCuts);
  high.addEventListener("change", setCuts);
  stretch.addEventListener("change", paint);
  mask.addEventListener("change", paint);
  plane.addEventListener("change", () => { showCuts(); paint(); });
  const bar = el("div", { class: "awlab-bar" }, plane, masking,
    el("label", {}, "cuts ", low), el("label", {}, "to ", high), stretch,
    button("ZScale", () => choose(plane.value === "pixels" ? whole.limits : extremes(whole.weights))),
    button("min–max", () => choose(extremes(whole[plane.value]))),
    button("+", () => zoom(2), { "aria-label": "zoom in" }),
    button("−", () => zoom(0.5), { "aria-label": "zoom out" }), button("all", () => fit()));

  return {
    box: el("div", { class: "awlab-picture-box" }, bar, canvas, told),
    show(found) {
      whole = unpackPicture(found);
      const ratio = Math.min(560 / whole.columns, height / whole.rows);
      canvas.width = Math.max(60, Math.round(whole.columns * ratio));
      canvas.height = Math.max(30, Math.round((canvas.width * whole.rows) / whole.columns));
      canvas.style.aspectRatio = `${canvas.width} / ${canvas.height}`;
      canvas.style.maxWidth = `${canvas.width}px`;
      cuts = { pixels: whole.limits, weights: whole.weights ? extremes(whole.weights) : [0, 1] };
      masking.hidden = !whole.weights;
      plane.hidden = !whole.weights;
      plane.value = "pixels";
      at = null;
      showCuts();
      fit();
      const size = whole.scale
        ? `, ${((whole.columns * whole.scale) / 60).toFixed(2)} × ${((whole.rows * whole.scale) / 60).toFixed(2)} arcmin` : "";
      told.textContent = `${whole.columns} × ${whole.rows} pixel${size}`;
    },
  };
}
