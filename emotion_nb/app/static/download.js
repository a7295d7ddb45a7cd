// Buttons that download what Python writes.

import {make} from "./draw.js";
import {DOWNLOAD, FILE} from "./protocol.js";

/** @typedef {import("./draw.js").Model} Model */

const KEEP_MS = 10000; // for which the browser may read the bytes of a download

/**
 * A button for each form, side by side.
 * @param {Model} model of a `Saver`
 * @returns {Element[]}
 */
export function downloadButtons(model) {
  return model.get("buttons").map(([label, form]) => {
    const button = make("button", {type: "button"}, label);
    button.addEventListener("click", () => model.send({kind: DOWNLOAD, form}));
    return button;
  });
}

/**
 * Save the files that Python sends.
 * @param {Model} model of a `Saver`
 */
export function saveFiles(model) {
  model.on("msg:custom", (content, buffers) => { if (content.kind === FILE) saveFile(content, buffers[0]); });
}

function saveFile({name, type}, content) {
  const url = URL.createObjectURL(new Blob([content], {type})), link = make("a", {href: url, download: name});
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), KEEP_MS);
}

function render({model, el}) {
  el.classList.add("emotion-row");
  el.replaceChildren(...downloadButtons(model));
  saveFiles(model);
}

export default {render};
