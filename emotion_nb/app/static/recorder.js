// The recorder: record with the microphone, show the level, and make a WAV file of one channel.

import {clock} from "./draw.js";
import {closeMicrophone, openMicrophone, whyNoMicrophone} from "./microphone.js";
import {announce, initialize} from "./upload.js";

const EMPTY = "Nothing was recorded: press Record and speak before you press Finish.";
const BITS_PER_SECOND = 192000; // of the recording, in the format of the browser
const WAV_HEADER = 44;          // bytes
const LEVEL_GAIN = 3;           // a loud voice has about a third of the highest root mean square
const LEVEL_MS = 100;           // from one measurement of the level to the next
const PANEL = `
  <button type="button"><span class="emotion-dot" style="animation:none"></span><span>Record</span></button>
  <button type="button" hidden>Discard</button><span hidden><span class="emotion-dot"></span>
  <span class="emotion-time"></span>
  <meter min="0" max="1" low="0.02" optimum="0.5" aria-label="Level of the microphone"></meter></span>
  <p role="alert"></p>`;

/**
 * A WAV file: one channel, 16 bits.
 * @param {Float32Array} samples from -1 to 1; others are clipped
 * @param {number} rate samples per second
 * @returns {Uint8Array}
 */
export function wavFile(samples, rate) {
  const bytes = 2*samples.length, out = new DataView(new ArrayBuffer(WAV_HEADER + bytes));
  const text = (at, s) => [...s].forEach((c, i) => out.setUint8(at + i, c.charCodeAt(0)));
  const word = (at, n) => out.setUint32(at, n, true), half = (at, n) => out.setUint16(at, n, true);
  text(0, "RIFF"); word(4, 36 + bytes); text(8, "WAVE");
  text(12, "fmt "); word(16, 16); half(20, 1); half(22, 1); // PCM, one channel
  word(24, rate); word(28, 2*rate); half(32, 2); half(34, 16); // bytes per second and frame, bits per sample
  text(36, "data"); word(40, bytes);
  samples.forEach((s, i) => out.setInt16(WAV_HEADER + 2*i, 32767*Math.max(-1, Math.min(1, s)), true));
  return new Uint8Array(out.buffer);
}

async function decode(blob, rate) { // to samples of one channel
  const sound = await new OfflineAudioContext(1, 1, rate).decodeAudioData(await blob.arrayBuffer());
  const mono = new OfflineAudioContext(1, Math.max(1, Math.round(sound.duration*rate)), rate);
  const player = mono.createBufferSource();
  player.buffer = sound;
  player.connect(mono.destination);
  player.start();
  return (await mono.startRendering()).getChannelData(0);
}

async function asWav(blob, rate) { // or as it is, where the browser cannot decode what it recorded
  try { return new Blob([wavFile(await decode(blob, rate), rate)], {type: "audio/wav"}); } catch { return blob; }
}

async function announceRecording(model, blob) {
  const now = new Date().toTimeString().slice(0, 8).replaceAll(":", ".");
  const content = await asWav(blob, model.get("sample_rate"));
  const suffix = content.type.split(";")[0].split("/")[1];
  announce(model, [{file: new File([content], `recording ${now}.${suffix}`, {type: content.type})}]);
}

function watchLevel(stream, show) { // shows the seconds since the start, and the level; returns what ends it
  const context = new AudioContext(), analyser = context.createAnalyser(), started = performance.now();
  const samples = new Float32Array(analyser.fftSize);
  context.createMediaStreamSource(stream).connect(analyser);
  const timer = setInterval(() => {
    analyser.getFloatTimeDomainData(samples);
    const rms = Math.sqrt(samples.reduce((sum, s) => sum + s*s, 0)/samples.length);
    show((performance.now() - started)/1000, Math.min(1, LEVEL_GAIN*rms));
  }, LEVEL_MS);
  return () => { clearInterval(timer); context.close(); };
}

function startRecording(stream, onLevel, onEnd) { // returns what ends it; its argument says whether to keep the sound
  const recorder = new MediaRecorder(stream, {audioBitsPerSecond: BITS_PER_SECOND}), parts = [];
  const stopWatching = watchLevel(stream, onLevel);
  let keep = false;
  const end = kept => { keep = kept; if (recorder.state !== "inactive") recorder.stop(); };
  recorder.ondataavailable = event => parts.push(event.data);
  recorder.onstop = () => {
    stopWatching();
    closeMicrophone(stream);
    onEnd(keep ? new Blob(parts, {type: recorder.mimeType}) : null);
  };
  stream.getTracks()[0].onended = () => end(true);
  recorder.start();
  return end;
}

function makePanel(el) {
  el.classList.add("emotion-recorder");
  el.innerHTML = PANEL;
  const [button, discard] = el.querySelectorAll("button"), label = button.lastElementChild;
  const panel = discard.nextElementSibling;
  const [time, meter, alert] = [".emotion-time", "meter", "p"].map(selector => el.querySelector(selector));
  function setRecording(on) {
    panel.hidden = discard.hidden = !on;
    label.textContent = on ? "Finish" : "Record";
    button.classList.toggle("emotion-main", on);
  }
  const explain = sentence => { alert.textContent = sentence; };
  return {button, discard, time, meter, setRecording, explain};
}

function render({model, el}) {
  const panel = makePanel(el);
  let end = null; // while it records, what ends that
  function onLevel(seconds, level) {
    const most = model.get("max_seconds");
    panel.meter.value = level;
    panel.time.textContent = `${clock(Math.floor(seconds))} of ${clock(most)}`;
    if (seconds >= most) end?.(true);
  }
  function onEnd(blob) {
    end = null;
    panel.setRecording(false);
    if (blob?.size === 0) panel.explain(EMPTY);
    else if (blob) announceRecording(model, blob);
  }
  async function record() {
    panel.explain("");
    panel.button.disabled = true;
    try {
      end = startRecording(await openMicrophone(), onLevel, onEnd);
      panel.setRecording(true);
    } catch (error) { panel.explain(whyNoMicrophone(error.name, "Record")); } finally { panel.button.disabled = false; }
  }
  panel.button.addEventListener("click", () => end ? end(true) : record());
  panel.discard.addEventListener("click", () => end?.(false));
  return () => end?.(false);
}

export default {initialize, render};
