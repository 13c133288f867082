// A chart of the sky, drawn on a canvas: it needs no library, no graphics card and no network.
// Zenithal equal-area projection (Calabretta & Greisen 2002, A&A 395, 1077, sect. 5.1.7): from a
// chip to the whole sky. East is left. The sky is dark whatever the theme.

const DEGREE = Math.PI / 180;
const SKY = { ground: "#0b1020", grid: "#3d4a66", label: "#b8c4dc", chosen: "#ffffff", marked: "#F0E442" };
const SKY_LAYERS = [
  { colour: "#E69F00", dash: [], shape: "○" }, { colour: "#56B4E9", dash: [9, 4], shape: "□" },
  { colour: "#CC79A7", dash: [2, 3], shape: "◇" }, { colour: "#00c08b", dash: [12, 3, 2, 3], shape: "+" },
  { colour: "#ff8030", dash: [5, 5], shape: "×" },
];
const skyLook = (number) => SKY_LAYERS[number % SKY_LAYERS.length];
const STEPS = [30, 10, 5, 2, 1, ...[1, 2, 3, 4].flatMap((k) => [5, 2, 1].map((n) => n * 10 ** -k))];

// Place in the plane about a middle, east and north [deg]; null where it has none.
function toPlane(ra, dec, ra0, dec0) {
  const [turn, d, d0] = [(ra - ra0) * DEGREE, dec * DEGREE, dec0 * DEGREE];
  const cosine = Math.sin(d0) * Math.sin(d) + Math.cos(d0) * Math.cos(d) * Math.cos(turn);
  if (cosine < -0.9999) return null;
  const k = Math.sqrt(2 / (1 + cosine)) / DEGREE;
  const north = Math.cos(d0) * Math.sin(d) - Math.sin(d0) * Math.cos(d) * Math.cos(turn);
  return [k * Math.cos(d) * Math.sin(turn), k * north];
}

function fromPlane(x, y, ra0, dec0) {
  const rho = Math.hypot(x, y) * DEGREE;
  if (rho === 0) return [ra0, dec0];
  if (rho > 2) return null;
  const c = 2 * Math.asin(rho / 2);
  const d0 = dec0 * DEGREE;
  const share = Math.sin(c) * DEGREE / rho;
  const dec = Math.asin(Math.max(-1, Math.min(1, Math.cos(c) * Math.sin(d0) + y * share * Math.cos(d0))));
  const turn = Math.atan2(x * share, Math.cos(d0) * Math.cos(c) - y * share * Math.sin(d0));
  return [(ra0 + turn / DEGREE + 360) % 360, dec / DEGREE];
}

// Corners of a picture on the sky, the upper left one first; its cards are those of a TAN projection.
function pictureCorners({ cards, nx, ny }) {
  return [[0.5, ny + 0.5], [nx + 0.5, ny + 0.5], [nx + 0.5, 0.5], [0.5, 0.5]].map(([x, y]) => {
    const [u, v] = [x - cards.CRPIX1, y - cards.CRPIX2];
    const xi = (cards.CD1_1 * u + cards.CD1_2 * v) * DEGREE;
    const eta = (cards.CD2_1 * u + cards.CD2_2 * v) * DEGREE;
    const [sine, cosine] = [Math.sin(cards.CRVAL2 * DEGREE), Math.cos(cards.CRVAL2 * DEGREE)];
    const along = cosine - eta * sine;
    return [cards.CRVAL1 + Math.atan2(xi, along) / DEGREE, Math.atan2(sine + eta * cosine, Math.hypot(xi, along)) / DEGREE];
  });
}

function sexagesimal([ra, dec]) {
  const part = (value, digits) => {
    const rounded = Math.round(value * 3600 * 10 ** digits) / 10 ** digits;
    const seconds = (rounded % 60).toFixed(digits).padStart(digits ? 3 + digits : 2, "0");
    return [Math.floor(rounded / 3600), String(Math.floor(rounded / 60) % 60).padStart(2, "0"), seconds];
  };
  const [hours, ...rest] = part(ra / 15, 2);
  const [degrees, ...more] = part(Math.abs(dec), 1);
  const two = (n) => String(n).padStart(2, "0");
  return `${[two(hours % 24), ...rest].join(":")} ${dec < 0 ? "−" : "+"}${[two(degrees), ...more].join(":")}`;
}

