const fill = (select, pairs, chosen) => select.replaceChildren(...pairs.map(([value, text]) =>
  el("option", { value, selected: String(value) === String(chosen ?? "") }, text)));
const named = (text, field) => el("label", {}, el("span", {}, text), field);

// What is asked for: project, instrument, target, night, object, filter, chips, depth.
function createForm(wire, { classChanged, submit }) {
  const mark = Math.random().toString(36).slice(2, 8);
  const pick = (label) => el("select", { "aria-label": label });
  const typed = (label, hint) => {
    const list = el("datalist", { id: `${label}-${mark}` });
    return [el("input", { "aria-label": label, list: list.id, placeholder: hint, spellcheck: "false" }), list];
  };
  const project = pick("project");
  const instrument = pick("instrument");
  const target = pick("target");
  const doc = el("div", { class: "awlab-soft awlab-processor-doc" });
  const [night, nights] = typed("night", "all nights");
  const [object, objects] = typed("object", "all objects");
  const filter = pick("filter");
  const depth = pick("depth");
  fill(depth, [["", "full"], [0, "0: whether it exists"], [1, "1: the target itself"], [2, "2"], [3, "3"]], "");
  const all = el("input", { type: "checkbox", checked: true });
  const chips = el("div", { class: "awlab-processor-chips" });
  let classes = [];

  function adapt() {
    const entry = classes.find((found) => found.name === target.value);
    doc.textContent = entry?.doc ?? "";
    object.disabled = entry?.kind === "calibrations";
    filter.disabled = !entry?.by_filter;
    for (const box of chips.querySelectorAll("input")) box.disabled = all.checked;
  }
  function choices(found, asked = {}) {
    fill(project, found.projects.map((name) => [name, name]), found.project);
    fill(instrument, [["", "<any>"], ...found.instruments.map((name) => [name, name])], found.instrument);
    fill(filter, [["", "<all>"], ...found.filters.map((name) => [name, name])], asked.filter);
    nights.replaceChildren(...found.nights.map((value) => el("option", { value })));
    objects.replaceChildren(...found.objects.map((value) => el("option", { value })));
    const wanted = new Set(asked.chips ?? []);
    all.checked = !wanted.size;
    chips.replaceChildren(...found.chips.map((name) => el("label", {},
      el("input", { type: "checkbox", value: name, checked: wanted.has(name) }), ` ${name}`)));
    adapt();
  }
  target.addEventListener("change", () => { adapt(); classChanged(target.value); });
  all.addEventListener("change", adapt);
  instrument.addEventListener("change", async () =>
    choices((await wire.ask("set_instrument", { name: instrument.value })).choices));
  project.addEventListener("change", async () =>
    choices((await wire.ask("set_project", { name: project.value })).choices, asked()));
  function asked() {
    const boxes = [...chips.querySelectorAll("input:checked")].map((box) => box.value);
    return {
      instrument: instrument.value, date: night.value, filter: filter.disabled ? "" : filter.value,
      object: object.disabled ? "" : object.value, chips: all.checked ? [] : boxes,
    };
  }
  const box = el("form", { class: "awlab-processor-form", "aria-label": "What shall be made" },
    named("project", project), named("instrument", instrument), named("target", target), doc,
    named("night", night), nights, named("object", object), objects, named("filter", filter),
    el("fieldset", {}, el("legend", {}, el("label", {}, all, " all chips")), chips),
    named("depth", depth), button("show targets", submit));
  box.addEventListener("submit", (event) => event.preventDefault());
  box.addEventListener("keydown", (event) => { if (event.key === "Enter" && event.target.tagName === "INPUT") submit(); });
  return {
    box, asked, choices, depth: () => depth.value,
    set(found) {
      classes = found.classes;
      const groups = [...new Set(classes.map((entry) => entry.kind))].map((kind) =>
        el("optgroup", { label: kind }, ...classes.filter((entry) => entry.kind === kind).map((entry) =>
          el("option", { value: entry.name, selected: entry.name === found.class_name }, entry.name))));
      target.replaceChildren(...groups);
      night.value = found.asked.date ?? "";
      object.value = found.asked.object ?? "";
      choices(found.choices, found.asked);
    },
  };
}

