/** The row of tools under the field: one stop of the Tab key, arrows inside. On a phone it stands behind a plus. */
import { pickEmoji, usedEmoji } from "../lib/emoji.js";
import { format } from "./markdown-editing.js";
import { apply } from "./text-edit.js";
import { find, findAll } from "../lib/dom.js";

/** @typedef {import("./message-composer.js").MessageComposer} MessageComposer */

/** With Ctrl or ⌘; those of the second with Shift too, by the key's place, since Shift changes what it writes. */
const KEYS = new Map([["b", "bold"], ["i", "italic"], ["e", "code"]]);
const SHIFTED = new Map([["KeyX", "strike"], ["KeyK", "link"], ["KeyC", "code"], ["Digit7", "numbers"], ["Digit8", "list"], ["Digit9", "quote"]]);

/** What a key asks for; undefined: nothing. @param {KeyboardEvent} event @returns {string | undefined} */
export function actOfKey({ key, code, ctrlKey, metaKey, shiftKey, altKey }) {
  if (ctrlKey === metaKey || altKey) return undefined;
  return shiftKey ? SHIFTED.get(code) : KEYS.get(key.toLowerCase());
}

export class ComposerTools {
  /** The press that closes the picker is not to open it again. */
  #wasOpen = false;

  /** @param {MessageComposer} composer */
  constructor(composer) {
    this.composer = composer;
    this.field = composer.field;
    this.row = find(composer.form, ".composer-tools");
    this.plus = find(composer.form, ".add");
    for (const button of [this.row, this.plus, find(composer.form, ".send")]) {
      // The field keeps the focus, so that a phone's keyboard stays open.
      composer.listen(button, "mousedown", (event) => {
        event.preventDefault();
        this.#wasOpen = find(this.row, "[data-act=emoji]")?.getAttribute("aria-expanded") === "true";
      });
    }
    composer.listen(this.plus, "click", () => this.#open(!composer.form.classList.contains("with-tools")));
    composer.listen(this.row, "click", (event) => this.#clicked(event));
    composer.listen(this.row, "keydown", (event) => this.#key(event));
    composer.listen(this.row, "focusin", (event) => this.#stop(event.target));
    this.#stop(this.#buttons()[0]);
  }

  /** Does what a key or button asks for. @param {string} act @returns {boolean} */
  do(act) {
    const { value, selectionStart, selectionEnd } = this.field;
    const change = format(value, selectionStart, selectionEnd, act);
    if (change) apply(this.field, change);
    return change !== null;
  }

  /** @param {boolean} on */
  #open(on) {
    this.composer.form.classList.toggle("with-tools", on);
    this.plus?.setAttribute("aria-expanded", String(on));
  }

  /** @param {MouseEvent} event */
  #clicked(event) {
    const button = /** @type {Element} */ (event.target).closest("[data-act]");
    if (!(button instanceof HTMLElement)) return;
    if (button.dataset.act === "emoji") this.#wasOpen ? (this.#wasOpen = false) : this.#emoji(button);
    else this.do(button.dataset.act ?? "");
  }

  /** @param {HTMLElement} button */
  async #emoji(button) {
    const { selectionStart: from, selectionEnd: to } = this.field;
    let [start, end] = [from, to];
    button.setAttribute("aria-expanded", "true");
    try {
      await pickEmoji(button, (emoji) => {
        apply(this.field, { from: start, to: end, text: emoji });
        start = end = start + emoji.length;
        usedEmoji(emoji);
      });
    } catch {
      this.composer.unavailable();
    }
    button.setAttribute("aria-expanded", "false");
    if (this.field.isConnected && start !== from) this.field.focus();
  }

  #buttons() {
    return findAll(this.row, "button");
  }

  /** @param {EventTarget | undefined | null} button the one that the Tab key comes to */
  #stop(button) {
    for (const each of this.#buttons()) each.tabIndex = each === button ? 0 : -1;
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const buttons = this.#buttons();
    const at = buttons.indexOf(/** @type {HTMLElement} */ (document.activeElement));
    const ahead = getComputedStyle(this.composer).direction === "rtl" ? -1 : 1;
    const to = { ArrowRight: at + ahead, ArrowLeft: at - ahead, Home: 0, End: -1 }[event.key];
    if (to === undefined || at < 0) return;
    event.preventDefault();
    buttons.at(to % buttons.length)?.focus();
  }
}
