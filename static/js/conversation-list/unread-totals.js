/**
 * Unread totals: unread count, mentions, muted and archived state of all conversations of the user, including those
 * that have no row in the list. The server sends the initial state (chat/selectors/summaries.py); events update it. So
 * every page shows current counts.
 */
import { UnreadCounter } from "./unread-counter.js";

/**
 * @typedef {import("../realtime/protocol.js").Message} Message
 * @typedef {import("../realtime/protocol.js").Mine} Mine
 * @typedef {import("../realtime/protocol.js").Conversation} Conversation
 * @typedef {object} ConversationState
 * @property {UnreadCounter} unread
 * @property {boolean} muted
 * @property {string} level
 * @property {boolean} archived
 * @property {boolean} favourite
 * @property {boolean} added somebody has added the user to this group, and the user has not opened it
 * @typedef {object} Totals
 * @property {number} unread messages counted in the title
 * @property {number} mentions
 * @property {number} conversations conversations with messages counted in the title, and groups the user was added to
 * @property {boolean} anyArchived
 */

const FLAG_MUTED = 1;
const FLAG_MENTIONS_ONLY = 2;
const FLAG_LEVEL_NONE = 4;
const FLAG_ARCHIVED = 8;
const FLAG_FAVOURITE = 16;
const FLAG_ADDED = 32;

export class UnreadTotals {
  /** @type {Map<number, ConversationState>} */
  #states = new Map();

  /**
   * @param {number} me
   * @param {(userId: number) => boolean} [isBlocked] whether the current user has blocked this user
   */
  constructor(me, isBlocked) {
    this.me = me;
    this.isBlocked = isBlocked;
  }

  /**
   * Sets the initial state.
   * @param {number[][]} rows `[id, version, last_seq, flags, read_seq, unread, mentions]`; zeros at the end are omitted
   * @returns {[number, number][]} id and version of each conversation
   */
  load(rows) {
    /** @type {[number, number][]} */
    const versions = [];
    for (const [id, version = 0, lastSeq = 0, flags = 0, readSeq = lastSeq, count = 0, mentions = 0] of rows) {
      this.#states.set(id, {
        unread: new UnreadCounter({ me: this.me, isBlocked: this.isBlocked, lastSeq, readSeq, count, mentions }),
        muted: (flags & FLAG_MUTED) > 0,
        level: flags & FLAG_LEVEL_NONE ? "none" : flags & FLAG_MENTIONS_ONLY ? "mentions" : "all",
        archived: (flags & FLAG_ARCHIVED) > 0,
        favourite: (flags & FLAG_FAVOURITE) > 0,
        added: (flags & FLAG_ADDED) > 0,
      });
      versions.push([id, version]);
    }
    return versions;
  }

  /** Number of conversations. */
  get size() {
    return this.#states.size;
  }

  /** @param {number} id @returns {ConversationState | undefined} */
  get(id) {
    return this.#states.get(id);
  }

  /** Applies a created or changed message. @param {Message} message */
  applyMessage(message) {
    this.#getOrCreate(message.conversation_id, message.seq - 1).unread.applyMessage(message);
  }

  /** @param {number} id @param {number} seq messages up to it were in view */
  markSeen(id, seq) {
    this.#states.get(id)?.unread.markSeen(seq);
  }

  /** @param {number} id @param {Mine} mine */
  applyMemberState(id, mine) {
    const state = this.#getOrCreate(id, mine.read_seq);
    if (state.unread.applyMemberState(mine)) this.#setFlags(state, mine);
  }

  /** Applies a complete conversation. @param {Conversation} conversation */
  applyConversation({ id, mine }) {
    if (mine) this.applyMemberState(id, mine);
  }

  /** @param {number} id the user is not a member any more */
  remove(id) {
    this.#states.delete(id);
  }

  /** @returns {Totals} */
  get totals() {
    const totals = { unread: 0, mentions: 0, conversations: 0, anyArchived: false };
    for (const state of this.#states.values()) {
      const titleCount = countForTitle(state);
      totals.unread += titleCount;
      if (state.level !== "none") totals.mentions += state.unread.mentions;
      if ((titleCount || state.added) && !state.archived) totals.conversations += 1;
      if (state.archived) totals.anyArchived = true;
    }
    return totals;
  }

  /**
   * Returns the state of a conversation. A new one has no unread messages up to `seq`.
   * @param {number} id
   * @param {number} seq
   * @returns {ConversationState}
   */
  #getOrCreate(id, seq) {
    let state = this.#states.get(id);
    if (!state) {
      const unread = new UnreadCounter({ me: this.me, isBlocked: this.isBlocked, lastSeq: seq, readSeq: seq, count: 0, mentions: 0 });
      state = { unread, muted: false, level: "all", archived: false, favourite: false, added: false };
      this.#states.set(id, state);
    }
    return state;
  }

  /** @param {ConversationState} state @param {Mine} mine */
  #setFlags(state, { muted, level, archived, favourite, added_by_id }) {
    Object.assign(state, { muted, level, archived, favourite, added: Boolean(added_by_id) });
  }
}

/**
 * Returns how many unread messages of a conversation count for the number in the page title.
 * @param {ConversationState} state
 */
export function countForTitle({ muted, level, unread }) {
  if (muted || level === "none") return 0;
  return level === "mentions" ? unread.mentions : unread.count;
}

/**
 * Returns whether the unread count of a conversation is displayed without emphasis.
 * @param {ConversationState} state
 */
export function isQuiet({ muted, level }) {
  return muted || level !== "all";
}
