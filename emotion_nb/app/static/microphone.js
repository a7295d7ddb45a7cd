// The microphone: open it as it is, and say in a sentence why it may not work.

// These make words easier to understand, but change the voice: they are switched off.
const UNPROCESSED = {audio: {echoCancellation: false, noiseSuppression: false, autoGainControl: false}};
const INSECURE = "insecure"; // the reason where the browser has no microphone for this page
const REASONS = {
  NotAllowedError: button => "The browser was not allowed to use the microphone: allow it in the settings of this " +
    `page, beside the address, and press ${button} again.`,
  NotFoundError: button => `No microphone was found: connect one and press ${button} again, or choose a file.`,
  NotReadableError: button =>
    `The microphone is in use by another program: close that one and press ${button} again.`,
  [INSECURE]: () => "A browser gives the microphone only to pages that come over HTTPS or from the same machine: " +
    "choose a file instead.",
};

/**
 * Ask the visitor for the microphone. What it throws has a `name` for `whyNoMicrophone`.
 * @returns {Promise<MediaStream>}
 */
export async function openMicrophone() {
  if (!navigator.mediaDevices?.getUserMedia) throw new DOMException("", INSECURE);
  return await navigator.mediaDevices.getUserMedia(UNPROCESSED);
}

/**
 * Free the microphone.
 * @param {MediaStream} stream
 */
export function closeMicrophone(stream) { stream.getTracks().forEach(track => track.stop()); }

/**
 * The sentence for a reason why there is no microphone.
 * @param {string} reason name of an error
 * @param {string} button what is to be pressed again
 * @returns {string}
 */
export function whyNoMicrophone(reason, button) {
  return REASONS[reason]?.(button) ?? "The microphone could not be used: choose a file instead.";
}
