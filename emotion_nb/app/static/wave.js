// The waveform: lowest and highest sample of each bin, and in colour the parts that the answer uses.

import {bytesOf, make, sideAxis} from "./draw.js";

/** @typedef {import("./draw.js").Box} Box */
/** @typedef {import("./draw.js").Model} Model */
/** @typedef {import("./draw.js").Track} Track */

const BAR = 10;        // pixels at the bottom, for the bar that marks the used parts
const HALF_LINE = .4;  // pixels by which the outline is wider, so that silence is a line

/**
 * The bins `from` to `to` of a waveform, pooled by their lowest and highest: `[first bin, lowest, highest]` each.
 * @param {Float32Array} wave lowest and highest sample of bin after bin
 * @param {number} from
 * @param {number} to
 * @param {number} per bins that become one
 * @returns {Array<[number, number, number]>}
 */
export function poolBins(wave, from, to, per) {
  const out = [];
  for (let i = from; i < to; i += per) {
    const bins = wave.subarray(2*i, 2*Math.min(i + per, to));
    out.push([i, Math.min(...bins.filter((_, j) => j % 2 === 0)), Math.max(...bins.filter((_, j) => j % 2 === 1))]);
  }
  return out;
}

/**
 * The path around some bins: along their highest to the right, along their lowest back.
 * @param {Array<[number, number, number]>} bins
 * @param {(bin: number) => number} x
 * @param {(amplitude: number) => number} y
 * @returns {string} empty where there is no bin
 */
export function outline(bins, x, y) {
  if (!bins.length) return "";
  const above = bins.map(([i, , high]) => `${x(i).toFixed(1)} ${(y(high) - HALF_LINE).toFixed(1)}`);
  const below = bins.map(([i, low]) => `${x(i).toFixed(1)} ${(y(low) + HALF_LINE).toFixed(1)}`);
  return `M${[...above, ...below.reverse()].join("L")}Z`;
}

/**
 * The picture of the waveform.
 * @param {Model} model of a `SoundView`
 * @returns {?Track} null where there is no recording
 */
export function waveTrack(model) {
  const wave = new Float32Array(bytesOf(model.get("wave")));
  if (!wave.length) return null;
  return {name: "waveform", height: 110, draw: (svg, box) => drawWave(svg, box, model, wave)};
}

function drawWave(svg, box, model, wave) {
  const n = wave.length/2, seconds = model.get("seconds"), top = Math.max(model.get("peak"), 1e-3);
  const half = (box.bottom - BAR - box.top)/2, middle = box.top + half;
  const x = i => box.x(i*seconds/n), y = amplitude => middle - half*amplitude/top;
  const per = Math.max(1, Math.floor(n/(box.right - box.left)));
  const shape = (from, to) => outline(poolBins(wave, from, to, per), x, y);
  svg.append(make("line", {x1: box.left, x2: box.right, y1: middle, y2: middle, stroke: "var(--emotion-line)"}));
  svg.append(make("path", {d: shape(0, n), fill: "var(--emotion-muted)"}));
  for (const [start, end] of model.get("used")) {
    const d = shape(Math.floor(start/seconds*n), Math.ceil(end/seconds*n));
    svg.append(make("path", {d, fill: "var(--emotion-accent)"}), usedBar(box, start, end));
  }
  const label = top.toPrecision(2);
  sideAxis(svg, box, [[y(top), label], [middle, "0"], [y(-top), `\u2212${label}`]], "amplitude");
}

function usedBar(box, start, end) { // for people who do not see the colour
  const width = Math.max(1, box.x(end) - box.x(start));
  return make("rect", {x: box.x(start), width, y: box.bottom - 5, height: 4, fill: "var(--emotion-ink)"});
}
