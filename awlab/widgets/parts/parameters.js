// Process parameters as fields, by target: what differs from its default is marked and told.

function createParameters({ set, changed }) {
  const box = el("div", { class: "awlab-parameters" });
  let groups = [];

  function drawRow(group, row, summary) {
    const field = el("input", { value: row.value, spellcheck: "false", "aria-label": `${group.target} ${row.name}` });
    const mark = el("span", { class: "awlab-parameters-mark" });
    const line = el("div", { class: "awlab-parameters-row" }, el("span", { class: "awlab-parameters-name" }, row.name),
      field, el("span", { class: "awlab-soft" }, row.unit), mark, el("span", { class: "awlab-soft awlab-parameters-doc" }, row.doc));
    const show = () => {
      line.classList.toggle("awlab-parameters-changed", row.changed);
      mark.replaceChildren(...(row.changed ? [`● changed, default ${row.default} `,
        button("reset", () => save(""), { "aria-label": `reset ${group.target} ${row.name}` })] : []));
    };
    async function save(text) {
      try {
        const found = (await set(group.target, row.name, text)).row;
        group.changed += Number(found.changed) - Number(row.changed);
        Object.assign(row, found);
        field.value = row.value;
        field.removeAttribute("aria-invalid");
      } catch { // the line in the widget has told it
        field.setAttribute("aria-invalid", "true");
        return;
      }
      show();
      summary();
      changed(groups.reduce((sum, one) => sum + one.changed, 0));
    }
    field.addEventListener("change", () => save(field.value));
    show();
    return line;
  }

  function drawGroup(group) {
    const count = el("span", { class: "awlab-parameters-mark" });
    const summary = () => { count.textContent = group.changed ? ` ● ${group.changed} changed` : ""; };
    summary();
    return el("details", { open: groups.indexOf(group) === 0 || group.changed > 0 },
      el("summary", {}, group.target, count), ...group.rows.map((row) => drawRow(group, row, summary)));
  }

  return {
    box,
    draw(found) {
      groups = found;
      const none = el("div", { class: "awlab-soft" }, "this target has no process parameters");
      box.replaceChildren(...(groups.length ? groups.map(drawGroup) : [none]));
      changed(groups.reduce((sum, one) => sum + one.changed, 0));
    },
  };
}
