/** The kinds of message: what the application does with each. The page carries the table of chat/message_kinds.py as data. */
import { words } from "./dom.js";

/** @param {string | undefined} kind @returns {string[]} `written` if the sender has written it, and names of actions */
const listTraits = (kind) => (words("message-kinds")[kind ?? ""] ?? "").split(" ");

/**
 * Returns whether the sender has written a message, so that it counts as unread and as activity of the conversation.
 * @param {{kind: string}} message
 */
export function isWritten({ kind }) {
  return listTraits(kind).includes("written");
}

/** Returns whether an action exists for a kind of message. @param {string | undefined} kind @param {string} action */
export function hasAction(kind, action) {
  return listTraits(kind).includes(action);
}
