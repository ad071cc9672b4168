/**
 * Read marker: up to which message the current user has read the open conversation. It moves to the newest message that
 * was completely on the screen while the window had the focus. It also tells the server that the user has opened a
 * group that somebody has added the user to.
 */
import { throttle } from "../../realtime/clock.js";
import { unreadTotals } from "../../conversation-list/unread-badges.js";
import { sendCommand, emit } from "../../realtime/events.js";

/** @typedef {import("../log/message-log.js").MessageLog} MessageLog */

export class ReadMarker {
  /** Seq of the newest message that was in view or is read anyway. At least `seq`, the position known by the server. */
  seenSeq;
  /** Position that was sent to the server last. */
  #sentSeq;
  /**
   * Whether the user marked messages as unread: the marker then does not advance until the window gets the focus again.
   */
  #isMarkedUnread = false;
  #scheduleSend = throttle(1_000, () => this.#sendPosition());

  /**
   * @param {MessageLog} log
   * @param {number} seq
   */
  constructor(log, seq) {
    this.log = log;
    this.seq = this.seenSeq = this.#sentSeq = seq;
    for (const [target, type] of /** @type {const} */ ([[window, "focus"], [document, "visibilitychange"]])) {
      log.on(target, type, () => {
        this.#isMarkedUnread = false;
        if (this.isActive && !this.log.unreadCounter.count) this.log.update(Infinity, () => this.log.unreadSeparator.reset());
        this.checkSeen();
      });
    }
    log.onLive("state", ({ state }) => (state === "open" || state === "polling") && this.checkSeen());
  }

  /**
   * Applies the position of the server. The user may have moved it on another device, or back by marking as unread.
   * @param {number} seq
   */
  applyServerPosition(seq) {
    if (seq < this.seq) {
      this.#sentSeq = this.seenSeq = seq;
      this.#isMarkedUnread = true; // marked as unread on this or another device
    }
    this.seq = seq;
    this.seenSeq = Math.max(this.seenSeq, seq);
  }

  /** Sending a message marks everything before it as read. @param {number} seq */
  onSent(seq) {
    this.seq = Math.max(this.seq, seq);
    this.seenSeq = Math.max(this.seenSeq, this.seq);
  }

  /** Whether the window is visible and has the focus. */
  get isActive() {
    return document.visibilityState === "visible" && document.hasFocus();
  }

  /** Checks whether a newer message is in view. The page is updated at once, the server at most once a second. */
  checkSeen() {
    if (this.#isMarkedUnread || !this.log.isConnected || !this.isActive) return;
    const seq = this.#getSeenSeq();
    if (unreadTotals.get(this.log.conversationId)?.added) this.#scheduleSend();
    if (seq <= this.seq || !this.#containsUnread(seq)) return;
    if (seq > this.seenSeq) {
      this.seenSeq = seq;
      this.log.unreadCounter.markSeen(seq);
      emit("log:seen", { conversation_id: this.log.conversationId, seq });
    }
    this.#scheduleSend();
  }

  /** Marks everything from this message on as unread. @param {number} seq */
  async markUnread(seq) {
    this.#isMarkedUnread = true;
    await sendCommand("read", { conversation_id: this.log.conversationId, seq, back: true });
  }

  async #sendPosition() {
    if (!this.log.isConnected || this.#isMarkedUnread) return;
    const seq = Math.max(this.#getSeenSeq(), this.seq, this.#sentSeq);
    if (seq === Math.max(this.seq, this.#sentSeq) && !unreadTotals.get(this.log.conversationId)?.added) return;
    const previousSeq = this.#sentSeq;
    this.#sentSeq = seq;
    try {
      const { mine } = await sendCommand("read", { conversation_id: this.log.conversationId, seq });
      this.onSent(mine.read_seq);
    } catch {
      this.#sentSeq = previousSeq; // sent again by the next check or after reconnecting
    }
  }

  /** Returns the seq of the newest message whose end is in view. */
  #getSeenSeq() {
    return Number(this.log.scrollKeeper.findLastInView()?.dataset.seq ?? 0);
  }

  /**
   * Returns whether there may be unread messages between the marker and `seq`: loaded messages of others, or messages
   * that are not loaded.
   * @param {number} seq
   */
  #containsUnread(seq) {
    const { items, hasBefore } = this.log;
    if (hasBefore && Math.min(...items.keys()) > this.seq + 1) return true;
    for (const [itemSeq, item] of items) if (itemSeq > this.seq && itemSeq <= seq && item.matches(".msg:not(.mine), .counted")) return true;
    return false;
  }
}
