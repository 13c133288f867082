// awlab in JupyterLab 4: cards in the launcher, commands in the palette, a panel at the left.
//
// Written as what a bundler would make of it, a container of module federation: it takes the
// modules it shares with JupyterLab from JupyterLab. So there is nothing to build, and neither who
// installs awlab nor who changes this file needs Node.
(() => {
  "use strict";

  // What can be opened: its name, the icon's path in a box of 16, the widget's Python.
  const THINGS = {
    query: ["Find objects", "M6.5 1a5.5 5.5 0 1 0 3.4 9.8l4 4 1.2-1.2-4-4A5.5 5.5 0 0 0 6.5 1m0 1.8a3.7 3.7 0 1 1 0 7.4 3.7 3.7 0 0 1 0-7.4", "QueryBuilder", "QueryBuilder(ReducedScienceFrame)"],
    target: ["Make targets", "M8 0 16 8 8 16 0 8zM8 4 4 8l4 4 4-4z", "TargetProcessor", "TargetProcessor(ReducedScienceFrame)"],
    calibration: ["Calibrations in time", "M0 2h9v3H0zm4 5h12v3H4zm-3 5h8v3H1z", "CalibrationTimeline", "CalibrationTimeline(BiasFrame)"],
    trend: ["Trend plot", "M0 0h2v14h14v2H0zm4 9h3v3H4zm4-5h3v3H8zm4 4h3v3h-3z", "TrendPlot", 'TrendPlot(BiasFrame, "imstat.mean", "timestamp_start", by="chip.name")'],
    lineage: ["Lineage", "M0 6h5v4H0zm11-5h5v4h-5zm0 10h5v4h-5zM5 7.2 11 3l.7 1L6.4 8l5.3 4-.7 1-6-4.2z", "LineageTree", 'LineageTree(ReducedScienceFrame.select_all().order_by("-creation_date")[0])'],
    quality: ["Quality page", "M6 12 1 7l2-2 3 3 7-7 2 2z", "QualityPage", 'QualityPage(ReducedScienceFrame.select_all().order_by("-creation_date")[0])'],
    sky: ["Frames on the sky", "M8 0 10 6h6l-5 3.7 2 6.3-5-4-5 4 2-6.3L0 6h6z", "SkyView", 'SkyView(ReducedScienceFrame.select_all().order_by("-DATE_OBS").limit(100))'],
    jobs: ["Jobs", "M2 1l13 7-13 7z", "JobMonitor", "JobMonitor()"],
    archive: ["Archive", "M1 1h14v4H1zm0 5h14v4H1zm0 5h14v4H1z", "ArchiveStatistics", "ArchiveStatistics()"],
  };
  const START = "00_start_here.ipynb";
  const CALM = 1500; // between two looks at the kernel [ms]
  // Nothing is loaded into a kernel that has no awlab.
  const ASK = "__import__('awlab.kernel_magic.panel', fromlist=['Panel']).Panel() if 'awlab' in __import__('sys').modules else None";
  const SIGN = "M8 1 15 8 8 15 1 8z M8 5 11 8 8 11 5 8z";

  const svg = (path) => `<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 16 16"><path class="jp-icon3" fill="#616161" fill-rule="evenodd" d="${path}"/></svg>`;
  function el(tag, attributes = {}, ...children) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name === "onclick") node.addEventListener("click", value);
      else if (value !== null) node.setAttribute(name, value);
    }
    node.append(...children);
    return node;
  }

  // -- code in notebooks -------------------------------------------------------------------
  async function runIn(app, panel, code) {
    const cell = panel.content.activeCell;
    cell.model.sharedModel.setSource(code);
    await app.commands.execute("notebook:run-cell");
    return panel;
  }
  async function newNotebook(app, code, cwd) {
    const specs = app.serviceManager.kernelspecs.specs;
    const kernelName = specs?.kernelspecs?.awe ? "awe" : specs?.default;
    const panel = await app.commands.execute("notebook:create-new", { cwd, kernelName });
    await panel.context.ready;
    await panel.sessionContext.ready;
    return runIn(app, panel, code);
  }
  async function below(app, panel, code) {
    app.shell.activateById(panel.id);
    const cell = panel.content.activeCell;
    const empty = cell?.model.type === "code" && !cell.model.sharedModel.getSource().trim();
    if (!empty) await app.commands.execute("notebook:insert-cell-below");
    return runIn(app, panel, code);
  }
  const python = (key) => `from awlab import *\nfrom awlab.widgets import ${THINGS[key][2]}\n\n${THINGS[key][3]}`;

  // -- the panel ---------------------------------------------------------------------------
  function createPanel(Widget, icon, open, tracker) {
    const facts = el("div", { class: "awlab-lab-facts", role: "status" });
    const lists = el("div");
    const look = el("ul", {}, ...Object.entries(THINGS).map(([key, [name]]) =>
      el("li", {}, el("button", { type: "button", onclick: () => open(key) }, name))));
    const node = el("div", { class: "awlab-lab", tabindex: "-1" }, facts, el("h2", {}, "Look"), look, lists);
    const panel = new Widget({ node });
    panel.id = "awlab-panel";
    panel.title.icon = icon;
    panel.title.caption = "awlab";
    let asking = false;
    let asked = 0;
    let waits = null;

    const item = ({ id, cls, about, verdict }) => el("li", {}, el("button", {
      type: "button", title: verdict, onclick: () => open(null, `${cls}(object_id='${id}').inspect()`),
    }, `${cls} ${about}`));
    const section = (title, rows) => (rows.length ? [el("h2", {}, title), el("ul", {}, ...rows)] : []);
    function show(found) {
      if (!found || found.failure) {
        facts.textContent = found?.failure ?? "No awlab in the notebook in front: open one of these, it brings its own.";
        lists.replaceChildren();
        return;
      }
      if (!found.open) {
        facts.textContent = "Not connected yet: the first query does it.";
        lists.replaceChildren();
        return;
      }
      const row = (name, value) => [el("dt", {}, name), el("dd", {}, String(value))];
      facts.replaceChildren(el("dl", {}, ...row("user", found.user), ...row("project", found.project),
        ...(found.instrument ? row("instrument", found.instrument) : []), ...row("objects", found.objects.toLocaleString("en"))));
      const jobs = found.jobs.map((job) => el("li", {}, `${job.id} ${job.name}: ${job.status}, ${job.done} of ${job.all}`));
      lists.replaceChildren(...section("Jobs", jobs), ...section("New", found.newest.map(item)), ...section("Flagged or invalid", found.flagged.map(item)));
    }
    async function read() {
      const kernel = tracker?.currentWidget?.sessionContext.session?.kernel;
      if (!kernel) { show(null); return; }
      if (asking || !panel.isVisible || kernel.status !== "idle") return;
      asking = true;
      try {
        const reply = await kernel.requestExecute({ code: "", silent: true, store_history: false, user_expressions: { awlab: ASK } }).done;
        const told = reply.content.user_expressions?.awlab;
        const text = told?.data?.["text/plain"];
        if (told?.status === "error") show({ failure: `${told.ename}: ${told.evalue}` });
        else if (text) show(text === "None" ? null : JSON.parse(text));
      } catch { /* a kernel that ended or was interrupted: what is shown stays */ } finally {
        asking = false;
        asked = performance.now();
      }
    }
    // After what a user ran, not after our own questions, and not at once again.
    function soon() {
      if (asking || !panel.isVisible) return;
      clearTimeout(waits);
      waits = setTimeout(read, Math.max(200, asked + CALM - performance.now()));
    }
    const heard = new WeakSet();
    function follow() {
      const session = tracker?.currentWidget?.sessionContext;
      if (session && !heard.has(session)) {
        heard.add(session);
        session.statusChanged.connect((_, status) => { if (status === "idle") soon(); });
        session.kernelChanged.connect(soon);
      }
      asked = 0;
      soon();
    }
    tracker?.currentChanged.connect(follow);
    panel.onAfterShow = follow;
    show(null);
    return panel;
  }

  const STYLE = `
    .awlab-lab { padding: 8px 12px; overflow: auto; color: var(--jp-ui-font-color1); background: var(--jp-layout-color1); font-size: var(--jp-ui-font-size1); line-height: 1.4; }
    .awlab-lab h2 { font-size: var(--jp-ui-font-size1); font-weight: 600; margin: 12px 0 2px; }
    .awlab-lab ul { list-style: none; margin: 0; padding: 0; }
    .awlab-lab li { overflow-wrap: anywhere; }
    .awlab-lab button { font: inherit; color: inherit; background: none; border: 0; border-radius: 3px; padding: 3px 4px; margin: 0 -4px; text-align: left; cursor: pointer; width: calc(100% + 8px); }
    .awlab-lab button:hover { background: var(--jp-layout-color2); }
    .awlab-lab button:focus-visible { outline: 2px solid var(--jp-brand-color1, #0072b2); outline-offset: -2px; }
    .awlab-lab dl { display: grid; grid-template-columns: auto 1fr; gap: 1px 10px; margin: 0; }
    .awlab-lab dd { margin: 0; overflow-wrap: anywhere; }`;

  // -- the plugin --------------------------------------------------------------------------
  function activate({ LabIcon, Widget }, app, launcher, palette, tracker) {
    const icon = new LabIcon({ name: "awlab:sign", svgstr: svg(SIGN) });
    document.head.append(el("style", {}, STYLE));
    const { commands } = app;
    const open = (key, code) => {
      const panel = tracker?.currentWidget;
      const text = code ? `from awlab import *\n\n${code}` : python(key);
      return panel && !panel.isDisposed ? below(app, panel, text) : newNotebook(app, text);
    };
    Object.entries(THINGS).forEach(([key, [name, path]], rank) => {
      const id = `awlab:${key}`;
      commands.addCommand(id, {
        label: (args) => (args.isPalette ? `awlab: ${name}` : name),
        caption: `${name}: a new notebook with ${THINGS[key][2]}`,
        icon: new LabIcon({ name: `awlab:${key}`, svgstr: svg(path) }),
        execute: (args) => newNotebook(app, python(key), args.cwd),
      });
      launcher?.add({ command: id, category: "awlab", rank });
      palette?.addItem({ command: id, category: "awlab", args: { isPalette: true } });
    });
    commands.addCommand("awlab:start", {
      label: (args) => (args.isPalette ? "awlab: Start here" : "Start here"),
      caption: "The first notebook",
      icon,
      execute: () => commands.execute("docmanager:open", { path: START }),
    });
    // The first notebook is where `awlab lab` begins; elsewhere there is no card for it.
    // Asking for the file itself would be an error in the console where there is none.
    app.serviceManager.contents.get("", { content: true }).then(({ content }) => {
      if (!content.some(({ path }) => path === START)) return;
      launcher?.add({ command: "awlab:start", category: "awlab", rank: -1 });
      palette?.addItem({ command: "awlab:start", category: "awlab", args: { isPalette: true } });
    }, () => {});
    const panel = createPanel(Widget, icon, open, tracker);
    app.shell.add(panel, "left", { rank: 900 });
    commands.addCommand("awlab:panel", { label: "awlab: Show the panel", icon, execute: () => app.shell.activateById(panel.id) });
    palette?.addItem({ command: "awlab:panel", category: "awlab" });
  }

  // -- the container -----------------------------------------------------------------------
  let scope = null;
  // A module that JupyterLab shares; null where there is none, as in Voila.
  async function shared(name) {
    const versions = Object.values(scope?.[name] ?? {});
    if (!versions.length) return null;
    const found = versions.find((one) => one.loaded) ?? versions[0];
    return (await found.get())();
  }
  async function plugins() {
    const names = ["@jupyterlab/launcher", "@jupyterlab/apputils", "@jupyterlab/notebook", "@jupyterlab/ui-components", "@lumino/widgets"];
    const [launcher, apputils, notebook, components, widgets] = await Promise.all(names.map(shared));
    if (!notebook || !components || !widgets) return [];
    const wanted = [launcher?.ILauncher, apputils?.ICommandPalette, notebook.INotebookTracker];
    return [{
      id: "awlab:looking",
      description: "The widgets of awlab in the launcher and the palette, and a panel.",
      autoStart: true,
      optional: wanted.filter(Boolean),
      activate(app, ...found) {
        const given = wanted.map((token) => (token ? found.shift() : null));
        return activate({ LabIcon: components.LabIcon, Widget: widgets.Widget }, app, ...given);
      },
    }];
  }
  window._JUPYTERLAB = window._JUPYTERLAB ?? {};
  window._JUPYTERLAB.awlab = {
    init(given) { scope = given; },
    async get(name) {
      const found = name === "./extension" ? await plugins() : null;
      if (!found) throw new Error(`awlab has no module ${name}`);
      return () => ({ __esModule: true, default: found });
    },
  };
})();
