/**
 * Counts the unread messages of one conversation: messages of other members after the user's read marker. It starts
 * with the count that the server computed and adds messages that arrive later. So the page, a reload and all devices
 * display the same number.
 */

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
      if (kind === "text") {
        // Sending a message moves the user's own read marker.
        if (sender.id === this.me) this.readSeq = Math.max(this.readSeq, seq);
        else this.#newMessages.push(this.#makeNewMessage(seq, sender.id, mentions));
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

  /** Applies a move of the read marker on any device. @param {Mine} mine */
  applyMemberState({ read_seq, unread_count, unread_mention_count }) {
    const { lastSeq, readSeq } = this.base;
    if (read_seq < this.readSeq) this.#seenSeq = 0; // the user marked messages as unread
    this.readSeq = read_seq;
    // If the marker is within the received messages, count them here: the count of the server may be older than the
    // last received message.
    if (read_seq === readSeq) {
      this.#correctMentions(unread_count, unread_mention_count);
      return;
    }
    if (read_seq >= lastSeq) return;
    this.base = { lastSeq: this.lastSeq, readSeq: read_seq, count: unread_count, mentions: unread_mention_count };
    this.#newMessages = [];
  }

  /**
   * Applies the mention count of the server, when the marker has not moved. It differs if an edit has added or removed
   * a mention, or if a mention does not count because its sender has blocked the user: only the server knows that.
   * @param {number} count unread messages that the server has counted; it may not include the last received ones
   * @param {number} mentionCount
   */
  #correctMentions(count, mentionCount) {
    const { readSeq } = this.base;
    const unreadMessages = this.#newMessages.filter(({ seq }) => seq > readSeq);
    const counted = unreadMessages.slice(0, Math.max(0, count - this.base.count));
    const newMentions = counted.filter(({ mentionsMe }) => mentionsMe);
    // The server corrects a mention right after its message: the newest one is meant.
    while (newMentions.length && this.base.mentions + newMentions.length > mentionCount) {
      Object.assign(/** @type {NewMessage} */ (newMentions.pop()), { mentionsMe: false, isExcluded: true });
    }
    this.base = { ...this.base, mentions: mentionCount - newMentions.length };
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
