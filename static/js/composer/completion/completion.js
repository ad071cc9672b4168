/**
 * The list over the composer that goes on with what is being typed: members after `@`, emoji after `:`. Each source says
 * whether it is its turn and what it offers; keys, pointer and what a screen reader hears are the same for all.
 */
import { apply } from "../text-edit.js";
import { clone, findAll } from "../../lib/dom.js";

/** @typedef {import("../message-composer.js").MessageComposer} MessageComposer */

/**
 * @typedef {object} Option
 * @property {HTMLElement} content what the line shows
 * @property {string} text what takes the place of what was typed
 * @property {() => void} [taken]
 *
 * @typedef {object} Question
 * @property {number} at where the sign stands
 * @property {string} q what follows it
 *
 * @typedef {object} Source
 * @property {string} label a key in the data of the list: its name
 * @property {(before: string) => Question | null} look at the text up to the caret
 * @property {(question: Question, show: (options: Option[], chosen?: number) => void) => void} ask may show several times;
 *   `chosen` -1: Enter sends, unless one is chosen by the arrows
 */

export class Completion {
  /** @type {Source | null} */
  #source = null;
  /** @type {Question} */
  #question = { at: -1, q: "" };
  /** @type {Option[]} */
  #options = [];
  #chosen = 0;
  #isComposing = false;
  /** Closed by Escape: not again for this word. */
  #refused = -1;

  /** @param {MessageComposer} composer @param {Source[]} sources */
  constructor(composer, sources) {
    this.composer = composer;
    this.sources = sources;
    this.field = composer.field;
    this.box = document.getElementById("complete");
    composer.listen(this.field, "input", () => this.#look());
    composer.listen(this.field, "click", () => this.#look());
    composer.listen(this.field, "keyup", (event) => event.key.startsWith("Arrow") && this.#moved());
    composer.listen(this.field, "blur", () => this.close());
    composer.listen(this.field, "compositionstart", () => (this.#isComposing = true));
    composer.listen(this.field, "compositionend", () => (this.#isComposing = false));
    // Before the composer hears the key: Enter chooses here.
    composer.listen(this.field, "keydown", (event) => this.#key(event), { capture: true });
    composer.listen(this.box, "mousedown", (event) => event.preventDefault()); // the field keeps the focus
    composer.listen(this.box, "click", (event) => this.#clicked(event));
  }

  get isOpen() {
    return this.#options.length > 0;
  }

  close() {
    this.#source = null;
    this.#options = [];
    this.#question = { at: -1, q: "" };
    if (this.box && !this.box.hidden) {
      this.box.hidden = true;
      this.box.replaceChildren();
      document.body.append(this.box); // it outlives this composer
    }
    for (const name of ["role", "aria-expanded", "aria-controls", "aria-activedescendant"]) this.field.removeAttribute(name);
  }

  /** Also by the arrows one may leave the word. */
  #moved() {
    const { selectionStart: at } = this.field;
    if (this.isOpen && (at <= this.#question.at || at > this.#question.at + 1 + this.#question.q.length)) this.close();
  }

  #look() {
    const { field } = this;
    if (field.selectionStart !== field.selectionEnd) return this.close();
    const before = field.value.slice(0, field.selectionStart);
    for (const source of this.sources) {
      const question = source.look(before);
      if (!question || question.at === this.#refused) continue;
      if (source !== this.#source) this.close();
      this.#source = source;
      this.#question = question;
      source.ask(question, (options, chosen = 0) => question === this.#question && this.#show(options, chosen));
      return;
    }
    this.#refused = -1;
    this.close();
  }

  /** @param {Option[]} options @param {number} chosen */
  #show(options, chosen) {
    const { box } = this;
    if (!box || !options.length || document.activeElement !== this.field) {
      const question = this.#question;
      this.close();
      this.#question = question; // more may come
      return;
    }
    this.#options = options;
    this.#chosen = chosen;
    box.setAttribute("aria-label", box.dataset[this.#source?.label ?? ""] ?? "");
    box.replaceChildren(
      ...options.flatMap(({ content }, index) => {
        const line = clone("option-template");
        line?.append(content);
        if (line) line.id = `complete-${index}`;
        return line ?? [];
      }),
    );
    if (box.parentElement !== this.composer.form) this.composer.form.append(box);
    box.hidden = false;
    this.#mark();
  }

  #mark() {
    findAll(this.box, "[role=option]").forEach((option, index) => {
      option.setAttribute("aria-selected", String(index === this.#chosen));
      if (index === this.#chosen) option.scrollIntoView({ block: "nearest" });
    });
    const { field } = this;
    field.setAttribute("role", "combobox"); // as long as there is a list; a combobox has one line to type in
    field.setAttribute("aria-expanded", "true");
    field.setAttribute("aria-controls", "complete");
    if (this.#chosen < 0) field.removeAttribute("aria-activedescendant");
    else field.setAttribute("aria-activedescendant", `complete-${this.#chosen}`);
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (!this.isOpen || event.isComposing || event.keyCode === 229) return; // an input method has the keys
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const count = this.#options.length;
    if (step) {
      this.#chosen = this.#chosen < 0 ? (step > 0 ? 0 : count - 1) : (this.#chosen + step + count) % count;
      this.#mark();
    } else if (event.key === "Enter" && (event.shiftKey || this.#chosen < 0)) {
      return this.close();
    } else if (event.key === "Tab" && event.shiftKey) {
      return;
    } else if (event.key === "Enter" || event.key === "Tab") {
      this.#take(Math.max(0, this.#chosen));
    } else if (event.key === "Escape") {
      this.#refused = this.#question.at;
      this.close();
    } else {
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  }

  /** @param {MouseEvent} event */
  #clicked(event) {
    const option = /** @type {HTMLElement} */ (event.target).closest("[role=option]");
    const index = findAll(this.box, "[role=option]").indexOf(/** @type {HTMLElement} */ (option));
    if (index < 0) return;
    if (!this.#isComposing) return this.#take(index);
    // The input method still holds what was typed: let it go first.
    const option_ = this.#options[index];
    const { at } = this.#question;
    this.field.addEventListener("compositionend", () => this.#put(option_, at), { once: true });
    this.field.blur();
  }

  /** @param {number} index */
  #take(index) {
    this.#put(this.#options[index], this.#question.at);
  }

  /** @param {Option} option @param {number} at */
  #put(option, at) {
    const { field } = this;
    const to = Math.max(field.selectionStart, at);
    this.close();
    const follows = field.value[to] === " " ? "" : " ";
    apply(field, { from: at, to, text: option.text + follows, select: [at + option.text.length + 1, at + option.text.length + 1] });
    option.taken?.();
  }
}
