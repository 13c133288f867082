const SIZES = [16, 24, 32, 48, 64];

function render({ model, el: host }) {
  const { root, wire, close } = frame(model, host, "awlab-sources");
  let columns = [];
  let calibrations = new Set(); // classes whose cut-outs keep ranges of their own
  let rows = []; // what the kernel told, and the cut-outs by class
  let at = { row: 0, column: 0 };

  const size = el("select", { "aria-label": "size of the cut-outs" },
    ...SIZES.map((n) => el("option", { value: n, selected: n === 32 }, `${n} pixel`)));
  const contrast = el("input", { type: "range", min: "-2", max: "2", step: "0.1", value: "0", "aria-label": "contrast of all cut-outs" });
  const linked = el("input", { type: "checkbox", checked: true });
  const stretch = el("select", { "aria-label": "stretch" }, el("option", {}, "asinh"), el("option", {}, "linear"));
  const told = el("span", { class: "awlab-soft", role: "status" }, "reading …");
  const bar = el("div", { class: "awlab-bar" }, el("label", {}, "contrast ", contrast),
    el("label", {}, linked, " the same for all frames of a column"), stretch, size, told);
  const head = el("tr");
  const body = el("tbody");
  const table = el("table", { role: "grid", "aria-label": "Sources in every frame they passed through" },
    el("thead", {}, head), body);
  const more = button("more sources", () => read("more"), { hidden: true });
  const title = el("strong");
  const verdict = el("div", { class: "awlab-soft" });
  const code = el("pre", { class: "awlab-code" });
  const copy = button("copy as Python", () => copyText(code.textContent, copy));
  const chosen = el("section", { hidden: true, "aria-label": "The frame that was chosen" }, title, verdict,
    el("div", { class: "awlab-bar" }, el("div", { class: "awlab-grow" }, code), copy));

  const middle = (values) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)];
  // Names of classes may break before a capital.
  const breakable = (text) => text.replace(/(?<=[a-z])(?=[A-Z])/g, "\u200b");

  // -- grey levels -----------------------------------------------------------------------
  function limitsOf(name, picture) {
    let [low, high] = picture.limits;
    // One range for a column of frames: what is fainter looks fainter. Calibrations of different
    // filters and places have little to do with each other.
    if (linked.checked && !calibrations.has(name)) {
      const all = rows.map((row) => row.pictures?.[name]?.limits).filter(Boolean);
      [low, high] = [0, 1].map((end) => middle(all.map((pair) => pair[end])));
    }
    return [low, low + (high - low) * 2 ** -Number(contrast.value)];
  }
  function paint() {
    for (const [r, row] of rows.entries()) {
      for (const [c, [name]] of columns.entries()) {
        const picture = row.pictures?.[name];
        const canvas = body.rows[r]?.cells[c + 1]?.querySelector("canvas");
        if (picture && canvas) {
          const size = { nx: picture.size, ny: picture.size };
          paintGrey(canvas, size, picture.pixels, limitsOf(name, picture), stretch.value);
        }
      }
    }
  }

  // -- the grid --------------------------------------------------------------------------
  const key = (row) => `SLID=${row.SLID} SID=${row.SID} RA=${row.RA.toFixed(4)} DEC=${row.DEC.toFixed(4)}`
    + (row.x === null ? "" : ` X=${Math.round(row.x)} Y=${Math.round(row.y)}`);
  function cellOf(row, r, [name, text], c) {
    const cell = row.cells[name];
    const missing = row.missing?.[name];
    const none = missing ? "✕ no file" : "None";
    const label = cell && !missing ? `${text} at x ${cell.x.toFixed(1)}, y ${cell.y.toFixed(1)}` : `${text}: ${none}`;
    const node = el("td", { role: "gridcell", tabindex: "-1", title: cell ? `${label}\n${cell.filename}` : label, "aria-label": label });
    if (cell && !missing) node.append(el("canvas", { class: "awlab-sources-cut" }));
    else node.append(el("span", { class: "awlab-soft" }, none));
    node.addEventListener("click", () => { go(r, c); choose(); });
    return node;
  }
  function draw() {
    head.replaceChildren(el("th", { scope: "col" }, "Source"), ...columns.map(([, text]) => el("th", { scope: "col", "aria-label": text }, breakable(text))));
    body.replaceChildren(...rows.map((row, r) => {
      const again = r > 0 && rows[r - 1].SLID === row.SLID && rows[r - 1].SID === row.SID;
      return el("tr", {}, el("th", { scope: "row" }, el("span", {}, again ? "" : key(row)),
        el("div", { class: "awlab-soft" }, row.exposure)), ...columns.map((column, c) => cellOf(row, r, column, c)));
    }));
    paint();
    mark();
  }
  function mark() {
    body.querySelectorAll("[tabindex='0']").forEach((node) => { node.tabIndex = -1; });
    const node = body.rows[at.row]?.cells[at.column + 1];
    if (node) node.tabIndex = 0;
    return node;
  }
  function go(row, column) {
    at = { row: Math.max(0, Math.min(rows.length - 1, row)), column: Math.max(0, Math.min(columns.length - 1, column)) };
    mark()?.focus();
  }
  async function choose() {
    const cell = rows[at.row].cells[columns[at.column][0]];
    if (!cell) return;
    body.querySelectorAll("[aria-selected]").forEach((node) => node.removeAttribute("aria-selected"));
    mark().setAttribute("aria-selected", "true");
    const found = await wire.ask("choose", { object_id: cell.object_id });
    title.textContent = found.title;
    verdict.textContent = found.verdict;
    code.textContent = found.python;
    chosen.hidden = false;
  }
  const keys = {
    ArrowRight: () => go(at.row, at.column + 1), ArrowLeft: () => go(at.row, at.column - 1),
    ArrowDown: () => go(at.row + 1, at.column), ArrowUp: () => go(at.row - 1, at.column),
    Home: () => go(at.row, 0), End: () => go(at.row, columns.length - 1), Enter: choose, " ": choose,
  };
  table.addEventListener("keydown", (event) => {
    if (!keys[event.key] || event.ctrlKey || event.metaKey) return;
    keys[event.key]();
    event.preventDefault();
    event.stopPropagation();
  });

  // -- reading ---------------------------------------------------------------------------
  async function fetchRow(r) {
    const found = await wire.ask("cutouts", { row: r, size: Number(size.value) });
    const row = rows[r];
    row.pictures = {};
    row.missing = {};
    let next = 0;
    for (const cell of found.cells) {
      if (cell.missing) row.missing[cell.class_name] = cell.missing;
      else {
        row.pictures[cell.class_name] = { size: found.size, limits: cell.limits, pixels: floats(found.buffers[next]) };
        next += 1;
      }
    }
  }
  async function fetchRows(first) {
    for (let r = first; r < rows.length; r += 1) {
      await fetchRow(r);
      draw();
    }
    root.dataset.ready = "yes";
  }
  async function read(op) {
    delete root.dataset.ready;
    const first = rows.length;
    const found = await wire.ask(op);
    columns = found.columns;
    calibrations = new Set(found.calibrations);
    rows.push(...found.rows);
    more.hidden = !found.more || !found.rows.length;
    const sources = new Set(rows.map((row) => `${row.SLID}/${row.SID}`)).size;
    told.textContent = rows.length ? `${sources} sources in ${rows.length} exposures` : "no sources: the list is empty";
    draw();
    await fetchRows(first);
  }
  contrast.addEventListener("input", calm(paint, 40));
  linked.addEventListener("change", paint);
  stretch.addEventListener("change", paint);
  size.addEventListener("change", () => { delete root.dataset.ready; fetchRows(0); });
  root.append(bar, el("div", { class: "awlab-sources-wide" }, table), more, chosen);
  read("opening");
  return close;
}

export default { render };
