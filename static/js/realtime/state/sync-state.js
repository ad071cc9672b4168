/**
 * Makes sure that the page misses no change: tracks which version of each conversation the page shows. An event that
 * follows the current version is applied, an older one is dropped. If events are missing in between, it waits 300 ms
 * for them and then requests them (catch-up). `emit` receives all changes in order, possibly more than once.
 */
import { clock as realClock } from "../clock.js";

/**
 * @typedef {import("../clock.js").Clock} Clock
 * @typedef {import("../protocol.js").Durable} Durable
 * @typedef {import("../protocol.js").SyncAnswer} SyncAnswer
 * @typedef {import("../protocol.js").MineChange} MineChange
 *
 * @typedef {object} ConversationState
 * @property {number} version all changes up to this version are applied
 * @property {boolean} behind a catch-up is due or in progress; live events are held meanwhile
 * @property {{type: string, payload: Durable}[]} held
 * @property {any} [timer]
 *
 * @typedef {object} Options
 * @property {(cursors: Record<string, number>, meVersion: number) => Promise<SyncAnswer & {open?: number | null}>} sync
 *   requests the changes; `open` is the conversation whose receipts were requested
 * @property {(type: string, payload: any) => void} emit
 * @property {Clock} [clock]
 * @property {number} [maxGap] number of missed versions from which loading the conversation again is cheaper
 */

const GAP_TIMEOUT = 300; // ms to wait for missing events
const RETRY_DELAY = 1_000; // ms until a failed catch-up is tried again

/**
 * Decides what to do with a live event.
 * @param {number} currentVersion
 * @param {{after: number, version: number}} change
 * @returns {"apply" | "drop" | "wait"}
 */
export function classifyChange(currentVersion, { after, version }) {
  if (version <= currentVersion) return "drop";
  return after <= currentVersion ? "apply" : "wait";
}

export class SyncState {
  /** @type {Map<number, ConversationState>} */
  #states = new Map();
  /** @type {number | null} */
  #meVersion = null;
  /** Received versions beyond `#meVersion`, while some in between are missing. @type {Set<number>} */
  #receivedMeVersions = new Set();
  /** `me_version` of the newest member state that was emitted, by conversation id. @type {Map<number, number>} */
  #memberStateVersions = new Map();
  /** @type {any} */
  #meGapTimer;
  #isMeBehind = false;
  #isSyncing = false;
  /** Increased with each connection: answers to requests of an earlier connection are ignored. */
  #connectionId = 0;
  #isConnected = false;
  /** Versions when the last connection ended, by conversation id. @type {Map<number, number>} */
  #versionsAtDisconnect = new Map();
  #meVersionAtDisconnect = 0;
  /** @type {any} */
  #retryTimer;

  /** @param {Options} options */
  constructor({ sync, emit, clock = realClock, maxGap = 1_000 }) {
    this.sync = sync;
    this.emit = emit;
    this.clock = clock;
    this.maxGap = maxGap;
  }

  /** @param {number} id @returns {number | undefined} */
  getVersion(id) {
    return this.#states.get(id)?.version;
  }

  get meVersion() {
    return this.#meVersion;
  }

