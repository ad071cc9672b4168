/**
 * Keeps unfinished edits of messages in the browser, one for each message, so that leaving the conversation or editing
 * another message loses nothing. An edit is kept until it is saved or cancelled.
 */
import { browserStorage } from "../lib/dom.js";

/**
 * @typedef {import("../realtime/protocol.js").Message} Message
 *
 * @typedef {object} KeptEdit record in localStorage
 * @property {string} text the changed text
 * @property {Message} [message] absent for a message that could not be sent
 * @property {boolean} isOpen whether the edit is continued when the conversation is opened again
 */

/**
 * Returns the localStorage key of the unfinished edits of a conversation.
 * @param {number | string} userId
 * @param {number} conversationId
 */
export const getEditsKey = (userId, conversationId) => `messenger.edits.${userId}.${conversationId}`;

export class KeptEdits {
  /**
   * @param {string} key in localStorage
   * @param {{get: (key: string) => any, set: (key: string, value: any) => void}} [memory] localStorage
   */
  constructor(key, memory = browserStorage) {
    this.key = key;
    this.memory = memory;
  }

  /** Returns the unfinished text of a message. @param {number | string} id @returns {string | undefined} */
  getText(id) {
    return this.#records()[id]?.text;
  }

  /** Returns the message whose edit is continued when the conversation is opened. @returns {Message | undefined} */
  get openMessage() {
    return Object.values(this.#records()).find(({ isOpen, message }) => isOpen && message)?.message;
  }

  /**
   * Keeps the text of an edit. There is one open edit at most.
   * @param {number | string} id of the message, or `client_id` of one that could not be sent
   * @param {KeptEdit} edit
   */
  keep(id, edit) {
    const records = this.#records();
    if (edit.isOpen) for (const other of Object.values(records)) other.isOpen = false;
    this.memory.set(this.key, { ...records, [id]: edit });
  }

  /** Keeps the edit of a message, but does not continue it by itself. @param {number | string} id */
  close(id) {
    const record = this.#records()[id];
    if (record) this.keep(id, { ...record, isOpen: false });
  }

  /**
   * Removes the edit of a message, because it was saved or cancelled.
   * @param {number | string} id
   * @param {string} [text] only if the kept text is still this one
   */
  remove(id, text) {
    const { [id]: removed, ...others } = this.#records();
    if (!removed || (text !== undefined && removed.text !== text)) return;
    this.memory.set(this.key, Object.keys(others).length ? others : null);
  }

  /** @returns {Record<string, KeptEdit>} */
  #records() {
    return this.memory.get(this.key) ?? {};
  }
}
