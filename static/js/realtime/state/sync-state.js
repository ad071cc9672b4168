/**
 * Which version of each conversation this page shows, and the rule that keeps it whole: apply what follows, drop what is
 * old, wait 300 ms for what is missing and then ask for it. Whoever listens to `emit` hears every durable change in
 * order and may hear one again; rows of a catch-up are emitted as if they had been told live.
 */
import { clock as realClock } from "../clock.js";

/**
 * @typedef {import("../clock.js").Clock} Clock
 * @typedef {import("../protocol.js").Durable} Durable
 * @typedef {import("../protocol.js").SyncAnswer} SyncAnswer
 * @typedef {import("../protocol.js").MineChange} MineChange
 *
 * @typedef {object} Known
 * @property {number} version up to here all is applied
 * @property {boolean} behind a catch-up is due or under way; what is told meanwhile is held
 * @property {{type: string, payload: Durable}[]} held
 * @property {any} [timer]
 *
 * @typedef {object} Options
 * @property {(cursors: Record<string, number>, me: number) => Promise<SyncAnswer & {open?: number | null}>} sync asks the
 *   server; `open`: the conversation whose receipts were asked for
 * @property {(type: string, payload: any) => void} emit
 * @property {Clock} [clock]
 * @property {number} [far] versions behind, from which on reading afresh is cheaper than every change
 */

const HOLE = 300; // ms to wait for what is missing
const AGAIN = 1_000; // ms until a catch-up that failed is tried again

/**
 * The rule for one change told live.
 * @param {number} known
 * @param {{after: number, version: number}} change
 * @returns {"apply" | "drop" | "wait"}
 */
export function judge(known, { after, version }) {
  if (version <= known) return "drop";
  return after <= known ? "apply" : "wait";
}

export class Replica {
  /** @type {Map<number, Known>} */
  #known = new Map();
  /** @type {number | null} */
  #me = null;
  /** Numbers heard of beyond `#me`, while something between is missing. @type {Set<number>} */
  #meHeard = new Set();
  /** @type {any} */
  #meTimer;
  #meBehind = false;
  #running = false;
  /** Counts connections: the answer to a question of an earlier one is not for this one. */
  #line = 0;
  #up = false;
  /** @type {any} */
  #againTimer;

  /** @param {Options} options */
  constructor({ sync, emit, clock = realClock, far = 1_000 }) {
    this.sync = sync;
    this.emit = emit;
    this.clock = clock;
    this.far = far;
  }

  /** @param {number} id @returns {number | undefined} */
  version(id) {
    return this.#known.get(id)?.version;
  }

  get me() {
    return this.#me;
  }

