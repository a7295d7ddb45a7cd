// What pictures and tables are made of: elements, numbers as text, axes, patterns.

import {uniqueNumber} from "./shared.js";

const SVG = "http://www.w3.org/2000/svg";
const SVG_TAGS = new Set(["svg", "g", "path", "rect", "line", "text", "image", "defs", "pattern", "title"]);
const INK = "var(--emotion-muted)"; // of axes and their labels

/**
 * A widget's model, as anywidget gives it: its traits, and messages to and from Python.
 * @typedef {{get: (trait: string) => any, set: (trait: string, value: any) => void, save_changes: () => void,
 *   on: (events: string, callback: Function) => void, send: (content: object, callbacks?: object,
 *   buffers?: ArrayBuffer[]) => void}} Model
 */

/**
 * Where a picture stands in its SVG, in pixels; `x` maps seconds to pixels.
 * @typedef {{left: number, right: number, top: number, bottom: number, x: (seconds: number) => number}} Box
 */

/**
 * What plays a recording: `segment` is the number of the segment that plays, or null.
 * @typedef {{segment: ?number, play: (start: number, end: number, segment?: number) => Promise<void>,
 *   seek: (seconds: number) => void, reset: () => void}} Player
 */

/**
 * A picture of a recording: its name in the captions, its height in pixels, and what draws it.
 * @typedef {{name: string, height: number, draw: (svg: Element, box: Box, player: Player) => void}} Track
 */

/**
 * One element. Attributes and children that are null, undefined or false are left out; text is set as text.
 * @param {string} tag
 * @param {Object<string, ?(string|number|boolean)>} attributes
 * @param {...?(Node|string|boolean)} children
 * @returns {Element}
 */
export function make(tag, attributes = {}, ...children) {
  const element = SVG_TAGS.has(tag) ? document.createElementNS(SVG, tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) if (isGiven(value)) element.setAttribute(name, value);
  element.append(...children.filter(isGiven));
  return element;
}

function isGiven(value) { return value !== null && value !== undefined && value !== false; }

/**
 * A time such as `1:05` or `1:00:00.0`; the twin of `emotion_nb.output.clock`.
 * @param {number} seconds
 * @param {number} digits after the decimal point
 * @returns {string}
 */
export function clock(seconds, digits = 0) {
  const all = Math.round(seconds*10**digits)/10**digits;
  const hours = Math.floor(all/3600), minutes = Math.floor(all/60) - 60*hours;
  const rest = (all - 3600*hours - 60*minutes).toFixed(digits).padStart(digits ? 3 + digits : 2, "0");
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
}

/**
 * A confidence such as `62 %`, never 0 or 100 where it is not; the twin of `emotion_nb.output.percent`.
 * @param {number} p from 0 to 1
 * @returns {string} with no-break spaces
 */
export function percent(p) {
  return `${wholePercent(p)}\u00a0%`;
}

function wholePercent(p) {
  if (p > 0 && p < .005) return "<\u00a01";
  if (p >= .995 && p < 1) return ">\u00a099";
  return String(Math.round(100*p));
}

/**
 * A number with its sign, a true minus.
 * @param {number} value
 * @param {number} digits after the decimal point
 * @returns {string}
 */
export function signed(value, digits) {
  const sign = value < 0 ? "\u2212" : value > 0 ? "+" : "";
  return sign + Math.abs(value).toFixed(digits);
}

/**
 * The bytes of a `Bytes` trait in a buffer of their own, so that typed arrays may start at its beginning.
 * @param {DataView} view
 * @returns {ArrayBuffer}
 */
export function bytesOf(view) {
  const bytes = new Uint8Array(view.byteLength);
  bytes.set(new Uint8Array(view.buffer, view.byteOffset, view.byteLength));
  return bytes.buffer;
}

const TIME_STEPS = [.1, .2, .5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200]; // seconds
const MARK_WIDTH = 64; // pixels from one mark to the next, at least

/**
 * Seconds from one mark of an axis of time to the next.
 * @param {number} seconds length of the axis
 * @param {number} width of the axis in pixels
 * @returns {number}
 */
export function timeStep(seconds, width) {
  const most = Math.max(2, width/MARK_WIDTH);
  return TIME_STEPS.find(step => seconds/step <= most) ?? TIME_STEPS.at(-1);
}

/**
 * Draw the axis of time below a picture.
 * @param {Element} svg
 * @param {Box} box
 * @param {number} seconds
 */
export function timeAxis(svg, box, seconds) {
  const step = timeStep(seconds, box.right - box.left), inMinutes = seconds >= 60, y = box.bottom;
  const label = t => inMinutes ? clock(t) : t.toFixed(step < 1 ? 1 : 0);
  for (let i = 0; i*step <= seconds + 1e-6; i++) {
    const x = box.x(i*step);
    svg.append(make("line", {x1: x, x2: x, y1: y, y2: y + 4, stroke: INK}));
    svg.append(make("text", {x, y: y + 17, "text-anchor": "middle"}, label(i*step)));
  }
  const title = inMinutes ? "time in minutes and seconds" : "time in seconds";
  svg.append(make("text", {x: (box.left + box.right)/2, y: y + 34, "text-anchor": "middle"}, title));
}

/**
 * Draw the axis at the left of a picture.
 * @param {Element} svg
 * @param {Box} box
 * @param {Array<[number, string]>} marks height in pixels and label of each
 * @param {string} title
 */
export function sideAxis(svg, box, marks, title) {
  for (const [y, label] of marks) {
    svg.append(make("line", {x1: box.left - 4, x2: box.left, y1: y, y2: y, stroke: INK}));
    svg.append(make("text", {x: box.left - 8, y: y + 4, "text-anchor": "end"}, label));
  }
  const turned = `translate(11 ${(box.top + box.bottom)/2}) rotate(-90)`;
  svg.append(make("text", {x: 0, y: 0, "text-anchor": "middle", transform: turned}, title));
}

/**
 * How an emotion is filled: its colour, the path of its pattern in a tile of 8 by 8, and the colour of that path.
 * @typedef {{colour: string, path: string, line: string}} Look
 */

/**
 * Definitions of the patterns of some emotions, and a function from a name to what `fill` is set to.
 * @param {Object<string, Look>} looks from `emotion_nb.app.theme.looks`
 * @returns {[Element, (name: string) => string]}
 */
export function patterns(looks) {
  const prefix = `emotion-pattern-${uniqueNumber()}-`; // ids must be unique in the page, not only in a widget
  const names = Object.keys(looks); // a label may hold spaces, an id may not: its number stands for it
  const definitions = make("defs", {}, ...names.map((name, i) => tile(prefix + i, looks[name])));
  return [definitions, name => names.includes(name) ? `url(#${prefix}${names.indexOf(name)})` : INK];
}

function tile(id, {colour, path, line}) {
  return make("pattern", {id, width: 8, height: 8, patternUnits: "userSpaceOnUse"},
    make("rect", {width: 8, height: 8, fill: colour}),
    path && make("path", {d: path, stroke: line, "stroke-width": 1.2, fill: line}));
}

/**
 * A small rectangle in the colour and the pattern of an emotion.
 * @param {Object<string, Look>} looks
 * @param {string} name
 * @returns {Element}
 */
export function swatch(looks, name) {
  const [definitions, fill] = patterns(name in looks ? {[name]: looks[name]} : {});
  return make("svg", {viewBox: "0 0 22 14", "aria-hidden": "true"}, definitions,
    make("rect", {x: .5, y: .5, width: 21, height: 13, rx: 3, fill: fill(name), stroke: INK}));
}
