// Written by the page `13_protocol`: do not edit.

export const PENDING = "pending"; // sent by browser
export const ACK = "ack"; // sent by Python
export const REQUEST = "request"; // sent by Python
export const CHUNK = "chunk"; // sent by browser
export const NEXT = "next"; // sent by Python
export const CANCEL = "cancel"; // sent by Python
export const UNREADABLE = "unreadable"; // sent by browser
export const REQUEST_SOUND = "request_sound"; // sent by browser
export const SOUND = "sound"; // sent by Python
export const INSPECT = "inspect"; // sent by browser
export const OPEN = "open"; // sent by browser
export const DOWNLOAD = "download"; // sent by browser
export const FILE = "file"; // sent by Python
export const LIVE = "live"; // sent by browser
export const BLOCK = "block"; // sent by browser
export const USED = "used"; // sent by Python
export const END = "end"; // sent by Python
export const STOP = "stop"; // sent by browser

export const CHUNK_BYTES = 1048576;
export const ACK_SECONDS = 15;
export const BLOCK_SECONDS = 0.1;
export const LATE_SECONDS = 2;
