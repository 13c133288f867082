const QUARTERS = { 1: "1: Jan – Mar", 2: "2: Apr – Jun", 3: "3: Jul – Sep", 4: "4: Oct – Dec" };
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const LEGEND = {
  used: "used data", eclipsed: "eclipsed data", flagged: "quality_flags ≠ 0",
  invalid: "is_valid = 0 (user flag)",
};
const VERDICTS = { 0: "0: bad", 1: "1: valid", 2: "2: qualified" };

const options = (pairs, chosen) => pairs.map(([value, text]) =>
  el("option", { value, selected: String(value) === String(chosen) }, text));

// The panel beside the bars: what was chosen, and changing it with foresight.
function createPanel(wire, changed) {
  let item = null;
  let foreseen = null;
  const title = el("div", { class: "awlab-timeline-title" });
  const code = el("pre", { class: "awlab-code", "aria-label": "Python of what was chosen" });
  const copy = button("copy as Python", () => copyText(code.textContent, copy));
  const facts = el("div");
  const verdict = el("select", { "aria-label": "Verdict" });
  const start = el("input", { "aria-label": "Validity from (UTC)", spellcheck: "false" });
  const end = el("input", { "aria-label": "Validity to (UTC)", spellcheck: "false" });
  const reason = el("input", { "aria-label": "Reason", placeholder: "why? it is kept with the change" });
  const told = el("div", { class: "awlab-timeline-foreseen", role: "status" });
  const check = button("what if?", foresee);
  const commit = button("change it", change, { disabled: true });
  const remark = el("input", { "aria-label": "Comment", placeholder: "say something about it" });
  const say = button("comment", comment);
  const remarks = el("ul", { class: "awlab-timeline-remarks" });
  const validity = el("div", { class: "awlab-timeline-fields" },
    el("label", {}, "from ", start), el("label", {}, "to ", end));
  const form = el("fieldset", { class: "awlab-timeline-form" }, el("legend", {}, "change"),
    el("div", { class: "awlab-timeline-fields" }, el("label", {}, "verdict ", verdict)), validity,
    el("div", { class: "awlab-bar" }, check, el("span", { class: "awlab-soft" }, "nothing is changed yet")),
    told, el("div", { class: "awlab-bar" }, reason, commit));
  const remarking = el("div", { class: "awlab-bar" }, remark, say);
  const body = el("div", {}, form, remarking, remarks, facts);
  const box = el("section", { class: "awlab-timeline-panel", "aria-label": "What was chosen" },
    title, el("div", { class: "awlab-bar" }, copy), code, body);

  const asked = () => ({ is_valid: Number(verdict.value), start: start.value, end: end.value });
  // What was foreseen is no longer what would be done: it must be looked at again.
  function forget() {
    foreseen = null;
    told.replaceChildren();
    ready();
  }
  function ready() { commit.disabled = !foreseen || !reason.value.trim(); }
  for (const field of [verdict, start, end]) field.addEventListener("input", forget);
  reason.addEventListener("input", ready);

  function products(heading, total, items) {
    if (!total) return null;
    const rows = items.map((found) => el("li", {}, el("span", {}, `${found.class_name} `),
      el("span", { class: "awlab-soft" }, found.label),
      ...found.reasons.map((text) => el("div", { class: "awlab-timeline-why" }, text))));
    const more = total > items.length ? [el("li", {}, `and ${(total - items.length).toLocaleString()} more`)] : [];
    return el("details", { open: true }, el("summary", {}, heading), el("ul", {}, ...rows, ...more));
  }
  async function foresee() {
    const words = asked();
    told.replaceChildren(el("span", { class: "awlab-soft" }, "looking …"));
    let found = null;
    try {
      found = await wire.request("foresee", { object_id: item.id, change: words });
    } catch { forget(); return; } // the line in the widget has told it
    const count = (n, what) => `${n.toLocaleString()} ${n === 1 ? "product" : "products"} ${what}`;
    const head = `${count(found.outdated_total, "would become outdated")}; ${found.restored_total.toLocaleString()} up to date again`;
    told.replaceChildren(...found.words.map((text) => el("div", { class: "awlab-timeline-word" }, text)),
      el("strong", {}, head),
      ...[products("outdated", found.outdated_total, found.outdated),
        products("up to date again", found.restored_total, found.restored)].filter(Boolean));
    foreseen = JSON.stringify(words);
    ready();
  }
  async function change() {
    if (JSON.stringify(asked()) !== foreseen) { forget(); return; }
    const found = await wire.ask("change", { object_id: item.id, change: asked(), reason: reason.value });
    reason.value = "";
    show(found.portrait);
    changed(found);
  }
  async function comment() {
    const found = await wire.ask("comment", { object_id: item.id, text: remark.value });
    remark.value = "";
    show(found);
  }
  remark.addEventListener("keydown", (event) => { if (event.key === "Enter") comment(); });

  function section([name, rows]) {
    const lines = rows.map(([label, value]) =>
      el("tr", {}, el("th", { scope: "row" }, label), el("td", {}, value)));
    return el("details", { open: name === "verdict" || name === "values" },
      el("summary", {}, name), el("table", {}, el("tbody", {}, ...lines)));
  }
  function show(found) {
    const single = Boolean(found?.id);
    body.hidden = !single;
    copy.hidden = code.hidden = !found;
    code.textContent = found?.python ?? "";
    item = single ? found : null;
    if (!found) { title.replaceChildren(el("span", { class: "awlab-soft" }, "choose a bar to look closer")); return; }
    if (!single) { title.replaceChildren(el("strong", {}, `${found.count} objects`)); return; }
    title.replaceChildren(el("strong", {}, found.title), el("span", {}, found.name));
    verdict.replaceChildren(...options(Object.entries(VERDICTS), found.is_valid));
    start.value = found.start;
    end.value = found.end;
    validity.hidden = !found.has_validity;
    remarks.replaceChildren(...found.remarks.map((text) => el("li", {}, text)));
    facts.replaceChildren(...found.sections.map(section));
    forget();
  }
  show(null);
  return { box, show };
}

