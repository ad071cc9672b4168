/**
 * The line above the first text that was new when this person began to look. It stands while they read on; it goes when
 * they write, or come back to a log that has nothing new, and comes where something arrives that they do not see.
 */
import { clone, find } from "../../lib/dom.js";

/** @typedef {import("./message-log.js").MessageLog} MessageLog */

export class UnreadLine {
  /** The seq that it stands above, also where that line is not on this page. @type {number | null} */
  #above = null;

  /** @param {MessageLog} log */
  constructor(log) {
    this.log = log;
    const next = /** @type {HTMLElement | null} */ (this.element?.nextElementSibling ?? null);
    if (next?.dataset.seq) this.#above = Number(next.dataset.seq);
  }

  get element() {
    return find(this.log.list, ":scope > .unread-line");
  }

  /** Wherever the mark is now, its place is looked for anew. */
  anew() {
    this.#above = null;
  }

  /**
   * Draws it, moves it or takes it away.
   * @param {number} mark up to here all is read
   * @param {boolean} isUnread something is new
   * @returns {boolean} whether anything changed
   */
  put(mark, isUnread) {
    const { log } = this;
    if (this.#above === null && isUnread) this.#above = this.#firstAfter(mark);
    const li = this.#above === null ? undefined : log.lines.get(this.#above);
    const old = this.element;
    if (old && old.nextElementSibling === li) return false;
    old?.remove();
    const line = li && clone("unread-template");
    if (line) li.before(line);
    return Boolean(old || line);
  }

  /** The first text of others after the mark, if its place is on this page. @param {number} mark */
  #firstAfter(mark) {
    const { lines, hasBefore, first } = this.log;
    if (hasBefore && first > mark + 1) return null;
    const fresh = [...lines].filter(([seq, li]) => seq > mark && li.matches(".msg:not(.mine)")).map(([seq]) => seq);
    return fresh.length ? Math.min(...fresh) : null;
  }
}
