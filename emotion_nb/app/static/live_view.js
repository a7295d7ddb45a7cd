// What is heard live: the emotion now, a bar for each, and the last minute.

import {make, patterns, percent, sideAxis, swatch} from "./draw.js";

/** @typedef {import("./draw.js").Model} Model */
/** @typedef {import("./draw.js").Box} Box */

/**
 * An answer of the last minute: its time, the number of its emotion (-1 where there is no voice), its confidence, and
 * whether it is decided.
 * @typedef {[seconds: number, emotion: number, confidence: number, decided: boolean]} Answer
 */

const ANNOUNCE_SECONDS = 5; // from one sentence for screen readers to the next, at least
const HEIGHT = 90, LEFT = 58, RIGHT = 12, TOP = 8, BOTTOM = 40; // pixels of the picture, and around it
const MARKS = 15;           // seconds from one mark of the axis to the next
const NO_VOICE = 3;         // pixels of the line where there is no voice
const LETTER = 8;           // pixels of a letter of a name, at most
const PALE = .45;           // opacity of what is not decided
const SHOWN = ["heading", "detail", "sure", "proba", "history", "seconds", "latency", "lost", "live"];
const PARTS = `<div class="emotion-answer emotion-summary"><div>
    <p class="emotion-muted"></p><h2></h2><p></p><ul class="emotion-notes"></ul></div>
    <table class="emotion-bars"><caption>Confidence for each emotion, in the last three seconds</caption>
    <tbody></tbody></table></div>
  <figure><figcaption><h3>The last minute</h3><p>The likeliest emotion, as high as its confidence. Pale: not sure.
    Line at the foot: no voice. Gap: no answer.</p></figcaption>
    <svg role="img" height="${TOP + HEIGHT + BOTTOM}"></svg></figure>
  <p class="emotion-hidden" aria-live="polite"></p>`;

/**
 * Neighbouring answers with the same emotion, as parts of the last minute. A gap or another emotion ends a part.
 * @param {Answer[]} history
 * @param {number} hop seconds from one answer to the next
 * @returns {Array<{emotion: number, from: number, to: number}>} seconds
 */
export function historyRuns(history, hop) {
  const runs = [];
  for (const [end, emotion] of history) {
    const last = runs.at(-1);
    if (last?.emotion === emotion && end - hop < last.to + hop/2) last.to = end;
    else runs.push({emotion, from: end - hop, to: end});
  }
  return runs;
}

/**
 * The last minute in words.
 * @param {Answer[]} history
 * @param {string[]} classes
 * @returns {string}
 */
export function historyText(history, classes) {
  const counts = [...classes, "no voice"].map((name, i) => {
    return {name, n: history.filter(([, emotion]) => emotion === (i < classes.length ? i : -1)).length};
  });
  const said = counts.filter(o => o.n).sort((a, b) => b.n - a.n).map(o => `${o.name} ${percent(o.n/history.length)}`);
  return said.length ? `The last minute: ${said.join(", ")} of the answers.` : "The last minute: no answer yet.";
}

/**
 * Says when a heading is to be read aloud: when it is another one, and the last one is some seconds old.
 * @param {?{text: string, time: number}} last what was read last
 * @param {string} text
 * @param {number} now seconds
 * @returns {boolean}
 */
export function isAnnounced(last, text, now) {
  return Boolean(text) && (!last || text !== last.text && now - last.time >= ANNOUNCE_SECONDS);
}

function statusText(model) {
  const seconds = model.get("latency");
  if (!model.get("live")) return "The last answer, before live ended";
  return seconds < 0 ? "Live" : `Live; the answer is ${seconds.toFixed(1)} s behind the sound`;
}

function lostText(seconds) {
  return `${seconds.toFixed(1)} s of sound came too late and was left out: the computer or the line is too slow.`;
}

function setText(element, text) { if (element.textContent !== text) element.textContent = text; }

function makeBars(body, model) { // rows in the order of the classes, which stays
  const rows = model.get("classes").map(name => {
    const bar = make("i"), value = make("data", {}, "\u2013");
    const cells = [make("td", {"aria-hidden": "true"}, make("span", {}, bar)), make("td", {}, value)];
    const row = make("tr", {}, make("th", {scope: "row"}, swatch(model.get("looks"), name), ` ${name}`), ...cells);
    return {row, bar, value};
  });
  body.replaceChildren(...rows.map(o => o.row));
  return rows;
}