  /**
   * Registers the version at which a conversation is displayed. If newer changes are already known, they are requested
   * again.
   * @param {number} id
   * @param {number} version
   */
  setRenderedVersion(id, version) {
    const state = this.#states.get(id);
    if (!state) {
      this.#states.set(id, { version, behind: false, held: [] });
    } else if (version < state.version) {
      state.version = version;
      state.behind = true;
      if (this.#isConnected) this.#catchUp();
    }
  }

  /** Registers the `me_version` at which the page was rendered. @param {number} version */
  setRenderedMeVersion(version) {
    this.#meVersion = this.#meVersion === null ? version : Math.min(this.#meVersion, version);
  }

  /**
   * Whether the server has lost changes that an earlier connection of this page has received, because its database was
   * restored from a backup.
   * @param {Record<string, number>} versions of `welcome`
   * @param {number} meVersion
   */
  isAheadOf(versions, meVersion) {
    return (
      meVersion < this.#meVersionAtDisconnect ||
      Object.entries(versions).some(([id, version]) => version < (this.#versionsAtDisconnect.get(Number(id)) ?? 0))
    );
  }

  /**
   * Compares the versions of the server with those of the page after connecting, and starts a catch-up if needed.
   * @param {Record<string, number>} versions by conversation id
   * @param {number} meVersion
   * @param {boolean} [always] sync even if nothing is missing: for receipts, which have no version
   */
  handleWelcome(versions, meVersion, always = false) {
    this.#connectionId += 1;
    this.#isConnected = true;
    this.#isSyncing = false;
    if (this.#meVersion === null) this.#meVersion = meVersion;
    else if (meVersion > this.#meVersion) this.#isMeBehind = true;
    for (const [key, version] of Object.entries(versions)) {
      const id = Number(key);
      const state = this.#states.get(id);
      if (!state) {
        // The page does not show this conversation, or it is new for the user. `sync` returns a new conversation
        // completely.
        if (!this.#isMeBehind) this.#states.set(id, { version, behind: false, held: [] });
      } else if (version - state.version > this.maxGap) {
        this.#dropHeld(state);
        this.#states.set(id, { version, behind: false, held: [] });
        this.emit("stale", { conversation_id: id, version });
      } else if (version > state.version) {
        state.behind = true;
      }
    }
    this.#catchUp(always);
  }

  /** Handles a lost connection. The next `handleWelcome` continues from the current versions. */
  handleDisconnect() {
    if (this.#isConnected) {
      this.#versionsAtDisconnect = new Map([...this.#states].map(([id, { version }]) => [id, version]));
      this.#meVersionAtDisconnect = this.#meVersion ?? 0;
    }
    this.#connectionId += 1;
    this.#isConnected = false;
    this.#isSyncing = false;
    this.clock.cancel(this.#meGapTimer);
    this.clock.cancel(this.#retryTimer);
    this.#meGapTimer = undefined;
    for (const state of this.#states.values()) this.#dropHeld(state);
  }

  /**
   * Receives an event from the server.
   * @param {string} type
   * @param {any} payload
   */
  receive(type, payload) {
    if (typeof payload?.me_version === "number") this.#receivePersonal(type, payload);
    else if (typeof payload?.version === "number" && typeof payload?.after === "number") this.#receiveConversationEvent(type, payload);
    else this.emit(type, payload);
  }

  /**
   * @param {string} type
   * @param {Durable} payload
   */
  #receiveConversationEvent(type, payload) {
    const id = payload.conversation_id;
    let state = this.#states.get(id);
    if (!state) {
      // The page does not show this conversation. An element that shows it later loads it completely.
      state = { version: payload.after, behind: false, held: [] };
      this.#states.set(id, state);
    }
    const decision = state.behind ? "wait" : classifyChange(state.version, payload);
    if (decision === "apply") {
      state.version = payload.version;
      this.emit(type, payload);
      this.#applyHeld(state, id);
    } else if (decision === "wait") {
      state.held.push({ type, payload });
      if (!state.behind) this.#startGapTimer(state, id);
    }
  }

  /** Requests the missing events if they do not arrive in time. @param {ConversationState} state @param {number} id */
  #startGapTimer(state, id) {
    state.timer ??= this.clock.after(GAP_TIMEOUT, () => {
      state.timer = undefined;
      if (this.#states.get(id) !== state) return;
      state.behind = true;
      this.#catchUp();
    });
  }

  /** Applies held events that now follow the current version. @param {ConversationState} state @param {number} id */
  #applyHeld(state, id) {
    if (state.held.length) {
      const held = state.held.sort((a, b) => a.payload.version - b.payload.version);
      state.held = [];
      for (const { type, payload } of held) {
        const decision = classifyChange(state.version, payload);
        if (decision === "wait") {
          state.held.push({ type, payload });
        } else if (decision === "apply") {
          state.version = payload.version;
          this.emit(type, payload);
        }
      }
    }
    if (state.held.length) {
      this.#startGapTimer(state, id);
    } else {
      this.clock.cancel(state.timer);
      state.timer = undefined;
    }
  }

  /** @param {ConversationState} state */
  #dropHeld(state) {
    this.clock.cancel(state.timer);
    state.timer = undefined;
    state.held = [];
  }

  /**
   * Applies an event of the user's own state. Each event contains the complete state, so it is applied at once, even if
   * versions before it are missing; those are requested.
   * @param {string} type
   * @param {any} payload
   */
  #receivePersonal(type, payload) {
    this.#receivedMeVersions.add(payload.me_version);
    this.#applyPersonal(type, payload);
    if (this.#meVersion === null) this.#meVersion = payload.me_version;
    this.#advanceMeVersion();
    if (this.#receivedMeVersions.size && !this.#isMeBehind) {
      this.#meGapTimer ??= this.clock.after(GAP_TIMEOUT, () => {
        this.#meGapTimer = undefined;
        this.#isMeBehind = true;
        this.#catchUp();
      });
    }
  }

  /** @param {string} type @param {any} payload */
  #applyPersonal(type, payload) {
    if (type === "conversation.added") {
      const { id, version } = payload.conversation;
      const state = this.#states.get(id);
      if (!state || state.version < version) {
        if (state) this.#dropHeld(state);
        this.#states.set(id, { version, behind: false, held: [] });
      }
    } else if (type === "conversation.removed") {
      const state = this.#states.get(payload.conversation_id);
      if (state) this.#dropHeld(state);
      this.#states.delete(payload.conversation_id);
    }
    if (type === "mine.updated") this.#emitMemberState(payload);
    else this.emit(type, payload);
  }

  /**
   * Emits a member state, unless a newer one of the same conversation was emitted: answers of `sync` and events can
   * overtake each other.
   * @param {MineChange} payload
   */
  #emitMemberState(payload) {
    const { conversation_id: id, mine } = payload;
    if (mine.me_version < (this.#memberStateVersions.get(id) ?? 0)) return;
    this.#memberStateVersions.set(id, mine.me_version);
    this.emit("mine.updated", payload);
  }

  /** Increases `#meVersion` while the next version was received; stops before the first missing one. */
  #advanceMeVersion() {
    let meVersion = this.#meVersion ?? 0;
    while (this.#receivedMeVersions.delete(meVersion + 1)) meVersion += 1;
    for (const version of this.#receivedMeVersions) if (version <= meVersion) this.#receivedMeVersions.delete(version);
    this.#meVersion = meVersion;
    if (!this.#receivedMeVersions.size) {
      this.clock.cancel(this.#meGapTimer);
      this.#meGapTimer = undefined;
    }
  }

  /**
   * Requests the changes over HTTP, for a page that cannot open a socket.
   * @returns {Promise<boolean>} whether the server answered
   */
  poll() {
    this.#isConnected = true;
    return this.#catchUp(true);
  }

  /** @param {boolean} [always] @returns {Promise<boolean>} whether nothing is missing now */
  async #catchUp(always = false) {
    if (this.#isSyncing || !this.#isConnected) return false;
    if (!always && !this.#needsSync()) return true;
    this.#isSyncing = true;
    const connectionId = this.#connectionId;
    /**
     * Member states, emitted at the end, because their counts include all messages of the catch-up.
     * @type {Map<number, MineChange>}
     */
    const memberStates = new Map();
    try {
      do {
        const progressBefore = this.#describeProgress();
        const result = await this.sync(this.#currentCursors(), this.#meVersion ?? 0);
        if (connectionId !== this.#connectionId) return false;
        this.#applyAnswer(result, memberStates);
        if (!result.complete && this.#describeProgress() === progressBefore) throw new Error("The sync makes no progress.");
      } while (this.#needsSync());
      for (const payload of memberStates.values()) this.#emitMemberState(payload);
      this.emit("caught-up", {});
      for (const [id, state] of this.#states) this.#applyHeld(state, id);
      return true;
    } catch (error) {
      if (connectionId !== this.#connectionId) return false;
      const seconds = /** @type {any} */ (error).retryAfter;
      this.clock.cancel(this.#retryTimer);
      this.#retryTimer = this.clock.after(seconds ? seconds * 1000 : RETRY_DELAY, () => this.#catchUp());
      return false;
    } finally {
      if (connectionId === this.#connectionId) this.#isSyncing = false;
    }
  }

  #needsSync() {
    return this.#isMeBehind || [...this.#states.values()].some((state) => state.behind);
  }

  /** Versions of all known conversations: the server returns a conversation that is not listed completely. */
  #currentCursors() {
    return Object.fromEntries([...this.#states].map(([id, { version }]) => [String(id), version]));
  }

  #describeProgress() {
    return JSON.stringify([this.#currentCursors(), this.#meVersion]);
  }

  /**
   * @param {SyncAnswer & {open?: number | null}} result
   * @param {Map<number, any>} memberStates
   */
  #applyAnswer(result, memberStates) {
    for (const id of result.removed ?? []) {
      this.#applyPersonal("conversation.removed", { conversation_id: id, me_version: result.me_version });
    }
    for (const change of result.conversations ?? []) {
      if (this.#states.has(change.conversation_id)) this.#applyRows(change);
      else this.#applyPersonal("conversation.added", { conversation: change.conversation, me_version: result.me_version });
    }
    for (const change of result.mine ?? []) memberStates.set(change.conversation_id, change);
    for (const contact of result.contacts ?? []) {
      this.emit("contact.updated", { me_version: contact.me_version, contact, requests: result.requests });
    }
    if (result.open) this.emit("receipts", { conversation_id: result.open, receipts: result.receipts ?? [] });
    if (result.complete) {
      // A requested conversation that is not in the result has no changes, or the user is no longer a member.
      for (const state of this.#states.values()) state.behind = false;
      this.#isMeBehind = false;
      // Only when all is complete: until then, each result must contain the user's own state again, with its new counts.
      this.#meVersion = Math.max(this.#meVersion ?? 0, result.me_version);
      this.#advanceMeVersion();
    }
  }

  /** @param {import("../protocol.js").Changes & {conversation_id: number}} change */
  #applyRows({ conversation_id: id, conversation, messages, members, version, complete }) {
    const state = /** @type {ConversationState} */ (this.#states.get(id));
    const rows = [
      ...messages.map((message) => ({ type: "message.updated", version: message.version, part: { message } })),
      ...members.map((member) => ({ type: "member.updated", version: member.version, part: { member } })),
      ...(conversation ? [{ type: "conversation.updated", version: conversation.version, part: { conversation } }] : []),
    ].sort((a, b) => a.version - b.version);
    for (const { type, version: rowVersion, part } of rows) {
      this.emit(type, { conversation_id: id, after: state.version, version: rowVersion, ...part });
    }
    state.version = Math.max(state.version, version);
    if (complete) state.behind = false;
  }
}
