// Asking the kernel and drawing without markup: text from the database is never parsed as HTML.

function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) {
      node.setAttribute(name, value);
    }
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

function badge(state, withWord = true) {
  const look = STATES[state] ?? STATES["not checked"];
  const sign = el("span", { class: "awlab-sign", "aria-hidden": "true" }, look.sign);
  sign.style.background = look.colour;
  sign.style.color = look.ink;
  const word = el("span", { class: withWord ? "awlab-word" : "awlab-unseen" }, look.word);
  return el("span", { class: "awlab-state", title: look.word }, sign, word);
}

// One call at the beginning of a burst and one at its end, at most one in `pause` milliseconds.
function calm(work, pause = 100) {
  let timer = null;
  let last = 0;
  return (...values) => {
    clearTimeout(timer);
    const rest = last + pause - performance.now();
    const run = () => { last = performance.now(); work(...values); };
    if (rest <= 0) run();
    else timer = setTimeout(run, rest);
  };
}

function connect(model, showFailure) {
  const mark = Math.random().toString(36).slice(2, 8);
  const waiting = new Map();
  const listeners = {};
  let count = 0;
  const hear = (message, buffers) => {
    const found = waiting.get(message.req);
    if (found) {
      waiting.delete(message.req);
      if (message.failure) { showFailure(message.failure); found.reject(message.failure); }
      else { showFailure(""); found.resolve({ ...message, buffers }); }
    } else if (message.op && listeners[message.op]) listeners[message.op](message, buffers);
  };
  model.on("msg:custom", hear);
  const request = (op, words = {}) => {
    count += 1;
    const req = `${mark}-${count}`;
    model.send({ op, req, ...words });
    return new Promise((resolve, reject) => waiting.set(req, { resolve, reject }));
  };
  return {
    request,
    // What follows an answer does not follow a failure: the line in the widget has told that one.
    ask: (op, words) => new Promise((resolve) => request(op, words).then(resolve, () => {})),
    on(op, work) { listeners[op] = work; },
    close() { model.off("msg:custom", hear); waiting.clear(); },
  };
}

function isDark() {
  const light = document.body.dataset.jpThemeLight;
  if (light !== undefined) return light === "false";
  return matchMedia("(prefers-color-scheme: dark)").matches;
}

// The frame of a widget: it follows the theme, keeps its keys from Lab and has the failure line.
function frame(model, host, name) {
  const failure = el("div", { class: "awlab-failure", role: "alert" });
  const root = el("div", { class: `awlab-w ${name}`, "data-lm-suppress-shortcuts": "true" });
  const showFailure = (text) => { failure.textContent = text; failure.hidden = !text; };
  const adapt = () => root.setAttribute("data-dark", isDark() ? "yes" : "no");
  const told = () => showFailure(model.get("failure") ?? "");
  const watch = new MutationObserver(adapt);
  watch.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-light"] });
  root.addEventListener("keydown", (event) => event.stopPropagation());
  model.on("change:failure", told);
  adapt();
  told();
  root.append(failure);
  host.append(root);
  const wire = connect(model, showFailure);
  const close = () => { watch.disconnect(); wire.close(); model.off("change:failure", told); };
  return { root, wire, showFailure, close };
}

async function copyText(text, button) {
  const before = button.textContent;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Without the clipboard (plain http): an old way that needs a selection.
    const field = el("textarea", { class: "awlab-unseen" });
    field.value = text;
    button.after(field);
    field.select();
    document.execCommand("copy");
    field.remove();
    button.focus();
  }
  button.textContent = "copied";
  setTimeout(() => { button.textContent = before; }, 1200);
}

function saveFile(name, content, type) {
  const url = URL.createObjectURL(new Blob([content], { type }));
  const link = el("a", { href: url, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}

const button = (text, work, attributes = {}) =>
  el("button", { type: "button", class: "awlab-button", onclick: work, ...attributes }, text);