function showBars(rows, proba, sure) {
  rows.forEach(({row, bar, value}, i) => {
    bar.style.width = `${100*(proba[i] ?? 0)}%`;
    row.classList.toggle("emotion-best", sure && proba[i] === Math.max(...proba));
    setText(value, proba.length ? percent(proba[i]) : "\u2013");
    value.setAttribute("value", (proba[i] ?? 0).toFixed(6));
  });
}

function drawHistory(svg, model) {
  const width = Math.max(260, Math.floor(svg.parentElement.clientWidth)), span = model.get("span");
  const now = model.get("seconds"), x = t => LEFT + (width - LEFT - RIGHT)*Math.max(0, 1 - (now - t)/span);
  const box = {left: LEFT, right: width - RIGHT, top: TOP, bottom: TOP + HEIGHT, x};
  const [definitions, fill] = patterns(model.get("looks")), classes = model.get("classes");
  svg.setAttribute("viewBox", `0 0 ${width} ${TOP + HEIGHT + BOTTOM}`);
  svg.setAttribute("aria-label", historyText(model.get("history"), classes));
  svg.replaceChildren(definitions, frame(box));
  for (const answer of model.get("history")) svg.append(column(box, answer, model, fill));
  for (const run of historyRuns(model.get("history"), model.get("hop"))) svg.append(runName(box, run, classes) ?? "");
  drawAxes(svg, box, now, span);
}

function frame({left, right, top, bottom}) {
  const size = {width: right - left, height: bottom - top};
  return make("rect", {x: left, y: top, ...size, fill: "none", stroke: "var(--emotion-line)"});
}

function column(box, [end, emotion, confidence, decided], model, fill) {
  const x = box.x(end - model.get("hop")), height = emotion < 0 ? NO_VOICE : confidence*(box.bottom - box.top);
  const name = model.get("classes")[emotion], opacity = emotion < 0 || decided ? 1 : PALE;
  const size = {width: Math.max(0, box.x(end) - x), height};
  return make("rect", {x, y: box.bottom - height, ...size, fill: fill(name), opacity});
}

function runName(box, {emotion, from, to}, classes) { // null where there is no room for it
  const name = classes[emotion] ?? "", x = (box.x(from) + box.x(to))/2;
  if (!name || box.x(to) - box.x(from) < LETTER*name.length) return null;
  return make("text", {class: "emotion-name", x, y: box.bottom - 8, "text-anchor": "middle"}, name);
}

function drawAxes(svg, box, now, span) {
  const ink = "var(--emotion-muted)", y = box.bottom;
  for (let ago = 0; ago <= span; ago += MARKS) {
    const x = box.x(now - ago), label = ago ? String(ago) : "now";
    svg.append(make("line", {x1: x, x2: x, y1: y, y2: y + 4, stroke: ink}));
    svg.append(make("text", {x, y: y + 17, "text-anchor": "middle"}, label));
  }
  svg.append(make("text", {x: (box.left + box.right)/2, y: y + 34, "text-anchor": "middle"}, "seconds ago"));
  const marks = [0, .5, 1].map(v => [y - v*(y - box.top), `${100*v} %`]);
  sideAxis(svg, box, marks, "confidence");
}

function render({model, el}) {
  el.classList.add("emotion-live", "emotion-sound");
  el.innerHTML = PARTS;
  const [status, heading, detail, notes, body, svg, live] = [".emotion-muted", "h2", "h2 + p", "ul", "tbody", "svg",
    "[aria-live]"].map(selector => el.querySelector(selector));
  let rows = makeBars(body, model), due = 0, last = null;
  function show() {
    setText(status, statusText(model));
    setText(heading, model.get("heading"));
    setText(detail, model.get("detail"));
    heading.classList.toggle("emotion-unsure", !model.get("sure"));
    notes.replaceChildren(...model.get("lost") > 0 ? [make("li", {}, lostText(model.get("lost")))] : []);
    showBars(rows, model.get("proba"), model.get("sure"));
    drawHistory(svg, model);
    const now = performance.now()/1000, text = model.get("history").length ? model.get("heading") : "";
    if (!isAnnounced(last, text, now)) return;
    last = {text, time: now};
    live.textContent = text;
  }
  const showSoon = () => { cancelAnimationFrame(due); due = requestAnimationFrame(show); };
  model.on("change:classes change:looks", () => { rows = makeBars(body, model); showSoon(); });
  model.on(SHOWN.map(name => `change:${name}`).join(" "), showSoon);
  const watcher = new ResizeObserver(showSoon);
  watcher.observe(svg.parentElement);
  show();
  return () => { watcher.disconnect(); cancelAnimationFrame(due); };
}

export default {render};
