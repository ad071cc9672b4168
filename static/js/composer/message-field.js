/** The text field of the composer: its height, the counter of the remaining characters, new lines and pasting. */
import { find } from "../lib/dom.js";
import { makeNewLine } from "./markdown-editing.js";
import { convertPaste } from "./paste.js";
import { applyChange } from "./text-edit.js";

const COUNTER_THRESHOLD = 200; // the number of remaining code points is shown when it is below this

export class MessageField {
  /** @param {HTMLTextAreaElement} field @param {HTMLFormElement} form */
  constructor(field, form) {
    this.field = field;
    this.form = form;
  }

  /** The maximum number of code points. */
  get limit() {
    return Number(this.field.dataset.limit);
  }

  /** @param {string} text */
  setText(text) {
    if (this.field.value !== text) this.field.value = text;
    this.update();
  }

  /** Fits height and counter to the text. */
  update() {
    this.#resize();
    this.#updateCounter();
  }

  /** Grows the field with its text in browsers without `field-sizing`. */
  #resize() {
    if (CSS.supports("field-sizing", "content")) return;
    this.field.style.height = "auto";
    this.field.style.height = `${this.field.scrollHeight}px`;
  }

  /** Shows the number of remaining code points near the limit. */
  #updateCounter() {
    const { value } = this.field;
    const counter = find(this.form, ".count");
    if (!counter) return;
    const { limit } = this;
    const remaining = value.length < limit - COUNTER_THRESHOLD ? Infinity : limit - [...value.trimEnd()].length;
    const text = remaining > COUNTER_THRESHOLD ? "" : (remaining < 0 ? counter.dataset.over : counter.dataset.left)?.replace("%n", String(Math.abs(remaining))) ?? "";
    if (counter.textContent !== text) counter.textContent = text;
    counter.classList.toggle("over", remaining < 0);
    if (remaining >= 0) this.field.removeAttribute("aria-invalid");
  }

  insertNewLine() {
    const { value, selectionStart, selectionEnd } = this.field;
    applyChange(this.field, makeNewLine(value, selectionStart, selectionEnd));
    if (this.field.selectionEnd === this.field.value.length) this.field.scrollTop = this.field.scrollHeight;
  }

  /**
   * Pastes formatted text as Markdown. Returns whether it did; otherwise the browser pastes.
   * @param {DataTransfer} clipboard
   */
  paste(clipboard) {
    const { value, selectionStart, selectionEnd } = this.field;
    const change = convertPaste(value, selectionStart, selectionEnd, {
      text: clipboard.getData("text/plain"),
      html: clipboard.getData("text/html"),
      editor: clipboard.getData("vscode-editor-data"),
    });
    if (!change) return false;
    if (change.plain === undefined) {
      applyChange(this.field, change);
    } else {
      // Two steps in the undo history: the first undo removes the signs, the second one the text.
      applyChange(this.field, { from: change.from, to: change.to, text: change.plain });
      applyChange(this.field, { ...change, to: change.from + change.plain.length });
    }
    return true;
  }
}
