// Why two objects differ, as a table; why their inputs differ stands below, folded.

const KINDS = {
  input: "other input", parameter: "parameter", code: "code", key: "key", result: "result",
};

function differenceTable({ first, second, rows, because }) {
  const head = el("tr", {}, ...["why", "what", first, second].map((text) => el("th", { scope: "col" }, text)));
  const lines = rows.map(([kind, name, a, b]) => el("tr", {}, el("td", {}, KINDS[kind] ?? kind),
    el("th", { scope: "row" }, name), el("td", {}, a), el("td", {}, b)));
  const none = el("p", {}, "made from the same, in the same way: they are equal");
  const table = el("div", { class: "awlab-difference-wide" },
    el("table", {}, el("thead", {}, head), el("tbody", {}, ...lines)));
  const deeper = because.map(([role, inner]) => el("details", {},
    el("summary", {}, `why ${role} differs`), differenceTable(inner)));
  return el("div", { class: "awlab-difference" }, rows.length ? table : none, ...deeper);
}

function createDifference() {
  const title = el("strong", { class: "awlab-grow" }, "Difference");
  const body = el("div");
  const code = el("pre", { class: "awlab-code" });
  const copy = button("copy as Python", () => copyText(code.textContent, copy));
  const box = el("section", { hidden: true, "aria-label": "Difference of two objects" },
    el("div", { class: "awlab-bar" }, title, copy, button("close", () => { box.hidden = true; })),
    code, body);
  function show(found) {
    code.textContent = found.python;
    body.replaceChildren(differenceTable(found));
    box.hidden = false;
    box.scrollIntoView({ block: "nearest" });
  }
  return { box, show };
}
