/**
 * Computes whether the user's own messages were delivered to and read by the other members, from how far each member
 * has received and read. chat/view_models/message_log.py does the same.
 */
import { beforeNextFrame } from "../../lib/schedule.js";
import { api } from "../../realtime/api.js";
import { throttle } from "../../realtime/clock.js";
import { findAll } from "../../lib/dom.js";

/**
 * @typedef {import("../../realtime/protocol.js").Receipt} Receipt
 * @typedef {{state: "sent" | "delivered" | "read", count: number, total: number}} ReceiptMark `count` of `total` other members have read the message
 */

export class Receipts {
  /** @type {Map<number, {delivered: number, read: number}>} */
  #positions = new Map();

  /** @param {number} currentUserId their own positions are ignored */
  constructor(currentUserId) {
    this.me = currentUserId;
  }

  /**
   * Replaces all receipts. Members who share receipts but have received nothing yet are included.
   * @param {Receipt[]} receipts
   */
  replace(receipts) {
    const sharingIds = new Set(receipts.map(({ user_id }) => user_id));
    for (const userId of this.#positions.keys()) if (!sharingIds.has(userId)) this.remove(userId);
    for (const receipt of receipts) this.#merge(receipt);
  }

  /**
   * Applies the receipt of one member; both positions 0: the member stopped sharing receipts.
   * @param {Receipt} receipt
   */
  applyReceipt(receipt) {
    if (!receipt.read_seq && !receipt.delivered_seq) this.remove(receipt.user_id);
    else this.#merge(receipt);
  }

  /**
   * Merges the positions of one member. Positions only increase, so late or repeated events have no effect.
   * @param {Receipt} receipt
   */
  #merge({ user_id, delivered_seq, read_seq }) {
    if (user_id === this.me) return;
    const position = this.#positions.get(user_id) ?? { delivered: 0, read: 0 };
    position.read = Math.max(position.read, read_seq ?? 0);
    position.delivered = Math.max(position.delivered, delivered_seq ?? 0, position.read);
    this.#positions.set(user_id, position);
  }

  /** @param {number} userId */
  has(userId) {
    return userId === this.me || this.#positions.has(userId);
  }

  /** @param {number} userId a user who is no longer a member or stopped sharing */
  remove(userId) {
    this.#positions.delete(userId);
  }

  /** Returns the state of a message. @param {number} seq @returns {ReceiptMark} */
  getReceiptMark(seq) {
    let count = 0;
    let delivered = false;
    for (const position of this.#positions.values()) {
      if (position.read >= seq) count += 1;
      if (position.delivered >= seq) delivered = true;
    }
    return { state: count ? "read" : delivered ? "delivered" : "sent", count, total: this.#positions.size };
  }

  /**
   * Selects the messages at which a mark is displayed: in each group the last message of each state.
   * @param {{seq: number, first: boolean}[]} ownMessages own messages, ascending; `first`: first message of a group
   * @returns {Map<number, ReceiptMark>} by seq
   */
  selectDisplayedMarks(ownMessages) {
    /** @type {Map<number, ReceiptMark>} */
    const result = new Map();
    ownMessages.forEach(({ seq }, index) => {
      const mark = this.getReceiptMark(seq);
      const nextMessage = ownMessages[index + 1];
      if (!nextMessage || nextMessage.first || this.getReceiptMark(nextMessage.seq).state !== mark.state) result.set(seq, mark);
    });
    return result;
  }
}

/**
 * Applies receipt events. Loads all receipts again when a member joined or when the user's own sharing changed.
 * @param {import("../log/message-log.js").MessageLog} log
 */
export function watchReceipts(log) {
  const { conversationId, receipts } = log;
  let requests = 0; // in progress
  const reload = throttle(1_000, async () => {
    requests += 1;
    const response = await api("GET", `conversations/${conversationId}/receipts/`).catch(() => null);
    requests -= 1;
    if (response && log.isConnected) log.update(0, () => receipts.replace(response.results ?? response));
  });
  let shownValue = log.dataset.showsReceipts;
  const onOwnReceiptsChanged = (/** @type {unknown} */ isShown) => {
    if (String(isShown) === shownValue) return;
    shownValue = String(isShown);
    for (const button of findAll(document, "#conversation-menu [name=receipts]")) {
      button.hidden = (button.getAttribute("value") === "on") === Boolean(isShown);
    }
    reload();
  };
  // An event that was sent before the user stopped sharing may arrive after it.
  const isShown = () => shownValue !== "false";
  log.onLive("receipt", (receipt) => {
    if (receipt.conversation_id === conversationId && isShown()) log.update(0, () => receipts.applyReceipt(receipt), beforeNextFrame);
  });
  log.onLive("receipts", ({ conversation_id, receipts: newReceipts }) => {
    if (conversation_id === conversationId && isShown()) log.update(0, () => receipts.replace(newReceipts));
  });
  log.onLive("mine.updated", ({ conversation_id, mine }) => conversation_id === conversationId && onOwnReceiptsChanged(mine.receipts));
  log.onLive("me.updated", reload);
  log.on(document, "page:block-changed", ({ detail: { user_id, blocked } }) => {
    if (blocked) log.update(0, () => receipts.remove(user_id));
    else reload();
  });
  log.onLive("member.updated", ({ conversation_id, member }) => {
    if (conversation_id !== conversationId) return;
    // A response that is on its way may still contain a member who has left.
    if (member.left_at ? requests > 0 : !receipts.has(member.user.id)) reload();
  });
}
