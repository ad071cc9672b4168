/**
 * Outbox: the queue of messages to send. A message is stored before it is sent, so it survives a reload. In each
 * conversation, one message is sent at a time, in the order of writing. A message is sent again with the same
 * `client_id` until the server acknowledges it. Only a permanent error marks a message as failed; then the user
 * decides.
 */
import { clock as realClock } from "../clock.js";
import { ApiError } from "../api-error.js";

/**
 * @typedef {import("../clock.js").Clock} Clock
 * @typedef {import("../protocol.js").Queued} Queued
 * @typedef {import("../protocol.js").Message} Message
 *
 * @typedef {object} Store
 * @property {() => Promise<Queued[]>} all in the order of the first `put`
 * @property {(queued: Queued) => Promise<number>} put adds or replaces; returns its `order`
 * @property {(clientId: string) => Promise<void>} remove
 *
 * @typedef {object} Options
 * @property {Store} store
 * @property {(queued: Queued) => Promise<{message: Message}>} send sends the command once; rejects with an `ApiError`
 * @property {(queued: Queued[]) => void} onChange receives the pending and failed messages, in order
 * @property {(message: Message) => void} [onSent]
 * @property {() => void} [announce] makes other tabs load the store again
 * @property {Clock} [clock]
 */

/** Time to wait for an acknowledgement, in ms. */
export const ACK_TIMEOUT = 5_000;
const RETRY_DELAY = 1_000; // ms, if the server sends no `retry_after`

export class Outbox {
  /** @type {Queued[]} */
  #queued = [];
  /** Conversations with a send in progress, or with a timer until the next try. @type {Map<number, any>} */
  #sending = new Map();
  #isLeader = false;
  #isOnline = false;
  /** Increases when the connection or the leader tab changes. Results of sends from before the change are ignored. */
  #epoch = 0;

  /** @param {Options} options */
  constructor({ store, send, onChange, onSent = () => {}, announce = () => {}, clock = realClock }) {
    this.store = store;
    this.send = send;
    this.onChange = onChange;
    this.onSent = onSent;
    this.announce = announce;
    this.clock = clock;
  }

  /** The pending and failed messages, in order. */
  get queued() {
    return this.#queued;
  }

  /** Loads the messages from the store: at the start, and when another tab changed it. */
  async load() {
    try {
      this.#queued = await this.store.all();
    } catch {
      // Keep the messages in memory.
    }
    this.onChange(this.#queued);
    this.#sendNext();
  }

  /**
   * Adds a message. When the promise resolves, the message is stored and survives a reload. If storing fails, the
   * message is sent from memory.
   * @param {Queued} queued
   */
  async add(queued) {
    await this.#save(queued);
    if (!this.#queued.some(({ client_id }) => client_id === queued.client_id)) this.#queued.push(queued);
    this.#notifyAndSend();
  }

  /** Sends a failed message again; its position in the queue stays the same. @param {string} clientId */
  async retry(clientId) {
    const queued = this.#findByClientId(clientId);
    if (!queued?.failed) return;
    delete queued.failed;
    await this.#save(queued);
    this.#notifyAndSend();
  }

  /** Removes a message without sending it. @param {string} clientId */
  async discard(clientId) {
    if (!this.#findByClientId(clientId)) return;
    await this.#remove(clientId);
    this.#notifyAndSend();
  }

  /** Removes a message that was received from the server, whichever tab sent it. @param {string | null} clientId */
  async confirm(clientId) {
    if (clientId) await this.discard(clientId);
  }

  /** Sets whether this tab is the leader, the only tab that sends messages. @param {boolean} isLeader */
  setLeader(isLeader) {
    if (this.#isLeader === isLeader) return;
    this.#isLeader = isLeader;
    this.#abandonSends();
    this.#sendNext();
  }

  /** Sets whether commands can be sent. @param {boolean} isOnline */
  setOnline(isOnline) {
    if (this.#isOnline === isOnline) return;
    this.#isOnline = isOnline;
    this.#abandonSends();
    this.#sendNext();
  }

  /** @param {string} clientId */
  #findByClientId(clientId) {
    return this.#queued.find(({ client_id }) => client_id === clientId);
  }

  /** @param {Queued} queued */
  async #save(queued) {
    try {
      queued.order = await this.store.put(queued);
    } catch {
      // The disk is full, or the browser closed the database: the message stays in memory.
    }
  }

  /** @param {string} clientId */
  async #remove(clientId) {
    this.#queued = this.#queued.filter(({ client_id }) => client_id !== clientId);
    // If removing fails, the message is sent again after a reload, and the server recognises its `client_id`.
    await this.store.remove(clientId).catch(() => {});
  }

  #notifyAndSend() {
    this.onChange(this.#queued);
    this.announce();
    this.#sendNext();
  }

  /** Forgets the sends in progress. Their messages will be sent again. */
  #abandonSends() {
    this.#epoch += 1;
    for (const timer of this.#sending.values()) this.clock.cancel(timer);
    this.#sending.clear();
  }

  #sendNext() {
    if (!this.#isLeader || !this.#isOnline) return;
    /** Starts sending the first pending message of each conversation that has none in progress. */
    for (const queued of this.#queued) {
      if (queued.failed || this.#sending.has(queued.conversation_id)) continue;
      this.#sending.set(queued.conversation_id, undefined);
      this.#send(queued);
    }
  }

  /** @param {Queued} queued */
  async #send(queued) {
    const epoch = this.#epoch;
    const conversationId = queued.conversation_id;
    let delay = 0;
    try {
      const { message } = await this.send(queued);
      const entry = this.#findByClientId(queued.client_id);
      if (entry) {
        // Remove it before `onSent`, so that the message and its pending copy are never displayed together.
        const removed = this.#remove(queued.client_id);
        this.onSent(message);
        this.onChange(this.#queued);
        await removed;
        this.announce();
      }
    } catch (error) {
      const apiError = error instanceof ApiError ? error : new ApiError({ code: "timeout" });
      if (epoch !== this.#epoch || apiError.code === "disconnected") return;
      if (apiError.isTemporary || apiError.code === "unauthenticated") {
        delay = apiError.retryAfter !== undefined ? apiError.retryAfter * 1000 : RETRY_DELAY;
      } else if (apiError.code !== "timeout" && this.#findByClientId(queued.client_id)) {
        queued.failed = { code: apiError.code, detail: apiError.detail };
        await this.#save(queued);
        this.onChange(this.#queued);
        this.announce();
      }
    }
    if (epoch !== this.#epoch) return;
    if (delay) this.#sending.set(conversationId, this.clock.after(delay, () => this.#release(conversationId)));
    else this.#release(conversationId);
  }

  /** Allows sending the next message of a conversation. @param {number} conversationId */
  #release(conversationId) {
    this.#sending.delete(conversationId);
    this.#sendNext();
  }
}