function render({ model, el: host }) {
  const { root, wire, close } = frame(model, host, "awlab-timeline");
  const height = model.get("height");
  const classes = el("select", { size: 12, class: "awlab-timeline-classes", "aria-label": "Class" });
  const selectors = {};
  const labels = { instrument: "instrument", chip: "chip", filter: "filter", year: "year", quarter: "quarter", month: "month", week: "week" };
  const bar = el("div", { class: "awlab-bar" });
  for (const [name, text] of Object.entries(labels)) {
    selectors[name] = el("select", { "aria-label": text });
    selectors[name].addEventListener("change", () => look({ [name]: selectors[name].value }));
    bar.append(el("label", {}, `${text} `, selectors[name]));
  }
  const good = el("input", { type: "checkbox" });
  good.addEventListener("change", () => look({ only_good: good.checked }));
  classes.addEventListener("change", () => look({ class_name: classes.value }));
  const views = {};
  for (const name of ["graph", "table"]) {
    views[name] = button(name, () => view(name), { "aria-pressed": String(name === "graph") });
  }
  bar.append(el("label", {}, good, " only good data (no flags set)"), views.graph, views.table);

  const panel = createPanel(wire, draw);
  const choose = calm(async (ids) => panel.show(await wire.ask("choose", { object_ids: ids })), 120);
  const bars = createBars({ label: "Calibrations in time", height, choose });
  const grid = createGrid({ label: "Calibrations", height, choose: (row) => choose([row.id]) });
  const legend = el("div", { class: "awlab-timeline-legend", "aria-label": "Legend", role: "group" },
    ...Object.entries(LEGEND).map(([style, text]) => el("span", {},
      el("i", { class: `awlab-timeline-key awlab-bar-${style}`, "aria-hidden": "true" }), text)));
  const told = el("div", { class: "awlab-timeline-total", role: "status" });
  const code = el("pre", { class: "awlab-code", "aria-label": "Python of what is shown" });
  const copy = button("copy as Python", () => copyText(code.textContent, copy));
  const empty = el("div", { class: "awlab-timeline-empty", hidden: true });
  const main = el("div", { class: "awlab-timeline-main" }, bar, empty, bars.box, grid.box, legend,
    told, el("div", { class: "awlab-bar" }, el("div", { class: "awlab-grow" }, code), copy));
  root.append(el("div", { class: "awlab-timeline-body" }, classes, main, panel.box));
  panel.box.style.maxHeight = `${height + 170}px`;

  let shown = "graph";
  let found = null;
  function view(name) {
    shown = name;
    for (const [key, head] of Object.entries(views)) head.setAttribute("aria-pressed", String(key === name));
    const none = !found?.rows.length;
    bars.box.hidden = none || name !== "graph";
    grid.box.hidden = none || name !== "table";
    legend.hidden = none || name !== "graph";
    empty.hidden = !none;
  }
  async function look(words) {
    try {
      draw(await wire.request("look", words));
      panel.show(null);
    } catch { if (found) choosers(found); } // the line in the widget has told it
  }
  function choosers({ asked, choices, class_name: name }) {
    const none = [["", "<any>"]];
    const plain = (values) => [...none, ...values.map((value) => [value, value])];
    const pairs = {
      instrument: plain(choices.instruments), chip: plain(choices.chips),
      filter: plain(choices.filters), year: plain(choices.years),
      quarter: [...none, ...Object.entries(QUARTERS)], month: [...none, ...MONTHS.map((m, i) => [i + 1, m])],
      week: [...none, ...Array.from({ length: 53 }, (_, i) => [i + 1, i + 1])],
    };
    const entry = plan.get(name);
    for (const [key, select] of Object.entries(selectors)) {
      const known = pairs[key].some(([value]) => String(value) === String(asked[key]));
      if (!known) pairs[key].push([asked[key], asked[key]]);
      select.replaceChildren(...options(pairs[key], asked[key]));
      const unused = (key === "chip" && !entry.by_chip) || (key === "filter" && !entry.by_filter);
      select.disabled = unused || (["quarter", "month", "week"].includes(key) && !asked.year);
    }
    good.checked = asked.only_good;
    classes.value = name;
  }
  function draw(reply) {
    found = reply;
    choosers(reply);
    bars.set(reply.rows, reply.ticks);
    const rows = reply.rows.map((row) => reply.columns.map(({ path }) => row[path]));
    const ids = reply.rows.map((row) => row.id);
    grid.set({ columns: reply.columns, rows, object_ids: ids, class_names: ids.map(() => reply.class_name), after: null });
    const counts = Object.entries(reply.counts).map(([state, n]) => `${n.toLocaleString()} ${state}`);
    told.replaceChildren(el("strong", {}, reply.total), el("span", {}, counts.join(", ")),
      el("span", { class: "awlab-soft" }, reply.rows.length ? reply.axis : ""));
    empty.textContent = `There is no ${reply.class_name} for what is chosen: take away a selector, or make one.`;
    code.textContent = reply.python;
    view(shown);
  }

  let plan = new Map();
  wire.ask("opening").then((reply) => {
    plan = new Map(reply.plan.map((entry) => [entry.class_name, entry]));
    classes.replaceChildren(...options(reply.plan.map((entry) =>
      [entry.class_name, `${entry.requirement} ${entry.title}`]), reply.class_name));
    draw(reply);
    root.dataset.ready = "yes";
  });
  return () => { bars.close(); grid.close(); close(); };
}

export default { render };
