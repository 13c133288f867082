"""ipyaladin's own widget with the Aladin Lite that is on this machine."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import ipyaladin
from ipyaladin.utils.call_store import CallStore

from awlab.widgets.awlab_widget import one_line
from awlab.widgets.sky_view.library import library_bytes, library_missing

__all__ = ["LocalAladin"]

_IMPORT = re.compile(r'import ([\w$]+) from"https://[^"]*aladin-lite@[^"]*";var ([\w$]+)=\1;')
_EXPORT = re.compile(r"export\{([\w$]+) as default\}")
# The library is asked for once per page, also by sky views, before ipyaladin begins.
_LOADER = """
const askKernel = (model) => new Promise((resolve) => {
  const hear = (message, buffers) => {
    if (message.op !== "library") return;
    model.off("msg:custom", hear);
    resolve({ ...message, buffers });
  };
  model.on("msg:custom", hear);
  model.send({ event_type: "library" });
});
async function loadAladin(model) {
  globalThis.awlabAladin ??= (async () => {
    const found = await askKernel(model);
    if (found.missing) { globalThis.awlabAladin = undefined; return found; }
    const blob = new Blob([found.buffers[0]], { type: "text/javascript" });
    const address = URL.createObjectURL(blob);
    const { default: A } = await import(address);
    await A.init;
    return { A };
  })();
  return globalThis.awlabAladin;
}
"""
_BEGIN = """
// Without a survey Aladin would ask the internet for one, again and again: a dark speck is one too.
async function darkSky(A) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 2;
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
  const wcs = { NAXIS: 2, NAXIS1: 2, NAXIS2: 2, CTYPE1: "RA---TAN", CTYPE2: "DEC--TAN", CRVAL1: 0,
    CRVAL2: 90, CRPIX1: 1.5, CRPIX2: 1.5, CD1_1: -1e-7, CD1_2: 0, CD2_1: 0, CD2_2: 1e-7 };
  const image = { id: "none", name: "none", imgFormat: "png", wcs };
  return A.image(URL.createObjectURL(blob), image);
}
// The model, with that where it has no survey.
const onDarkSky = (model, survey) => new Proxy(model, {
  get(target, name) {
    if (name === "get") {
      return (key) => {
        const value = target.get(key);
        if (key === "_init_options" && !value.survey) return { ...value, survey };
        return key === "survey" && !value ? null : value;
      };
    }
    const value = target[name];
    return typeof value === "function" ? value.bind(target) : value;
  },
});
export default {
  // Not in initialize(): messages of the kernel are heard only after it.
  render(context) {
    let close = null;
    let closed = false;
    (async () => {
      const found = await loadAladin(context.model);
      if (closed) return;
      if (found.missing) { context.el.textContent = found.missing; return; }
      LIBRARY = found.A;
      const model = onDarkSky(context.model, await darkSky(found.A));
      await OWN.initialize({ ...context, model });
      close = OWN.render({ ...context, model });
    })();
    return () => { closed = true; close?.(); };
  },
};
"""


def _script() -> str:
    """Return the script of ipyaladin, with the library taken from the kernel."""
    text = (Path(ipyaladin.__file__).parent / "static" / "widget.js").read_text(encoding="utf-8")
    imported, exported = _IMPORT.search(text), _EXPORT.search(text)
    if imported is None or exported is None:
        return text  # another ipyaladin: as it is, from the network
    text = text.replace(imported[0], f"var {imported[2]};").replace(exported[0], "")
    begin = _BEGIN.replace("LIBRARY", imported[2]).replace("OWN", exported[1])
    return _LOADER + text + begin


class LocalAladin(ipyaladin.Aladin):
    """ipyaladin's ``Aladin``, which works without a network once ``awlab assets`` has run.

    Parameters
    ----------
    **options
        Those of ``ipyaladin.Aladin``; without ``survey`` the sky is dark, and nothing is asked of
        the network.

    Examples
    --------
    >>> sky = LocalAladin(target="334.5 5.5", fov=1)
    >>> sky.add_table(source_list.table())
    """

    _esm = _script()

    def __init__(self, **options: Any) -> None:
        # Those of the class would be shared by all widgets: each has its own.
        self._call_store = CallStore()
        self.listener_callback: dict[str, Any] = {}
        super().__init__(**{"survey": "", "log": False, "hips_list": [], **options})
        self.on_msg(self._give_library)

    def _handle_custom_message(self, _: Any, message: Any, buffers: Any) -> None:
        if isinstance(message, dict) and message.get("event_type") != "library":
            super()._handle_custom_message(_, message, buffers)

    def _give_library(self, _: Any, message: Any, __: Any) -> None:
        if not isinstance(message, dict) or message.get("event_type") != "library":
            return
        try:
            missing = library_missing()
            self.send({"op": "library", "missing": missing}, [] if missing else [library_bytes()])
        except Exception as exc:
            self.send({"op": "library", "missing": one_line(exc)})
