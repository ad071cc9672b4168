/**
 * Unread separator: a line above the first message that was unread when the user opened the conversation. It stays
 * while the user reads. It disappears when the user sends a message or returns to a log without unread messages. It
 * appears when a message arrives that is not on the screen.
 */
import { clone, find, getDateFormatter, words } from "../../lib/dom.js";
import { fillPlaceholders } from "../../lib/wording.js";

/** @typedef {import("./message-log.js").MessageLog} MessageLog */

/**
 * Writes for example "5 new since 09:41", as `unread_label` in chat/view_models/message_log.py.
 * @param {HTMLElement} separator
 * @param {HTMLElement} item the first unread message
 * @param {number} count
 */
function setLabel(separator, item, count) {
  const { newSinceOne, newSince } = words("name-words");
  separator.dataset.count = String(count);
  const since = getDateFormatter().formatShort(new Date(item.dataset.at ?? ""), new Date());
  const label = find(separator, "span");
  if (label) label.textContent = fillPlaceholders(count === 1 ? newSinceOne : newSince, { n: count, t: since });
}

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
   * @param {number} unreadCount number of unread messages
   * @returns {boolean} whether the log changed
   */
  update(readSeq, unreadCount) {
    const { log } = this;
    if (this.#targetSeq === null && unreadCount) this.#targetSeq = this.#findFirstUnread(readSeq);
    const item = this.#targetSeq === null ? undefined : log.items.get(this.#targetSeq);
    const oldElement = this.element;
    if (oldElement && oldElement.nextElementSibling === item) {
      if (item && unreadCount > Number(oldElement.dataset.count)) setLabel(oldElement, item, unreadCount);
      return false;
    }
    oldElement?.remove();
    const separator = item && /** @type {HTMLElement} */ (clone("unread-template"));
    if (separator) {
      setLabel(separator, item, Math.max(unreadCount, Number(oldElement?.dataset.count ?? 0), 1));
      item.before(separator);
    }
    return Boolean(oldElement || separator);
  }

  /** Returns the seq of the first message of others after `readSeq`, if it is loaded. @param {number} readSeq */
  #findFirstUnread(readSeq) {
    const { items, hasBefore, firstSeq } = this.log;
    if (hasBefore && firstSeq > readSeq + 1) return null;
    const unreadSeqs = [...items].filter(([seq, item]) => seq > readSeq && item.matches(".msg:not(.mine), .counted")).map(([seq]) => seq);
    return unreadSeqs.length ? Math.min(...unreadSeqs) : null;
  }
}