function duration(seconds) {
  if (seconds < 100) return `${Math.max(1, Math.round(seconds))} s`;
  if (seconds < 6000) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}

// Progress, log and products of the run.
function createOutcome(wire, say) {
  const bar = el("progress", { max: 1, value: 0, "aria-label": "targets made" });
  const told = el("span", { role: "status" });
  const error = el("div", { class: "awlab-processor-error", hidden: true });
  const lines = el("pre", { class: "awlab-code", "aria-label": "Log", tabindex: "0" });
  const whole = button("whole log", async () => { lines.textContent = (await wire.ask("logs")).text; });
  const products = el("ul", { class: "awlab-processor-products" });
  products.append(el("li", { class: "awlab-soft" }, "nothing was made here yet"));
  lines.textContent = "nothing was started yet";

  function link(product, text, python) {
    return button(text, async () => {
      await wire.ask("product", { object_id: product.id });
      say(python);
    }, { "aria-label": `${text} ${product.label}` });
  }
  function drawProducts(found) {
    const rows = found.products.map((product) => {
      const python = `${product.class_name}(object_id='${product.id}')`;
      return el("li", {}, el("span", { class: "awlab-processor-product", title: product.label }, product.label),
        el("span", { class: "awlab-soft" }, product.verdict), link(product, "select", python),
        link(product, "lineage", `LineageTree(${python})`), link(product, "inspect", `${python}.inspect()`));
    });
    const more = found.products_total - found.products.length;
    if (more > 0) rows.push(el("li", {}, `and ${more.toLocaleString()} more: .selection has all`));
    if (!rows.length) rows.push(el("li", { class: "awlab-soft" }, "nothing was made"));
    products.replaceChildren(...rows);
  }
  return {
    progress: el("div", { class: "awlab-bar", hidden: true }, bar, told),
    error, log: el("div", {}, lines, el("div", { class: "awlab-bar" }, whole)), products,
    draw(found) {
      this.progress.hidden = false;
      bar.max = Math.max(1, found.total);
      bar.value = found.done + found.failed;
      const failed = found.failed ? `, ${found.failed} failed` : "";
      told.replaceChildren(badge(found.status), ` job ${found.number}: ${found.done} of ${found.total}${failed}`);
      error.hidden = !found.error;
      error.textContent = found.error;
      lines.textContent = found.lines.join("\n") || "waiting for the first target …";
      if (found.products) drawProducts(found);
    },
  };
}

