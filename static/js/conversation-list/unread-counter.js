/**
 * How many texts of others stand after my read mark in one conversation. The server's number holds for the moment it was
 * read; what is told afterwards is counted on from there, so that the page, a reload and every device agree.
 */

/**
 * @typedef {import("../realtime/protocol.js").Message} Message
 * @typedef {import("../realtime/protocol.js").Mine} Mine
 */

export class Unread {
  /** Seen on this screen; the server is being told. */
  #seen = 0;
  /** Texts of others after `#base.lastSeq`. @type {{seq: number, forMe: boolean}[]} */
  #fresh = [];

  /**
   * @param {object} start as rendered or told
   * @param {number} start.me
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
    return this.#sum("mentions", ({ forMe }) => forMe);
  }

  /** A message as it is now, new or known. @param {Message} message @returns {boolean} whether it is new */
  message({ seq, kind, sender, mentions }) {
    const isNew = seq > this.lastSeq;
    if (isNew) {
      this.lastSeq = seq;
      if (kind === "text") {
        // My own send moves my mark to it.
        if (sender.id === this.me) this.readSeq = Math.max(this.readSeq, seq);
        else this.#fresh.push({ seq, forMe: isFor(mentions, this.me) });
      }
    } else {
      const known = this.#fresh.find((fresh) => fresh.seq === seq);
      if (known) known.forMe = isFor(mentions, this.me);
    }
    return isNew;
  }

  /** It was on the screen: not new any more, although the server is told only once a second. @param {number} seq */
  seen(seq) {
    this.#seen = Math.max(this.#seen, seq);
  }

  /** My mark moved, on this device or another. @param {Mine} mine */
  mine({ read_seq, unread_count, unread_mention_count }) {
    const { lastSeq, readSeq } = this.base;
    if (read_seq < this.readSeq) this.#seen = 0; // marked unread by hand
    this.readSeq = read_seq;
    // Within what was told here it is counted here; the server's number may be older than the last message told.
    if (read_seq === readSeq) {
      // The mark stands: an edit brought or took a mention in a message that was there before.
      const fresh = this.#fresh.filter(({ seq, forMe }) => forMe && seq > read_seq).length;
      this.base = { ...this.base, mentions: Math.max(0, unread_mention_count - fresh) };
      return;
    }
    if (read_seq >= lastSeq) return;
    this.base = { lastSeq: this.lastSeq, readSeq: read_seq, count: unread_count, mentions: unread_mention_count };
    this.#fresh = [];
  }

  /**
   * @param {"count" | "mentions"} kind
   * @param {(fresh: {seq: number, forMe: boolean}) => boolean} counts
   */
  #sum(kind, counts) {
    // What was seen counts where everything up to it was told here.
    const mark = this.#seen >= this.base.lastSeq ? Math.max(this.#seen, this.readSeq) : this.readSeq;
    const before = mark === this.base.readSeq && mark < this.base.lastSeq ? this.base[kind] : 0;
    return before + this.#fresh.filter((fresh) => fresh.seq > mark && counts(fresh)).length;
  }
}

/**
 * Whether mentions name me, or everybody.
 * @param {import("../realtime/protocol.js").Mention[]} mentions
 * @param {number} me
 */
export function isFor(mentions, me) {
  return mentions.some(({ user_id }) => user_id === me || user_id === null);
}
