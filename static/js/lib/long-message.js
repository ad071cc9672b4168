/**
 * Decides whether a message that is not sent yet is so long that only its beginning is shown at first. The server decides
 * it for stored messages. Same rules as
 * `chat/text/truncation.py`; both are tested with tests/js/shared_cases/long_messages.json.
 */

const MAX_ROWS = 24;
const ROW_WIDTH = 84;
const FIRST_WIDE_CODE_POINT = 0x1100;

/** Whether a message is longer than 24 rows as displayed. @param {string} text source text, not HTML */
export function isLongMessage(text) {
  if (text.length <= MAX_ROWS) return false;
  let rows = 0;
  for (const line of text.replace(/\r\n?/g, "\n").split("\n")) rows += line ? 1 + Math.floor((width(line) - 1) / ROW_WIDTH) : 1;
  return rows > MAX_ROWS;
}

/** @param {string} line */
function width(line) {
  let sum = 0;
  for (const char of line) sum += /** @type {number} */ (char.codePointAt(0)) >= FIRST_WIDE_CODE_POINT ? 2 : 1;
  return sum;
}
