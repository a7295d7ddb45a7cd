// The emotions over time: stacked areas with their names, the segments below them, and the effects of an explanation.

import {bytesOf, clock, make, patterns, percent, sideAxis, signed} from "./draw.js";

/** @typedef {import("./draw.js").Box} Box */
/** @typedef {import("./draw.js").Model} Model */
/** @typedef {import("./draw.js").Track} Track */

const SEGMENTS = 28;          // pixels at the bottom, for the segments
const BAR_HEIGHT = 20;        // pixels of a segment
const LETTER = 8;             // pixels of a letter of a name, at most
const HALF_LETTER = 4.2;      // pixels of half a letter, on average
const NAME_HEIGHT = 16;       // pixels from one name to the next below it, at least
const NAME_GAP = 4;           // pixels from one name to the next beside it, at least
const REPEAT_WIDTH = 160;     // pixels from a name to the same name, at least
const NAMED = .4;             // confidence from which an area may have its name written in it
const PIXELS_PER_POINT = 1.5; // at least; where there is less room, neighbouring windows become one
const BORDER = .8;            // pixels between two areas, at most
const END_SECONDS = .05;      // a window that ends so shortly before the end of the recording reaches it
const FINE = .095;            // where no effect is larger, points are written with a decimal

/**
 * A window and its probabilities, in the order of the classes.
 * @typedef {{start: number, end: number, p: Float32Array|number[]}} Window
 */

/**
 * The runs of windows between silences, in which no probabilities are known.
 * @param {Float32Array} rows start, end and probabilities of window after window; NaN in silence
 * @param {number} width numbers of one window
 * @returns {Window[][]}
 */
export function windowRuns(rows, width) {
  const runs = [[]];
  for (let i = 0; i < rows.length; i += width) {
    const window = {start: rows[i], end: rows[i + 1], p: rows.slice(i + 2, i + width)};
    if (Number.isNaN(window.p[0])) runs.push([]);
    else runs.at(-1).push(window);
  }
  return runs.filter(run => run.length);
}

/**
 * A run in which each `n` neighbours have become one window, of their mean probabilities.
 * @param {Window[]} run
 * @param {number} n
 * @returns {Window[]}
 */
export function poolWindows(run, n) {
  if (n < 2) return run;
  const groups = [];
  for (let i = 0; i < run.length; i += n) groups.push(run.slice(i, i + n));
  return groups.map(group => ({start: group[0].start, end: group.at(-1).end, p: meanProba(group)}));
}

function meanProba(windows) {
  return Array.from(windows[0].p, (_, c) => windows.reduce((sum, w) => sum + w.p[c], 0)/windows.length);
}

/**
 * The windows of a run as points in time: a window stands at its middle, and the first and the last reach half a hop
 * further, or to the start and the end of the recording.
 * @param {Window[]} run
 * @param {{start: number, seconds: number, hop: number}} whole start of the first window, length of the recording, hop
 * @returns {Array<Window & {at: number}>}
 */
export function runPoints(run, {start, seconds, hop}) {
  const first = run[0], last = run.at(-1);
  const from = first.start === start ? 0 : (first.start + first.end - hop)/2;
  const to = last.end >= seconds - END_SECONDS ? seconds : (last.start + last.end + hop)/2;
  return [{...first, at: from}, ...run.map(w => ({...w, at: (w.start + w.end)/2})), {...last, at: to}];
}

/**
 * The names to write: first the most confident of each class, then, the most confident first, others that have room.
 * @param {Array<{name: string, p: number, x: number, y: number}>} wanted
 * @param {string[]} classes
 * @param {{left: number, right: number}} box
 * @returns {Array<{name: string, x: number, y: number}>}
 */
export function placeNames(wanted, classes, {left, right}) {
  const sorted = [...wanted].sort((a, b) => b.p - a.p), placed = [];
  const firsts = classes.map(c => sorted.find(o => o.name === c)).filter(Boolean);
  for (const o of [...firsts, ...sorted]) {
    const half = HALF_LETTER*o.name.length;
    const overlaps = q => Math.abs(q.x - o.x) < half + q.half + NAME_GAP && Math.abs(q.y - o.y) < NAME_HEIGHT;
    const repeats = q => q.name === o.name && Math.abs(q.x - o.x) < REPEAT_WIDTH;
    const inside = o.x - half >= left && o.x + half <= right;
    if (inside && !placed.some(q => overlaps(q) || repeats(q))) placed.push({...o, half});
  }
  return placed;
}

/**
 * The picture of the emotions over time.
 * @param {Model} model of a `SoundView`
 * @returns {?Track} null where there are no windows
 */
