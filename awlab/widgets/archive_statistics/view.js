const HEADS = {
  class: ["class", "objects", "flagged", "invalid", "files", "storage"],
  project: ["project", "objects", "flagged", "invalid"],
  instrument: ["instrument", "files", "storage"],
  night: ["night", "files", "storage"],
};

function render({ model, el: host }) {
  const { root, wire, close } = frame(model, host, "awlab-archive");
  const totals = el("div", { class: "awlab-archive-totals" });
  const code = el("pre", { class: "awlab-code" });
  const copy = button("copy as Python", () => copyText(code.textContent, copy));
  const chosen = el("div", { class: "awlab-bar", hidden: true }, el("div", { class: "awlab-grow" }, code), copy);
  const flagged = el("input", { type: "checkbox" });
  const boxes = Object.fromEntries(Object.keys(HEADS).map((name) => [name, el("div", { class: "awlab-archive-wide" })]));
  const growth = el("div", { class: "awlab-archive-plots" });
  const fresh = el("div", { class: "awlab-archive-wide" });
  const running = el("div", { class: "awlab-archive-wide" });
  const tabs = createTabs({
    "what is new": el("div", {}, el("label", {}, flagged, " only flagged or invalid"), fresh),
    ...Object.fromEntries(Object.entries(boxes).map(([name, box]) => [`by ${name}`, box])), growth,
    services: running,
  });
  const again = button("read again", () => read());

  const show = async (op, words) => {
    code.textContent = (await wire.ask(op, words)).python;
    chosen.hidden = false;
  };
  const number = (value) => value.toLocaleString("en");
  const table = (heads, rows) => el("table", {},
    el("thead", {}, el("tr", {}, ...heads.map((text) => el("th", { scope: "col" }, text)))), el("tbody", {}, ...rows));

  function drawTable(name, rows) {
    if (!rows.length) return el("p", { class: "awlab-soft" }, "nothing yet: ingest a night, or run awlab demo");
    const sized = HEADS[name].at(-1) === "storage";
    const bars = rows.map((row) => (sized ? row.at(-2) : row[1]));
    const most = Math.max(...bars, 1);
    return table([...HEADS[name], ""], rows.map((row, i) => {
      const label = name === "class" ? button(row[0], () => show("choose_class", { class_name: row[0] })) : row[0];
      const middle = row.slice(1, sized ? -2 : undefined).map((n) => el("td", {}, number(n)));
      const bar = el("span", { class: "awlab-archive-bar" });
      bar.style.width = `${(100 * bars[i]) / most}%`;
      return el("tr", {}, el("th", { scope: "row" }, label), ...middle, sized ? el("td", {}, row.at(-1)) : null,
        el("td", { class: "awlab-archive-track", "aria-hidden": "true" }, bar));
    }));
  }
  function drawNew(items) {
    const state = (one) => (one.is_valid <= 0 ? "invalid" : one.quality_flags ? "flagged" : null);
    if (!items.length) return el("p", { class: "awlab-soft" }, "nothing: all is well, or nothing is there yet");
    return table(["made", "class", "by", "project", "state"], items.map((one) => el("tr", {},
      el("th", { scope: "row" }, one.creation_date),
      el("td", {}, button(one.class_name, () => show("choose", { object_id: one.object_id }))),
      el("td", {}, one.creator), el("td", {}, one.project), el("td", {}, state(one) ? badge(state(one)) : "good"))));
  }
  function drawGrowth({ days, objects, bytes }) {
    if (!days.length) return [];
    const x = days.map((day) => Date.parse(day) / 864e5 - Date.parse(days[0]) / 864e5);
    return [["objects", objects], ["storage [GB]", bytes.map((n) => n / 1e9)]].map(([title, y]) => {
      const { drawing, toX, toY } = axes({
        x: [0, Math.max(1, x.at(-1))], y: [0, Math.max(...y) * 1.05 || 1], xTitle: `days since ${days[0]}`, yTitle: title,
        label: `${title} in time: ${number(Math.round(y.at(-1)))} on ${days.at(-1)}`,
      });
      drawing.append(svg("path", { d: `M${x.map((v, i) => `${toX(v).toFixed(1)},${toY(y[i]).toFixed(1)}`).join("L")}`, class: "awlab-archive-line" }));
      return el("figure", {}, el("figcaption", {}, title), drawing);
    });
  }
  function drawServices({ services, updated }) {
    return [...services.map(({ name, state, facts, error }) => el("section", { "aria-label": name },
      el("h4", {}, badge(state), ` ${name}`), error ? el("div", {}, error) : null,
      el("table", {}, el("tbody", {}, ...facts.map(([label, value]) =>
        el("tr", {}, el("th", { scope: "row" }, label), el("td", {}, value))))))),
    el("p", { class: "awlab-soft" }, `updated ${updated}`)];
  }
  async function read() {
    delete root.dataset.ready;
    const found = await wire.ask("overview", { flagged: flagged.checked });
    const { totals: sum } = found;
    const pairs = [["objects", number(sum.objects)], ["flagged", number(sum.flagged)], ["invalid", number(sum.invalid)],
      ["files", number(sum.files)], ["storage", sum.size_text]];
    totals.replaceChildren(...pairs.map(([name, value]) => el("div", {}, el("span", { class: "awlab-archive-name" }, name), el("strong", {}, value))));
    for (const [name, box] of Object.entries(boxes)) box.replaceChildren(drawTable(name, found.tables[name]));
    fresh.replaceChildren(drawNew(found.newest));
    growth.replaceChildren(...drawGrowth(found.growth));
    running.replaceChildren(...drawServices(await wire.ask("services")));
    root.dataset.ready = "yes";
  }
  flagged.addEventListener("change", read);
  root.append(el("div", { class: "awlab-bar" }, totals, el("span", { class: "awlab-grow" }), again), tabs.bar, tabs.box, chosen);
  read();
  return close;
}

export default { render };
