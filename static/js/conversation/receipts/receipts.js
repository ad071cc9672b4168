/** Which of my messages were sent, got and read, from the marks of the others. As `chat/view_models/message_log.py`. */
import { api } from "../../realtime/api.js";
import { throttle } from "../../realtime/clock.js";
import { findAll } from "../../lib/dom.js";

/**
 * @typedef {import("../../realtime/protocol.js").Receipt} Receipt
 * @typedef {{state: "sent" | "delivered" | "read", count: number, total: number}} Mark `count` of `total` others have read it
 */

export class Receipts {
  /** @type {Map<number, {delivered: number, read: number}>} */
  #marks = new Map();

  /** @param {number} me my own marks say nothing */
  constructor(me) {
    this.me = me;
  }

  /** Of all who show them; who has got nothing yet is among them. @param {Receipt[]} receipts */
  replace(receipts) {
    const shown = new Set(receipts.map(({ user_id }) => user_id));
    for (const userId of this.#marks.keys()) if (!shown.has(userId)) this.remove(userId);
    for (const receipt of receipts) this.#keep(receipt);
  }

  /** What is told of one; 0 and 0: they are shown no more. @param {Receipt} receipt */
  add(receipt) {
    if (!receipt.read_seq && !receipt.delivered_seq) this.remove(receipt.user_id);
    else this.#keep(receipt);
  }

  /** Marks only go forward, so news may come late or twice. @param {Receipt} receipt */
  #keep({ user_id, delivered_seq, read_seq }) {
    if (user_id === this.me) return;
    const mark = this.#marks.get(user_id) ?? { delivered: 0, read: 0 };
    mark.read = Math.max(mark.read, read_seq ?? 0);
    mark.delivered = Math.max(mark.delivered, delivered_seq ?? 0, mark.read);
    this.#marks.set(user_id, mark);
  }

  /** @param {number} userId */
  has(userId) {
    return userId === this.me || this.#marks.has(userId);
  }

  /** @param {number} userId who is no member any more */
  remove(userId) {
    this.#marks.delete(userId);
  }

  /** @param {number} seq @returns {Mark} */
  of(seq) {
    let count = 0;
    let delivered = false;
    for (const mark of this.#marks.values()) {
      if (mark.read >= seq) count += 1;
      if (mark.delivered >= seq) delivered = true;
    }
    return { state: count ? "read" : delivered ? "delivered" : "sent", count, total: this.#marks.size };
  }

  /**
   * Where to draw marks: on the last of each state in each group of mine.
   * @param {{seq: number, first: boolean}[]} lines mine, ascending; `first` opens a group
   * @returns {Map<number, Mark>} by seq
   */
  drawn(lines) {
    /** @type {Map<number, Mark>} */
    const drawn = new Map();
    lines.forEach(({ seq }, index) => {
      const mark = this.of(seq);
      const next = lines[index + 1];
      if (!next || next.first || this.of(next.seq).state !== mark.state) drawn.set(seq, mark);
    });
    return drawn;
  }
}

/**
 * Hears of the marks of others; asks for all of them anew when somebody came, or when I begin to show mine, or to hide them.
 * @param {import("../log/message-log.js").MessageLog} log
 */
export function watchReceipts(log) {
  const { conversationId, receipts } = log;
  const ask = throttle(1_000, async () => {
    const answer = await api("GET", `conversations/${conversationId}/receipts/`).catch(() => null);
    if (answer && log.isConnected) log.redraw(0, () => receipts.replace(answer.results ?? answer));
  });
  let shown = log.dataset.showsReceipts;
  const choice = (/** @type {unknown} */ now) => {
    if (String(now) === shown) return;
    shown = String(now);
    for (const entry of findAll(document, "#conversation-menu [name=receipts]")) {
      entry.hidden = (entry.getAttribute("value") === "on") === Boolean(now);
    }
    ask();
  };
  log.onLive("receipt", (receipt) => {
    if (receipt.conversation_id === conversationId) log.redraw(0, () => receipts.add(receipt));
  });
  log.onLive("receipts", ({ conversation_id, receipts: shown }) => {
    if (conversation_id === conversationId) log.redraw(0, () => receipts.replace(shown));
  });
  log.onLive("mine.updated", ({ conversation_id, mine }) => conversation_id === conversationId && choice(mine.receipts));
  log.onLive("me.updated", ask);
  log.onLive("member.updated", ({ conversation_id, member }) => {
    if (conversation_id === conversationId && !member.left_at && !receipts.has(member.user.id)) ask();
  });
}
