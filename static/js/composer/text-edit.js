/** Changing the text of a field so that the browser's own undo takes it back. */

/**
 * One change of a text: what stands from `from` to `to` becomes `text`; then `select` is selected.
 * @typedef {{from: number, to: number, text: string, select?: [number, number]}} Change
 */

/**
 * The field has the focus afterwards, and has told `input`.
 * @param {HTMLTextAreaElement | HTMLInputElement} field
 * @param {Change} change
 */
export function apply(field, { from, to, text, select }) {
  field.focus({ preventScroll: true });
  field.setSelectionRange(from, to);
  // The old command is the only one that writes into the history of undo.
  const done = text
    ? document.execCommand("insertText", false, text)
    : from === to || document.execCommand("delete", false);
  if (!done) {
    field.setRangeText(text, from, to, "end");
    field.dispatchEvent(new InputEvent("input", { bubbles: true, inputType: "insertText" }));
  }
  const [start, end] = select ?? [from + text.length, from + text.length];
  field.setSelectionRange(start, end);
}
