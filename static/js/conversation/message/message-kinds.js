/**
 * Kinds of message beside texts and system messages. The part of the page to which a kind belongs registers how its
 * messages are rendered and described. What the server does with each kind is in `<template id="message-kinds">`.
 */
import { words } from "../../lib/dom.js";

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

/**
 * Whether messages of a kind count as unread (`counted`), or move their conversation to the top (`activity`).
 * @param {string} kind
 * @param {"counted" | "activity"} property
 */
export function hasProperty(kind, property) {
  return kind === "text" || (words("message-kinds")[kind] ?? "").split(" ").includes(property);
}
