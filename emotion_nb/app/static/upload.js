// Files on their way to Python: the browser keeps them and sends one chunk at a time of those that are requested.

import {ACK_SECONDS, CANCEL, CHUNK, CHUNK_BYTES, NEXT, PENDING, REQUEST, UNREADABLE} from "./protocol.js";
import {TIMEOUT_EVENT, keptFiles} from "./shared.js";

/** @typedef {import("./draw.js").Model} Model */

let timer; // runs from an announcement to the next message of Python

/**
 * Tell Python that files are pending. `TIMEOUT_EVENT` follows if it does not answer.
 * @param {Model} model of an `UploadSource`
 * @param {Array<{file: File, name?: string}>} found with a name where that differs from the name of the file
 * @param {number} skipped files of a folder that were left out
 */
export function announce(model, found, skipped = 0) {
  const batch = `${Date.now()}${Math.random()}`;
  const files = found.map(({file, name}, i) => {
    const key = `${batch}-${i}`;
    keptFiles.set(key, file);
    return {key, name: name || file.name, size: file.size};
  });
  const timeout = () => dispatchEvent(new Event(TIMEOUT_EVENT));
  clearTimeout(timer);
  timer = setTimeout(timeout, 1000*ACK_SECONDS);
  try { model.send({kind: PENDING, files, skipped}); } catch { timeout(); }
}

/**
 * The bytes of the next chunk of a transfer.
 * @param {number} from first byte
 * @param {number} size bytes of the file
 * @param {number} most bytes of a chunk
 * @returns {{from: number, to: number, last: boolean}}
 */
export function nextChunk(from, size, most = CHUNK_BYTES) {
  const to = Math.min(from + most, size);
  return {from, to, last: to >= size};
}

async function sendChunk(model, transfers, id) {
  const {file, sent} = transfers.get(id), {from, to, last} = nextChunk(sent, file.size);
  try {
    const content = await file.slice(from, to).arrayBuffer();
    if (transfers.has(id)) transfers.set(id, {file, sent: to});
    model.send({kind: CHUNK, id, last}, undefined, [content]);
  } catch { model.send({kind: UNREADABLE, id}); }
  if (last) transfers.delete(id);
}

/**
 * Answer the messages of Python; once for each widget, however often it is shown.
 * @param {{model: Model}} context
 */
export function initialize({model}) {
  const transfers = new Map(); // of this widget: id to the file and how many of its bytes are sent
  model.on("msg:custom", ({kind, id, key}) => {
    clearTimeout(timer); // any message acknowledges
    if (kind === REQUEST && !keptFiles.has(key)) model.send({kind: UNREADABLE, id});
    else if (kind === REQUEST) {
      transfers.set(id, {file: keptFiles.get(key), sent: 0});
      sendChunk(model, transfers, id);
    } else if (kind === NEXT && transfers.has(id)) sendChunk(model, transfers, id);
    else if (kind === CANCEL) transfers.delete(id);
  });
}

export default {initialize};
