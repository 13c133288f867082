// The sky by Aladin Lite: the same scene on the real sphere, over a survey where there is one.
// Its library is fetched from the kernel once per page; nothing comes from elsewhere unless a
// survey is asked for.

function loadAladin(wire) {
  globalThis.awlabAladin ??= (async () => {
    const found = await wire.request("library");
    if (found.missing) {
      globalThis.awlabAladin = undefined; // it may be here when another view asks
      return { missing: found.missing };
    }
    const address = URL.createObjectURL(new Blob([found.buffers[0]], { type: "text/javascript" }));
    const { default: A } = await import(/* @vite-ignore */ address);
    URL.revokeObjectURL(address);
    await A.init;
    return { A };
  })().catch((reason) => {
    globalThis.awlabAladin = undefined; // another view may have more luck
    return { missing: `Aladin Lite cannot be shown here: ${reason?.message ?? reason}` };
  });
  return globalThis.awlabAladin;
}

const pngOf = (canvas) => new Promise((resolve) => { canvas.toBlob((blob) => resolve(URL.createObjectURL(blob)), "image/png"); });

// Something has to be the lowest layer, or Aladin asks the internet for one: a dark speck.
async function blankSky(A, { ra, dec }) {
  const canvas = el("canvas", { width: 2, height: 2 });
  const context = canvas.getContext("2d");
  context.fillStyle = SKY.ground;
  context.fillRect(0, 0, 2, 2);
  const cards = { CTYPE1: "RA---TAN", CTYPE2: "DEC--TAN", CRVAL1: ra, CRVAL2: dec, CRPIX1: 1.5, CRPIX2: 1.5, CD1_1: -1e-7, CD1_2: 0, CD2_1: 0, CD2_2: 1e-7 };
  return A.image(await pngOf(canvas), { name: "none", imgFormat: "png", wcs: { NAXIS: 2, NAXIS1: 2, NAXIS2: 2, ...cards } });
}

async function createAladin(A, stage, scene, start) {
  const box = el("div"); // Aladin makes it a container of its own, which has no place by itself
  const outer = el("div", { class: "awlab-sky-aladin" }, box);
  stage.append(outer);
  const blank = await blankSky(A, start);
  const off = Object.fromEntries(["LayersControl", "FullscreenControl", "Frame", "ProjectionControl", "SimbadPointerControl", "ContextMenu",
    "SettingsControl", "ShareControl", "StatusBar", "ZoomControl", "CooLocation", "Fov", "Reticle"].map((name) => [`show${name}`, false]));
  const aladin = A.aladin(box, {
    ...off, survey: blank, hipsList: [], log: false, samp: false, target: `${start.ra} ${start.dec}`, fov: start.fov, cooFrame: "ICRSd",
    projection: "SIN", backgroundColor: "rgb(11, 16, 32)", showCooGrid: true,
    gridOptions: { enabled: true, color: "#8a98b8", opacity: 0.7, labelSize: 12, thickness: 1 },
  });
  // A survey that stops answering would be replaced by one from elsewhere, again and again.
  if (aladin.constructor.DEFAULT_OPTIONS) aladin.constructor.DEFAULT_OPTIONS.survey = blank;
  const drawn = [];
  const images = [];
  const polygon = (layer, i, look) => A.polygon([0, 1, 2, 3].map((k) => [layer.ra[4 * i + k], layer.dec[4 * i + k]]), look);
  function over(look, items) {
    const overlay = A.graphicOverlay(look);
    aladin.addOverlay(overlay);
    items.forEach(([layer, i]) => overlay.add(layer.kind === "frames" ? polygon(layer, i, look)
      : A.circle(layer.ra[i], layer.dec[i], 8 * (aladin.getFov()[0] / Math.max(1, stage.clientWidth)), look)));
    drawn.push(overlay);
  }
  function draw() {
    drawn.splice(0).forEach((overlay) => aladin.removeOverlay(overlay));
    for (const layer of scene.layers) {
      if (!layer.shown || !layer.count) continue;
      const { colour, dash, shape } = skyLook(layer.number);
      const rows = Array.from({ length: layer.count }, (_, i) => i);
      const frames = layer.kind === "frames";
      if (frames) over({ name: `frames ${layer.number}`, color: colour, lineWidth: 2, lineDash: dash }, rows.map((i) => [layer, i]));
      // Shapes are drawn here: those of Aladin have no diamond, and all are of one size.
      const catalogue = A.catalog({ name: `marks ${layer.number}`, color: colour, shape: (source, context) => {
        const { i } = source.data;
        if (frames && !isTiny(layer, i, aladin.getFov()[0] / Math.max(1, stage.clientWidth))) return;
        context.strokeStyle = colour;
        context.lineWidth = 1.5;
        drawShape(context, frames ? "□" : shape, source.x, source.y, frames ? TINY : markSize(layer, i));
      } });
      aladin.addCatalog(catalogue);
      catalogue.addSources(rows.map((i) => A.source(layer.ra[frames ? 4 * i : i], layer.dec[frames ? 4 * i : i], { i })));
      drawn.push(catalogue);
    }
    const marked = scene.marked.filter(([number]) => scene.layers[number]?.shown).map(([number, i]) => [scene.layers[number], i]);
    if (marked.length) over({ name: "marked", color: SKY.marked, lineWidth: 4 }, marked);
    if (scene.chosen) over({ name: "chosen", color: SKY.chosen, lineWidth: 5 }, [[scene.layers[scene.chosen[0]], scene.chosen[1]]]);
  }
  async function setPicture(key, { canvas, cards }) {
    const wcs = { NAXIS: 2, NAXIS1: canvas.width, NAXIS2: canvas.height, ...cards };
    if (images.includes(key)) return;
    images.push(key);
    aladin.setOverlayImageLayer(A.image(await pngOf(canvas), { name: key, imgFormat: "png", wcs }), key);
  }
  for (const [key, picture] of scene.pictures) setPicture(key, picture);
  draw();
  return {
    name: "Aladin", draw, setPicture,
    dropPictures: () => images.splice(0).forEach((key) => aladin.removeImageLayer(key)),
    go: (ra, dec, fov) => { aladin.gotoRaDec(ra, dec); aladin.setFoV(Math.max(1e-3, Math.min(180, fov))); },
    pixel: (ra, dec) => aladin.world2pix(ra, dec) ?? null,
    sky: (x, y) => aladin.pix2world(x, y) ?? null,
    where() { const [ra, dec] = aladin.getRaDec(); return { ra, dec, fov: aladin.getFov()[0] }; },
    setSurvey: (address) => aladin.setBaseImageLayer(address || blank),
    close() { outer.remove(); },
  };
}
