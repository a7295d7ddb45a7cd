// The segments of a timeline as a table: exact numbers, and usable with a keyboard.

import {clock, make, percent, swatch} from "./draw.js";
import {INSPECT} from "./protocol.js";

/** @typedef {import("./draw.js").Model} Model */
/** @typedef {import("./draw.js").Player} Player */

// Title of each column, and whether it holds numbers
const COLUMNS = [["", false], ["start", true], ["end", true], ["emotion", false], ["confidence", true]];

/**
 * A row for each segment, which plays it, with a button that asks Python to inspect it.
 * @param {Model} model of a `SoundView`
 * @param {Player} player
 * @returns {?Element} null where there is no segment
 */
export function segmentTable(model, player) {
  const segments = model.get("segments");
  if (!segments.length) return null;
  const rows = segments.map((segment, i) => segmentRow(model, player, segment, i));
  const columns = model.get("inspectable") ? [...COLUMNS, ["", false]] : COLUMNS;
  const head = ([title, number]) => make("th", {scope: "col", class: number ? "emotion-number" : ""}, title);
  const table = make("table", {class: "emotion-table emotion-segments"},
    make("caption", {class: "emotion-hidden"}, "Segments of one emotion"),
    make("thead", {}, make("tr", {}, ...columns.map(head))), make("tbody", {}, ...rows));
  return make("div", {class: "emotion-scroll", tabindex: 0, role: "region", "aria-label": "Segments"}, table);
}

function segmentRow(model, player, [start, end, name, p], i) {
  const what = `${clock(start, 1)} to ${clock(end, 1)}, ${name}`;
  const row = make("tr", {"data-segment": i, style: "cursor:pointer"},
    make("td", {}, playButton(what)), numberCell(clock(start, 1)), numberCell(clock(end, 1)),
    make("td", {}, swatch(model.get("looks"), name), ` ${name}`), numberCell(percent(p)),
    model.get("inspectable") ? make("td", {}, inspectButton(model, start, end, what)) : null);
  row.addEventListener("click", () => player.play(start, end, i));
  return row;
}

function numberCell(text) { return make("td", {class: "emotion-number"}, text); }

function playButton(what) { // a click bubbles to the row, which plays
  const attributes = {type: "button", "aria-label": `Play ${what}`};
  return make("button", attributes, "\u25b6\ufe0e", make("span", {class: "emotion-wide"}, "Play"));
}

function inspectButton(model, start, end, what) {
  const button = make("button", {type: "button", "aria-label": `Look closer at ${what}`}, "Look closer");
  button.addEventListener("click", event => {
    event.stopPropagation();
    model.send({kind: INSPECT, start, end});
  });
  return button;
}
