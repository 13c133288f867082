const MOST_PICTURES = 24;
const doubles = (view) => new Float64Array(view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength));

function render({ model, el: host }) {
  const { root, wire, showFailure, close } = frame(model, host, "awlab-sky");
  // What every engine draws: layers, pictures by "layer/row", what is chosen and what is marked.
  const scene = { layers: [], pictures: new Map(), chosen: null, marked: [] };
  let engine = null;
  let field = null;
  let rows = []; // layer and row of every line of the table
  let turn = 0;

  const stage = el("div", {
    class: "awlab-sky-stage", tabindex: "0", role: "application", "aria-label": "The sky: arrows move, + and − zoom, 0 shows all, the table below chooses",
  });
  stage.style.height = `${model.get("height")}px`;
  const cover = el("div", { class: "awlab-sky-cover", hidden: true }, el("div", { class: "awlab-sky-box" }));
  const told = el("div", { class: "awlab-soft awlab-sky-told", role: "status" }, "reading …");
  const place = el("span", { class: "awlab-sky-place" });
  const note = el("div", { class: "awlab-sky-note", hidden: true });
  const how = el("select", { "aria-label": "how the sky is drawn" }, el("option", { value: "chart" }, "chart"), el("option", { value: "Aladin" }, "Aladin Lite"));
  const images = el("input", { type: "checkbox" });
  const survey = el("select", { "aria-label": "what lies behind" }, el("option", { value: "" }, "dark sky"), el("option", { value: "survey" }, "survey, from the network"));
  const selecting = button("select", () => coverUp(cover.hidden), { "aria-pressed": "false", title: "drag a box over what you want" });
  const bar = el("div", { class: "awlab-bar" }, how, survey, el("label", {}, images, " images"), selecting, button("show all", () => fit()),
    button("+", () => zoom(0.7), { "aria-label": "closer" }), button("−", () => zoom(1.4), { "aria-label": "further away" }), place);
  const list = el("div", { class: "awlab-sky-layers", role: "group", "aria-label": "Layers" });
  const title = el("strong");
  const verdict = el("div", { class: "awlab-soft" });
  const code = el("pre", { class: "awlab-code" });
  const copy = button("copy as Python", () => copyText(code.textContent, copy));
  const chosen = el("section", { hidden: true, "aria-label": "What was chosen" }, title, verdict,
    el("div", { class: "awlab-bar" }, el("div", { class: "awlab-grow" }, code), copy));
  const grid = createGrid({ label: "Frames on the sky", height: 170, choose: (row) => row && choose(...rows[grid.rows().indexOf(row)], { look: true }) });

  // -- choosing --------------------------------------------------------------------------
  const tell = (found) => {
    title.textContent = found.title;
    verdict.textContent = found.verdict;
    code.textContent = found.python;
    chosen.hidden = false;
  };
  async function choose(layer, index, { look = false } = {}) {
    scene.chosen = [layer, index];
    const { ra, dec, kind } = scene.layers[layer];
    if (look && engine && kind === "frames") bringIn(ra.slice(4 * index, 4 * index + 4), dec.slice(4 * index, 4 * index + 4));
    engine?.draw();
    tell(await wire.ask("choose", { layer, index }));
  }
  const inSight = (at) => at && at[0] > 0 && at[1] > 0 && at[0] < stage.clientWidth && at[1] < stage.clientHeight;
  // A frame that was chosen in the table comes into sight, large enough to be one; what is so
  // already stays where it is.
  function bringIn(ra, dec) {
    const middle = fromPlane(...[0, 1].map((axis) => toPlane(ra[2], dec[2], ra[0], dec[0])[axis] / 2), ra[0], dec[0]);
    const inside = inSight(engine.pixel(...middle));
    const across = Math.hypot((ra[0] - ra[2]) * Math.cos(dec[0] * DEGREE), dec[0] - dec[2]);
    const { fov } = engine.where();
    if (inside && across > fov / 40) return;
    fitted = false;
    engine.go(...middle, across > fov / 40 ? fov : 4 * across);
  }
  const cornersOf = (layer, i) => [0, 1, 2, 3].map((k) => engine.pixel(layer.ra[4 * i + k], layer.dec[4 * i + k]));
  function holds(corners, x, y) {
    let inside = false;
    corners.forEach(([x1, y1], k) => {
      const [x2, y2] = corners[(k + 3) % 4];
      if (y1 > y !== y2 > y && x < x1 + ((y - y1) * (x2 - x1)) / (y2 - y1)) inside = !inside;
    });
    return inside;
  }
  const area = (c) => Math.abs(c.reduce((sum, [x, y], k) => sum + x * c[(k + 1) % 4][1] - c[(k + 1) % 4][0] * y, 0));
  function under(x, y) {
    const found = [];
    for (const layer of scene.layers.filter((one) => one.shown)) {
      for (let i = 0; i < layer.count; i += 1) {
        if (layer.kind === "sources") {
          const at = engine.pixel(layer.ra[i], layer.dec[i]);
          const far = at ? Math.hypot(at[0] - x, at[1] - y) : 99;
          if (far < 8) found.push({ key: [layer.number, i], size: far - 10 }); // before all frames
        } else {
          const corners = cornersOf(layer, i);
          if (!corners.every(Boolean)) continue;
          const near = Math.max(...corners.map(([left, top]) => Math.hypot(left - x, top - y))) < TINY + 2;
          if (near || holds(corners, x, y)) found.push({ key: [layer.number, i], size: area(corners) });
        }
      }
    }
    return found.sort((a, b) => a.size - b.size).map(({ key }) => key);
  }
  function pick(x, y) {
    const found = under(x, y);
    if (!found.length) return;
    // Frames lie on one another: another click takes the next one.
    const at = found.findIndex(([layer, i]) => layer === scene.chosen?.[0] && i === scene.chosen?.[1]);
    choose(...found[(at + 1) % found.length]);
  }
  let down = null;
  const spot = (event) => {
    const box = stage.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  stage.addEventListener("pointerdown", (event) => { down = spot(event); }, true);
  stage.addEventListener("wheel", () => { fitted = false; }, { capture: true, passive: true });
  stage.addEventListener("pointerup", (event) => {
    const [x, y] = spot(event);
    if (down && cover.hidden && Math.hypot(x - down[0], y - down[1]) < 4) pick(x, y);
    down = null;
  }, true);
  stage.addEventListener("pointermove", (event) => {
    if (down) fitted = false;
    const at = engine?.sky(...spot(event));
    place.textContent = at && at.every(Number.isFinite) ? sexagesimal(at) : "";
  });

  // -- a box on the sky ------------------------------------------------------------------
  function coverUp(on) {
    cover.hidden = !on;
    selecting.setAttribute("aria-pressed", String(on));
  }
  let start = null;
  const box = cover.firstChild;
  const between = (event) => {
    const [x, y] = spot(event);
    return { left: Math.min(x, start[0]), top: Math.min(y, start[1]), right: Math.max(x, start[0]), bottom: Math.max(y, start[1]) };
  };
  cover.addEventListener("pointerdown", (event) => { start = spot(event); cover.setPointerCapture(event.pointerId); });
  cover.addEventListener("pointermove", (event) => {
    if (!start) return;
    const { left, top, right, bottom } = between(event);
    Object.assign(box.style, { display: "block", left: `${left}px`, top: `${top}px`, width: `${right - left}px`, height: `${bottom - top}px` });
  });
  cover.addEventListener("pointerup", (event) => {
    if (!start) return;
    const span = between(event);
    start = null;
    box.style.display = "none";
    coverUp(false);
    selectIn(span);
  });
  async function selectIn({ left, top, right, bottom }) {
    const inside = (at) => at && at[0] >= left && at[0] <= right && at[1] >= top && at[1] <= bottom;
    const found = {};
    for (const layer of scene.layers.filter((one) => one.shown)) {
      found[layer.number] = [];
      for (let i = 0; i < layer.count; i += 1) {
        const corners = layer.kind === "frames" ? cornersOf(layer, i) : [engine.pixel(layer.ra[i], layer.dec[i])];
        const middle = corners.every(Boolean) ? [0, 1].map((k) => corners.reduce((sum, c) => sum + c[k], 0) / corners.length) : null;
        if (inside(middle)) found[layer.number].push(i);
      }
    }
    scene.chosen = null;
    scene.marked = Object.entries(found).flatMap(([n, several]) => (scene.layers[n].kind === "frames" ? several.map((i) => [Number(n), i]) : []));
    engine.draw();
    tell(await wire.ask("area", { found }));
  }

  // -- where one looks -------------------------------------------------------------------
  let fitted = true; // all is shown, and stays so when the view gets another size
  function fit() {
    fitted = true;
    if (field) engine?.go(field[0], field[1], field[2] * 1.06 * Math.max(1, stage.clientWidth / stage.clientHeight));
  }
  function zoom(factor) {
    fitted = false;
    const { ra, dec, fov } = engine.where();
    engine.go(ra, dec, fov * factor);
  }
  function move(x, y) {
    fitted = false;
    const to = engine.sky(stage.clientWidth * (0.5 + x / 8), stage.clientHeight * (0.5 + y / 8));
    if (to) engine.go(to[0], to[1], engine.where().fov);
  }
  const keys = {
    ArrowLeft: () => move(-1, 0), ArrowRight: () => move(1, 0), ArrowUp: () => move(0, -1), ArrowDown: () => move(0, 1),
    "+": () => zoom(0.7), "=": () => zoom(0.7), "-": () => zoom(1.4), 0: fit, Escape: () => coverUp(false),
  };
  stage.addEventListener("keydown", (event) => {
    if (!keys[event.key] || !engine || event.ctrlKey || event.metaKey) return;
    keys[event.key]();
    event.preventDefault();
    event.stopPropagation();
  }, true);

  // -- layers ----------------------------------------------------------------------------
  function drawList() {
    list.replaceChildren(...scene.layers.map((layer) => {
      const { colour, dash, shape } = skyLook(layer.number);
      const shown = el("input", { type: "checkbox", checked: true, onchange: (event) => { layer.shown = event.target.checked; engine?.draw(); } });
      const sign = el("span", { class: layer.kind === "frames" ? "awlab-sky-edge" : "awlab-sky-mark", "aria-hidden": "true" }, layer.kind === "frames" ? "" : shape);
      sign.style.color = colour;
      if (dash.length && layer.kind === "frames") sign.style.borderBottomStyle = dash[0] > 4 ? "dashed" : "dotted";
      return el("label", {}, shown, sign, ` ${layer.number + 1} ${layer.name}: ${layer.count.toLocaleString("en")} ${layer.kind}${layer.told ? ` (${layer.told})` : ""}`);
    }));
  }
  function unpack(found) {
    const buffers = [...found.buffers];
    return found.layers.map((layer, number) => {
      const one = { ...layer, number, shown: scene.layers[number]?.shown ?? true, ra: doubles(buffers.shift()), dec: doubles(buffers.shift()) };
      if (layer.magnitude) {
        one.magnitudes = floats(buffers.shift());
        const known = [...one.magnitudes].filter(Number.isFinite);
        one.range = known.length ? [known[0], known[Math.floor(known.length * 0.9)]] : [0, 1];
      }
      return one;
    });
  }
  async function read() {
    delete root.dataset.ready;
    const mine = ++turn;
    const found = await wire.ask("opening");
    if (mine !== turn) return;
    scene.layers = unpack(found);
    scene.pictures.clear();
    scene.chosen = null;
    scene.marked = model.get("marked_rows");
    ({ places: rows, field } = found);
    drawList();
    grid.set({ ...found, after: null });
    grid.box.hidden = !rows.length;
    const count = scene.layers.reduce((sum, layer) => sum + layer.count, 0);
    told.textContent = count ? "" : "nothing on the sky: ask for science frames, or a list of sources";
    engine?.dropPictures();
    await dress(how.value);
    fit();
    if (images.checked) await fetchPictures();
    root.dataset.ready = "yes";
  }

  // -- engines ---------------------------------------------------------------------------
  const shownSize = () => new Promise((resolve) => { // of a view that is not in the page yet
    const look = new ResizeObserver(() => { if (stage.clientWidth) { look.disconnect(); resolve(); } });
    look.observe(stage);
  });
  async function dress(name) {
    if (engine?.name === name) { engine.draw(); return; }
    await shownSize();
    const [ra, dec, fov] = field ?? [0, 0, 60];
    const now = engine?.where() ?? { ra, dec, fov: Math.max(1e-3, Math.min(180, fov)) };
    let made = null;
    if (name === "Aladin") {
      const { A, missing } = await loadAladin(wire);
      note.textContent = missing ?? "";
      note.hidden = !missing;
      if (A) {
        engine?.close();
        made = await createAladin(A, stage, scene, now);
      }
    }
    if (!made && engine?.name !== "chart") made = createChart(stage, scene);
    if (made) {
      if (name !== made.name) engine?.close();
      engine = made;
    }
    how.value = engine.name;
    survey.disabled = engine.name !== "Aladin";
    if (survey.disabled) survey.value = "";
    stage.dataset.engine = engine.name;
    engine.go(now.ra, now.dec, now.fov);
    settle();
  }
  how.addEventListener("change", async () => {
    const wanted = how.value;
    delete root.dataset.ready;
    engine?.close();
    const now = engine?.where();
    engine = null;
    await dress(wanted);
    if (now && !fitted) engine.go(now.ra, now.dec, now.fov);
    root.dataset.ready = "yes";
  });
  survey.addEventListener("change", async () => {
    const address = model.get("survey");
    if (survey.value) {
      try {
        if (!(await fetch(`${address}/properties`)).ok) throw new Error("no answer");
        showFailure("");
      } catch {
        showFailure("the survey does not answer: your own images are the background without a network");
        survey.value = "";
      }
    }
    engine.setSurvey(survey.value ? address : "");
  });

  // -- images ----------------------------------------------------------------------------
  function paintGrey({ nx, ny, limits, pixels }) {
    const canvas = el("canvas", { width: nx, height: ny });
    const context = canvas.getContext("2d");
    const image = context.createImageData(nx, ny);
    for (let j = 0; j < ny; j += 1) {
      for (let i = 0; i < nx; i += 1) {
        const value = pixels[(ny - 1 - j) * nx + i]; // the first row is the lowest
        if (Number.isNaN(value)) continue;
        const grey = greyLevel(value, limits, "asinh");
        image.data.set([grey, grey, grey, 255], 4 * (j * nx + i));
      }
    }
    context.putImageData(image, 0, 0);
    return canvas;
  }
  async function fetchPictures() {
    const mine = turn;
    const shown = rows.filter(([layer]) => scene.layers[layer].shown);
    const seen = shown.filter(([layer, i]) => cornersOf(scene.layers[layer], i).some(inSight));
    const wanted = (seen.length ? seen : shown).slice(0, MOST_PICTURES);
    for (const [n, [layer, index]] of wanted.entries()) {
      const key = `${layer}/${index}`;
      if (!scene.pictures.has(key)) {
        told.textContent = `image ${n + 1} of ${wanted.length} …`;
        try {
          const found = await wire.request("picture", { layer, index });
          if (mine !== turn || !images.checked) return;
          const canvas = paintGrey({ ...found, pixels: floats(found.buffers[0]) });
          const picture = { layer, canvas, cards: found.cards, corners: pictureCorners(found) };
          scene.pictures.set(key, picture);
          engine.setPicture(key, picture);
        } catch { /* the line above has told it; the others are shown */ }
      }
    }
    const left = shown.length - wanted.length;
    told.textContent = left ? `images of ${wanted.length} frames in sight; for others go there and choose images again` : "";
  }
  images.addEventListener("change", async () => {
    if (images.checked) { await fetchPictures(); return; }
    scene.pictures.clear();
    engine.dropPictures();
  });

  const marks = () => { scene.marked = model.get("marked_rows"); engine?.draw(); };
  const taller = () => { stage.style.height = `${model.get("height")}px`; engine?.draw(); };
  model.on("change:marked_rows", marks);
  model.on("change:revision", read);
  model.on("change:height", taller);
  // Aladin follows a new size some time after it, changes the scale when it does, and tells nobody.
  let timers = [];
  const settle = () => {
    timers.forEach(clearTimeout);
    timers = [100, 300, 800, 1500].map((pause) => setTimeout(() => (fitted ? fit() : engine?.draw()), pause));
  };
  const size = new ResizeObserver(calm(() => { if (fitted) fit(); else engine?.draw(); settle(); }, 60));
  size.observe(stage);
  stage.append(cover);
  root.append(bar, note, told, stage, list, grid.box, chosen);
  how.value = model.get("engine");
  read();
  return () => {
    size.disconnect();
    timers.forEach(clearTimeout);
    grid.close();
    engine?.close();
    model.off("change:marked_rows", marks);
    model.off("change:revision", read);
    model.off("change:height", taller);
    close();
  };
}

export default { render };
