function render({ model, el: host }) {
  const { root, wire, close } = frame(model, host, "awlab-result-grid");
  const code = el("pre", { class: "awlab-code" });
  const copy = button("copy as Python", () => copyText(code.textContent, copy));
  const grid = createGrid({
    label: "Rows of the query",
    height: model.get("height"),
    fetchPage: (after, order) => wire.request("page", { after, order }),
    fetchCount: () => wire.request("count"),
    choose: calm(async (row) => {
      code.textContent = (await wire.ask("choose", { object_id: row.id })).python;
      chosen.hidden = false;
    }, 120),
    links: ROW_LINKS,
    follow: (python) => { code.textContent = python; chosen.hidden = false; },
  });
  const chosen = el("div", { class: "awlab-bar", hidden: true }, el("div", { class: "awlab-grow" }, code), copy);
  root.append(grid.box, chosen);
  grid.load().then(() => { root.dataset.ready = "yes"; });
  return () => { grid.close(); close(); };
}

export default { render };
