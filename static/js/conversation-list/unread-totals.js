/**
 * Where I stand in all my conversations, also in those that no list on the page shows: unread, mentions, muted and the
 * like. It begins with what the server says (`chat/selectors/summaries.py`) and goes on with what is told, so that every page
 * counts live and a reload counts the same.
 */
import { Unread } from "./unread-counter.js";

/**
 * @typedef {import("../realtime/protocol.js").Message} Message
 * @typedef {import("../realtime/protocol.js").Mine} Mine
 * @typedef {import("../realtime/protocol.js").Conversation} Conversation
 *
 * @typedef {object} Standing
 * @property {Unread} unread
 * @property {boolean} muted
 * @property {string} level
 * @property {boolean} archived
 * @property {boolean} favourite
 *
 * @typedef {object} Totals
 * @property {number} unread messages that call: the number in the title
 * @property {number} mentions
 * @property {number} conversations with something that calls
 * @property {boolean} anyArchived
 */

const MUTED = 1;
const MENTIONS_ONLY = 2;
const NOTHING = 4;
const ARCHIVED = 8;
const FAVOURITE = 16;

export class Tally {
  /** @type {Map<number, Standing>} */
  #all = new Map();

  /** @param {number} me */
  constructor(me) {
    this.me = me;
  }

  /**
   * @param {number[][]} rows `[id, version, last_seq, flags, read_seq, unread, mentions]`, cut where only noughts follow
   * @returns {[number, number][]} which version of each conversation these are
   */
  load(rows) {
    /** @type {[number, number][]} */
    const versions = [];
    for (const [id, version = 0, lastSeq = 0, flags = 0, readSeq = lastSeq, count = 0, mentions = 0] of rows) {
      this.#all.set(id, {
        unread: new Unread({ me: this.me, lastSeq, readSeq, count, mentions }),
        muted: (flags & MUTED) > 0,
        level: flags & NOTHING ? "none" : flags & MENTIONS_ONLY ? "mentions" : "all",
        archived: (flags & ARCHIVED) > 0,
        favourite: (flags & FAVOURITE) > 0,
      });
      versions.push([id, version]);
    }
    return versions;
  }

  /** How many conversations there are. */
  get size() {
    return this.#all.size;
  }

  /** @param {number} id @returns {Standing | undefined} */
  of(id) {
    return this.#all.get(id);
  }

  /** @param {Message} message as it is now, new or known */
  message(message) {
    this.#known(message.conversation_id, message.seq - 1).unread.message(message);
  }

  /** @param {number} id @param {number} seq on a screen of this page up to here */
  seen(id, seq) {
    this.#all.get(id)?.unread.seen(seq);
  }

  /** @param {number} id @param {Mine} mine */
  mine(id, mine) {
    const known = this.#known(id, mine.read_seq);
    known.unread.mine(mine);
    this.#own(known, mine);
  }

  /** All of it, as the server has it now. @param {Conversation} conversation */
  whole({ id, last_seq, mine }) {
    if (!mine) return;
    const { read_seq, unread_count, unread_mention_count } = mine;
    const unread = { me: this.me, lastSeq: last_seq, readSeq: read_seq, count: unread_count, mentions: unread_mention_count };
    const known = this.#known(id, last_seq);
    known.unread = new Unread(unread);
    this.#own(known, mine);
  }

  /** @param {number} id mine no more */
  remove(id) {
    this.#all.delete(id);
  }

  /** @returns {Totals} */
  get totals() {
    const totals = { unread: 0, mentions: 0, conversations: 0, anyArchived: false };
    for (const standing of this.#all.values()) {
      const calls = weight(standing);
      totals.unread += calls;
      if (standing.level !== "none") totals.mentions += standing.unread.mentions;
      if (calls && !standing.archived) totals.conversations += 1;
      if (standing.archived) totals.anyArchived = true;
    }
    return totals;
  }

  /** @param {number} id @param {number} seq up to which nothing is unread, where nothing is known @returns {Standing} */
  #known(id, seq) {
    let known = this.#all.get(id);
    if (!known) {
      const unread = new Unread({ me: this.me, lastSeq: seq, readSeq: seq, count: 0, mentions: 0 });
      known = { unread, muted: false, level: "all", archived: false, favourite: false };
      this.#all.set(id, known);
    }
    return known;
  }

  /** @param {Standing} known @param {Mine} mine */
  #own(known, { muted, level, archived, favourite }) {
    Object.assign(known, { muted, level, archived, favourite });
  }
}

/** What a conversation adds to the number in the title. @param {Standing} standing */
export function weight({ muted, level, unread }) {
  if (muted || level === "none") return 0;
  return level === "mentions" ? unread.mentions : unread.count;
}

/** It counts, but calls nobody. @param {Standing} standing */
export function isQuiet({ muted, level }) {
  return muted || level !== "all";
}
