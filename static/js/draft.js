/** A text that is not sent yet: kept by the browser at once, on the server after a pause, so that other devices see it. */
import { clock as realClock } from "./clock.js";
import { memory as realMemory } from "./page.js";

const PAUSE = 1_500; // ms without a key

/**
 * @typedef {object} Options
 * @property {string} key in the browser's memory
 * @property {string} stored what the server had when the page was drawn
 * @property {(text: string, leaving: boolean) => Promise<unknown>} store on the server
 * @property {import("./clock.js").Clock} [clock]
 * @property {{get: (key: string) => any, set: (key: string, value: any) => void}} [memory]
 */

export class Draft {
  #text;
  /** What the server has. */
  #stored;
  /** @type {any} */
  #timer;

  /** @param {Options} options */
  constructor({ key, stored, store, clock = realClock, memory = realMemory }) {
    this.key = key;
    this.store = store;
    this.clock = clock;
    this.memory = memory;
    this.#stored = stored;
    // What the browser kept was not stored any more: it is the newer one.
    const kept = memory.get(key);
    this.#text = typeof kept === "string" ? kept : stored;
    if (this.#text !== stored) this.#later();
  }

  get text() {
    return this.#text;
  }

  /** @param {string} text as it stands in the field now */
  write(text) {
    this.#text = text;
    this.memory.set(this.key, text === this.#stored ? null : text);
    this.#later();
  }

  /** The text was taken over by the outbox. */
  sent() {
    this.write("");
    if (this.#stored) this.#store(false);
    else this.clock.cancel(this.#timer);
  }

  /** Another device stored this. @param {string} text @returns {boolean} whether it is news, and nothing here is newer */
  adopt(text) {
    const isNews = text !== this.#stored && this.#text === this.#stored;
    this.#stored = text;
    if (isNews) this.#text = text;
    return isNews;
  }

  /** The page or the conversation is left: now or never. */
  leave() {
    this.clock.cancel(this.#timer);
    if (this.#text !== this.#stored) this.#store(true);
  }

  #later() {
    this.clock.cancel(this.#timer);
    this.#timer = this.clock.after(PAUSE, () => this.#text !== this.#stored && this.#store(false));
  }

  /** @param {boolean} leaving */
  async #store(leaving) {
    this.clock.cancel(this.#timer);
    const text = this.#text;
    const before = this.#stored;
    this.#stored = text; // so that its own echo is no news
    try {
      await this.store(text, leaving);
      if (this.#text === text) this.memory.set(this.key, null);
    } catch {
      if (this.#stored === text) this.#stored = before; // the browser still has it; the next key or page tries again
    }
  }
}
