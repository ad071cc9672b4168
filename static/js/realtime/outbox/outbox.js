/**
 * Texts on their way out. Each is stored before it is sent, goes out in the order it was written (per conversation, one
 * at a time, so that a refusal for now cannot let the next one overtake), goes again under the same `client_id` until it
 * is acknowledged, and survives a reload. Only a refusal fails it; then it waits for the person.
 */
import { clock as realClock } from "../clock.js";
import { Refusal } from "../api-error.js";

/**
 * @typedef {import("../clock.js").Clock} Clock
 * @typedef {import("../protocol.js").Queued} Queued
 * @typedef {import("../protocol.js").Message} Message
 *
 * @typedef {object} Store
 * @property {() => Promise<Queued[]>} all in the order in which they were put first
 * @property {(queued: Queued) => Promise<number>} put adds or replaces; answers its `order`
 * @property {(clientId: string) => Promise<void>} remove
 *
 * @typedef {object} Options
 * @property {Store} store
 * @property {(queued: Queued) => Promise<{message: Message}>} send gives the command once; rejects with a `Refusal`
 * @property {(queued: Queued[]) => void} onChange what is pending or failed now, in order
 * @property {(message: Message) => void} [onSent]
 * @property {() => void} [announce] tells other tabs to read the store again
 * @property {Clock} [clock]
 */

/** How long an acknowledgement is waited for. */
export const ACK = 5_000;
const PAUSE = 1_000; // ms, where the server says no number

export class Outbox {
  /** @type {Queued[]} */
  #queued = [];
  /** Conversations with a send under way, or pausing. @type {Map<number, any>} */
  #busy = new Map();
  #leads = false;
  #up = false;
  /** Counts connections and leaders: an answer to an earlier one's send frees nothing. */
  #turn = 0;

  /** @param {Options} options */
  constructor({ store, send, onChange, onSent = () => {}, announce = () => {}, clock = realClock }) {
    this.store = store;
    this.send = send;
    this.onChange = onChange;
    this.onSent = onSent;
    this.announce = announce;
    this.clock = clock;
  }

  /** Pending and failed, in order. */
  get queued() {
    return this.#queued;
  }

  /** Reads what the store holds: at the start, and when another tab changed it. */
  async load() {
    try {
      this.#queued = await this.store.all();
    } catch {
      // What is here stays.
    }
    this.onChange(this.#queued);
    this.#pump();
  }

  /**
   * Takes a text. When this resolves it is stored and survives a reload, unless the store fails: then it is sent from here.
   * @param {Queued} queued
   */
  async put(queued) {
    await this.#keep(queued);
    if (!this.#queued.some(({ client_id }) => client_id === queued.client_id)) this.#queued.push(queued);
    this.#changed();
  }

  /** Another try at one that failed, in its old place. @param {string} clientId */
  async retry(clientId) {
    const queued = this.#find(clientId);
    if (!queued?.failed) return;
    delete queued.failed;
    await this.#keep(queued);
    this.#changed();
  }

  /** @param {string} clientId */
  async discard(clientId) {
    if (!this.#find(clientId)) return;
    await this.#remove(clientId);
    this.#changed();
  }

  /** It was seen among the messages: whoever sent it, it needs no more care. @param {string | null} clientId */
  async settle(clientId) {
    if (clientId) await this.discard(clientId);
  }

  /** Whether this tab is the one that sends. @param {boolean} leads */
  lead(leads) {
    if (this.#leads === leads) return;
    this.#leads = leads;
    this.#rest();
    this.#pump();
  }

  /** Whether commands can be given. @param {boolean} up */
  line(up) {
    if (this.#up === up) return;
    this.#up = up;
    this.#rest();
    this.#pump();
  }

  /** @param {string} clientId */
  #find(clientId) {
    return this.#queued.find(({ client_id }) => client_id === clientId);
  }

  /** @param {Queued} queued */
  async #keep(queued) {
    try {
      queued.order = await this.store.put(queued);
    } catch {
      // The disk is full, or the browser closed the database: the page still has it.
    }
  }

  /** @param {string} clientId */
  async #remove(clientId) {
    this.#queued = this.#queued.filter(({ client_id }) => client_id !== clientId);
    await this.store.remove(clientId).catch(() => {}); // if it comes back with the next page, the server knows it
  }

  #changed() {
    this.onChange(this.#queued);
    this.announce();
    this.#pump();
  }

  /** Forgets sends under way: they go again. */
  #rest() {
    this.#turn += 1;
    for (const timer of this.#busy.values()) this.clock.cancel(timer);
    this.#busy.clear();
  }

  #pump() {
    if (!this.#leads || !this.#up) return;
    for (const queued of this.#queued) {
      if (queued.failed || this.#busy.has(queued.conversation_id)) continue;
      this.#busy.set(queued.conversation_id, undefined);
      this.#try(queued);
    }
  }

  /** @param {Queued} queued */
  async #try(queued) {
    const turn = this.#turn;
    const id = queued.conversation_id;
    let pause = 0;
    try {
      const { message } = await this.send(queued);
      const here = this.#find(queued.client_id);
      if (here) {
        // Off the list before anybody else looks, so that the message and its pending copy never stand side by side.
        const removed = this.#remove(queued.client_id);
        this.onSent(message);
        this.onChange(this.#queued);
        await removed;
        this.announce();
      }
    } catch (error) {
      const refusal = error instanceof Refusal ? error : new Refusal({ code: "timeout" });
      if (turn !== this.#turn || refusal.code === "disconnected") return;
      if (refusal.mayPass || refusal.code === "unauthenticated") {
        pause = refusal.retryAfter !== undefined ? refusal.retryAfter * 1000 : PAUSE;
      } else if (refusal.code !== "timeout" && this.#find(queued.client_id)) {
        queued.failed = { code: refusal.code, detail: refusal.detail };
        await this.#keep(queued);
        this.onChange(this.#queued);
        this.announce();
      }
    }
    if (turn !== this.#turn) return;
    if (pause) this.#busy.set(id, this.clock.after(pause, () => this.#free(id)));
    else this.#free(id);
  }

  /** @param {number} id of a conversation */
  #free(id) {
    this.#busy.delete(id);
    this.#pump();
  }
}
