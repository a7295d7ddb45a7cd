// The widget of a recording: a player, its pictures one below the other, and a line that shows the time in all of them.

import {make, swatch, timeAxis} from "./draw.js";
import {REQUEST_SOUND, SOUND} from "./protocol.js";
import {segmentTable} from "./segments.js";
import {keptFiles} from "./shared.js";
import {spectrumTrack} from "./spectrum.js";
import {areasTrack, effectsTrack} from "./timeline.js";
import {waveTrack} from "./wave.js";

/** @typedef {import("./draw.js").Model} Model */
/** @typedef {import("./draw.js").Player} Player */

const TRACKS = [waveTrack, areasTrack, effectsTrack, spectrumTrack]; // from top to bottom
const DRAWN = ["wave", "spectrum", "windows", "segments", "effects", "captions", "seconds", "inspectable"]; // traits
const LEFT = 58, RIGHT = 12, TOP = 8, BOTTOM = 40; // pixels around a picture, for its axes

/**
 * Load what is to be played into an audio element, from the browser's own file or, where that is missing or cannot be
 * played, from Python.
 * @param {Model} model of a `SoundView`
 * @param {HTMLAudioElement} audio
 * @param {Element} hint for the sentence that the recording cannot be played
 * @returns {{open: () => void, close: () => void}}
 */
function makeSource(model, audio, hint) {
  let url = null, requested = false;
  const release = () => { if (url) URL.revokeObjectURL(url); };
  const load = file => { release(); url = URL.createObjectURL(file); audio.src = url; };
  const request = () => { requested = true; model.send({kind: REQUEST_SOUND}); };
  model.on("msg:custom", (content, buffers) => {
    if (content.kind === SOUND && requested) load(new Blob(buffers, {type: content.type}));
  });
  audio.addEventListener("error", () => {
    if (!audio.getAttribute("src")) return;
    if (requested) hint.textContent = "This browser cannot play the recording.";
    else request();
  });
  function open() {
    const file = keptFiles.get(model.get("key"));
    requested = false;
    hint.textContent = "";
    audio.removeAttribute("src");
    audio.setAttribute("aria-label", "Player");
    if (!model.get("seconds")) audio.load();
    else if (file) load(file);
    else request();
  }
  return {open, close: release};
}

/**
 * A player that can stop at the end of a segment. The caller sets `moved`, which gets the time while it plays, and
 * `changed`, which is called when another segment plays, or none.
 * @param {HTMLAudioElement} audio
 * @returns {Player & {moved: (seconds: number) => void, changed: () => void}}
 */
function makePlayer(audio) {
  let end = null, running = false;
  const player = {segment: null, moved() {}, changed() {}};
  const choose = segment => { end = null; player.segment = segment; player.changed(); };
  player.reset = () => { end = player.segment = null; };
  player.play = async (start, stop, segment) => {
    end = null;
    audio.currentTime = start;
    await audio.play().catch(() => {});
    choose(segment ?? null);
    end = stop;
  };
  player.seek = time => { audio.currentTime = Math.min(time, audio.duration || time); choose(null); };
  function follow() {
    if (end !== null && audio.currentTime >= end) { audio.pause(); choose(null); }
    player.moved(audio.currentTime);
    running = !audio.paused && !audio.ended;
    if (running) requestAnimationFrame(follow);
  }
  const start = () => { if (!running) follow(); };
  for (const type of ["play", "seeked", "timeupdate", "pause"]) audio.addEventListener(type, start);
  return player;
}

function makeBox(width, height, seconds) {
  const x = t => LEFT + (width - LEFT - RIGHT)*Math.min(1, t/seconds);
  return {left: LEFT, right: width - RIGHT, top: TOP, bottom: TOP + height, x};
}

function drawTrack(track, model, width, player) { // a figure, and the line that shows the time in it
  const seconds = model.get("seconds") || 1, box = makeBox(width, track.height, seconds);
  const [title, caption, text] = model.get("captions")[track.name] ?? ["", "", ""];
  const height = track.height + TOP + BOTTOM, viewBox = `0 0 ${width} ${height}`;
  const svg = make("svg", {viewBox, height, role: "img", "aria-label": text, "data-track": track.name});
  track.draw(svg, box, player);
  timeAxis(svg, box, seconds);
  const line = make("line", {class: "emotion-head", x1: box.left, x2: box.left, y1: box.top, y2: box.bottom});
  svg.append(line);
  svg.addEventListener("click", event => {
    const share = (event.clientX - svg.getBoundingClientRect().left - box.left)/(box.right - box.left);
    if (share >= 0 && share <= 1) player.seek(share*seconds);
  });
  const figure = make("figure", {}, make("figcaption", {}, make("h3", {}, title), make("p", {}, caption)), svg);
  if (track.name === "timeline") figure.append(legend(model), segmentTable(model, player) ?? "");
  return {figure, line, box};
}

function legend(model) {
  const items = model.get("classes").map(name => make("li", {}, swatch(model.get("looks"), name), name));
  return make("ul", {class: "emotion-legend", "aria-label": "Legend"}, ...items);
}

function moveLine({line, box}, time) {
  line.style.visibility = time > 0 ? "visible" : "hidden";
  for (const end of ["x1", "x2"]) line.setAttribute(end, box.x(time));
}

function markSegment(tracks, segment) {
  for (const row of tracks.querySelectorAll("tr[data-segment]"))
    row.classList.toggle("emotion-now", Number(row.dataset.segment) === segment);
}

function keepScroll(tracks, change) {
  const before = tracks.querySelector(".emotion-scroll")?.scrollTop ?? 0;
  change();
  const after = tracks.querySelector(".emotion-scroll");
  if (after) after.scrollTop = before;
}

function scrollToClip(model, el) {
  if (!model.get("reveal")) return;
  const clip = () => el.closest(".emotion-clip") ?? el;
  setTimeout(() => clip().scrollIntoView({block: "start", behavior: "smooth"}), 50);
  model.set("reveal", 0);
  model.save_changes();
}

function render({model, el}) {
  el.classList.add("emotion-sound");
  const audio = make("audio", {controls: "", preload: "auto"}), hint = make("p", {class: "emotion-muted"});
  const tracks = make("div");
  el.replaceChildren(make("h3", {}, "Listen"), audio, hint, tracks);
  const source = makeSource(model, audio, hint), player = makePlayer(audio);
  let width = 0, due = 0, drawn = [];
  player.moved = time => drawn.forEach(o => moveLine(o, time));
  player.changed = () => markSegment(tracks, player.segment);
  function draw() {
    width = Math.max(260, Math.floor(tracks.clientWidth));
    const shown = TRACKS.map(track => track(model)).filter(Boolean);
    drawn = shown.map(track => drawTrack(track, model, width, player));
    keepScroll(tracks, () => tracks.replaceChildren(...drawn.map(o => o.figure)));
    player.moved(audio.currentTime);
    player.changed();
  }
  const drawSoon = () => { cancelAnimationFrame(due); due = requestAnimationFrame(draw); };
  const open = () => { player.reset(); source.open(); }, reveal = () => scrollToClip(model, el);
  model.on(DRAWN.map(name => `change:${name}`).join(" "), drawSoon);
  model.on("change:reveal", reveal);
  model.on("change:revision", open);
  const watcher = new ResizeObserver(() => { if (Math.abs(tracks.clientWidth - width) > 1) drawSoon(); });
  watcher.observe(tracks);
  open();
  draw();
  reveal();
  return () => { watcher.disconnect(); audio.pause(); source.close(); };
}

export default {render};