function render({ model, el: host }) {
  const { root, wire, showFailure, close } = frame(model, host, "awlab-processor");
  const height = model.get("height");
  let checked = new Set();
  let made = {}; // status by target while it runs
  let running = false;
  let chosen = null;
  let planned = false;

  // -- tree ------------------------------------------------------------------------------
  let serial = 0;
  function treeNode(card, parent) {
    serial += 1;
    return {
      key: `t${serial}`, card, parent, label: card.class_name, leaf: card.leaf,
      get checked() { return card.work ? checked.has(card.n) : undefined; },
    };
  }
  function rest(of, n, shown, left) {
    serial += 1;
    return { key: `t${serial}`, more: { of, n, shown }, label: "more", leaf: true, left };
  }
  async function page(owner, n, shown) {
    const found = await wire.request("inputs", { number: n, offset: shown });
    const nodes = found.items.map((card) => treeNode(card, owner));
    return found.left ? [...nodes, rest(owner, n, shown + nodes.length, found.left)] : nodes;
  }
  function draw(node) {
    if (node.more) return [el("span", { class: "awlab-link" }, `show more of ${node.left.toLocaleString()} …`)];
    const { card } = node;
    const box = card.work ? el("input", { type: "checkbox", tabindex: "-1", "aria-hidden": "true", checked: checked.has(card.n), disabled: running }) : null;
    if (box) box.addEventListener("click", (event) => { event.preventDefault(); flip(node); });
    const state = (card.n !== null && made[card.n]) || card.state;
    const why = card.reasons.join("; ");
    return [box, badge(state), card.role ? el("span", { class: "awlab-soft" }, card.role) : null,
      el("strong", {}, card.class_name), el("span", { class: "awlab-processor-label", title: card.label }, card.label),
      why ? el("span", { class: "awlab-soft awlab-processor-why", title: why }, why) : null].filter(Boolean);
  }
  async function flip(node, alike = false) {
    const { card } = node;
    if (!card?.work || running) return;
    totals(await wire.ask("check", { number: card.n, on: !checked.has(card.n), alike }));
  }
  async function act(node) {
    if (!node.more) return;
    const { of, n, shown } = node.more;
    let nodes = [];
    try { nodes = await page(of, n, shown); } catch { return; }
    if (of) of.children = [...of.children.slice(0, -1), ...nodes];
    else roots.splice(roots.length - 1, 1, ...nodes);
    tree.refresh();
  }
  const code = el("pre", { class: "awlab-code", "aria-label": "The same in Python" });
  const copy = button("copy as Python", () => copyText(code.textContent, copy));
  const say = (python) => { code.textContent = python; };
  const why = el("div", { class: "awlab-processor-chosen", role: "status" });
  const alike = button("on all chips", () => chosen && flip(chosen, true), { hidden: true });
  function describe(node) {
    alike.hidden = !node.card?.work;
    if (!node.card) { why.replaceChildren(); return; }
    const { card } = node;
    alike.textContent = `${checked.has(card.n) ? "uncheck" : "check"} on all chips`;
    alike.disabled = running;
    const lines = card.reasons.map((text) => el("li", {}, text));
    const status = card.n !== null ? made[card.n] : null;
    why.replaceChildren(badge(status || card.state), el("strong", {}, ` ${card.class_name} ${card.label}`),
      ...(lines.length ? [el("ul", {}, ...lines)] : []));
  }
  const choose = (node) => {
    chosen = node;
    describe(node);
    if (node.card?.object) select(node);
  };
  const select = calm(async (node) => {
    const { python } = await wire.ask("choose", { number: node.card.n });
    if (node === chosen && python) say(python);
  }, 150);
  const tree = createTree({
    label: "Possible targets", draw, choose, act,
    load: (node) => page(node, node.card.n, 0),
    press: { " ": (node) => (node.more ? act(node) : flip(node)) },
  });
  tree.box.style.height = `${height}px`;
  let roots = [];

  // -- totals and running ----------------------------------------------------------------
  const sums = el("div", { class: "awlab-processor-sums" });
  const workers = el("input", { type: "number", min: "0", max: "256", placeholder: "all cores", "aria-label": "worker processes" });
  const go = button("process here", start, { disabled: true, class: "awlab-button awlab-processor-go" });
  const stop = button("cancel", () => wire.ask("cancel"), { hidden: true });
  const every = button("check all", async () => totals(await wire.ask("check_all", { on: true })));
  const none = button("uncheck all", async () => totals(await wire.ask("check_all", { on: false })));
  const outcome = createOutcome(wire, say);
  const classTable = el("table", { class: "awlab-processor-classes" });

  function totals({ totals: found }) {
    checked = new Set(found.checked);
    const n = checked.size;
    sums.replaceChildren(el("strong", {}, n ? `${n.toLocaleString()} of ${found.work.toLocaleString()} to be made` : found.work ? "nothing is checked" : "nothing has to be made"),
      n ? el("span", {}, `about ${duration(found.seconds)} of work for one process`) : "",
      el("span", { class: "awlab-soft" }, found.summary));
    const rows = found.classes.map((row) => el("tr", {}, el("th", { scope: "row" }, row.class_name),
      el("td", {}, row.chosen ? `${row.chosen.toLocaleString()} to be made` : ""),
      el("td", {}, ...Object.entries(row.states).flatMap(([state, count]) => [badge(state), ` ${count.toLocaleString()}  `]))));
    classTable.replaceChildren(el("tbody", {}, ...rows));
    ready();
    tree.refresh();
    if (chosen) describe(chosen);
  }
  function ready() {
    go.disabled = running || !planned || !checked.size;
    every.disabled = none.disabled = running || !planned;
    stop.hidden = !running;
  }
  async function plan() {
    if (running) return;
    show.textContent = "planning …";
    let found = null;
    try {
      found = await wire.request("plan", { asked: form.asked(), depth: form.depth() });
    } catch { return; } finally { show.textContent = ""; }
    made = {};
    chosen = null;
    planned = true;
    empty.hidden = true;
    tree.box.hidden = false;
    why.replaceChildren();
    alike.hidden = true;
    roots = found.items.map((card) => treeNode(card, null));
    if (found.left) roots.push(rest(null, -1, roots.length, found.left));
    tree.set(roots);
    totals(found);
    say(found.python);
    stale.hidden = true;
    panels.choose(0);
    if (roots.length && !roots[0].leaf) tree.toggle(roots[0]);
  }
  async function start() {
    running = true;
    ready();
    try {
      const { python } = await wire.request("start", { processes: workers.value });
      say(python);
    } catch { running = false; }
    ready();
    tree.refresh();
  }
  wire.on("progress", (found) => {
    if (found.failure) showFailure(found.failure);
    else {
      made = found.nodes;
      outcome.draw(found);
    }
    if (found.over) {
      running = false;
      // What was made is there now: what is left to do has to be planned anew.
      planned = false;
      stale.hidden = false;
      if (found.products) panels.choose(3);
    }
    ready();
    tree.refresh();
    if (chosen) describe(chosen);
  });

  // -- page ------------------------------------------------------------------------------
  const parameters = createParameters({
    set: (target, name, text) => wire.request("set_parameter", { target, name, text }),
    changed: (count) => { changes.textContent = count ? `● ${count} ${count === 1 ? "parameter" : "parameters"} changed: shown anew, the targets take this into account` : ""; },
  });
  const changes = el("div", { class: "awlab-processor-changes", role: "status" });
  const form = createForm(wire, {
    submit: plan,
    classChanged: async (name) => parameters.draw((await wire.ask("set_class", { name })).parameters),
  });
  const show = el("span", { class: "awlab-soft", role: "status" });
  const stale = el("div", { class: "awlab-processor-stale", hidden: true }, "the run is over: show the targets anew to see what is left");
  parameters.box.style.maxHeight = `${height}px`;
  parameters.box.style.overflow = "auto";
  const empty = el("div", { class: "awlab-processor-empty" },
    "Nothing is looked up yet: choose a target, and for which night, object, filter and chips; then press “show targets”. That makes nothing.");
  tree.box.hidden = true;
  const targets = el("div", {}, empty, tree.box, el("div", { class: "awlab-bar awlab-processor-below" }, every, none, alike), why);
  const panels = createTabs({
    "possible targets": targets, "process parameters": parameters.box,
    log: outcome.log, products: outcome.products, totals: classTable,
  });
  const main = el("div", { class: "awlab-processor-main" }, el("div", { class: "awlab-bar" }, sums, show), changes,
    el("div", { class: "awlab-bar" }, go, named("worker processes ", workers), stop), stale, outcome.progress, outcome.error,
    panels.box, el("div", { class: "awlab-bar" }, el("div", { class: "awlab-grow" }, code), copy));
  root.append(el("div", { class: "awlab-processor-body" }, form.box, main));
  sums.append(el("span", { class: "awlab-soft" }, "choose a target and show what it needs"));
  wire.ask("opening").then((found) => {
    form.set(found);
    parameters.draw(found.parameters);
    ready();
    root.dataset.ready = "yes";
  });
  return () => { tree.close(); close(); };
}

export default { render };
