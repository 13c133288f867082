function render({ model, el: host }) {
  const { root, wire, close } = frame(model, host, "awlab-query");
  let columns = [];
  let known = new Map();

  // -- the tree of attributes --------------------------------------------------------------
  const node = (item) => {
    known.set(item.path, item);
    return { key: item.path, item, label: item.name, leaf: !item.inner };
  };
  function draw({ item, level }) {
    const kind = item.many ? `list of ${item.type}` : item.type;
    return [el("strong", {}, level === 1 ? item.path : item.name),
      el("span", { class: "awlab-query-kind" }, item.unit ? `[${item.unit}]` : item.inner ? `→ ${kind}` : kind),
      el("span", { class: "awlab-soft awlab-query-doc", title: item.doc }, item.doc)];
  }
  const tree = createTree({
    label: "Attributes",
    load: async ({ item }) => (await wire.request("attributes", { path: item.path })).items.map(node),
    draw,
    choose: ({ item }) => { chosen = item; adapt(); },
    act: ({ item, leaf }) => { if (leaf && item.operators.length) conditions.add(item); },
  });
  tree.box.style.height = "250px";
  let chosen = null;
  const addCondition = button("+ condition", () => conditions.add(chosen));
  const addColumn = button("+ column", () => {
    if (!columns.includes(chosen.path)) columns.push(chosen.path);
    drawColumns();
    ask();
  });
  const told = el("div", { class: "awlab-soft awlab-query-told" });
  function adapt() {
    addCondition.disabled = !chosen?.operators.length;
    addColumn.disabled = !chosen?.column;
    told.textContent = chosen ? `${chosen.path}: ${chosen.doc}` : "";
  }
  const filter = el("input", { type: "search", placeholder: "filter attributes …", "aria-label": "Filter the attributes" });
  async function fill() {
    const text = filter.value.trim();
    const { items } = await (text ? wire.ask("find", { text }) : wire.ask("attributes"));
    if (text === filter.value.trim()) tree.set(items.map(node));
  }
  filter.addEventListener("input", calm(fill, 150));
  filter.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "Enter") tree.box.focus();
  });

  // -- class, columns, conditions ----------------------------------------------------------
  const classes = el("select", { "aria-label": "Class" });
  const doc = el("span", { class: "awlab-soft awlab-grow awlab-query-doc" });
  let listed = [];
  classes.addEventListener("change", async () => begin(await wire.ask("set_class", { name: classes.value })));

  const chips = el("div", { class: "awlab-query-columns" });
  function drawColumns() {
    chips.replaceChildren(el("span", { class: "awlab-soft" }, "columns:"), ...columns.map((path) =>
      el("span", { class: "awlab-chip" }, path, button("✕", () => {
        columns = columns.filter((other) => other !== path);
        drawColumns();
        ask();
      }, { "aria-label": `remove the column ${path}`, class: "awlab-chip-remove" }))));
  }

  let turn = 0;
  const conditions = createConditions({
    changed: calm(() => ask(), 350),
    complete: (path) => wire.ask("values", { path }),
  });
  async function ask() {
    turn += 1;
    const mine = turn;
    const plain = (group) => ({
      join: group.join, not: group.not,
      items: group.items.map((i) => (i.join ? plain(i) : { path: i.path, op: i.op, value: i.value, high: i.high })),
    });
    root.dataset.ready = "no";
    const found = await wire.ask("ask", { group: plain(conditions.spec()), columns });
    if (mine === turn) tell(found);
  }
  async function tell(found) {
    python.textContent = found.python;
    sql.textContent = found.sql;
    const mine = turn;
    await grid.load();
    if (mine === turn) root.dataset.ready = "yes";
  }
  function begin(found) {
    turn += 1;
    columns = found.columns;
    classes.value = found.class_name;
    doc.textContent = listed.find((one) => one.name === found.class_name)?.doc ?? "";
    filter.value = "";
    chosen = null;
    adapt();
    conditions.clear();
    drawColumns();
    fill();
    tell(found);
  }

  // -- what comes of it --------------------------------------------------------------------
  const python = el("pre", { class: "awlab-code", "aria-label": "The query as Python" });
  const sql = el("pre", { class: "awlab-code awlab-query-sql", "aria-label": "The query as SQL" });
  const copy = button("copy as Python", () => copyText(python.textContent, copy));
  const copySql = button("copy", () => copyText(sql.textContent, copySql));
  const rowCode = el("pre", { class: "awlab-code" });
  const copyRow = button("copy as Python", () => copyText(rowCode.textContent, copyRow));
  const rowBar = el("div", { class: "awlab-bar", hidden: true }, el("div", { class: "awlab-grow" }, rowCode), copyRow);
  const showRow = (text) => { rowCode.textContent = text; rowBar.hidden = false; };
  const grid = createGrid({
    label: "Rows of the query",
    height: model.get("height"),
    fetchPage: (after, order) => wire.request("page", { after, order }),
    fetchCount: () => wire.request("count"),
    choose: calm(async (row) => showRow((await wire.ask("choose", { object_id: row.id })).python), 120),
    links: ROW_LINKS,
    follow: showRow,
  });
  const formats = el("select", { "aria-label": "Format of the file" });
  const save = button("save rows", async () => {
    const found = await wire.ask("export", { kind: formats.value });
    saveFile(found.name, found.buffers[0], found.type);
  });

  const statement = el("textarea", {
    rows: "4", spellcheck: "false", "aria-label": "A reading SQL statement", class: "awlab-query-statement",
    placeholder: "SELECT name, count(*) FROM Chip GROUP BY name     (classes are tables; reading only)",
  });
  const answer = createGrid({ label: "Rows of the statement", height: model.get("height") });
  answer.box.hidden = true;
  const run = button("run", async () => {
    const found = await wire.ask("sql", { text: statement.value });
    answer.box.hidden = false;
    answer.set(found);
    cut.hidden = !found.more;
  });
  const cut = el("span", { class: "awlab-soft", hidden: true }, "only the first 1,000 rows are shown");
  statement.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey || event.shiftKey)) {
      run.click();
      event.preventDefault();
    }
  });

  const tabs = createTabs({
    rows: el("div", {}, el("div", { class: "awlab-bar" }, formats, save, chips), grid.box, rowBar),
    Python: el("div", {}, el("div", { class: "awlab-bar" }, copy), python),
    SQL: el("div", {}, el("div", { class: "awlab-bar" }, copySql), sql),
    "free SQL": el("div", {}, statement, el("div", { class: "awlab-bar" }, run, cut), answer.box),
  });
  root.append(
    el("div", { class: "awlab-bar" }, el("label", {}, "class "), classes, doc),
    el("div", { class: "awlab-query-body" },
      el("div", {}, el("div", { class: "awlab-bar" }, filter, addCondition, addColumn), tree.box, told),
      el("div", { class: "awlab-query-right" }, conditions.box)),
    tabs.box,
  );

  adapt();
  wire.ask("opening").then((found) => {
    listed = found.classes;
    classes.replaceChildren(...listed.map((one) =>
      el("option", { value: one.name, title: one.doc }, one.abstract ? `${one.name} (all kinds)` : one.name)));
    formats.replaceChildren(...found.formats.map((name) => el("option", { value: name }, name)));
    begin(found);
  });
  return () => { tree.close(); grid.close(); answer.close(); close(); };
}

export default { render };
