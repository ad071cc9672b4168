/**
 * Whether a text is so long that only its beginning is shown until somebody asks for the rest: as `chat/text/truncation.py`,
 * kept alike by tests/shared_cases/long_messages.json.
 */

const ROWS = 24;
const WIDTH = 84;
const WIDE = 0x1100;

/** @param {string} text as it was written */
export function isLong(text) {
  if (text.length <= ROWS) return false;
  let rows = 0;
  for (const line of text.replace(/\r\n?/g, "\n").split("\n")) rows += line ? 1 + Math.floor((width(line) - 1) / WIDTH) : 1;
  return rows > ROWS;
}

/** @param {string} line */
function width(line) {
  let sum = 0;
  for (const char of line) sum += /** @type {number} */ (char.codePointAt(0)) >= WIDE ? 2 : 1;
  return sum;
}
