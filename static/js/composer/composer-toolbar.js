/**
 * Toolbar of the composer. The Tab key stops there once; arrow keys move between its buttons. On a phone, the plus
 * button opens the tools for text.
 */
import { pickEmoji, rememberEmoji } from "../lib/emoji.js";
import { applyFormat } from "./markdown-editing.js";
import { applyChange } from "./text-edit.js";
import { find, findAll } from "../lib/dom.js";

/** @typedef {import("./message-composer.js").MessageComposer} MessageComposer */

/**
 * Shortcuts with Ctrl or ⌘; those of the second table also with Shift, identified by `code`, since Shift changes `key`.
 */
const KEYS = new Map([["b", "bold"], ["i", "italic"], ["e", "code"]]);
const SHIFTED = new Map([["KeyX", "strike"], ["KeyK", "link"], ["KeyC", "code"], ["Digit7", "numbers"], ["Digit8", "list"], ["Digit9", "quote"]]);

/** Returns the action of a shortcut, or undefined. @param {KeyboardEvent} event @returns {string | undefined} */
export function getShortcutAction({ key, code, ctrlKey, metaKey, shiftKey, altKey }) {
  if (ctrlKey === metaKey || altKey) return undefined;
  return shiftKey ? SHIFTED.get(code) : KEYS.get(key.toLowerCase());
}

export class ComposerToolbar {
  /** Whether the emoji picker was open on mousedown: the click that closes it must not open it again. */
  #wasPickerOpen = false;

  /** @param {MessageComposer} composer */
  constructor(composer) {
    this.composer = composer;
    this.field = composer.field;
    this.toolbar = find(composer.form, ".composer-tools");
    this.plus = find(composer.form, ".add");
    for (const button of [this.toolbar, this.plus, find(composer.form, ".send")]) {
      // The field keeps the focus, so that the keyboard of a phone stays open.
      composer.on(button, "mousedown", (event) => {
        event.preventDefault();
        this.#wasPickerOpen = find(this.toolbar, "[data-act=emoji]")?.getAttribute("aria-expanded") === "true";
      });
    }
    composer.on(this.plus, "click", () => this.#setOpen(!composer.form.classList.contains("with-tools")));
    composer.on(this.toolbar, "click", (event) => this.#handleClick(event));
    composer.on(this.toolbar, "keydown", (event) => this.#handleKey(event));
    composer.on(this.toolbar, "focusin", (event) => this.#setTabStop(event.target));
    this.#setTabStop(find(this.toolbar, "button"));
  }

  /**
   * Applies an action of a shortcut or button.
   * @param {string} action
   * @returns {boolean} whether the action is known
   */
  apply(action) {
    const { value, selectionStart, selectionEnd } = this.field;
    const change = applyFormat(value, selectionStart, selectionEnd, action);
    if (change) applyChange(this.field, change);
    return change !== null;
  }

  /** @param {boolean} isOpen */
  #setOpen(isOpen) {
    this.composer.form.classList.toggle("with-tools", isOpen);
    this.plus?.setAttribute("aria-expanded", String(isOpen));
    if (!isOpen) this.#setTabStop(find(this.toolbar, "button"));
  }

  /** @param {MouseEvent} event */
  #handleClick(event) {
    const button = /** @type {Element} */ (event.target).closest("[data-act]");
    if (!(button instanceof HTMLElement)) return;
    if (button.dataset.act === "emoji") this.#wasPickerOpen ? (this.#wasPickerOpen = false) : this.#insertEmoji(button);
    else this.apply(button.dataset.act ?? "");
  }

  /** @param {HTMLElement} button */
  async #insertEmoji(button) {
    const { selectionStart: initialStart, selectionEnd: nextIndex } = this.field;
    let [start, end] = [initialStart, nextIndex];
    button.setAttribute("aria-expanded", "true");
    try {
      await pickEmoji(button, (emoji) => {
        applyChange(this.field, { from: start, to: end, text: emoji });
        start = end = start + emoji.length;
        rememberEmoji(emoji);
      });
    } catch {
      this.composer.showUnavailable();
    }
    button.setAttribute("aria-expanded", "false");
    if (this.field.isConnected && start !== initialStart) this.field.focus();
  }

  /** The displayed buttons. */
  #buttons() {
    return findAll(this.toolbar, "button").filter((button) => button.checkVisibility());
  }

  /** @param {EventTarget | undefined | null} button the one reached by the Tab key */
  #setTabStop(button) {
    for (const other of findAll(this.toolbar, "button")) other.tabIndex = other === button ? 0 : -1;
  }

  /** @param {KeyboardEvent} event */
  #handleKey(event) {
    const buttons = this.#buttons();
    const index = buttons.indexOf(/** @type {HTMLElement} */ (document.activeElement));
    const forward = getComputedStyle(this.composer).direction === "rtl" ? -1 : 1;
    const nextIndex = { ArrowRight: index + forward, ArrowLeft: index - forward, Home: 0, End: -1 }[event.key];
    if (nextIndex === undefined || index < 0) return;
    event.preventDefault();
    buttons.at(nextIndex % buttons.length)?.focus();
  }
}
