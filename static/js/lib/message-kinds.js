/** The kinds of message: what the application does with each. The page carries the table of chat/message_kinds.py as data. */
import { words } from "./dom.js";

/** @param {string | undefined} kind @returns {string[]} `written`, `counted`, `activity`, and names of actions */
const listTraits = (kind) => (words("message-kinds")[kind ?? ""] ?? "").split(" ");

/**
 * Returns whether the sender has written a message: it is no system message, call or the like.
 * @param {{kind: string}} message
 */
export function isWritten({ kind }) {
  return listTraits(kind).includes("written");
}

/** Returns whether a message counts as unread. @param {{kind: string}} message */
export function isCounted({ kind }) {
  return listTraits(kind).includes("counted");
}

/** Returns whether a message moves its conversation to the top of the list. @param {{kind: string}} message */
export function isActivity({ kind }) {
  return listTraits(kind).includes("activity");
}

/** Returns whether an action exists for a kind of message. @param {string | undefined} kind @param {string} action */
export function hasAction(kind, action) {
  return listTraits(kind).includes(action);
}
