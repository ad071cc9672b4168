/**
 * Counts the unread messages of one conversation: messages of other members after the user's read marker. It starts
 * with the count that the server computed and adds messages that arrive later. So the page, a reload and all devices
 * display the same number.
 */

/**
 * @typedef {import("../realtime/protocol.js").Message} Message
 * @typedef {import("../realtime/protocol.js").Mine} Mine
 */

export class UnreadCounter {
  /** The `seq` up to which messages were on the screen. The server may not know it yet. */
  #seenSeq = 0;
  /** Messages of others after `base.lastSeq`. @type {{seq: number, mentionsMe: boolean}[]} */
  #newMessages = [];

  /**
   * @param {object} start state rendered by the server or received
   * @param {number} start.me id of the current user
   * @param {number} start.lastSeq
   * @param {number} start.readSeq
   * @param {number} start.count
   * @param {number} start.mentions
   */
  constructor({ me, lastSeq, readSeq, count, mentions }) {
    this.me = me;
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
        else this.#newMessages.push({ seq, mentionsMe: mentionsUser(mentions, this.me) });
      }
    } else {
      const knownMessage = this.#newMessages.find((newMessage) => newMessage.seq === seq);
      if (knownMessage) knownMessage.mentionsMe = mentionsUser(mentions, this.me);
    }
    return isNew;
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
      // The marker has not moved: an edit has added or removed a mention in an older message.
      const newMentions = this.#newMessages.filter(({ seq, mentionsMe }) => mentionsMe && seq > read_seq).length;
      this.base = { ...this.base, mentions: Math.max(0, unread_mention_count - newMentions) };
      return;
    }
    if (read_seq >= lastSeq) return;
    this.base = { lastSeq: this.lastSeq, readSeq: read_seq, count: unread_count, mentions: unread_mention_count };
    this.#newMessages = [];
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
