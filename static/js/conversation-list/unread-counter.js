/**
 * Counts the unread messages of one conversation: messages of other members after the user's read marker. It starts
 * with the count of the server, which includes messages up to a certain `last_seq`, and adds the messages after it. The
 * order in which counts and messages arrive does not matter, so the page, a reload and all devices display the same
 * number.
 */
import { isCounted, isWritten } from "../lib/message-kinds.js";

/**
 * @typedef {import("../realtime/protocol.js").Message} Message
 * @typedef {import("../realtime/protocol.js").Mine} Mine
 *
 * @typedef {object} NewMessage
 * @property {number} seq
 * @property {boolean} mentionsMe
 * @property {boolean} isExcluded whether its mention does not count, because of a block between sender and user
 */

export class UnreadCounter {
  /** The `seq` up to which messages were on the screen. The server may not know it yet. */
  #seenSeq = 0;
  /** Messages of others after `base.lastSeq`. @type {NewMessage[]} */
  #newMessages = [];
  /** Version of the member state that was applied last. */
  #meVersion = 0;

  /**
   * @param {object} start state rendered by the server or received
   * @param {number} start.me id of the current user
   * @param {number} start.lastSeq
   * @param {number} start.readSeq
   * @param {number} start.count
   * @param {number} start.mentions
   * @param {(userId: number) => boolean} [start.isBlocked] whether the current user has blocked this user
   */
  constructor({ me, lastSeq, readSeq, count, mentions, isBlocked = () => false }) {
    this.me = me;
    this.isBlocked = isBlocked;
    this.lastSeq = lastSeq;
    this.readSeq = readSeq;
    this.base = { lastSeq, readSeq, count, mentions };
  }

  get count() {
    return this.#sum("count", () => true);
  }

  get mentions() {
    return this.#sum("mentions", ({ mentionsMe }) => mentionsMe);
  }

  /** Applies a created or changed message. @param {Message} message @returns {boolean} whether it is new */
  applyMessage({ seq, kind, sender, mentions }) {
    const isNew = seq > this.lastSeq;
    if (isNew) {
      this.lastSeq = seq;
      if (sender.id !== this.me) {
        if (isCounted({ kind })) this.#newMessages.push(this.#makeNewMessage(seq, sender.id, mentions));
      } else if (isWritten({ kind })) {
        this.readSeq = Math.max(this.readSeq, seq); // sending a message moves the user's own read marker
      }
    } else {
      const knownMessage = this.#newMessages.find((newMessage) => newMessage.seq === seq);
      if (knownMessage) knownMessage.mentionsMe = !knownMessage.isExcluded && mentionsUser(mentions, this.me);
    }
    return isNew;
  }

  /**
   * @param {number} seq
   * @param {number} senderId
   * @param {import("../realtime/protocol.js").Mention[]} mentions
   * @returns {NewMessage}
   */
  #makeNewMessage(seq, senderId, mentions) {
    const isExcluded = this.isBlocked(senderId);
    return { seq, mentionsMe: !isExcluded && mentionsUser(mentions, this.me), isExcluded };
  }

  /**
   * Marks messages up to `seq` as seen on this page. The server learns it later, at most once a second.
   * @param {number} seq
   */
  markSeen(seq) {
    this.#seenSeq = Math.max(this.#seenSeq, seq);
  }

  /**
   * Applies the member state: read marker and counts of the server.
   * @param {Mine} mine
   * @returns {boolean} false: it is older than the one that was applied last, and was ignored
   */
  applyMemberState({ me_version, read_seq, last_seq, unread_count, unread_mention_count }) {
    const isOlder = me_version < this.#meVersion || (me_version === this.#meVersion && last_seq < this.base.lastSeq);
    if (isOlder) return false;
    this.#meVersion = me_version;
    if (read_seq < this.readSeq) this.#seenSeq = 0; // the user marked messages as unread
    this.base = { lastSeq: last_seq, readSeq: read_seq, count: unread_count, mentions: unread_mention_count };
    this.#newMessages = this.#newMessages.filter(({ seq }) => seq > last_seq);
    // The page may know a newer message of the user, which moved the marker.
    this.readSeq = this.readSeq > last_seq ? this.readSeq : read_seq;
    this.lastSeq = Math.max(this.lastSeq, last_seq);
    return true;
  }

  /**
   * @param {"count" | "mentions"} kind
   * @param {(newMessage: {seq: number, mentionsMe: boolean}) => boolean} predicate
   */
  #sum(kind, predicate) {
    // The seen position is used only if all messages up to it were received here.
    const readUpTo = this.#seenSeq >= this.base.lastSeq ? Math.max(this.#seenSeq, this.readSeq) : this.readSeq;
    const countBefore = readUpTo === this.base.readSeq && readUpTo < this.base.lastSeq ? this.base[kind] : 0;
    return countBefore + this.#newMessages.filter((newMessage) => newMessage.seq > readUpTo && predicate(newMessage)).length;
  }
}

/**
 * Returns whether the mentions include this user or everybody (`@all`).
 * @param {import("../realtime/protocol.js").Mention[]} mentions
 * @param {number} me
 */
export function mentionsUser(mentions, me) {
  return mentions.some(({ user_id }) => user_id === me || user_id === null);
}