function drawShape(context, shape, x, y, r) {
  context.beginPath();
  if (shape === "○") context.arc(x, y, r, 0, 7);
  else if (shape === "□") context.rect(x - r, y - r, 2 * r, 2 * r);
  else if (shape === "◇") [[0, -r], [r, 0], [0, r], [-r, 0], [0, -r]].forEach(([i, j], n) => context[n ? "lineTo" : "moveTo"](x + i, y + j));
  else {
    const ends = shape === "+" ? [[r, 0], [0, r]] : [[r, r], [r, -r]];
    for (const [i, j] of ends) { context.moveTo(x - i, y - j); context.lineTo(x + i, y + j); }
  }
  context.stroke();
}

// The radius of a source's mark: bright ones are large, and there is nothing to tell without magnitudes.
function markSize(layer, i) {
  if (!layer.magnitudes) return 4;
  const [bright, faint] = layer.range;
  return 2.5 + 5 * (1 - Math.max(0, Math.min(1, (layer.magnitudes[i] - bright) / (faint - bright || 1))));
}

// Frames too small to be seen are marked by a square about their first corner.
const TINY = 7; // [pixel]
const isTiny = (layer, i, pixelSize) => {
  const [a, c] = [4 * i, 4 * i + 2];
  const across = Math.hypot((layer.ra[a] - layer.ra[c]) * Math.cos(layer.dec[a] * DEGREE), layer.dec[a] - layer.dec[c]);
  return across < TINY * pixelSize;
};

