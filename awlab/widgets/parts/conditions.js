// Conditions in groups: {join, not, items} of {path, op, value, high, operators}, edited in place.

const OP_WORDS = {
  "==": "=", "!=": "≠", "<=": "≤", ">=": "≥", like: "like (* ?)", in: "one of",
  between: "between", "is null": "has no value", "is not null": "has a value", "<": "<", ">": ">",
};

function createConditions({ changed, complete }) {
  const top = { join: "and", not: false, items: [] };
  const box = el("div", { class: "awlab-conditions" });
  const lists = new Map();
  let current = top; // group that new conditions go into
  let serial = 0;

  async function offer(path, input) {
    if (!lists.has(path)) {
      serial += 1;
      const list = el("datalist", { id: `values-${serial}-${Math.random().toString(36).slice(2, 7)}` });
      lists.set(path, list);
      box.after(list);
      const { values } = await complete(path);
      list.replaceChildren(...values.map((value) => el("option", { value })));
    }
    input.setAttribute("list", lists.get(path).id);
  }

  function drawCondition(item, group) {
    const select = el("select", { "aria-label": `how to compare ${item.path}` },
      ...item.operators.map((op) => el("option", { value: op, selected: op === item.op }, OP_WORDS[op])));
    const field = (name, label) => {
      const input = el("input", { value: item[name] ?? "", "aria-label": label, placeholder: item.unit || item.type });
      input.addEventListener("input", () => { item[name] = input.value; changed(); });
      input.addEventListener("focus", () => offer(item.path, input), { once: true });
      return input;
    };
    const value = field("value", `value of ${item.path}`);
    const high = el("span", {}, " and ", field("high", `upper value of ${item.path}`));
    const adapt = () => {
      value.hidden = item.op.includes("null");
      high.hidden = item.op !== "between";
    };
    select.addEventListener("change", () => { item.op = select.value; adapt(); changed(); });
    adapt();
    const remove = button("✕", () => {
      group.items.splice(group.items.indexOf(item), 1);
      draw();
      changed();
    }, { "aria-label": `remove the condition on ${item.path}` });
    return el("div", { class: "awlab-condition" },
      el("span", { class: "awlab-condition-path", title: item.doc }, item.path), select, value, high,
      item.unit ? el("span", { class: "awlab-soft" }, item.unit) : null, remove);
  }

  function drawGroup(group, parent) {
    const join = el("select", { "aria-label": "how the conditions are joined" },
      el("option", { value: "and", selected: group.join === "and" }, "all of"),
      el("option", { value: "or", selected: group.join === "or" }, "any of"));
    join.addEventListener("change", () => { group.join = join.value; changed(); });
    const not = el("input", { type: "checkbox", checked: group.not });
    not.addEventListener("change", () => { group.not = not.checked; changed(); });
    const here = button(current === group ? "adding here" : "add here", () => { current = group; draw(); },
      { "aria-pressed": String(current === group) });
    const more = button("+ group", () => {
      current = { join: group.join === "and" ? "or" : "and", not: false, items: [] };
      group.items.push(current);
      draw();
    });
    const remove = parent && button("✕", () => {
      parent.items.splice(parent.items.indexOf(group), 1);
      current = parent;
      draw();
      changed();
    }, { "aria-label": "remove the group" });
    const alone = !parent && !group.items.some((item) => item.join);
    const empty = el("div", { class: "awlab-soft" },
      "no condition yet: choose an attribute in the tree and press Enter");
    return el("fieldset", { class: "awlab-group" },
      el("legend", { class: "awlab-bar" }, el("label", {}, not, " not "), join, alone ? null : here, more, remove),
      ...group.items.map((item) => (item.join ? drawGroup(item, group) : drawCondition(item, group))),
      group.items.length ? null : empty);
  }

  function draw() { box.replaceChildren(drawGroup(top, null)); }
  draw();

  return {
    box,
    spec: () => top,
    add(item) {
      current.items.push({ ...item, op: item.operators[0], value: "", high: "" });
      draw();
      const fields = box.querySelectorAll(".awlab-condition input:not([hidden])");
      [...fields].reverse().find((input) => input.getAttribute("aria-label") === `value of ${item.path}`)?.focus();
      changed();
    },
    clear() {
      Object.assign(top, { join: "and", not: false, items: [] });
      current = top;
      lists.forEach((list) => list.remove());
      lists.clear();
      draw();
    },
  };
}
