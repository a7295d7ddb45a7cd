// The table of many recordings: its rows are made here, where sorting them is quick.

import {downloadButtons, saveFiles} from "./download.js";
import {make, percent, swatch} from "./draw.js";
import {OPEN} from "./protocol.js";

const COLUMNS = [ // title, what is sorted by, and whether a first click sorts the highest to the top
  ["file", o => o.name, false], ["emotion", o => o.emotion, false],
  ["confidence", o => o.confidence, true], ["remark", o => o.note, false]];
const ARROWS = {none: "\u2195", descending: "\u2193", ascending: "\u2191"};

function isEmpty(value) { return value === "" || value === null; }

function compare(a, b) {
  return typeof a === "number" ? a - b : String(a).localeCompare(String(b), undefined, {numeric: true});
}

/**
 * The numbers of some values in their order; empty ones come last, equal ones stay as they are.
 * @param {Array<?(string|number)>} values
 * @param {boolean} descending
 * @returns {number[]}
 */
export function sortedOrder(values, descending) {
  const sign = descending ? -1 : 1, order = values.map((_, i) => i);
  return order.sort((i, j) => {
    const [a, b] = [values[i], values[j]];
    return isEmpty(a) - isEmpty(b) || sign*compare(a, b) || i - j;
  });
}

/**
 * The next order after a click on the head of a column: a second click turns it.
 * @param {{by: ?number, descending: boolean}} sorting
 * @param {number} column
 * @returns {{by: number, descending: boolean}}
 */
export function nextSorting({by, descending}, column) {
  return {by: column, descending: by === column ? !descending : COLUMNS[column][2]};
}

function heading(title, onClick) {
  const mark = make("span", {"aria-hidden": "true"}), button = make("button", {type: "button"}, title, mark);
  button.addEventListener("click", onClick);
  return {mark, th: make("th", {role: "columnheader", scope: "col"}, button)};
}

function showSorting({th, mark}, direction) {
  th.setAttribute("aria-sort", direction);
  mark.textContent = ARROWS[direction];
}

function openButton(model, name, i) {
  const button = make("button", {type: "button", class: "emotion-open", "aria-label": `Look at ${name}`}, name);
  button.addEventListener("click", () => model.send({kind: OPEN, row: i}));
  return button;
}

function cell(attributes, ...children) { return make("td", {role: "cell", ...attributes}, ...children); }

function tableRow(model, o, i) {
  const answered = Boolean(o.emotion);
  return make("tr", {role: "row"},
    cell({}, answered ? openButton(model, o.name, i) : make("span", {}, o.name)),
    cell({}, answered && swatch(model.get("looks"), o.emotion), ` ${o.emotion}`),
    cell({class: "emotion-number"}, answered && percent(o.confidence)),
    cell({class: o.failed ? "emotion-bad" : ""}, o.note));
}

function makeRows(model) { // a row is made again only where its text has changed
  const made = new Map();
  function row(o, i) {
    const text = JSON.stringify(o);
    if (made.get(i)?.text !== text) made.set(i, {text, tr: tableRow(model, o, i)});
    return made.get(i).tr;
  }
  return {row, clear: () => made.clear()};
}

function setRows(el, body, rows) { // nothing changes in the page where the order is as it was; the focus stays
  const focus = document.activeElement;
  const changed = rows.length !== body.children.length || rows.some((o, i) => body.children[i] !== o);
  if (changed) body.replaceChildren(...rows);
  if (el.contains(focus)) focus.focus({preventScroll: true});
}

function frame(heads, body) {
  const table = make("table", {role: "table", class: "emotion-table"},
    make("caption", {class: "emotion-hidden"}, "Results"),
    make("thead", {role: "rowgroup"}, make("tr", {role: "row"}, ...heads.map(o => o.th))), body);
  return make("div", {class: "emotion-scroll", tabindex: 0, role: "region", "aria-label": "Results"}, table);
}

function render({model, el}) {
  el.classList.add("emotion-results");
  const body = make("tbody", {role: "rowgroup"}), rows = makeRows(model);
  let sorting = {by: null, descending: false};
  const heads = COLUMNS.map(([title], i) => heading(title, () => { sorting = nextSorting(sorting, i); refresh(); }));
  el.replaceChildren(frame(heads, body), make("div", {class: "emotion-row"}, ...downloadButtons(model)));
  function refresh() {
    const {by, descending} = sorting, all = model.get("rows");
    const order = by === null ? all.map((_, i) => i) : sortedOrder(all.map(COLUMNS[by][1]), descending);
    heads.forEach((o, i) => showSorting(o, by !== i ? "none" : descending ? "descending" : "ascending"));
    setRows(el, body, order.map(i => rows.row(all[i], i)));
  }
  model.on("change:rows", refresh);
  model.on("change:batch", () => { rows.clear(); sorting = {by: null, descending: false}; });
  saveFiles(model);
  refresh();
}

export default {render};
