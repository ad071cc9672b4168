/** Markdown signs around what is selected, or before its lines. */

const AROUND = new Map([["bold", "**"], ["italic", "*"], ["code", "`"]]);
const BEFORE = new Map([["list", "- "], ["quote", "> "]]);

/**
 * @param {HTMLTextAreaElement} field
 * @param {string} act
 * @returns {boolean} whether anything was done
 */
export function format(field, act) {
  const { selectionStart: start, selectionEnd: end, value } = field;
  const chosen = value.slice(start, end);
  const around = AROUND.get(act);
  const before = BEFORE.get(act);
  if (around) {
    const sign = act === "code" && chosen.includes("\n") ? "\n```\n" : around;
    field.setRangeText(sign + chosen + sign, start, end, "end");
    field.setSelectionRange(start + sign.length, start + sign.length + chosen.length);
  } else if (before) {
    const from = value.lastIndexOf("\n", start - 1) + 1;
    field.setRangeText(value.slice(from, end).replace(/^/gm, before), from, end, "end");
  } else if (act === "mention") {
    field.setRangeText(/\w$/u.test(value.slice(0, start)) ? " @" : "@", start, end, "end");
  } else {
    return false;
  }
  field.focus();
  return true;
}
