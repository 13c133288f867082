// Tabs (ARIA pattern): arrows walk, one tab stop, the panel of the chosen one is shown.

function createTabs(panels) {
  const mark = Math.random().toString(36).slice(2, 8);
  const names = Object.keys(panels);
  const heads = names.map((name, i) => el("button", {
    type: "button", role: "tab", class: "awlab-tab", id: `tab-${mark}-${i}`,
    "aria-controls": `panel-${mark}-${i}`, onclick: () => choose(i),
  }, name));
  const bodies = names.map((name, i) => el("div", {
    role: "tabpanel", id: `panel-${mark}-${i}`, "aria-labelledby": `tab-${mark}-${i}`,
  }, panels[name]));
  function choose(at) {
    heads.forEach((head, i) => {
      head.setAttribute("aria-selected", String(i === at));
      head.tabIndex = i === at ? 0 : -1;
      bodies[i].hidden = i !== at;
    });
  }
  const bar = el("div", { role: "tablist", class: "awlab-tabs" }, ...heads);
  bar.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const at = (heads.indexOf(document.activeElement) + step + heads.length) % heads.length;
    choose(at);
    heads[at].focus();
  });
  choose(0);
  return { bar, box: el("div", {}, bar, ...bodies), choose };
}
