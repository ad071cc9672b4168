/** My read mark in the open conversation. It goes to what was really seen: on the screen of a window that has the focus. */
import { throttle } from "../../realtime/clock.js";
import { sendCommand, emit } from "../../realtime/events.js";

/** @typedef {import("../log/message-log.js").MessageLog} MessageLog */

export class ReadMark {
  /** The newest that was on the screen, or is read anyway. */
  seen;
  /** The newest that the server was told of, or is being told. */
  #told;
  /** Marked unread by hand: nothing is read until the person looks anew. */
  #held = false;
  #tellSoon = throttle(1_000, () => this.#tellServer());

  /**
   * @param {MessageLog} log
   * @param {number} seq
   */
  constructor(log, seq) {
    this.log = log;
    this.seq = this.seen = this.#told = seq;
    for (const [target, type] of /** @type {const} */ ([[window, "focus"], [document, "visibilitychange"]])) {
      log.on(target, type, () => {
        this.#held = false;
        if (this.isLooking && !this.log.unread.count) this.log.redraw(Infinity, () => this.log.unreadLine.anew());
        this.look();
      });
    }
    log.onLive("state", ({ state }) => (state === "open" || state === "polling") && this.look());
  }

  /** The server says where it is now: moved here, on another device, or back by hand. @param {number} seq */
  moved(seq) {
    if (seq < this.seq) {
      this.#told = this.seen = seq;
      this.#held = true; // marked unread by hand, here or elsewhere: it stays so until the person looks anew
    }
    this.seq = seq;
    this.seen = Math.max(this.seen, seq);
  }

  /** One's own send reads what stands before it. @param {number} seq */
  sent(seq) {
    this.seq = Math.max(this.seq, seq);
    this.seen = Math.max(this.seen, this.seq);
  }

  /** Somebody sits in front of it. */
  get isLooking() {
    return document.visibilityState === "visible" && document.hasFocus();
  }

  /** Something on the screen may be new: read here at once, for the server once a second. */
  look() {
    if (this.#held || !this.log.isConnected || !this.isLooking) return;
    const seq = this.#seen();
    if (seq <= this.seq || !this.#isNews(seq)) return;
    if (seq > this.seen) {
      this.seen = seq;
      this.log.unread.seen(seq);
      emit("log:seen", { conversation_id: this.log.conversationId, seq });
    }
    this.#tellSoon();
  }

  /** From here on all is unread again. @param {number} seq */
  async back(seq) {
    this.#held = true;
    await sendCommand("read", { conversation_id: this.log.conversationId, seq, back: true });
  }

  async #tellServer() {
    const seq = this.log.isConnected && !this.#held ? this.#seen() : 0;
    if (seq <= Math.max(this.seq, this.#told)) return;
    const before = this.#told;
    this.#told = seq;
    try {
      const { mine } = await sendCommand("read", { conversation_id: this.log.conversationId, seq });
      this.sent(mine.read_seq);
    } catch {
      this.#told = before; // told with the next look, or when the line is back
    }
  }

  /** The newest line that is wholly on the screen. */
  #seen() {
    return Number(this.log.scroller.lastInView()?.dataset.seq ?? 0);
  }

  /** Whether a text of others stands between the mark and here, or may stand where this page has no lines. @param {number} seq */
  #isNews(seq) {
    const { lines, hasBefore } = this.log;
    if (hasBefore && Math.min(...lines.keys()) > this.seq + 1) return true;
    for (const [at, li] of lines) if (at > this.seq && at <= seq && li.matches(".msg:not(.mine)")) return true;
    return false;
  }
}
