const TITLES = { upstream: "made from", downstream: "used for" };

// An SVG drawing as a picture of twice as many pixels, for slides; browsers draw no wider ones.
const WIDEST = 8192;
async function savePicture(name, text) {
  const url = URL.createObjectURL(new Blob([text], { type: "image/svg+xml" }));
  const image = new Image();
  image.src = url;
  await image.decode();
  const scale = Math.min(2, WIDEST / Math.max(image.naturalWidth, image.naturalHeight));
  const canvas = el("canvas");
  canvas.width = Math.round(image.naturalWidth * scale);
  canvas.height = Math.round(image.naturalHeight * scale);
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  URL.revokeObjectURL(url);
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
  saveFile(name, blob, "image/png");
}

// The picture of the object that was asked for last.
function createThumbnail(fetch) {
  const canvas = el("canvas", { class: "awlab-lineage-picture", role: "img" });
  const told = el("div", { class: "awlab-soft" });
  const box = el("div", { hidden: true }, canvas, told);
  let asked = null;
  async function show(id, name) {
    asked = id;
    const found = await fetch(id);
    if (asked !== id) return;
    box.hidden = false;
    told.textContent = found.told;
    canvas.hidden = !found.nx;
    canvas.setAttribute("aria-label", `image of ${name}`);
    if (found.nx) paintGrey(canvas, found, floats(found.buffers[0]), found.limits, "asinh");
  }
  return { box, show, clear() { asked = null; box.hidden = true; } };
}

