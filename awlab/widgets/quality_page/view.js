const PANELS = [
  ["DRA", "DDEC"], ["RA", "DRA"], ["DEC", "DRA"], ["RA", "DDEC"], ["DEC", "DDEC"],
];
const COLUMNS = ["RA", "DEC", "DRA", "DDEC"];
const UNITS = { RA: "deg", DEC: "deg", DRA: "arcsec", DDEC: "arcsec", MAG: "mag", DMAG: "mag" };
const VERDICTS = ["0 bad", "1 valid", "2 qualified"];
const doubles = (view) => new Float64Array(view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength));
const bytes = (view) => new Uint8Array(view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength));

function render({ model, el: host }) {
  const { root, wire, close } = frame(model, host, "awlab-quality");
  const way = []; // pages one came from
  let page = null;
  let asked = 0;

  const heading = el("h3", { class: "awlab-quality-title" });
  const facts = el("div", { class: "awlab-soft" });
  const verdict = el("div", { class: "awlab-quality-verdict" });
  const back = button("← back", () => turn(way.pop(), false), { hidden: true });
  const code = el("pre", { class: "awlab-code" });
  const copy = button("copy as Python", () => copyText(code.textContent, copy));

  // -- judging ---------------------------------------------------------------------------
  const words = el("input", { class: "awlab-grow", placeholder: "your comment, or why …", "aria-label": "comment or reason" });
  const rating = el("select", { "aria-label": "verdict" },
    ...VERDICTS.map((text, i) => el("option", { value: i, selected: i === 1 }, text)));
  const act = (kind) => async () => {
    const found = await wire.ask("act", { kind, text: words.value, verdict: Number(rating.value) });
    words.value = "";
    drawTexts(found);
    code.textContent = found.done;
  };
  const judging = el("div", { class: "awlab-bar" }, words, button("comment", act("comment")),
    rating, button("rate", act("rate")), button("review", act("review")), button("announce", act("announce")));
  words.addEventListener("keydown", (event) => { if (event.key === "Enter") act("comment")(); });
  const remarks = el("div", { class: "awlab-quality-remarks" });

  function remarkLine(remark) {
    const head = el("span", { class: "awlab-soft" }, `${remark.made} ${remark.member} `);
    if (remark.attribute) return el("li", {}, head, `changed ${remark.attribute} from ${remark.old} to ${remark.new}: ${remark.text}`);
    if (remark.kind === "Tag") return el("li", {}, head, "tagged it ", el("strong", {}, remark.text));
    return el("li", {}, head, remark.text);
  }

  // -- texts -----------------------------------------------------------------------------
  const blocks = el("div", { class: "awlab-quality-blocks" });
  function drawBlock(block, i) {
    const rows = block.rows.map((row) => el("tr", { title: row.doc }, el("th", { scope: "row" }, row.label),
      el("td", {}, row.value, row.unit ? el("span", { class: "awlab-soft" }, ` ${row.unit}`) : null,
        ["is_valid", "quality_flags"].includes(row.label) ? el("div", { class: "awlab-soft" }, row.doc) : null)));
    return el("details", { open: i < 5 }, el("summary", {}, block.title),
      el("table", {}, el("tbody", {}, ...rows)), block.note ? el("p", {}, block.note) : null);
  }
  const number = (value) => (value === null ? "–" : Number(value.toPrecision(6)).toString());
  const compared = el("div");
  function drawCompared() {
    const rows = page.compared.map((one) => el("tr", {}, el("th", { scope: "row" }, one.path,
      one.unit ? el("span", { class: "awlab-soft" }, ` ${one.unit}`) : null),
    ...[one.value, one.previous, one.median, one.sigma].map((v) => el("td", {}, number(v))),
    el("td", {}, one.deviation === null ? "–" : `${one.deviation >= 0 ? "+" : "−"}${Math.abs(one.deviation).toFixed(1)} σ`,
      one.deviation !== null && Math.abs(one.deviation) > 5 ? el("strong", {}, " ⚑ far off") : null),
    el("td", {}, sparkline(one.series, page.here, `${one.path} of the neighbours in time`))));
    const count = page.neighbours.length - 1;
    const said = count ? `${count} of the same chip and filter before and after` : "there are no neighbours in time yet";
    compared.replaceChildren(el("details", { open: true }, el("summary", {}, "Comparison"),
      el("p", { class: "awlab-soft" }, said),
      rows.length ? el("div", { class: "awlab-quality-wide" }, el("table", {},
        el("thead", {}, el("tr", {}, ...["number", "this", "previous", "median", "sigma", "off by", "in time"]
          .map((t) => el("th", { scope: "col" }, t)))), el("tbody", {}, ...rows))) : null));
  }

  // -- tables that navigate --------------------------------------------------------------
  const tables = el("div");
  function drawTable(table) {
    const source = table.direction === "upstream";
    const many = `${table.more ? "more than " : ""}${table.count.toLocaleString()}`;
    const title = source ? `Source ${table.class_name}${table.count > 1 ? ` (${many})` : ""}` : `${many} Derived ${table.class_name}`;
    const body = el("div", { class: "awlab-quality-wide awlab-quality-links" });
    const box = el("details", { open: table.rows.length > 0 }, el("summary", {}, title,
      el("span", { class: "awlab-soft" }, `  ${table.role}`)), body);
    const fill = (found) => {
      const rows = found.rows.map((cells, i) => el("tr", {},
        ...cells.map((text) => el("td", {}, text)),
        el("td", { class: "awlab-quality-link" }, button("quality", () => turn(found.object_ids[i]), { "aria-label": `quality page of ${found.class_name} ${i + 1}` }))));
      body.replaceChildren(el("table", {}, el("thead", {}, el("tr", {},
        ...[...found.columns, "Quality"].map((t) => el("th", { scope: "col" }, t)))), el("tbody", {}, ...rows)));
    };
    if (table.rows.length) fill(table);
    else {
      box.addEventListener("toggle", async () => {
        if (box.open && !body.children.length) {
          const { direction, role, class_name } = table;
          fill(await wire.ask("table", { direction, role, class_name }));
        }
      });
    }
    return box;
  }

  // -- figures ---------------------------------------------------------------------------
  const picture = createPicture({
    label: "Image of the object: arrows move the cross, plus and minus zoom, 0 shows all",
    fetchSection: (box) => wire.ask("section", { box }),
    fetchPixel: (x, y) => wire.ask("pixel", { x, y }),
  });
  const imageTitle = el("h4");
  const image = el("section", { "aria-label": "Image" }, imageTitle, picture.box);
  const histogram = el("section", { "aria-label": "Histogram" });
  const plots = el("section", { "aria-label": "Astrometry and PSF" });
  function figure(title, drawing) {
    return el("figure", { class: "awlab-quality-figure" }, el("figcaption", {}, title), drawing);
  }
  function drawResiduals(found) {
    const names = found.columns ?? COLUMNS;
    const columns = Object.fromEntries(names.map((name, i) => [name, doubles(found.buffers[i])]));
    const used = bytes(found.buffers[names.length]);
    return (found.panels ?? PANELS).map(([a, b]) => figure(`${b} against ${a}`, scatterPlot({
      x: columns[a], y: columns[b], used, xTitle: `${a} [${UNITS[a]}]`, yTitle: `${b} [${UNITS[b]}]`,
      label: `${b} against ${a} of ${used.length} stars`,
    })));
  }
  function drawPlots(found) {
    const stars = found.anisotropy?.stars?.x?.length ?? 0;
    const panels = found.residuals ? drawResiduals(found) : [];
    const whiskers = found.anisotropy && (stars || found.anisotropy.map?.x) ? [figure("PSF anisotropy",
      whiskerPlot({ ...found.anisotropy, label: `ellipticity of ${stars} stars over the chip` }))] : [];
    plots.replaceChildren(el("h4", {}, `${found.of ?? "AstrometricParameters"}: residuals${found.panels ? "" : " and PSF anisotropy"}`),
      panels.length + whiskers.length
        ? el("div", { class: "awlab-quality-figures" }, ...panels, ...whiskers)
        : el("p", { class: "awlab-soft" }, "no star was matched: there are no residuals"),
      panels.length ? el("p", { class: "awlab-soft" }, "● used for the solution   ✕ clipped") : "");
    plots.dataset.ready = "yes";
  }
  const figures = el("div", {}, image, histogram);
  const body = el("div", { class: "awlab-quality-body" }, blocks, figures);
  async function drawFigures(mine) {
    figures.hidden = image.hidden = histogram.hidden = !page.has_image;
    body.classList.toggle("awlab-quality-plain", !page.has_image);
    plots.hidden = !page.has_plots;
    if (page.has_image) {
      const found = await wire.ask("picture");
      if (mine !== asked) return;
      picture.show(found);
      image.dataset.ready = "yes";
      histogram.replaceChildren(found.counts.length ? figure("Histogram of the pixels", histogramPlot({
        counts: found.counts, edges: found.edges, xTitle: "value", label: "histogram of the pixel values",
      })) : "");
    }
    if (page.has_plots) {
      const found = await wire.ask("plots");
      if (mine === asked) drawPlots(found);
    }
  }

  // -- header ----------------------------------------------------------------------------
  const cards = el("div", { class: "awlab-quality-wide awlab-quality-cards" });
  const header = el("details", {}, el("summary", {}, "FITS header"), cards);
  header.addEventListener("toggle", async () => {
    if (!header.open || cards.children.length) return;
    const { hdus } = await wire.ask("header");
    cards.replaceChildren(...hdus.flatMap((hdu) => [el("h4", {}, `HDU ${hdu.number} ${hdu.name}`),
      el("table", {}, el("tbody", {}, ...hdu.cards.map(([key, value, comment]) => el("tr", {},
        el("th", { scope: "row" }, key), el("td", {}, value), el("td", { class: "awlab-soft" }, comment)))))]));
  });

  // -- the page --------------------------------------------------------------------------
  const footer = el("footer", { class: "awlab-soft" });
  function drawTexts(found) {
    page = found;
    heading.textContent = page.title;
    facts.textContent = Object.entries(page.facts).map(([name, value]) => `${name}: ${value}`).join("   ");
    verdict.replaceChildren(...(page.judged ? [page.state ? badge(page.state) : "",
      el("strong", {}, ` is_valid = ${page.verdict}`), el("div", { class: "awlab-quality-flags" }, page.flags)] : [page.verdict]));
    judging.hidden = !page.judged;
    const lines = page.remarks.map(remarkLine);
    remarks.replaceChildren(lines.length ? el("ul", {}, ...lines) : el("span", { class: "awlab-soft" }, "no previous comments"));
    blocks.replaceChildren(...page.blocks.map(drawBlock));
    drawCompared();
    tables.replaceChildren(...page.tables.map(drawTable));
    header.hidden = !page.has_image;
    imageTitle.textContent = page.class_name;
    code.textContent = page.python;
    back.hidden = !way.length;
  }
  async function draw(found) {
    asked += 1;
    const begin = performance.now();
    const mine = asked;
    delete root.dataset.ready;
    delete image.dataset.ready;
    delete plots.dataset.ready;
    header.open = false;
    cards.replaceChildren();
    drawTexts(found);
    await drawFigures(mine);
    if (mine !== asked) return;
    const drawing = (performance.now() - begin) / 1000;
    const { database, processing } = page.seconds;
    footer.textContent = `page made in ${(database + processing + drawing).toFixed(2)} seconds `
      + `(database: ${database.toFixed(2)}, processing: ${processing.toFixed(2)}, drawing: ${drawing.toFixed(2)})`;
    root.dataset.ready = "yes";
  }
  async function turn(objectId, forward = true) {
    const here = page.object_id;
    const found = await wire.ask("go", { object_id: objectId });
    if (forward) way.push(here);
    await draw(found);
    heading.focus();
  }
  heading.tabIndex = -1;
  root.append(el("div", { class: "awlab-bar" }, back, heading), facts, verdict, judging, remarks,
    body,
    plots, compared, tables, header,
    el("div", { class: "awlab-bar" }, el("div", { class: "awlab-grow" }, code), copy), footer);
  wire.ask("opening").then(draw);
  return close;
}

export default { render };
