/**
 * How kinds of message beside texts and system messages are shown. The part of the page to which a kind belongs registers
 * how its messages are rendered and described. What the application does with each kind: lib/message-kinds.js.
 */

/** @typedef {import("../../realtime/protocol.js").Message} Message */
/**
 * @typedef {object} MessageKind
 * @property {(message: Message, currentUserId: number) => HTMLElement | null} render
 * @property {(message: Message, currentUserId: number) => string} describe in a few words, for the conversation list
 */

/** @type {Map<string, MessageKind>} */
const kinds = new Map();

/** @param {string} name @param {MessageKind} kind */
export function registerMessageKind(name, kind) {
  kinds.set(name, kind);
}

/** @param {string} name @returns {MessageKind | undefined} */
export function findMessageKind(name) {
  return kinds.get(name);
}
