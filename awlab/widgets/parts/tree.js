// A tree of any size (ARIA tree pattern): only the rows in sight are in the page, one tab stop.
// A node is {key, label, open, loaded, leaf, children, level, parent, ...}; `load` brings children.

const TREE_ROW = 26;

function createTree({ label, load, draw, choose, act = () => {}, press = {} }) {
  const list = el("div", { class: "awlab-tree-rows" });
  const box = el("div", { class: "awlab-tree", role: "tree", tabindex: "0", "aria-label": label });
  box.append(list);
  const mark = Math.random().toString(36).slice(2, 8);
  let roots = [];
  let rows = [];
  let at = 0;
  let typed = "";
  let typedAt = 0;

  function flatten() {
    rows = [];
    const walk = (nodes, level, parent) => nodes.forEach((node, i) => {
      Object.assign(node, { level, parent, place: i + 1, siblings: nodes.length });
      rows.push(node);
      if (node.open && node.children) walk(node.children, level + 1, node);
    });
    walk(roots, 1, null);
    at = Math.max(0, Math.min(at, rows.length - 1));
  }

  function drawRow(node, i) {
    const expandable = !node.leaf;
    const row = el("div", {
      role: "treeitem", id: `tree-${mark}-${i}`, class: "awlab-tree-row",
      "aria-level": node.level, "aria-posinset": node.place, "aria-setsize": node.siblings,
      "aria-expanded": expandable ? String(!!node.open) : null,
      "aria-selected": String(i === at), "data-key": node.key,
      "aria-checked": node.checked === undefined ? null : String(node.checked),
    });
    if (node.marked) row.classList.add("awlab-marked");
    row.style.top = `${i * TREE_ROW}px`;
    row.style.paddingLeft = `${(node.level - 1) * 18 + 4}px`;
    const sign = node.busy ? "…" : expandable ? (node.open ? "▾" : "▸") : "";
    const twist = el("span", { class: "awlab-twist", "aria-hidden": "true" }, sign);
    twist.addEventListener("click", (event) => { event.stopPropagation(); go(i); toggle(node); });
    row.addEventListener("click", () => go(i));
    row.addEventListener("dblclick", () => toggle(node));
    row.append(twist, ...draw(node));
    return row;
  }

  function paint() {
    const first = Math.max(0, Math.floor(box.scrollTop / TREE_ROW) - 4);
    const last = Math.min(rows.length, first + Math.ceil((box.clientHeight || 400) / TREE_ROW) + 8);
    list.style.height = `${rows.length * TREE_ROW}px`;
    const shown = [];
    for (let i = first; i < last; i += 1) shown.push(drawRow(rows[i], i));
    list.replaceChildren(...shown);
    if (rows.length) box.setAttribute("aria-activedescendant", `tree-${mark}-${at}`);
    else box.removeAttribute("aria-activedescendant");
  }

  function go(i) {
    if (!rows.length) return;
    at = Math.max(0, Math.min(i, rows.length - 1));
    const top = at * TREE_ROW;
    if (top < box.scrollTop) box.scrollTop = top;
    const low = top + TREE_ROW - box.clientHeight;
    if (low > box.scrollTop) box.scrollTop = low;
    paint();
    choose(rows[at]);
  }

  async function toggle(node) {
    if (node.leaf) { act(node); return; }
    if (!node.open && !node.loaded) {
      node.busy = true;
      paint();
      try {
        node.children = await load(node);
        node.loaded = true;
      } catch { return; } finally { node.busy = false; paint(); }
    }
    node.open = !node.open;
    flatten();
    paint();
  }

  function find(letter) {
    const now = performance.now();
    typed = now - typedAt < 700 ? typed + letter : letter;
    typedAt = now;
    for (let step = typed.length > 1 ? 0 : 1; step < rows.length; step += 1) {
      const i = (at + step) % rows.length;
      if (rows[i].label.toLowerCase().startsWith(typed.toLowerCase())) { go(i); return; }
    }
  }

  const keys = {
    ArrowDown: () => go(at + 1),
    ArrowUp: () => go(at - 1),
    Home: () => go(0),
    End: () => go(rows.length - 1),
    PageDown: () => go(at + Math.floor(box.clientHeight / TREE_ROW)),
    PageUp: () => go(at - Math.floor(box.clientHeight / TREE_ROW)),
    ArrowRight: (node) => { if (!node.leaf && !node.open) toggle(node); else if (node.open) go(at + 1); },
    ArrowLeft: (node) => {
      if (node.open) toggle(node); else if (node.parent) go(rows.indexOf(node.parent));
    },
    Enter: (node) => { act(node); if (!node.leaf) toggle(node); },
    " ": (node) => { act(node); if (!node.leaf) toggle(node); },
    ...press,
  };

  box.addEventListener("keydown", (event) => {
    if (!rows.length || event.ctrlKey || event.metaKey || event.altKey) return;
    const key = keys[event.key];
    if (key) key(rows[at]);
    else if (event.key.length === 1) find(event.key);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  box.addEventListener("scroll", () => paint());
  const size = new ResizeObserver(() => paint());
  size.observe(box);

  return {
    box,
    set(nodes) { roots = nodes; at = 0; box.scrollTop = 0; flatten(); paint(); },
    refresh() { flatten(); paint(); },
    reveal(node) {
      for (let up = node.parent; up; up = up.parent) up.open = true;
      flatten();
      go(rows.indexOf(node));
    },
    toggle,
    current: () => rows[at],
    rows: () => rows,
    close() { size.disconnect(); },
  };
}
