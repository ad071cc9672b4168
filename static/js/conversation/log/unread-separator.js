/**
 * Unread separator: a line above the first message that was unread when the user opened the conversation. It stays
 * while the user reads. It disappears when the user sends a message or returns to a log without unread messages. It
 * appears when a message arrives that is not on the screen.
 */
import { clone, find } from "../../lib/dom.js";

/** @typedef {import("./message-log.js").MessageLog} MessageLog */

export class UnreadSeparator {
  /** Seq of the message below the separator, even if that message is not loaded. @type {number | null} */
  #targetSeq = null;

  /** @param {MessageLog} log */
  constructor(log) {
    this.log = log;
    const next = /** @type {HTMLElement | null} */ (this.element?.nextElementSibling ?? null);
    if (next?.dataset.seq) this.#targetSeq = Number(next.dataset.seq);
  }

  get element() {
    return find(this.log.list, ":scope > .unread-line");
  }

  /** Forgets the position; the next `update` determines it again. */
  reset() {
    this.#targetSeq = null;
  }

  /**
   * Displays, moves or removes the separator.
   * @param {number} readSeq everything up to this seq is read
   * @param {boolean} isUnread whether there are unread messages
   * @returns {boolean} whether the log changed
   */
  update(readSeq, isUnread) {
    const { log } = this;
    if (this.#targetSeq === null && isUnread) this.#targetSeq = this.#findFirstUnread(readSeq);
    const item = this.#targetSeq === null ? undefined : log.items.get(this.#targetSeq);
    const oldElement = this.element;
    if (oldElement && oldElement.nextElementSibling === item) return false;
    oldElement?.remove();
    const separator = item && clone("unread-template");
    if (separator) item.before(separator);
    return Boolean(oldElement || separator);
  }

  /** Returns the seq of the first message of others after `readSeq`, if it is loaded. @param {number} readSeq */
  #findFirstUnread(readSeq) {
    const { items, hasBefore, firstSeq } = this.log;
    if (hasBefore && firstSeq > readSeq + 1) return null;
    const unreadSeqs = [...items].filter(([seq, item]) => seq > readSeq && item.matches(".msg:not(.mine)")).map(([seq]) => seq);
    return unreadSeqs.length ? Math.min(...unreadSeqs) : null;
  }
}
