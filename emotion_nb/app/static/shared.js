// What the widgets of one page share. Each is loaded as a module of its own, so a variable of a module is not enough.

/** The event that tells the status line that Python has not answered in time. */
export const TIMEOUT_EVENT = "emotion-timeout";

/**
 * The files that were chosen on this page, by their keys: a player of the same page plays them from here.
 * @type {Map<string, File>}
 */
export const keptFiles = globalThis.emotionFiles ??= new Map();

/**
 * A number that no other call on this page gets, for ids of elements.
 * @returns {number}
 */
export function uniqueNumber() {
  globalThis.emotionNumber = (globalThis.emotionNumber ?? 0) + 1;
  return globalThis.emotionNumber;
}