  /**
   * Something on the page shows this conversation as of `version`. What was rendered earlier than what is known is
   * brought up to it.
   * @param {number} id
   * @param {number} version
   */
  rendered(id, version) {
    const known = this.#known.get(id);
    if (!known) {
      this.#known.set(id, { version, behind: false, held: [] });
    } else if (version < known.version) {
      known.version = version;
      known.behind = true;
      if (this.#up) this.#catchUp();
    }
  }

  /** The page was rendered as of this `me_version`. @param {number} version */
  renderedMe(version) {
    this.#me = this.#me === null ? version : Math.min(this.#me, version);
  }

  /**
   * A connection is greeted: where are we behind?
   * @param {Record<string, number>} versions
   * @param {number} me
   * @param {boolean} [always] ask even when nothing is missing: for receipts, which have no version
   */
  welcome(versions, me, always = false) {
    this.#line += 1;
    this.#up = true;
    this.#running = false;
    if (this.#me === null) this.#me = me;
    else if (me > this.#me) this.#meBehind = true;
    for (const [key, version] of Object.entries(versions)) {
      const id = Number(key);
      const known = this.#known.get(id);
      if (!known) {
        // Either no part of this page shows it, or it is new to this person: then it is left for `sync` to tell whole.
        if (!this.#meBehind) this.#known.set(id, { version, behind: false, held: [] });
      } else if (version - known.version > this.far) {
        this.#forget(known);
        this.#known.set(id, { version, behind: false, held: [] });
        this.emit("stale", { conversation_id: id, version });
      } else if (version > known.version) {
        known.behind = true;
      }
    }
    this.#catchUp(always);
  }

  /** The connection is gone; the next welcome goes on from here. */
  lost() {
    this.#line += 1;
    this.#up = false;
    this.#running = false;
    this.clock.cancel(this.#meTimer);
    this.clock.cancel(this.#againTimer);
    this.#meTimer = undefined;
    for (const known of this.#known.values()) this.#forget(known);
  }

  /**
   * Something was told.
   * @param {string} type
   * @param {any} payload
   */
  receive(type, payload) {
    if (typeof payload?.me_version === "number") this.#receiveMine(type, payload);
    else if (typeof payload?.version === "number" && typeof payload?.after === "number") this.#receiveDurable(type, payload);
    else this.emit(type, payload);
  }

  /**
   * @param {string} type
   * @param {Durable} payload
   */
  #receiveDurable(type, payload) {
    const id = payload.conversation_id;
    let known = this.#known.get(id);
    if (!known) {
      // Nothing here shows it yet; whoever shows it now reads it afresh.
      known = { version: payload.after, behind: false, held: [] };
      this.#known.set(id, known);
    }
    const verdict = known.behind ? "wait" : judge(known.version, payload);
    if (verdict === "apply") {
      known.version = payload.version;
      this.emit(type, payload);
      this.#release(known, id);
    } else if (verdict === "wait") {
      known.held.push({ type, payload });
      if (!known.behind) this.#waitFor(known, id);
    }
  }

  /** @param {Known} known @param {number} id */
  #waitFor(known, id) {
    known.timer ??= this.clock.after(HOLE, () => {
      known.timer = undefined;
      if (this.#known.get(id) !== known) return;
      known.behind = true;
      this.#catchUp();
    });
  }

  /** What was held may follow now. @param {Known} known @param {number} id */
  #release(known, id) {
    if (known.held.length) {
      const held = known.held.sort((a, b) => a.payload.version - b.payload.version);
      known.held = [];
      for (const { type, payload } of held) {
        const verdict = judge(known.version, payload);
        if (verdict === "wait") {
          known.held.push({ type, payload });
        } else if (verdict === "apply") {
          known.version = payload.version;
          this.emit(type, payload);
        }
      }
    }
    if (known.held.length) {
      this.#waitFor(known, id);
    } else {
      this.clock.cancel(known.timer);
      known.timer = undefined;
    }
  }

  /** @param {Known} known */
  #forget(known) {
    this.clock.cancel(known.timer);
    known.timer = undefined;
    known.held = [];
  }

  /**
   * What is one's own carries the whole state, so it applies in any order; numbers that are left out are asked for.
   * @param {string} type
   * @param {any} payload
   */
  #receiveMine(type, payload) {
    this.#meHeard.add(payload.me_version);
    this.#adopt(type, payload);
    if (this.#me === null) this.#me = payload.me_version;
    this.#closeRanks();
    if (this.#meHeard.size && !this.#meBehind) {
      this.#meTimer ??= this.clock.after(HOLE, () => {
        this.#meTimer = undefined;
        this.#meBehind = true;
        this.#catchUp();
      });
    }
  }

  /** @param {string} type @param {any} payload */
  #adopt(type, payload) {
    if (type === "conversation.added") {
      const { id, version } = payload.conversation;
      const known = this.#known.get(id);
      if (!known || known.version < version) {
        if (known) this.#forget(known);
        this.#known.set(id, { version, behind: false, held: [] });
      }
    } else if (type === "conversation.removed") {
      const known = this.#known.get(payload.conversation_id);
      if (known) this.#forget(known);
      this.#known.delete(payload.conversation_id);
    }
    this.emit(type, payload);
  }

  /** Moves `#me` on over all that was heard without a gap. */
  #closeRanks() {
    let me = this.#me ?? 0;
    while (this.#meHeard.delete(me + 1)) me += 1;
    for (const version of this.#meHeard) if (version <= me) this.#meHeard.delete(version);
    this.#me = me;
    if (!this.#meHeard.size) {
      this.clock.cancel(this.#meTimer);
      this.#meTimer = undefined;
    }
  }

  /** Where there is no line that tells: asks what came since. @returns {Promise<boolean>} whether that was answered */
  poll() {
    this.#up = true;
    return this.#catchUp(true);
  }

  /** @param {boolean} [always] @returns {Promise<boolean>} whether nothing is missing now */
  async #catchUp(always = false) {
    if (this.#running || !this.#up) return false;
    if (!always && !this.#isBehind()) return true;
    this.#running = true;
    const line = this.#line;
    /** Told at the end: its counts include every message of the catch-up. @type {Map<number, MineChange>} */
    const mine = new Map();
    try {
      do {
        const before = this.#progress();
        const answer = await this.sync(this.#cursors(), this.#me ?? 0);
        if (line !== this.#line) return false;
        this.#apply(answer, mine);
        if (!answer.complete && this.#progress() === before) throw new Error("A catch-up that does not move.");
      } while (this.#isBehind());
      for (const payload of mine.values()) this.emit("mine.updated", payload);
      this.emit("caught-up", {});
      for (const [id, known] of this.#known) this.#release(known, id);
      return true;
    } catch (error) {
      if (line !== this.#line) return false;
      const seconds = /** @type {any} */ (error).retryAfter;
      this.clock.cancel(this.#againTimer);
      this.#againTimer = this.clock.after(seconds ? seconds * 1000 : AGAIN, () => this.#catchUp());
      return false;
    } finally {
      if (line === this.#line) this.#running = false;
    }
  }

  #isBehind() {
    return this.#meBehind || [...this.#known.values()].some((known) => known.behind);
  }

  /** All that is known: of a conversation that is not named the server tells everything. */
  #cursors() {
    return Object.fromEntries([...this.#known].map(([id, { version }]) => [String(id), version]));
  }

  #progress() {
    return JSON.stringify([this.#cursors(), this.#me]);
  }

  /**
   * @param {SyncAnswer & {open?: number | null}} answer
   * @param {Map<number, any>} mine
   */
  #apply(answer, mine) {
    for (const id of answer.removed ?? []) {
      this.#adopt("conversation.removed", { conversation_id: id, me_version: answer.me_version });
    }
    for (const change of answer.conversations ?? []) {
      if (this.#known.has(change.conversation_id)) this.#applyRows(change);
      else this.#adopt("conversation.added", { conversation: change.conversation, me_version: answer.me_version });
    }
    for (const change of answer.mine ?? []) mine.set(change.conversation_id, change);
    for (const contact of answer.contacts ?? []) {
      this.emit("contact.updated", { me_version: contact.me_version, contact, requests: answer.requests });
    }
    if (answer.open) this.emit("receipts", { conversation_id: answer.open, receipts: answer.receipts ?? [] });
    if (answer.complete) {
      // What was not answered although it was asked for is not ours any more, or had nothing new.
      for (const known of this.#known.values()) known.behind = false;
      this.#meBehind = false;
      // Only now: until then each answer tells again what is one's own, with counts as of its own moment.
      this.#me = Math.max(this.#me ?? 0, answer.me_version);
      this.#closeRanks();
    }
  }

  /** @param {import("../protocol.js").Changes & {conversation_id: number}} change */
  #applyRows({ conversation_id: id, conversation, messages, members, version, complete }) {
    const known = /** @type {Known} */ (this.#known.get(id));
    const rows = [
      ...messages.map((message) => ({ type: "message.updated", version: message.version, part: { message } })),
      ...members.map((member) => ({ type: "member.updated", version: member.version, part: { member } })),
      ...(conversation ? [{ type: "conversation.updated", version: conversation.version, part: { conversation } }] : []),
    ].sort((a, b) => a.version - b.version);
    for (const { type, version: at, part } of rows) {
      this.emit(type, { conversation_id: id, after: known.version, version: at, ...part });
    }
    known.version = Math.max(known.version, version);
    if (complete) known.behind = false;
  }
}
