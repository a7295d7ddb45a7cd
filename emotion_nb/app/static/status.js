// The status line: one sentence in a live region, a progress bar, and a button that stops the job.

import {STOP} from "./protocol.js";
import {TIMEOUT_EVENT} from "./shared.js";

/** @typedef {import("./draw.js").Model} Model */

const PARTS = `<p role="status"></p><progress max="1" aria-label="Progress"></progress>
  <button type="button">Stop</button>`;
const TIMEOUT = "The server does not answer. If that lasts, reload this page.";
const DISCONNECTED = "The connection with the server has ended: reload this page.";

/**
 * Show the state of the model; the text is only set when it changes, because setting it makes a screen reader read it.
 * @param {Model} model of a `StatusLine`
 * @param {{text: Element, bar: HTMLProgressElement, stop: HTMLButtonElement}} parts
 */
function showStatus(model, {text, bar, stop}) {
  if (text.textContent !== model.get("text")) text.textContent = model.get("text");
  text.classList.toggle("emotion-failed", model.get("failed"));
  text.dataset.done = model.get("done");
  bar.hidden = !model.get("busy") || model.get("progress") < 0;
  bar.value = Math.max(0, model.get("progress"));
  stop.hidden = !model.get("busy") || !model.get("stoppable");
}

function isDisconnected(el) { return Boolean(el.closest(".jupyter-widgets-disconnected")); }

function render({model, el}) {
  el.classList.add("emotion-status");
  el.innerHTML = PARTS;
  const [text, bar, stop] = el.children;
  const fail = sentence => { text.textContent = sentence; text.classList.add("emotion-failed"); };
  const onTimeout = () => fail(TIMEOUT), refresh = () => showStatus(model, {text, bar, stop});
  const watch = setInterval(() => {
    if (!isDisconnected(el)) return;
    bar.hidden = stop.hidden = true;
    fail(DISCONNECTED);
  }, 1000);
  addEventListener(TIMEOUT_EVENT, onTimeout);
  stop.addEventListener("click", () => { model.send({kind: STOP}); stop.hidden = true; });
  for (const name of ["text", "failed", "busy", "progress", "done", "stoppable"]) model.on(`change:${name}`, refresh);
  refresh();
  return () => { clearInterval(watch); removeEventListener(TIMEOUT_EVENT, onTimeout); };
}

export default {render};
