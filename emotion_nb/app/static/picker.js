// Buttons for files and for a folder, and a page on which both can be dropped.

import {announce, initialize} from "./upload.js";

const BUTTONS = `
  <label class="emotion-file emotion-main"><input type="file" multiple><span>Choose recordings</span></label>
  <label class="emotion-file"><input type="file" webkitdirectory><span>Choose a folder</span></label>`;

/**
 * Does the name look like that of a recording? Hidden files do not.
 * @param {string} name
 * @param {string[]} suffixes such as `.wav`
 * @returns {boolean}
 */
export function isRecording(name, suffixes) {
  return !name.startsWith(".") && suffixes.some(suffix => name.toLowerCase().endsWith(suffix));
}

async function walk(entry) { // all files below an entry of a drop
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
    return [{file, name: entry.fullPath.slice(1)}];
  }
  const found = [];
  for (const child of await readFolder(entry.createReader())) found.push(...await walk(child));
  return found;
}

async function readFolder(reader) { // a reader gives its entries in batches, the last of which is empty
  const entries = [];
  for (;;) {
    const batch = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!batch.length) return entries;
    entries.push(...batch);
  }
}

function announceFolder(model, found) {
  const recordings = found.filter(({file}) => isRecording(file.name, model.get("suffixes")));
  recordings.sort((a, b) => a.name.localeCompare(b.name));
  announce(model, recordings, found.length - recordings.length);
}

async function announceDrop(model, data) {
  const entries = [...data.items].map(o => o.webkitGetAsEntry?.()).filter(Boolean), files = [...data.files];
  if (entries.some(o => o.isDirectory)) announceFolder(model, (await Promise.all(entries.map(walk))).flat());
  else announce(model, files.map(file => ({file})));
}

function listenToInputs(model, files, folder) {
  files.addEventListener("change", () => {
    if (files.files.length) announce(model, [...files.files].map(file => ({file})));
    files.value = "";
  });
  folder.addEventListener("change", () => {
    const found = [...folder.files].map(file => ({file, name: file.webkitRelativePath}));
    if (found.length) announceFolder(model, found);
    folder.value = "";
  });
}

function listenToDrops(model, el) { // on the whole page of Voilà, else on the app; returns what ends it
  const place = document.body.dataset.voila ? document : el.closest(".emotion-app") ?? el;
  const handler = over => event => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    el.classList.toggle("emotion-over", over);
    if (event.type === "drop") announceDrop(model, event.dataTransfer);
  };
  const handlers = Object.entries({dragover: handler(true), dragleave: handler(false), drop: handler(false)});
  for (const [type, handle] of handlers) place.addEventListener(type, handle);
  return () => { for (const [type, handle] of handlers) place.removeEventListener(type, handle); };
}

function render({model, el}) {
  el.classList.add("emotion-picker");
  el.innerHTML = BUTTONS;
  const [files, folder] = el.querySelectorAll("input");
  files.accept = model.get("accept");
  listenToInputs(model, files, folder);
  return listenToDrops(model, el);
}

export default {initialize, render};
