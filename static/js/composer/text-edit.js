/** Changes the text of a field so that the user can undo it with the browser's undo command. */

/**
 * A change of a text: the part between `from` and `to` is replaced by `text`; then `select` is selected.
 * @typedef {{from: number, to: number, text: string, select?: [number, number]}} Change
 */

/**
 * Applies a change. The field gets the focus and an `input` event.
 * @param {HTMLTextAreaElement | HTMLInputElement} field
 * @param {Change} change
 */
export function applyChange(field, { from, to, text, select }) {
  field.focus({ preventScroll: true });
  field.setSelectionRange(from, to);
  // This deprecated command is the only one that adds an entry to the undo history.
  const isApplied = text
    ? document.execCommand("insertText", false, text)
    : from === to || document.execCommand("delete", false);
  if (!isApplied) {
    field.setRangeText(text, from, to, "end");
    field.dispatchEvent(new InputEvent("input", { bubbles: true, inputType: "insertText" }));
  }
  const [start, end] = select ?? [from + text.length, from + text.length];
  field.setSelectionRange(start, end);
}
