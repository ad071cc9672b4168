/**
 * List of suggestions in the composer: members after `@`, emoji after `:`. The search page suggests people after `from:`. A source recognises its query in the text
 * and provides the options. This module does the rest for all sources: keyboard, mouse and accessibility.
 */
import { applyChange } from "../text-edit.js";
import { clone, findAll } from "../../lib/dom.js";

/**
 * @typedef {object} Host the element with the field
 * @property {HTMLTextAreaElement | HTMLInputElement} field
 * @property {HTMLElement} form containing block of the list
 * @property {number} conversationId 0: none
 * @property {(target: EventTarget | null | undefined, type: string, handler: (event: any) => void, options?: AddEventListenerOptions) => void} on
 *
 * @typedef {object} Option
 * @property {HTMLElement} content of the list item
 * @property {string} text replaces the query
 * @property {() => void} [onAccepted]
 *
 * @typedef {object} Query
 * @property {number} at index of the sign in the text
 * @property {string} q text after the sign
 * @property {number} [signLength] of `@`, `:` or `from:`; 1 if it is left out
 *
 * @typedef {object} Source
 * @property {string} label key in the dataset of the list, with its accessible name
 * @property {(before: string) => Query | null} findQuery receives the text up to the caret
 * @property {(query: Query, show: (options: Option[], chosen?: number) => void) => void} complete may call `show`
 *   several times; `chosen` -1: Enter sends, unless an option is chosen with the arrow keys
 */

export class Completion {
  /** @type {Source | null} */
  #source = null;
  /** @type {Query} */
  #query = { at: -1, q: "" };
  /** @type {Option[]} */
  #options = [];
  #chosenIndex = 0;
  #isComposing = false;
  /** Index of the `@` or `:` whose list the user closed with Escape: the list stays closed for this query. */
  #dismissedIndex = -1;

  /** @param {Host} composer @param {Source[]} sources */
  constructor(composer, sources) {
    this.composer = composer;
    this.sources = sources;
    this.field = composer.field;
    this.box = document.getElementById("complete");
    composer.on(this.field, "input", () => this.#update());
    composer.on(this.field, "click", () => this.#update());
    composer.on(this.field, "keyup", (event) => event.key.startsWith("Arrow") && this.#handleCaretMove());
    composer.on(this.field, "blur", () => this.close());
    composer.on(this.field, "compositionstart", () => (this.#isComposing = true));
    composer.on(this.field, "compositionend", () => (this.#isComposing = false));
    // In the capture phase, before the composer handles the key: Enter accepts an option here.
    composer.on(this.field, "keydown", (event) => this.#handleKey(event), { capture: true });
    composer.on(this.box, "mousedown", (event) => event.preventDefault()); // the field keeps the focus
    composer.on(this.box, "click", (event) => this.#handleClick(event));
  }

  get isOpen() {
    return this.#options.length > 0;
  }

  close() {
    this.#source = null;
    this.#options = [];
    this.#query = { at: -1, q: "" };
    if (this.box && !this.box.hidden) {
      this.box.hidden = true;
      this.box.replaceChildren();
      document.body.append(this.box); // the list is reused by the next composer
    }
    for (const name of ["role", "aria-expanded", "aria-controls", "aria-activedescendant"]) this.field.removeAttribute(name);
  }

  /** Closes the list when the caret leaves the query. */
  #handleCaretMove() {
    const caret = this.field.selectionStart ?? 0;
    const { at, q, signLength = 1 } = this.#query;
    if (this.isOpen && (caret <= at || caret > at + signLength + q.length)) this.close();
  }

  #update() {
    const { field } = this;
    const caret = field.selectionStart ?? 0;
    if (caret !== field.selectionEnd) return this.close();
    const before = field.value.slice(0, caret);
    for (const source of this.sources) {
      const query = source.findQuery(before);
      if (!query || query.at === this.#dismissedIndex) continue;
      if (source !== this.#source) this.close();
      this.#source = source;
      this.#query = query;
      source.complete(query, (options, chosen = 0) => query === this.#query && this.#show(options, chosen));
      return;
    }
    this.#dismissedIndex = -1;
    this.close();
  }

  /** @param {Option[]} options @param {number} chosen */
  #show(options, chosen) {
    const { box } = this;
    if (!box || !options.length || document.activeElement !== this.field) {
      const query = this.#query;
      this.close();
      this.#query = query; // more options may follow
      return;
    }
    this.#options = options;
    this.#chosenIndex = chosen;
    box.setAttribute("aria-label", box.dataset[this.#source?.label ?? ""] ?? "");
    box.replaceChildren(
      ...options.flatMap(({ content }, index) => {
        const optionElement = clone("option-template");
        optionElement?.append(content);
        if (optionElement) optionElement.id = `complete-${index}`;
        return optionElement ?? [];
      }),
    );
    if (box.parentElement !== this.composer.form) this.composer.form.append(box);
    box.hidden = false;
    this.#updateSelection();
  }

  #updateSelection() {
    findAll(this.box, "[role=option]").forEach((option, index) => {
      option.setAttribute("aria-selected", String(index === this.#chosenIndex));
      if (index === this.#chosenIndex) option.scrollIntoView({ block: "nearest" });
    });
    const { field } = this;
    field.setAttribute("role", "combobox"); // only while the list is open: a combobox is a single-line field
    field.setAttribute("aria-expanded", "true");
    field.setAttribute("aria-controls", "complete");
    if (this.#chosenIndex < 0) field.removeAttribute("aria-activedescendant");
    else field.setAttribute("aria-activedescendant", `complete-${this.#chosenIndex}`);
  }

  /** @param {KeyboardEvent} event */
  #handleKey(event) {
    if (!this.isOpen || event.isComposing || event.keyCode === 229) return; // an input method handles the keys
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const direction = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const count = this.#options.length;
    if (direction) {
      this.#chosenIndex = this.#chosenIndex < 0 ? (direction > 0 ? 0 : count - 1) : (this.#chosenIndex + direction + count) % count;
      this.#updateSelection();
    } else if (event.key === "Enter" && (event.shiftKey || this.#chosenIndex < 0)) {
      return this.close();
    } else if (event.key === "Tab" && event.shiftKey) {
      return;
    } else if (event.key === "Enter" || event.key === "Tab") {
      this.#acceptIndex(Math.max(0, this.#chosenIndex));
    } else if (event.key === "Escape") {
      this.#dismissedIndex = this.#query.at;
      this.close();
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  }

  /** @param {MouseEvent} event */
  #handleClick(event) {
    const option = /** @type {HTMLElement} */ (event.target).closest("[role=option]");
    const index = findAll(this.box, "[role=option]").indexOf(/** @type {HTMLElement} */ (option));
    if (index < 0) return;
    if (!this.#isComposing) return this.#acceptIndex(index);
    // The input method still holds the typed text: let it finish first.
    const chosenOption = this.#options[index];
    const { at } = this.#query;
    this.field.addEventListener("compositionend", () => this.#accept(chosenOption, at), { once: true });
    this.field.blur();
  }

  /** @param {number} index */
  #acceptIndex(index) {
    this.#accept(this.#options[index], this.#query.at);
  }

  /** @param {Option} option @param {number} at */
  #accept(option, at) {
    const { field } = this;
    const end = Math.max(field.selectionStart ?? 0, at);
    this.close();
    const trailingSpace = field.value[end] === " " ? "" : " ";
    applyChange(field, { from: at, to: end, text: option.text + trailingSpace, select: [at + option.text.length + 1, at + option.text.length + 1] });
    option.onAccepted?.();
  }
}
