/** My read mark in the open conversation. It goes to what was really seen: on the screen of a window that has the focus. */
import { atMostEvery } from "./clock.js";
import { command, tell } from "./live.js";

/** @typedef {import("./message-log.js").MessageLog} MessageLog */

export class ReadMark {
  /** The newest that the server was told of, or is being told. */
  #told;
  /** Marked unread by hand: nothing is read until the person looks anew. */
  #held = false;
  #tellSoon = atMostEvery(1_000, () => this.#tellServer());

  /**
   * @param {MessageLog} log
   * @param {number} seq
   */
  constructor(log, seq) {
    this.log = log;
    this.seq = this.#told = seq;
    for (const [target, type] of /** @type {const} */ ([[window, "focus"], [document, "visibilitychange"]])) {
      log.listen(target, type, () => {
        this.#held = false;
        this.look();
      });
    }
    log.hear("state", ({ state }) => state === "open" && this.look());
  }

  /** The server says where it is now: moved here, on another device, or back by hand. @param {number} seq */
  moved(seq) {
    if (seq < this.seq) this.#told = seq;
    this.seq = seq;
  }

  /** One's own send reads what stands before it. @param {number} seq */
  sent(seq) {
    this.seq = Math.max(this.seq, seq);
  }

  /** Something on the screen may be new: read here at once, for the server once a second. */
  look() {
    if (this.#held || !this.log.isConnected || document.visibilityState !== "visible" || !document.hasFocus()) return;
    const seq = this.#seen();
    if (seq <= this.seq || !this.#isNews(seq)) return;
    tell("log:seen", { conversation_id: this.log.conversationId, seq });
    this.#tellSoon();
  }

  /** From here on all is unread again. @param {number} seq */
  async back(seq) {
    this.#held = true;
    await command("read", { conversation_id: this.log.conversationId, seq, back: true });
  }

  async #tellServer() {
    const seq = this.log.isConnected && !this.#held ? this.#seen() : 0;
    if (seq <= Math.max(this.seq, this.#told)) return;
    const before = this.#told;
    this.#told = seq;
    try {
      const { mine } = await command("read", { conversation_id: this.log.conversationId, seq });
      this.sent(mine.read_seq);
    } catch {
      this.#told = before; // told with the next look, or when the line is back
    }
  }

  /** The newest line that is wholly on the screen. */
  #seen() {
    const { list, scroller } = this.log;
    for (let li = list.lastElementChild; li; li = li.previousElementSibling) {
      const { seq } = /** @type {HTMLElement} */ (li).dataset;
      if (seq && scroller.isSeen(li)) return Number(seq);
    }
    return 0;
  }

  /** Whether a text of others stands between the mark and here, or may stand where this page has no lines. @param {number} seq */
  #isNews(seq) {
    const { lines, hasBefore } = this.log;
    if (hasBefore && Math.min(...lines.keys()) > this.seq + 1) return true;
    for (const [at, li] of lines) if (at > this.seq && at <= seq && li.matches(".msg:not(.mine)")) return true;
    return false;
  }
}
