// Bars on an axis of time (ARIA listbox pattern): one row for each object, only those in sight are
// in the page, one tab stop. A row is {id, from, to, created, state, flags, group, parts: [{from,
// to, style}]}; rows of one group stand below a heading.

const BAR_ROW = 24;

function createBars({ label, height, choose }) {
  const mark = Math.random().toString(36).slice(2, 8);
  const head = el("div", { class: "awlab-bars-head", "aria-hidden": "true" });
  const list = el("div", { class: "awlab-bars-rows", role: "presentation" });
  const area = el("div", {
    class: "awlab-bars", role: "listbox", tabindex: "0", "aria-label": label,
    "aria-multiselectable": "true",
  }, head, list);
  area.style.height = `${height}px`;
  let lines = []; // headings and rows in order
  let places = []; // line of every row
  let at = -1;
  let picked = new Set();
  let ticks = [];

  const cells = (...parts) => parts.map(([name, ...inside]) =>
    el("div", { class: `awlab-bars-${name}` }, ...inside));

  function drawHead() {
    const [when, track, made] = cells(["when", "valid from – to (UTC)"], ["track"], ["made", "created (UTC)"]);
    head.replaceChildren(when, track, made);
    let free = 0; // a label that would run into the last one, or over the end, is left out
    for (const tick of ticks) {
      const left = tick.at * track.clientWidth;
      const width = tick.label.length * 6.6 + 8;
      if (left < free || left + width > track.clientWidth) continue;
      free = left + width;
      const text = el("span", {}, tick.label);
      text.style.left = `${left}px`;
      track.append(text);
    }
  }

  function drawTrack(row) {
    const lines = ticks.map((tick) => {
      const line = el("i", { class: "awlab-bars-tick" });
      line.style.left = `${tick.at * 100}%`;
      return line;
    });
    const pieces = row.parts.map((part) => {
      const piece = el("i", { class: `awlab-bar-${part.style}` });
      piece.style.left = `${part.from * 100}%`;
      piece.style.width = `${(part.to - part.from) * 100}%`;
      return piece;
    });
    const none = row.parts.length ? [] : [el("small", { class: "awlab-soft" }, "not in this span")];
    return el("div", { class: "awlab-bars-track", "aria-hidden": "true" }, ...lines, ...pieces, ...none);
  }

  function say(row) {
    return [row.group, `${row.from} to ${row.to}`, row.state, row.flags, `created ${row.created}`]
      .filter(Boolean).join(", ");
  }
  const unseen = (text) => el("span", { class: "awlab-unseen" }, text);
  // The hour is left out where there is no room for it.
  function moment(text) {
    return [el("span", {}, text.slice(0, 10)), el("span", { class: "awlab-bars-clock" }, text.slice(10))];
  }

  function drawLine(line, i) {
    const node = line.heading
      ? el("div", { class: "awlab-bars-group", role: "presentation" }, line.heading)
      : el("div", {
        role: "option", class: "awlab-bars-row", id: `bars-${mark}-${i}`, "data-id": line.row.id,
        "aria-selected": String(picked.has(line.row.id)),
        "aria-posinset": line.place + 1, "aria-setsize": places.length, title: say(line.row),
      });
    node.style.top = `${i * BAR_ROW}px`;
    if (line.heading) return node;
    const { row } = line;
    if (line.place === at) node.classList.add("awlab-bars-at");
    const until = row.to === row.from ? [] : [" – ", ...moment(row.to)];
    // What a row is called are its words, those that the bar and the heading show included.
    const flags = row.flags ? [unseen(`, ${row.flags}`)] : [];
    const [when] = cells(["when", badge(row.state, false), el("span", {}, ...moment(row.from), ...until),
      unseen(`, ${row.group}`), ...flags]);
    const [made] = cells(["made", unseen(", created "), ...moment(row.created)]);
    node.append(when, drawTrack(row), made);
    node.addEventListener("click", (event) => go(line.place, event.ctrlKey || event.metaKey));
    return node;
  }

  function paint() {
    const first = Math.max(0, Math.floor(area.scrollTop / BAR_ROW) - 4);
    const last = Math.min(lines.length, first + Math.ceil((area.clientHeight || 400) / BAR_ROW) + 8);
    list.style.height = `${lines.length * BAR_ROW}px`;
    const shown = [];
    for (let i = first; i < last; i += 1) shown.push(drawLine(lines[i], i));
    list.replaceChildren(...shown);
    if (at >= 0) area.setAttribute("aria-activedescendant", `bars-${mark}-${places[at]}`);
    else area.removeAttribute("aria-activedescendant");
  }

  function reveal() {
    const top = places[at] * BAR_ROW;
    const room = area.clientHeight - head.offsetHeight - BAR_ROW;
    if (top < area.scrollTop) area.scrollTop = Math.max(0, top - BAR_ROW);
    else if (top > area.scrollTop + room) area.scrollTop = top - room;
  }

  function go(place, more = false) {
    if (!places.length) return;
    at = Math.max(0, Math.min(place, places.length - 1));
    const { id } = lines[places[at]].row;
    if (!more) picked = new Set([id]);
    else if (picked.has(id) && picked.size > 1) picked.delete(id);
    else picked.add(id);
    reveal();
    paint();
    choose([...picked]);
  }

  function step(to, more) {
    if (!more) { go(to); return; }
    at = Math.max(0, Math.min(to, places.length - 1));
    picked.add(lines[places[at]].row.id);
    reveal();
    paint();
    choose([...picked]);
  }

  const page = () => Math.max(1, Math.floor(area.clientHeight / BAR_ROW) - 2);
  const keys = {
    ArrowDown: (event) => step(at + 1, event.shiftKey),
    ArrowUp: (event) => step(at - 1, event.shiftKey),
    PageDown: () => go(at + page()),
    PageUp: () => go(at - page()),
    Home: () => go(0),
    End: () => go(places.length - 1),
    Enter: () => go(Math.max(at, 0)),
    " ": () => go(Math.max(at, 0), at >= 0),
  };
  area.addEventListener("keydown", (event) => {
    if (!keys[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
    keys[event.key](event);
    event.preventDefault();
    event.stopPropagation();
  });
  area.addEventListener("scroll", () => paint());
  const size = new ResizeObserver(() => { drawHead(); paint(); });
  size.observe(area);

  function set(rows, marks) {
    ticks = marks;
    lines = [];
    places = [];
    let heading = null;
    for (const row of rows) {
      if (row.group !== heading) lines.push({ heading: row.group });
      heading = row.group;
      places.push(lines.length);
      lines.push({ row, place: places.length - 1 });
    }
    const longest = (size) => Math.max(18, ...rows.map(({ from, to }) =>
      from.slice(0, size).length + (to === from ? 0 : to.slice(0, size).length + 3)));
    area.style.setProperty("--aw-when", `calc(${longest(19)}ch + 24px)`);
    area.style.setProperty("--aw-when-days", `calc(${longest(10)}ch + 24px)`);
    const known = new Set(rows.map((row) => row.id));
    picked = new Set([...picked].filter((id) => known.has(id)));
    at = places.findIndex((line) => picked.has(lines[line].row.id));
    drawHead();
    paint();
  }
  return { box: area, set, close() { size.disconnect(); } };
}
