const INTEREST = 5000; // how often a view in sight says that somebody looks [ms]

function render({ model, el: host }) {
  const { root, wire, showFailure, close } = frame(model, host, "awlab-jobs");
  const told = el("div", { class: "awlab-jobs-told", role: "status" }, "reading …");
  const list = el("div", {
    class: "awlab-jobs-list", role: "listbox", tabindex: "0", "aria-label": "Jobs",
  });
  list.style.height = `${model.get("height")}px`;
  const title = el("div", { class: "awlab-jobs-title" });
  const code = el("pre", { class: "awlab-code" });
  const copy = button("copy as Python", () => copyText(code.textContent, copy));
  const stop = button("cancel the job", cancel);
  const facts = el("div", { class: "awlab-jobs-facts" });
  const targets = el("ul", { class: "awlab-jobs-targets" });
  const detail = el("div", { hidden: true }, title, el("div", { class: "awlab-bar" }, copy, stop), code, facts, targets);
  const hint = el("div", { class: "awlab-soft" }, "choose a job to see its targets");
  const panel = el("section", { class: "awlab-jobs-panel", "aria-label": "The chosen job" }, hint, detail);
  panel.style.maxHeight = list.style.height;
  root.append(told, el("div", { class: "awlab-jobs-body" }, list, panel));
  const mark = Math.random().toString(36).slice(2, 8);
  let jobs = [];
  let at = -1;
  let chosen = null;

  const progress = (job) => `${job.done} of ${job.total}${job.failed ? `, ${job.failed} failed` : ""}`;
  function drawJob(job, i) {
    const bar = el("progress", { max: Math.max(job.total, 1), value: job.total ? job.done : 1, "aria-hidden": "true" });
    const row = el("div", {
      role: "option", class: "awlab-jobs-row", id: `job-${mark}-${job.number}`,
      "aria-selected": String(job.number === chosen), "data-job": job.number,
      "aria-label": `job ${job.number}, ${job.sequence}, ${job.status}, ${progress(job)}`,
    }, el("strong", {}, `${job.number}`), badge(job.status), el("span", { class: "awlab-jobs-name", title: job.asked }, job.sequence),
    bar, el("span", {}, progress(job)), el("span", { class: "awlab-soft" }, job.started));
    if (i === at) row.classList.add("awlab-jobs-at");
    row.addEventListener("click", () => go(i));
    return row;
  }
  function drawJobs(found) {
    jobs = found.jobs;
    told.textContent = found.told;
    if (chosen !== null) at = jobs.findIndex((job) => job.number === chosen);
    const none = el("div", { class: "awlab-jobs-empty", role: "presentation" },
      "no jobs yet: lpu.run('Reduce', ..., wait=False), or a TargetProcessor");
    const top = list.scrollTop;
    list.setAttribute("role", jobs.length ? "listbox" : "region");
    list.replaceChildren(...(jobs.length ? jobs.map(drawJob) : [none]));
    list.scrollTop = top;
    if (at >= 0) list.setAttribute("aria-activedescendant", `job-${mark}-${jobs[at].number}`);
    else list.removeAttribute("aria-activedescendant");
    if (found.chosen) drawChosen(found.chosen);
  }
  function drawChosen(job) {
    if (job.number !== chosen) return;
    hint.hidden = true;
    detail.hidden = false;
    title.replaceChildren(el("strong", {}, `job ${job.number}: ${job.sequence}`), badge(job.status));
    stop.hidden = !job.is_open;
    code.textContent = job.python;
    const lines = [job.asked, `${job.who}; ${job.where}`, `started ${job.started}${job.took ? `, took ${job.took}` : ""}`];
    facts.replaceChildren(...lines.filter(Boolean).map((text) => el("div", {}, text)),
      job.error ? el("div", { class: "awlab-jobs-error" }, job.error) : "");
    const rows = job.targets.map((target) => el("li", {}, badge(target.status, false),
      el("span", { class: "awlab-jobs-label" }, target.label),
      el("span", { class: "awlab-soft" }, target.took || target.status),
      target.message ? el("div", { class: "awlab-jobs-message" }, target.message) : null));
    if (job.targets_left) rows.push(el("li", {}, `and ${job.targets_left.toLocaleString()} more`));
    targets.replaceChildren(...rows);
  }
  const ask = calm(async (number) => drawChosen(await wire.ask("choose", { number })), 120);
  function go(i) {
    if (!jobs.length) return;
    at = Math.max(0, Math.min(i, jobs.length - 1));
    chosen = jobs[at].number;
    [...list.children].forEach((row, k) => {
      row.classList.toggle("awlab-jobs-at", k === at);
      row.setAttribute("aria-selected", String(k === at));
    });
    list.setAttribute("aria-activedescendant", `job-${mark}-${chosen}`);
    list.children[at].scrollIntoView({ block: "nearest" });
    ask(chosen);
  }
  async function cancel() { drawJobs(await wire.ask("cancel", { number: chosen })); }

  const keys = {
    ArrowDown: () => go(at + 1), ArrowUp: () => go(at - 1), Home: () => go(0),
    End: () => go(jobs.length - 1), Enter: () => go(Math.max(at, 0)), " ": () => go(Math.max(at, 0)),
  };
  list.addEventListener("keydown", (event) => {
    if (!keys[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
    keys[event.key]();
    event.preventDefault();
    event.stopPropagation();
  });
  wire.on("jobs", (found) => {
    if (found.failure) showFailure(found.failure);
    else drawJobs(found);
  });
  const watch = () => { if (!document.hidden && root.isConnected) wire.ask("watch"); };
  const timer = setInterval(watch, INTEREST);
  document.addEventListener("visibilitychange", watch);
  wire.ask("look").then((found) => {
    drawJobs(found);
    root.dataset.ready = "yes";
    watch();
  });
  return () => {
    clearInterval(timer);
    document.removeEventListener("visibilitychange", watch);
    close();
  };
}

export default { render };
