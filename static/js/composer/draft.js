/**
 * Draft of a message. It is stored in the browser at once, and on the server when the user pauses, so that other
 * devices get it. The record in the browser also contains the server's draft that the user started from. With it, the
 * script notices if another device has changed the draft, and loses neither text.
 */
import { clock as realClock } from "../realtime/clock.js";
import { browserStorage } from "../lib/dom.js";
import { ApiError } from "../realtime/api-error.js";

/**
 * @typedef {import("../realtime/protocol.js").Mine} Mine
 * @typedef {import("../realtime/protocol.js").Reply} Reply
 *
 * @typedef {object} DraftRecord record in localStorage. Browsers hold records of older versions: the fields must not
 *   change.
 * @property {string} text
 * @property {string} base the draft on the server when the text was written
 * @property {number} version `me_version` of `base`
 * @property {boolean} dirty whether the text is not on the server yet
 * @property {Reply | null} [reply] known only to this browser
 *
 * @typedef {object} Options
 * @property {string} key in localStorage
 * @property {string} stored the draft on the server when the page was rendered
 * @property {number} [version] `me_version` of `stored`
 * @property {(text: string, isLeaving: boolean) => Promise<Mine>} store saves a text on the server
 * @property {(text: string) => void} [onRemoteChange] another device changed the draft, and nothing here is newer
 * @property {() => boolean} [isBusy] whether the user is typing: changes of other devices have to wait
 * @property {number} [limit] in code points; a longer text is only stored in the browser
 * @property {import("../realtime/clock.js").Clock} [clock]
 * @property {{get: (key: string) => any, set: (key: string, value: any) => void}} [memory] localStorage
 */

const SAVE_DELAY = 1_500; // ms without a key
const REMOTE_RETRY_DELAY = 4_000; // ms until a change of another device is tried again

export class Draft {
  #text = "";
  #storedText = "";
  #version = 0;
  #isDirty = false;
  /** @type {Reply | null} */
  #reply = null;
  /** Text of another device, waiting until the user stops typing. @type {string | null} */
  #remoteText = null;
  /** The text that is being saved on the server. @type {string | null} */
  #savingText = null;
  /** @type {any} */
  #saveTimer;
  /** @type {any} */
  #applyTimer;

  /** @param {Options} options */
  constructor({ key, stored, version = 0, store, onRemoteChange, isBusy, limit = Infinity, clock = realClock, memory = browserStorage }) {
    this.key = key;
    this.store = store;
    this.onRemoteChange = onRemoteChange ?? (() => {});
    this.isBusy = isBusy ?? (() => false);
    this.limit = limit;
    this.clock = clock;
    this.memory = memory;
    this.#storedText = this.#text = stored;
    this.#version = version;
    this.#restore(memory.get(key));
  }

  get text() {
    return this.#text;
  }

  /** The message this draft replies to, if this browser knows it. */
  get reply() {
    return this.#reply;
  }

