// A grid of any length (ARIA grid pattern): rows come by key as one scrolls, only those in sight
// are in the page, one tab stop, arrows walk over cells.

const GRID_ROW = 24;
const GRID_KEPT = 4000; // rows kept; what scrolled out above is read again from the start

// What a row leads to, as the Python that shows it: a dashboard puts the widgets together.
const ROW_LINKS = {
  lineage: (row) => `LineageTree(${row.cls}(object_id='${row.id}'))`,
  quality: (row) => `${row.cls}(object_id='${row.id}').inspect()`,
};

function createGrid(options) {
  const { label, height, fetchPage, fetchCount, choose = () => {}, links = {}, follow } = options;
  const told = el("span", { role: "status" });
  // Not there until it has columns: a row without cells tells a reader of the screen nothing.
  const head = el("div", { class: "awlab-grid-head", role: "row", "aria-rowindex": "1", hidden: true });
  const list = el("div", { class: "awlab-grid-rows", role: "rowgroup" });
  const area = el("div", { class: "awlab-grid", role: "grid", tabindex: "0", "aria-label": label },
    el("div", { role: "rowgroup", class: "awlab-grid-top" }, head), list);
  area.style.height = `${height}px`;
  const mark = Math.random().toString(36).slice(2, 8);
  const linkNames = Object.keys(links);
  let columns = [];
  let rows = [];
  let base = 0; // rows that were read and dropped above
  let after = null;
  let order = "";
  let busy = false;
  let total = "";
  let turn = 0;
  let at = { row: 0, column: 0 };

  function say() {
    const shown = rows.length ? `rows ${(base + 1).toLocaleString()} to ${(base + rows.length).toLocaleString()}` : "";
    told.textContent = rows.length ? `${shown}${total ? ` of ${total}` : ""}` : busy ? "reading …" : "no rows: nothing fits";
  }

  function widths() {
    return [...columns.map((column, i) => {
      const cells = rows.slice(0, 60).map((row) => row.cells[i].length);
      const longest = Math.max(column.path.length + 2, (column.unit ?? "").length + 2, ...cells);
      return `${Math.min(34, Math.max(5, longest)) + 2}ch`;
    }), ...linkNames.map((name) => `${name.length + 4}ch`)].join(" ");
  }

  function drawHead() {
    head.style.gridTemplateColumns = widths();
    const cells = columns.map((column, i) => {
      const sorted = order.replace("-", "") === column.path ? (order[0] === "-" ? "descending" : "ascending") : "none";
      const sign = { descending: " ↓", ascending: " ↑", none: "" }[sorted];
      const cell = el("div", {
        role: "columnheader", class: "awlab-cell awlab-cell-head", title: column.doc,
        "aria-colindex": i + 1, "aria-sort": sorted,
      }, column.path + sign, el("small", {}, column.unit ? `[${column.unit}]` : ""));
      if (column.number) cell.classList.add("awlab-cell-number");
      if (column.sortable && fetchPage) cell.addEventListener("click", () => sort(column.path));
      return cell;
    });
    const more = linkNames.map((name, i) => el("div", {
      role: "columnheader", class: "awlab-cell awlab-cell-head", "aria-colindex": columns.length + i + 1,
    }, ""));
    head.replaceChildren(...cells, ...more);
    head.hidden = !cells.length;
    area.setAttribute("aria-colcount", columns.length + linkNames.length);
  }

  function drawRow(row, i) {
    const line = el("div", {
      role: "row", class: "awlab-grid-row", "aria-rowindex": base + i + 2,
      "aria-selected": String(i === at.row),
    });
    line.style.top = `${i * GRID_ROW}px`;
    line.style.gridTemplateColumns = head.style.gridTemplateColumns;
    const cell = (column, text, extra = "") => {
      const node = el("div", {
        role: "gridcell", class: `awlab-cell ${extra}`, "aria-colindex": column + 1, title: text,
        id: `grid-${mark}-${base + i}-${column}`,
      }, text);
      if (i === at.row && column === at.column) node.classList.add("awlab-cell-at");
      node.addEventListener("click", () => go(i, column));
      return node;
    };
    line.append(...row.cells.map((text, c) => cell(c, text, columns[c].number ? "awlab-cell-number" : "")));
    linkNames.forEach((name, k) => {
      const node = cell(columns.length + k, name, "awlab-link");
      node.addEventListener("click", () => follow(links[name](row), name, row));
      line.append(node);
    });
    return line;
  }

  function paint() {
    const top = Math.max(0, area.scrollTop);
    const first = Math.max(0, Math.floor(top / GRID_ROW) - 4);
    const count = Math.ceil((area.clientHeight || height) / GRID_ROW) + 8;
    list.style.height = `${rows.length * GRID_ROW}px`;
    list.style.width = `${head.scrollWidth}px`;
    list.replaceChildren(...rows.slice(first, first + count).map((row, i) => drawRow(row, first + i)));
    area.setAttribute("aria-rowcount", after ? -1 : base + rows.length + 1);
    if (rows.length) area.setAttribute("aria-activedescendant", `grid-${mark}-${base + at.row}-${at.column}`);
    else area.removeAttribute("aria-activedescendant");
    say();
    if (after && first + count > rows.length - 60) next();
  }

  function go(row, column) {
    if (!rows.length) return;
    const wanted = Math.max(0, Math.min(row, rows.length - 1));
    const moved = wanted !== at.row;
    at = { row: wanted, column: Math.max(0, Math.min(column, columns.length + linkNames.length - 1)) };
    const top = wanted * GRID_ROW;
    const room = area.clientHeight - head.offsetHeight - 16;
    if (top < area.scrollTop) area.scrollTop = top;
    if (top + GRID_ROW > area.scrollTop + room) area.scrollTop = top + GRID_ROW - room;
    paint();
    const shown = head.children[at.column];
    if (shown) {
      if (shown.offsetLeft < area.scrollLeft) area.scrollLeft = shown.offsetLeft;
      const right = shown.offsetLeft + shown.offsetWidth - area.clientWidth;
      if (right > area.scrollLeft) area.scrollLeft = right;
    }
    if (moved || !row) choose(rows[wanted]);
  }

  function take(found) {
    columns = found.columns;
    order = found.order ?? "";
    rows.push(...found.rows.map((cells, i) => ({
      cells, id: found.object_ids?.[i], cls: found.class_names?.[i],
    })));
    after = found.after;
    if (rows.length > GRID_KEPT) {
      const gone = rows.length - GRID_KEPT;
      const top = area.scrollTop;
      rows.splice(0, gone);
      base += gone;
      at.row = Math.max(0, at.row - gone);
      area.scrollTop = top - gone * GRID_ROW;
    }
  }

  async function next() {
    if (busy) return;
    busy = true;
    const mine = turn;
    try {
      const found = await fetchPage(after, order);
      if (mine === turn) take(found);
    } catch { after = null; } finally { busy = false; }
    if (mine === turn) paint();
  }

  async function load(newOrder = "") {
    turn += 1;
    const mine = turn;
    busy = true;
    say();
    try {
      const found = await fetchPage(null, newOrder);
      if (mine !== turn) return;
      set(found);
      total = "";
      if (fetchCount) {
        const counted = await fetchCount();
        if (mine === turn) total = `${counted.more ? "more than " : ""}${counted.count.toLocaleString()}`;
      }
    } catch { /* the line in the widget has told it */ } finally { if (mine === turn) busy = false; }
    if (mine === turn) say();
  }

  function set(found) {
    rows = [];
    base = 0;
    at = { row: 0, column: 0 };
    busy = false;
    area.scrollTop = 0;
    take(found);
    drawHead();
    paint();
  }

  function sort(path) {
    load(order === path ? `-${path}` : path);
  }

  const page = () => Math.max(1, Math.floor((area.clientHeight - head.offsetHeight) / GRID_ROW) - 1);
  const keys = {
    ArrowDown: () => go(at.row + 1, at.column),
    ArrowUp: () => go(at.row - 1, at.column),
    ArrowLeft: () => go(at.row, at.column - 1),
    ArrowRight: () => go(at.row, at.column + 1),
    PageDown: () => go(at.row + page(), at.column),
    PageUp: () => go(at.row - page(), at.column),
    Home: () => (base ? load(order) : go(0, at.column)),
    End: () => go(rows.length - 1, at.column),
    Enter: () => {
      const name = linkNames[at.column - columns.length];
      if (name) follow(links[name](rows[at.row]), name, rows[at.row]);
      else choose(rows[at.row]);
    },
    s: () => columns[at.column]?.sortable && fetchPage && sort(columns[at.column].path),
  };
  area.addEventListener("keydown", (event) => {
    if (!keys[event.key] || !rows.length || event.ctrlKey || event.metaKey) return;
    keys[event.key]();
    event.preventDefault();
    event.stopPropagation();
  });
  area.addEventListener("scroll", () => paint());
  const size = new ResizeObserver(() => paint());
  size.observe(area);
  const box = el("div", { class: "awlab-grid-box" }, el("div", { class: "awlab-grid-told awlab-soft" }, told), area);
  return { box, load, set, rows: () => rows, order: () => order, close() { size.disconnect(); } };
}