function createChart(stage, scene) {
  const canvas = el("canvas", { class: "awlab-sky-canvas" });
  const context = canvas.getContext("2d");
  const middle = { ra: 0, dec: 0, fov: 1 };
  let [width, height] = [1, 1];
  stage.append(canvas);
  const scale = () => width / middle.fov;
  function pixel(ra, dec) {
    const place = toPlane(ra, dec, middle.ra, middle.dec);
    return place && [width / 2 - place[0] * scale(), height / 2 - place[1] * scale()];
  }
  const sky = (x, y) => fromPlane((width / 2 - x) / scale(), (height / 2 - y) / scale(), middle.ra, middle.dec);

  function path(points) {
    let begun = false;
    context.beginPath();
    for (const [ra, dec] of points) {
      const place = pixel(ra, dec);
      const shown = place && Math.abs(place[0]) < 20 * width && Math.abs(place[1]) < 20 * width;
      if (shown) context[begun ? "lineTo" : "moveTo"](...place);
      begun = Boolean(shown);
    }
  }
  function graticule() {
    const wanted = middle.fov / 5;
    const step = STEPS.reduce((best, n) => (Math.abs(Math.log(n / wanted)) < Math.abs(Math.log(best / wanted)) ? n : best));
    const digits = Math.max(0, Math.ceil(-Math.log10(step)));
    const reach = Math.min(90, 0.75 * middle.fov * Math.max(1, height / width));
    const [low, high] = [Math.max(-90, middle.dec - reach), Math.min(90, middle.dec + reach)];
    const polar = Math.max(Math.abs(low), Math.abs(high));
    const across = polar > 85 ? 30 : STEPS.find((n) => n <= step / Math.cos(middle.dec * DEGREE) * 1.01) ?? step;
    const side = polar > 85 || reach >= 90 ? 180 : Math.min(180, reach / Math.cos(polar * DEGREE));
    context.lineWidth = 1;
    context.strokeStyle = SKY.grid;
    context.fillStyle = SKY.label;
    context.font = "11px system-ui, sans-serif";
    const along = (from, to, point) => Array.from({ length: 49 }, (_, k) => point(from + (k * (to - from)) / 48));
    for (let dec = Math.ceil(low / step) * step; dec <= high; dec += step) {
      path(along(middle.ra - side, middle.ra + side, (ra) => [ra, dec]));
      context.stroke();
      const place = pixel(middle.ra, dec);
      const edge = sky(2, place?.[1] ?? 0);
      if (place && edge) context.fillText(`${dec < -1e-9 ? "−" : "+"}${Math.abs(dec).toFixed(digits)}°`, 4, place[1] - 3);
    }
    for (let k = Math.ceil((middle.ra - side) / across); k * across <= middle.ra + side && k * across < middle.ra - side + 360; k += 1) {
      path(along(low, high, (dec) => [k * across, dec]));
      context.stroke();
      const place = pixel(k * across, middle.dec);
      if (place && place[0] > 46) context.fillText(`${((k * across + 720) % 360).toFixed(Math.max(0, Math.ceil(-Math.log10(across))))}°`, place[0] + 3, height - 5);
    }
  }
  // A picture is small on the sky: three of its corners say where all of it is.
  function paintPicture({ canvas: image, corners }) {
    const [a, b, , d] = corners.map(([ra, dec]) => pixel(ra, dec));
    if (!a || !b || !d) return;
    const [w, h] = [image.width, image.height];
    context.save();
    context.transform((b[0] - a[0]) / w, (b[1] - a[1]) / w, (d[0] - a[0]) / h, (d[1] - a[1]) / h, a[0], a[1]);
    context.imageSmoothingEnabled = false;
    context.drawImage(image, 0, 0);
    context.restore();
  }
  function outline(layer, i, colour, lineWidth, dash = []) {
    context.strokeStyle = colour;
    context.lineWidth = lineWidth;
    context.setLineDash(dash);
    if (layer.kind === "frames" && isTiny(layer, i, 1 / scale())) {
      const place = pixel(layer.ra[4 * i], layer.dec[4 * i]);
      context.setLineDash([]);
      if (place) drawShape(context, "□", ...place, TINY);
    } else if (layer.kind === "frames") {
      path([0, 1, 2, 3, 0].map((k) => [layer.ra[4 * i + k], layer.dec[4 * i + k]]));
      context.stroke();
    } else {
      const place = pixel(layer.ra[i], layer.dec[i]);
      if (place) drawShape(context, skyLook(layer.number).shape, ...place, markSize(layer, i));
    }
    context.setLineDash([]);
  }
  function draw() {
    const ratio = window.devicePixelRatio || 1;
    [width, height] = [Math.max(1, stage.clientWidth), Math.max(1, stage.clientHeight)];
    if (canvas.width !== Math.round(width * ratio)) canvas.width = Math.round(width * ratio);
    if (canvas.height !== Math.round(height * ratio)) canvas.height = Math.round(height * ratio);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.fillStyle = SKY.ground;
    context.fillRect(0, 0, width, height);
    for (const picture of scene.pictures.values()) if (scene.layers[picture.layer]?.shown) paintPicture(picture);
    graticule();
    for (const layer of scene.layers) {
      if (!layer.shown) continue;
      const { colour, dash } = skyLook(layer.number);
      for (let i = 0; i < layer.count; i += 1) outline(layer, i, colour, 1.5, layer.kind === "frames" ? dash : []);
    }
    for (const [number, i] of scene.marked) if (scene.layers[number]?.shown) outline(scene.layers[number], i, SKY.marked, 3);
    if (scene.chosen) outline(scene.layers[scene.chosen[0]], scene.chosen[1], SKY.chosen, 4);
  }
  function go(ra, dec, fov) {
    Object.assign(middle, { ra: (ra + 360) % 360, dec: Math.max(-90, Math.min(90, dec)), fov: Math.max(1e-3, Math.min(220, fov)) });
    draw();
  }
  // -- the mouse: drag moves, the wheel zooms about where it is
  let held = null;
  const grip = { lead: (event) => { held = [event.offsetX, event.offsetY]; }, move: (event) => {
    if (!held) return;
    const place = sky(width / 2 - (event.offsetX - held[0]), height / 2 - (event.offsetY - held[1]));
    held = [event.offsetX, event.offsetY];
    if (place) go(place[0], place[1], middle.fov);
  }, drop: () => { held = null; } };
  canvas.addEventListener("pointerdown", grip.lead);
  canvas.addEventListener("pointermove", grip.move);
  window.addEventListener("pointerup", grip.drop);
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    const before = sky(event.offsetX, event.offsetY);
    const fov = middle.fov * 1.15 ** Math.sign(event.deltaY);
    go(middle.ra, middle.dec, fov);
    const after = before && pixel(...before);
    const place = after && sky(width / 2 + after[0] - event.offsetX, height / 2 + after[1] - event.offsetY);
    if (place) go(place[0], place[1], fov);
  }, { passive: false });
  return {
    name: "chart", draw, go, pixel, sky, where: () => ({ ...middle }), setPicture: draw, dropPictures: draw, setSurvey: () => {},
    close() { window.removeEventListener("pointerup", grip.drop); canvas.remove(); },
  };
}