export function areasTrack(model) {
  const width = model.get("classes").length + 2, rows = new Float32Array(bytesOf(model.get("windows")));
  if (!rows.length) return null;
  const runs = windowRuns(rows, width);
  return {name: "timeline", height: 190, draw(svg, box, player) {
    const [definitions, fill] = patterns(model.get("looks")), areas = {...box, bottom: box.bottom - SEGMENTS};
    svg.append(definitions, frame(areas));
    drawAreas(svg, areas, model, {rows, width, runs}, fill);
    model.get("segments").forEach((_, i) => svg.append(segmentBar(box, model, i, fill, player)));
    sideAxis(svg, areas, [0, .5, 1].map(v => [height(areas, v), `${100*v} %`]), "confidence");
  }};
}

function height(box, share) { return box.bottom - share*(box.bottom - box.top); }

function frame({left, right, top, bottom}) {
  const size = {width: right - left, height: bottom - top};
  return make("rect", {x: left, y: top, ...size, fill: "none", stroke: "var(--emotion-line)"});
}

function drawAreas(svg, box, model, {rows, width, runs}, fill) {
  const classes = model.get("classes"), per = Math.ceil(PIXELS_PER_POINT*rows.length/width/(box.right - box.left));
  const hop = rows.length > width ? rows[width] - rows[0] : rows[1] - rows[0];
  const border = per > 1 ? 0 : Math.min(BORDER, (box.x(hop) - box.x(0))/8), wanted = []; // thinner than a narrow area
  for (const run of runs) {
    const points = runPoints(poolWindows(run, per), {start: rows[0], seconds: model.get("seconds"), hop});
    for (const area of stacked(points, classes, box)) {
      const {d, name} = area, stroke = "var(--emotion-card)";
      svg.append(make("path", {d, fill: fill(name), stroke, "stroke-width": border}));
      wanted.push(...area.names);
    }
  }
  for (const o of placeNames(wanted, classes, box)) svg.append(nameText(o.name, o.x, o.y));
}

function stacked(points, classes, box) { // an area for each class: its path, and where its name could stand
  const base = points.map(() => 0);
  const edge = () => points.map((w, i) => `${box.x(w.at).toFixed(1)} ${height(box, Math.min(1, base[i])).toFixed(1)}`);
  return classes.map((name, c) => {
    const low = edge();
    points.forEach((w, i) => { base[i] += w.p[c]; });
    const named = points.map((w, i) => ({name, p: w.p[c], x: box.x(w.at), y: height(box, base[i] - w.p[c]/2) + 4}));
    return {name, d: `M${edge().join("L")}L${low.reverse().join("L")}Z`, names: named.filter(o => o.p > NAMED)};
  });
}

function nameText(name, x, y) { return make("text", {class: "emotion-name", x, y, "text-anchor": "middle"}, name); }

function segmentBar(box, model, i, fill, player) {
  const [start, end, name, p] = model.get("segments")[i], width = box.x(end) - box.x(start);
  const rect = {x: box.x(start), y: box.bottom - BAR_HEIGHT - 2, width: Math.max(1, width), height: BAR_HEIGHT};
  const bar = make("g", {"data-segment": i, style: "cursor:pointer"},
    make("title", {}, `${clock(start, 1)} to ${clock(end, 1)}: ${name}, ${percent(p)}`),
    make("rect", {...rect, fill: fill(name), stroke: width > 3 ? "var(--emotion-card)" : "none"}),
    width > LETTER*name.length + 6 && nameText(name, box.x((start + end)/2), box.bottom - 8));
  bar.addEventListener("click", event => { event.stopPropagation(); player.play(start, end, i); });
  return bar;
}

/**
 * The picture of an explanation: above the line what raised the confidence, below it what lowered it.
 * @param {Model} model of a `SoundView`
 * @returns {?Track} null where there is no explanation
 */
export function effectsTrack(model) {
  const effects = model.get("effects");
  if (!effects.length) return null;
  const top = Math.max(.01, ...effects.map(([, , effect]) => Math.abs(effect)));
  const label = effect => signed(100*effect, top < FINE ? 1 : 0);
  return {name: "effects", height: 110, draw(svg, box) {
    const middle = (box.top + box.bottom)/2, y = effect => middle - effect/top*(box.bottom - box.top)/2;
    for (const effect of effects) svg.append(effectBar(box, effect, middle, y, label));
    svg.append(make("line", {x1: box.left, x2: box.right, y1: middle, y2: middle, stroke: "var(--emotion-muted)"}));
    sideAxis(svg, box, [top, 0, -top].map(v => [y(v), label(v)]), "points");
  }};
}

function effectBar(box, [start, end, effect], middle, y, label) {
  const fill = effect > 0 ? "var(--emotion-accent)" : "var(--emotion-alarm)";
  return make("rect", {x: box.x(start) + .5, width: Math.max(1, box.x(end) - box.x(start) - 1),
    y: Math.min(middle, y(effect)), height: Math.max(1, Math.abs(y(effect) - middle)), fill},
    make("title", {}, `${start.toFixed(1)} to ${end.toFixed(1)} s: ${label(effect)} points`));
}