  /** Whether the text is too long for the server. */
  get #isTooLong() {
    return this.#text.length > this.limit && [...this.#text].length > this.limit;
  }

  /** Restores the record of an earlier page. @param {DraftRecord | null} record */
  #restore(record) {
    if (!record || typeof record.text !== "string") return;
    const isOutdatedPage = this.#version < record.version; // rendered before the server had the version of the record
    if (isOutdatedPage) [this.#storedText, this.#version] = [record.dirty ? record.base : record.text, record.version];
    if (record.dirty) {
      this.#text = this.#storedText === record.base ? record.text : mergeTexts(this.#storedText, record.text);
      this.#isDirty = this.#text !== this.#storedText;
    } else {
      this.#text = this.#storedText;
    }
    if (record.dirty || this.#text === record.text) this.#reply = record.reply ?? null;
    if (this.#isDirty || this.#reply || isOutdatedPage) this.#saveLocally();
    else this.memory.set(this.key, null);
    if (this.#isDirty) this.#scheduleSave();
  }

  /** Sets the text after input by the user. @param {string} text */
  setText(text) {
    if (text === this.#text && this.#remoteText === null) return;
    this.#remoteText = null; // the user's input is newer
    this.#text = text;
    this.#isDirty = this.#savingText !== null || text !== this.#storedText;
    this.#saveLocally();
    this.#scheduleSave();
  }

  /** Sets the message this draft replies to. @param {Reply | null} reply */
  setReply(reply) {
    this.#reply = reply;
    this.#saveLocally();
  }

  /** Clears the draft, because its text was added to the outbox. @param {string} [next] what has been typed since */
  markSent(next = "") {
    if (!next) this.#reply = null;
    this.setText(next);
    this.#saveLocally();
    this.clock.cancel(this.#saveTimer);
    this.#save();
  }

  /**
   * Compares the draft with the one that the server has now, and takes it over if nothing here is newer.
   * @param {Pick<Mine, "draft" | "me_version">} mine
   */
  handleMemberState({ draft, me_version }) {
    if (me_version < this.#version) return;
    this.#version = me_version;
    const isRemoteChange = draft !== this.#storedText && draft !== this.#savingText;
    this.#storedText = draft;
    if (this.#text === draft) this.#isDirty = this.#savingText !== null && this.#savingText !== draft;
    if (isRemoteChange && !this.#isDirty && this.#text !== draft) {
      this.#remoteText = draft;
      this.#applyRemote();
    } else {
      this.#saveLocally();
    }
  }

  /** Saves the draft if it could not be saved before; called when the connection is open again. */
  retry() {
    if (this.#isDirty) this.#save();
  }

  /** Saves the draft at once, because the page or the conversation is left. */
  flush() {
    this.clock.cancel(this.#saveTimer);
    this.clock.cancel(this.#applyTimer);
    if (this.#isDirty && this.#text !== this.#savingText && !this.#isTooLong) this.#send(true);
  }

  #applyRemote() {
    this.clock.cancel(this.#applyTimer);
    if (this.#remoteText === null) return;
    if (this.isBusy()) {
      this.#applyTimer = this.clock.after(REMOTE_RETRY_DELAY, () => this.#applyRemote());
      return;
    }
    this.#text = this.#remoteText;
    this.#remoteText = null;
    this.#saveLocally();
    this.onRemoteChange(this.#text);
  }

  /** Stores the record even if the text is sent or saved: a page that is loading may still contain an older draft. */
  #saveLocally() {
    /** @type {DraftRecord} */
    const record = { text: this.#text, base: this.#storedText, version: this.#version, dirty: this.#isDirty, reply: this.#reply };
    this.memory.set(this.key, record);
  }

  #scheduleSave() {
    this.clock.cancel(this.#saveTimer);
    this.#saveTimer = this.clock.after(SAVE_DELAY, () => this.#save());
  }

  /** Saves one text at a time, so that an older one cannot arrive after a newer one. */
  async #save() {
    if (!this.#isDirty || this.#savingText !== null || this.#isTooLong) return;
    this.#savingText = this.#text;
    const isSaved = await this.#send(false);
    this.#savingText = null;
    if (isSaved && this.#isDirty) this.#save();
  }

  /** @param {boolean} isLeaving @returns {Promise<boolean>} whether the server has stored it */
  async #send(isLeaving) {
    const text = this.#text;
    try {
      const { me_version } = await this.store(text, isLeaving);
      if (me_version >= this.#version) [this.#storedText, this.#version] = [text, me_version];
      this.#isDirty = this.#text !== text;
      this.#saveLocally();
      return true;
    } catch (error) {
      // The browser still has it; the next input, connection or page tries again.
      if (error instanceof ApiError && error.isTemporary) this.#scheduleSave();
      return false;
    }
  }
}

/**
 * Merges two texts that were written independently. If one contains the other, returns the longer one, otherwise both.
 * @param {string} remote
 * @param {string} local
 */
function mergeTexts(remote, local) {
  if (!remote.trim() || local.includes(remote)) return local;
  if (!local.trim() || remote.includes(local)) return remote;
  return `${remote}\n\n${local}`;
}
