// Live: open the microphone, send its sound in short blocks while Python keeps up, and measure how late it answers.

import {closeMicrophone, openMicrophone, whyNoMicrophone} from "./microphone.js";
import {ACK_SECONDS, BLOCK, BLOCK_SECONDS, END, LATE_SECONDS, LIVE, STOP, USED} from "./protocol.js";
import {TIMEOUT_EVENT} from "./shared.js";

/** @typedef {import("./draw.js").Model} Model */

const NAME = "emotion-blocks"; // of the audio processor
const PANEL = `<button type="button">Live</button>
  <span hidden><span class="emotion-dot"></span> The microphone is on</span><p role="alert"></p>`;

function captureBlocks(name) { // runs where the browser computes sound, and knows nothing of this module
  class Blocks extends AudioWorkletProcessor {
    constructor({processorOptions: {size}}) {
      super();
      this.size = size;
      this.begin();
    }
    begin() { this.block = new Int16Array(this.size); this.filled = 0; }
    process([[samples = []]]) {
      for (const sample of samples) {
        this.block[this.filled++] = 32767*Math.max(-1, Math.min(1, sample));
        if (this.filled < this.size) continue;
        this.port.postMessage(this.block.buffer, [this.block.buffer]);
        this.begin();
      }
      return true;
    }
  }
  registerProcessor(name, Blocks);
}

async function addProcessor(context) {
  const text = `(${captureBlocks})(${JSON.stringify(NAME)})`;
  const url = URL.createObjectURL(new Blob([text], {type: "text/javascript"}));
  try { await context.audioWorklet.addModule(url); } finally { URL.revokeObjectURL(url); }
}

async function startCapture(stream, onBlock) { // gives 16-bit samples and their rate; returns what ends it
  const context = new AudioContext();
  const close = () => { closeMicrophone(stream); context.close(); };
  try {
    await addProcessor(context);
    await context.resume();
    const processorOptions = {size: Math.round(BLOCK_SECONDS*context.sampleRate)};
    const node = new AudioWorkletNode(context, NAME, {channelCount: 1, channelCountMode: "explicit", processorOptions});
    node.port.onmessage = ({data}) => onBlock(data, context.sampleRate);
    context.createMediaStreamSource(stream).connect(node).connect(context.destination); // which gets silence
  } catch (error) {
    close();
    throw error;
  }
  return close;
}

/**
 * The blocks that were sent and not used yet, the oldest first; all times in seconds.
 * @returns {{age: (now: number) => number, sent: (at: number, now: number) => void, used: (at: number) => ?number}}
 *   `age` of the oldest one, 0 where there is none; `used` removes those up to `at`, and gives when the last was sent
 */
function makeFlow() {
  const waiting = [];
  function used(at) {
    let time = null;
    while (waiting.length && waiting[0].at <= at) time = waiting.shift().time;
    return time;
  }
  return {age: now => waiting.length ? now - waiting[0].time : 0, sent: (at, time) => waiting.push({at, time}), used};
}

/**
 * Send the blocks of one session. A block is left out while the oldest one that was sent is late.
 * @param {Model} model of a `LiveMicrophone`
 * @param {() => void} onTimeout called when Python does not answer at all
 * @returns {{send: (block: ArrayBuffer, rate: number) => void, used: (at: number, behind: ?number) => void}}
 */
export function makeSender(model, onTimeout) {
  const flow = makeFlow(), clock = () => performance.now()/1000;
  let count = 0, delay = null; // samples so far; seconds from the end of the last answered window to its answer
  function send(block, rate) {
    const at = count/rate, now = clock(), age = flow.age(now);
    count += block.byteLength/2;
    if (age > ACK_SECONDS) return onTimeout();
    if (age > LATE_SECONDS) return;
    flow.sent(at, now);
    try { model.send({kind: BLOCK, at, rate, delay}, undefined, [block]); } catch { onTimeout(); }
  }
  function used(at, behind) {
    const time = flow.used(at);
    if (time !== null && behind !== null) delay = clock() - time + behind;
  }
  return {send, used};
}

function render({model, el}) {
  el.classList.add("emotion-recorder");
  el.innerHTML = PANEL;
  const [button, panel, alert] = el.children;
  let close = null, sender = null, gone = false; // what ends it and what sends, while it is live
  function show(on) {
    panel.hidden = !on;
    button.textContent = on ? "Stop live" : "Live";
    button.classList.toggle("emotion-main", on);
  }
  function end() {
    if (!close) return false;
    close();
    close = sender = null;
    show(false);
    return true;
  }
  const stop = () => { if (end()) model.send({kind: STOP}); };
  const onTimeout = () => { if (end()) dispatchEvent(new Event(TIMEOUT_EVENT)); };
  async function start() {
    alert.textContent = "";
    button.disabled = true;
    try {
      const stream = await openMicrophone();
      sender = makeSender(model, onTimeout);
      stream.getTracks()[0].onended = stop;
      close = await startCapture(stream, (block, rate) => sender?.send(block, rate));
      if (gone) return end();
      model.send({kind: LIVE});
      show(true);
    } catch (error) { alert.textContent = whyNoMicrophone(error.name, "Live"); } finally { button.disabled = false; }
  }
  model.on("msg:custom", ({kind, at, behind}) => {
    if (kind === USED) sender?.used(at, behind);
    else if (kind === END) end();
  });
  button.addEventListener("click", () => close ? stop() : start());
  return () => { gone = true; stop(); };
}

export default {render};
