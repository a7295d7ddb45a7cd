// The mel spectrogram: a picture of one pixel for each band and frame, which the browser scales.

import {bytesOf, make, sideAxis} from "./draw.js";

/** @typedef {import("./draw.js").Box} Box */
/** @typedef {import("./draw.js").Model} Model */
/** @typedef {import("./draw.js").Track} Track */

// Ten colours of matplotlib's `magma`, from the lowest level to the highest; between them colours are interpolated.
const MAGMA = ["000004", "180f3d", "440f76", "721f81", "9e2f7f", "cd4071", "f1605d", "fd9668", "feca8d", "fcfdbf"]
  .map(colour => [0, 2, 4].map(i => parseInt(colour.slice(i, i + 2), 16)));

/**
 * The colour of a level.
 * @param {number} level from 0 to 255
 * @returns {number[]} red, green and blue from 0 to 255
 */
export function magma(level) {
  const at = level/255*(MAGMA.length - 1), i = Math.min(Math.floor(at), MAGMA.length - 2);
  return MAGMA[i].map((c, k) => c + (at - i)*(MAGMA[i + 1][k] - c));
}

/**
 * The pixels of a spectrogram, the highest band at the top.
 * @param {Uint8Array} levels frame after frame, in each the lowest band first
 * @param {number} bands
 * @returns {Uint8ClampedArray} red, green, blue and opacity of pixel after pixel, row after row
 */
export function pixels(levels, bands) {
  const frames = levels.length/bands, out = new Uint8ClampedArray(4*levels.length).fill(255);
  for (let t = 0; t < frames; t++)
    for (let b = 0; b < bands; b++) out.set(magma(levels[t*bands + b]), 4*((bands - 1 - b)*frames + t));
  return out;
}

/**
 * The picture of the spectrogram.
 * @param {Model} model of a `SoundView`
 * @returns {?Track} null where there is no recording
 */
export function spectrumTrack(model) {
  const levels = new Uint8Array(bytesOf(model.get("spectrum"))), bands = model.get("bands");
  if (!levels.length) return null;
  const href = pictureUrl(levels, bands);
  const draw = (svg, box) => drawSpectrum(svg, box, href, bands, model.get("ticks"));
  return {name: "spectrogram", height: 170, draw};
}

function pictureUrl(levels, bands) {
  const width = levels.length/bands, canvas = make("canvas", {width, height: bands});
  canvas.getContext("2d").putImageData(new ImageData(pixels(levels, bands), width, bands), 0, 0);
  return canvas.toDataURL();
}

function drawSpectrum(svg, box, href, bands, ticks) {
  const width = box.right - box.left, height = box.bottom - box.top;
  svg.append(make("image", {href, x: box.left, y: box.top, width, height, preserveAspectRatio: "none"}));
  const y = band => box.bottom - (band + .5)/bands*height;
  sideAxis(svg, box, ticks.map(([band, label]) => [y(band), label]), "frequency in Hz");
}