function render({ model, el: host }) {
  const { root, wire, close } = frame(model, host, "awlab-lineage");
  let top = null; // card of the root
  let between = new Set();
  let serial = 0;
  let chosen = null;
  let kept = null; // card of the object that others are compared with

  const key = () => { serial += 1; return `n${serial}`; };
  const plural = (group) => `${group.more ? "more than " : ""}${group.count.toLocaleString()}`;

  function objectNode(card, direction, role = "") {
    return {
      kind: "object", key: key(), card, direction, role, label: card.class_name,
      leaf: direction === "upstream" && card.class_name === "RawFits",
      get marked() { return between.has(card.id); },
    };
  }
  function groupNode(group, owner) {
    return { kind: "group", key: key(), group, owner, label: group.class_name, items: [] };
  }
  function headings(groups, owner) {
    return ["upstream", "downstream"].map((direction) => {
      const children = groups.filter((g) => g.direction === direction).map((g) => groupNode(g, owner));
      return {
        kind: "heading", key: key(), direction, label: TITLES[direction], children, loaded: true,
        open: direction === "upstream", leaf: !children.length,
      };
    });
  }

  // -- loading ---------------------------------------------------------------------------
  const target = (node) => ({
    object_id: node.owner, direction: node.group.direction, role: node.group.role,
    class_name: node.group.class_name,
  });

  async function load(node) {
    if (node.kind === "object") {
      const { groups } = await wire.request("groups", { object_id: node.card.id });
      const mine = groups.filter((g) => g.direction === node.direction);
      if (!mine.length) node.leaf = true;
      return mine.map((group) => groupNode(group, node.card.id));
    }
    return page(node);
  }
  async function page(node) {
    const after = node.items.length ? node.items.at(-1).card.row : 0;
    const found = await wire.request("members", { ...target(node), after });
    node.items.push(...found.items.map((card) => objectNode(card, node.group.direction)));
    judge(found.items);
    if (found.items.length === 1 && !after && !found.more) {
      queueMicrotask(() => { if (node.items[0] && !node.items[0].leaf) tree.toggle(node.items[0]); });
    }
    const more = { kind: "more", key: key(), of: node, label: "more", leaf: true };
    return found.more ? [...node.items, more] : [...node.items];
  }
  async function judge(cards) {
    const open = cards.filter((card) => card.state === "not checked").map((card) => card.id);
    if (!open.length) return;
    const { states } = await wire.ask("judge", { object_ids: open });
    for (const card of cards) Object.assign(card, states[card.id] ?? {});
    tree.refresh();
    if (chosen?.card && states[chosen.card.id]) drawReasons(chosen.card);
  }

  // -- rows ------------------------------------------------------------------------------
  function draw(node) {
    if (node.kind === "heading") {
      const none = node.direction === "upstream" ? "nothing: this is where it begins" : "nothing yet";
      return [el("strong", {}, TITLES[node.direction]),
        node.leaf ? el("span", { class: "awlab-soft" }, none) : null].filter(Boolean);
    }
    if (node.kind === "group") {
      return [el("span", { class: "awlab-soft" }, node.group.role),
        el("strong", {}, `${plural(node.group)} ${node.group.class_name}`)];
    }
    if (node.kind === "more") return [el("span", { class: "awlab-link" }, "show more …")];
    const { card } = node;
    // The row above says what the objects of a group are; the root has no row above.
    return [badge(card.state), node.parent ? null : el("strong", {}, card.class_name),
      el("span", { class: "awlab-lineage-label", title: card.name }, card.label)].filter(Boolean);
  }

  async function act(node) {
    if (node.kind !== "more") return;
    try {
      node.of.children = await page(node.of);
    } catch { return; } // the line in the widget has told it
    tree.refresh();
  }

  // -- side panel ------------------------------------------------------------------------
  const title = el("div", { class: "awlab-lineage-title" });
  const code = el("pre", { class: "awlab-code" });
  const reasons = el("div", { class: "awlab-lineage-reasons" });
  const facts = el("div");
  const copy = button("copy as Python", () => copyText(code.textContent, copy));
  const trace = button("show path", () => showPath(chosen.card.id));
  const keep = button("mark to compare", () => {
    kept = kept?.id === chosen.card.id ? null : chosen.card;
    offer();
  });
  const compare = button("difference", async () =>
    difference.show(await wire.ask("difference", { first: kept.id, second: chosen.card.id })));
  const difference = createDifference();
  const thumbnail = createThumbnail((id) => wire.ask("thumbnail", { object_id: id }));
  const bar = el("div", { class: "awlab-bar" }, copy, trace, keep, compare);
  const panel = el("section", { class: "awlab-lineage-panel", "aria-label": "What was chosen" },
    title, bar, code, reasons, thumbnail.box, facts);

  // Two objects of one class can be compared: one is marked, the other chosen.
  function offer() {
    const single = chosen?.kind === "object";
    const marked = single && kept?.id === chosen.card.id;
    keep.hidden = !single;
    keep.setAttribute("aria-pressed", String(marked));
    keep.textContent = marked ? "marked to compare" : "mark to compare";
    compare.hidden = !single || !kept || marked;
    if (compare.hidden) return;
    const same = kept.class_name === chosen.card.class_name;
    compare.disabled = !same;
    compare.textContent = `difference from ${kept.label}`;
    compare.title = same ? kept.name : `only with another ${kept.class_name}`;
  }

  function drawReasons(card) {
    const lines = (card.reasons ?? []).map((text) => el("li", {}, text));
    reasons.replaceChildren(badge(card.state), ...(lines.length ? [el("ul", {}, ...lines)] : []));
  }
  function section([name, rows]) {
    const body = rows.map(([label, value]) => el("tr", {}, el("th", { scope: "row" }, label),
      el("td", {}, value)));
    return el("details", { open: name !== "links" }, el("summary", {}, name),
      el("table", {}, el("tbody", {}, ...body)));
  }
  const choose = calm(async (node) => {
    if (node === chosen) return;
    chosen = node;
    trace.hidden = node.kind !== "object" || node.card.id === top?.id;
    offer();
    thumbnail.clear();
    if (node.kind === "object") {
      const found = await wire.ask("choose", { object_id: node.card.id });
      if (node !== chosen) return;
      title.replaceChildren(el("strong", {}, found.title), el("span", {}, found.name));
      code.textContent = found.python;
      drawReasons(node.card);
      facts.replaceChildren(...found.sections.map(section));
      if (found.has_image) thumbnail.show(node.card.id, found.name);
    } else if (node.kind === "group") {
      const { python } = await wire.ask("choose_group", target(node));
      if (node !== chosen) return;
      title.replaceChildren(el("strong", {}, `${plural(node.group)} ${node.group.class_name}`),
        el("span", {}, `in the role ${node.group.role}`));
      code.textContent = python;
      reasons.replaceChildren();
      facts.replaceChildren(el("p", { class: "awlab-soft" },
        "The selection is a query on these objects. Open the row to see them."));
    }
  }, 120);

  // -- ways ------------------------------------------------------------------------------
  async function openTo(steps) {
    let node = tree.rows().find((n) => n.kind === "heading" && n.direction === steps[0].direction);
    let owner = top.id;
    for (const step of steps) {
      if (!node.loaded) { node.children = await load(node); node.loaded = true; }
      node.open = true;
      let group = node.children.find((n) => n.kind === "group" && n.group.role === step.role
        && n.group.class_name === step.class_name);
      if (!group) {
        group = groupNode({ ...step, count: 1, more: false }, owner);
        node.children.push(group);
      }
      if (!group.loaded) { group.children = await page(group); group.loaded = true; }
      group.open = true;
      let item = group.children.find((n) => n.card?.id === step.id);
      if (!item) { // beyond the page that was read: shown on top
        item = objectNode(step, step.direction);
        group.children.unshift(item);
        judge([step]);
      }
      owner = step.id;
      node = item;
    }
    tree.refresh();
    return node;
  }
  async function showPath(id) {
    const found = await wire.ask("path", { object_id: id });
    between = new Set(found.between);
    let last;
    try {
      last = await openTo(found.steps);
    } catch { return; } // the line in the widget has told it
    clear.hidden = false;
    told.textContent = `path: ${[top.class_name, ...found.steps.map((s) => s.class_name)].join(" → ")}`;
    tree.reveal(last);
  }

  // -- search and export -----------------------------------------------------------------
  const field = el("input", {
    type: "search", placeholder: "find by file name or id …", "aria-label": "Find in the lineage",
  });
  const hits = el("div", { class: "awlab-lineage-hits", hidden: true });
  const told = el("div", { class: "awlab-soft awlab-lineage-told", role: "status" });
  const clear = button("clear path", () => {
    between = new Set();
    clear.hidden = true;
    told.textContent = summary;
    tree.refresh();
  }, { hidden: true });
  async function seek() {
    const { items } = await wire.ask("search", { text: field.value });
    const lines = items.map((card) => button(`${card.class_name}  ${card.label}`, () => {
      hits.hidden = true;
      showPath(card.id);
    }, { title: card.name }));
    hits.hidden = false;
    hits.replaceChildren(...(lines.length ? lines : [el("span", {}, "nothing has that in its name")]));
  }
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter") seek();
    if (event.key === "Escape") hits.hidden = true;
  });
  const save = async (op, name, type) => saveFile(name, (await wire.ask(op)).text, type);
  const tools = el("div", { class: "awlab-bar" }, field, button("find", seek), clear,
    el("span", { class: "awlab-grow" }),
    button("save PNG", async () => savePicture("lineage.png", (await wire.ask("svg")).text)),
    button("save SVG", () => save("svg", "lineage.svg", "image/svg+xml")),
    button("save PROV", () => save("prov", "lineage.prov.json", "application/json")));

  const tree = createTree({ label: "Lineage", load, draw, choose, act });
  tree.box.style.height = `${model.get("height")}px`;
  panel.style.maxHeight = `${model.get("height")}px`;
  root.append(tools, hits, told, el("div", { class: "awlab-lineage-body" }, tree.box, panel),
    difference.box);

  let summary = "reading …";
  told.textContent = summary;
  wire.ask("opening").then((found) => {
    top = found.root;
    const counts = Object.entries(found.ancestors).map(([name, n]) => `${n.toLocaleString()} ${name}`);
    summary = found.total
      ? `made from ${found.total.toLocaleString()} objects: ${counts.join(", ")}`
      : "made from nothing: this is where lineage begins";
    if (found.hidden) summary += `; ${found.hidden.toLocaleString()} more that you may not see`;
    told.textContent = summary;
    const node = objectNode(top, "upstream");
    Object.assign(node, {
      children: headings(found.groups, top.id), loaded: true, open: true, leaf: false,
    });
    tree.set([node]);
    choose(node);
    judge([top]);
    root.dataset.ready = "yes";
  });
  return () => { tree.close(); close(); };
}

export default { render };
