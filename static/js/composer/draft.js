/**
 * A text that is not sent yet: kept by the browser at once, on the server after a pause, so that other devices see it.
 * What the browser keeps says what the server had when it was written, so that neither overwrites the other unseen.
 */
import { clock as realClock } from "../realtime/clock.js";
import { memory as realMemory } from "../lib/dom.js";
import { Refusal } from "../realtime/api-error.js";

/**
 * @typedef {import("../realtime/protocol.js").Mine} Mine
 * @typedef {import("../realtime/protocol.js").Reply} Reply
 *
 * @typedef {object} Kept in the browser's memory
 * @property {string} text
 * @property {string} base what the server had
 * @property {number} version `me_version` of that
 * @property {boolean} dirty the server has not got it
 * @property {Reply | null} [reply] only this browser knows it
 *
 * @typedef {object} Options
 * @property {string} key in the browser's memory
 * @property {string} stored what the server had when the page was drawn
 * @property {number} [version] `me_version` of that
 * @property {(text: string, leaving: boolean) => Promise<Mine>} store on the server
 * @property {(text: string) => void} [onTheirs] another device wrote this, and nothing here is newer
 * @property {() => boolean} [isBusy] somebody writes here just now: what comes from elsewhere waits
 * @property {number} [limit] code points; more is kept here alone
 * @property {import("../realtime/clock.js").Clock} [clock]
 * @property {{get: (key: string) => any, set: (key: string, value: any) => void}} [memory]
 */

const PAUSE = 1_500; // ms without a key
const REST = 4_000; // ms until what another device wrote is offered again

export class Draft {
  #text = "";
  #stored = "";
  #version = 0;
  #dirty = false;
  /** @type {Reply | null} */
  #reply = null;
  /** From another device, for when nobody writes here. @type {string | null} */
  #theirs = null;
  /** What is on its way to the server. @type {string | null} */
  #saving = null;
  /** @type {any} */
  #timer;
  /** @type {any} */
  #offering;

  /** @param {Options} options */
  constructor({ key, stored, version = 0, store, onTheirs, isBusy, limit = Infinity, clock = realClock, memory = realMemory }) {
    this.key = key;
    this.store = store;
    this.onTheirs = onTheirs ?? (() => {});
    this.isBusy = isBusy ?? (() => false);
    this.limit = limit;
    this.clock = clock;
    this.memory = memory;
    this.#stored = this.#text = stored;
    this.#version = version;
    this.#open(memory.get(key));
  }

  get text() {
    return this.#text;
  }

  /** What it answers, if this browser knows. */
  get reply() {
    return this.#reply;
  }

  /** Whether a text of so many code points is too long to be kept on the server. */
  get #isLong() {
    return this.#text.length > this.limit && [...this.#text].length > this.limit;
  }

  /** @param {Kept | null} kept by the browser, of an earlier page */
  #open(kept) {
    if (!kept || typeof kept.text !== "string") return;
    const isOldPage = this.#version < kept.version; // drawn before the server had what is known here
    if (isOldPage) [this.#stored, this.#version] = [kept.dirty ? kept.base : kept.text, kept.version];
    if (kept.dirty) {
      this.#text = this.#stored === kept.base ? kept.text : both(this.#stored, kept.text);
      this.#dirty = this.#text !== this.#stored;
    } else {
      this.#text = this.#stored;
    }
    if (kept.dirty || this.#text === kept.text) this.#reply = kept.reply ?? null;
    if (this.#dirty || this.#reply || isOldPage) this.#keep();
    else this.memory.set(this.key, null);
    if (this.#dirty) this.#later();
  }

  /** @param {string} text as it stands in the field now */
  write(text) {
    if (text === this.#text && this.#theirs === null) return;
    this.#theirs = null; // the newest words are these
    this.#text = text;
    this.#dirty = this.#saving !== null || text !== this.#stored;
    this.#keep();
    this.#later();
  }

  /** @param {Reply | null} reply */
  answer(reply) {
    this.#reply = reply;
    this.#keep();
  }

  /** The text was taken over by the outbox. @param {string} [next] what stands in its place by now */
  sent(next = "") {
    if (!next) this.#reply = null;
    this.write(next);
    this.#keep();
    this.clock.cancel(this.#timer);
    this.#save();
  }

  /** What the server says now. @param {Pick<Mine, "draft" | "me_version">} mine */
  adopt({ draft, me_version }) {
    if (me_version < this.#version) return;
    this.#version = me_version;
    const isNews = draft !== this.#stored && draft !== this.#saving;
    this.#stored = draft;
    if (this.#text === draft) this.#dirty = this.#saving !== null && this.#saving !== draft;
    if (isNews && !this.#dirty && this.#text !== draft) {
      this.#theirs = draft;
      this.#offer();
    } else {
      this.#keep();
    }
  }

  /** The line is back: what could not be stored is tried again. */
  retry() {
    if (this.#dirty) this.#save();
  }

  /** The page or the conversation is left: now or never. */
  leave() {
    this.clock.cancel(this.#timer);
    this.clock.cancel(this.#offering);
    if (this.#dirty && this.#text !== this.#saving && !this.#isLong) this.#send(true);
  }

  #offer() {
    this.clock.cancel(this.#offering);
    if (this.#theirs === null) return;
    if (this.isBusy()) {
      this.#offering = this.clock.after(REST, () => this.#offer());
      return;
    }
    this.#text = this.#theirs;
    this.#theirs = null;
    this.#keep();
    this.onTheirs(this.#text);
  }

  /** Also what the server has by now, and that a text was sent: a page on its way may have been drawn before. */
  #keep() {
    /** @type {Kept} */
    const kept = { text: this.#text, base: this.#stored, version: this.#version, dirty: this.#dirty, reply: this.#reply };
    this.memory.set(this.key, kept);
  }

  #later() {
    this.clock.cancel(this.#timer);
    this.#timer = this.clock.after(PAUSE, () => this.#save());
  }

  /** One at a time, so that an older text cannot arrive after a newer one. */
  async #save() {
    if (!this.#dirty || this.#saving !== null || this.#isLong) return;
    this.#saving = this.#text;
    const isDone = await this.#send(false);
    this.#saving = null;
    if (isDone && this.#dirty) this.#save();
  }

  /** @param {boolean} leaving @returns {Promise<boolean>} whether the server has it */
  async #send(leaving) {
    const text = this.#text;
    try {
      const { me_version } = await this.store(text, leaving);
      if (me_version >= this.#version) [this.#stored, this.#version] = [text, me_version];
      this.#dirty = this.#text !== text;
      this.#keep();
      return true;
    } catch (error) {
      // The browser still has it; the next key, the next line or the next page tries again.
      if (error instanceof Refusal && error.mayPass) this.#later();
      return false;
    }
  }
}

/** Two that were written apart: the one that goes on where the other ends, else both. @param {string} theirs @param {string} ours */
function both(theirs, ours) {
  if (!theirs.trim() || ours.includes(theirs)) return ours;
  if (!ours.trim() || theirs.includes(ours)) return theirs;
  return `${theirs}\n\n${ours}`;
}
