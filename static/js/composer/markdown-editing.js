/**
 * Edits Markdown text: adds signs around the selection or markers at the beginning of lines, and continues a list on a
 * new line. These functions work on strings and do not use the page.
 */

/** @typedef {import("./text-edit.js").Change} Change */

/** Returns the index at which the line of this position begins. @param {string} value @param {number} position */
const lineStart = (value, position) => (position ? value.lastIndexOf("\n", position - 1) + 1 : 0);

const INLINE_SIGNS = new Map([["bold", "**"], ["italic", "*"], ["code", "`"], ["strike", "~~"]]);
const LINE_MARKERS = new Map([["list", "- "], ["quote", "> "], ["numbers", "1. "]]);
const ITEM_MARKER = /^(?!\d{4}\. +\d{1,2}\.(?: |$))(?:[-*+] |\d{1,9}[.)] )/; // `2026. 11. 30.` is a date
const QUOTE_MARKERS = /^(?:> )*/;
const URL_PATTERN = /^(?:https?:\/\/|mailto:)\S+$/i;

/**
 * Returns the change for an action of the toolbar.
 * @param {string} value the whole text
 * @param {number} start of the selection
 * @param {number} end of the selection
 * @param {string} act
 * @returns {Change | null} null for an unknown action
 */
export function applyFormat(value, start, end, act) {
  const sign = INLINE_SIGNS.get(act);
  const marker = LINE_MARKERS.get(act);
  const selected = value.slice(start, end);
  if (act === "code" && selected.includes("\n")) return makeFence(value, start, end);
  if (sign) return toggleSigns(value, start, end, sign);
  if (marker) return toggleMarkers(value, start, end, marker);
  if (act === "link") return makeLink(value, start, end, URL_PATTERN.test(selected) ? selected : "");
  if (act === "mention" || act === "emoji-name") {
    const trigger = act === "mention" ? "@" : ":";
    return { from: start, to: end, text: /[A-Za-z0-9]$/.test(value.slice(0, start)) ? ` ${trigger}` : trigger };
  }
  return null;
}

/**
 * Adds signs around the selection, or removes them if they are there.
 * @param {string} value @param {number} start @param {number} end @param {string} sign
 * @returns {Change}
 */
function toggleSigns(value, start, end, sign) {
  // Signs must touch a word: selected spaces stay outside.
  const selected = value.slice(start, end);
  if (selected.trim()) {
    start += selected.length - selected.trimStart().length;
    end -= selected.length - selected.trimEnd().length;
  }
  const text = value.slice(start, end);
  const length = sign.length;
  const outside = countSigns(value.slice(0, start), sign, true) === length && countSigns(value.slice(end), sign, false) === length;
  if (outside) return { from: start - length, to: end + length, text, select: [start - length, end - length] };
  if (text.length > 2 * length && countSigns(text, sign, false) === length && countSigns(text, sign, true) === length) {
    const inner = text.slice(length, -length);
    return { from: start, to: end, text: inner, select: [start, start + inner.length] };
  }
  return { from: start, to: end, text: sign + text + sign, select: [start + length, start + length + text.length] };
}

/**
 * Counts the sign characters at one end of a text, to tell `**` from `*`.
 * @param {string} text
 * @param {string} sign
 * @param {boolean} atEnd
 */
function countSigns(text, sign, atEnd) {
  const char = sign[0] === "*" ? "\\*" : sign[0];
  return (new RegExp(atEnd ? `${char}*$` : `^${char}*`).exec(text)?.[0] ?? "").length;
}

/**
 * Adds a marker to the selected lines, or removes it if all of them have it.
 * @param {string} value @param {number} start @param {number} end @param {string} marker
 * @returns {Change}
 */
function toggleMarkers(value, start, end, marker) {
  const from = lineStart(value, start);
  const lines = value.slice(from, end).split("\n");
  const isQuote = marker === "> ";
  const pattern = marker === "1. " ? /^\d{1,9}[.)] / : isQuote ? /^> / : /^[-*+] /;
  const allMarked = lines.every((line) => pattern.test(line));
  const text = lines
    .map((line, index) => {
      if (allMarked) return line.replace(pattern, "");
      const plain = isQuote ? line : line.replace(/^(?:[-*+] |\d{1,9}[.)] )/, "");
      return (marker === "1. " ? `${index + 1}. ` : marker) + plain;
    })
    .join("\n");
  return { from, to: end, text };
}

/** @param {string} value @param {number} start @param {number} end @returns {Change} */
function makeFence(value, start, end) {
  return makeCodeBlock(value, start, end, value.slice(start, end), "");
}

/**
 * Makes a code block on lines of its own.
 * @param {string} value @param {number} start @param {number} end @param {string} code @param {string} language
 * @returns {Change}
 */
export function makeCodeBlock(value, start, end, code, language) {
  const content = code.replace(/^\n+|\s+$/g, "");
  const longestRun = Math.max(2, ...[...content.matchAll(/`{3,}/g)].map(([fence]) => fence.length));
  const fence = "`".repeat(longestRun + 1);
  const prefix = start && value[start - 1] !== "\n" ? "\n" : "";
  return { from: start, to: end, text: `${prefix}${fence}${language}\n${content}\n${fence}${value[end] === "\n" ? "" : "\n"}` };
}

/**
 * Makes a link with the selection as its label.
 * @param {string} value @param {number} start @param {number} end
 * @param {string} url empty: the caret is placed where it has to be typed
 * @returns {Change}
 */
export function makeLink(value, start, end, url) {
  const selected = value.slice(start, end);
  if (url && url === selected) return { from: start, to: end, text: `[](${escapeUrl(url)})`, select: [start + 1, start + 1] };
  const label = selected.replace(/[[\]]/g, "\\$&");
  const text = `[${label}](${escapeUrl(url)})`;
  const position = start + label.length + (selected ? 3 : 1);
  return { from: start, to: end, text, select: url ? undefined : [position, position] };
}

/**
 * Puts a URL with brackets or spaces between angle brackets; without them, the link would end too early.
 * @param {string} url
 */
function escapeUrl(url) {
  return /[()\s<>]/.test(url) ? `<${url.replace(/[<>]/g, encodeURIComponent)}>` : url;
}

/**
 * Makes a new line. It continues the list or quote of the current line; an empty item ends it with a blank line.
 * @param {string} value @param {number} start @param {number} end of the selection
 * @returns {Change}
 */
export function makeNewLine(value, start, end) {
  const from = lineStart(value, start);
  const { indent, quote, item, isEmpty } = splitMarkers(value.slice(from, start));
  if (isInCodeBlock(value, start)) {
    const { quote: markers, lines } = readQuote(value.slice(0, start));
    return { from: start, to: end, text: `\n${markers}${/^[ \t]*/.exec(lines[lines.length - 1])?.[0] ?? ""}` };
  }
  const prefix = indent + quote;
  if (!quote && !item) return { from: start, to: end, text: "\n" };
  if (isEmpty) {
    if (quote && item) return { from, to: end, text: prefix }; // leaves the list, but not yet the quote around it
    // A line right behind a list or quote would belong to it. The blank line ends it.
    const previous = splitMarkers(from ? value.slice(lineStart(value, from - 1), from - 1) : "");
    return { from, to: end, text: previous.quote || previous.item ? "\n" : "" };
  }
  const number = /^(\d+)([.)] )/.exec(item);
  return { from: start, to: end, text: `\n${prefix}${number ? Number(number[1]) + 1 + number[2] : item}` };
}

/**
 * Splits the beginning of a line: white space, the markers of the quotes it is in, and that of a list item.
 * @param {string} line
 */
function splitMarkers(line) {
  const indent = /^[ \t]*/.exec(line)?.[0] ?? "";
  const quote = QUOTE_MARKERS.exec(line.slice(indent.length))?.[0] ?? "";
  const rest = line.slice(indent.length + quote.length);
  const item = ITEM_MARKER.exec(rest)?.[0] ?? "";
  return { indent, quote, item, isEmpty: rest === item };
}

/** Opening fence of a code block: backticks, and possibly the language. */
const OPENING_FENCE = /^ {0,3}(`{3,})([^`]*)$/;
const CLOSING_FENCE = /^[^`]*(`{3,})[ \t]*$/;
/** Closing fence with words behind it, which are text below the code. One plain word may be a language instead. */
const CLOSING_FENCE_BEFORE_WORDS = /^(`{3,})[ \t]*(?![\w+#.-]*$)[^`]+$/;

/**
 * Returns whether a position is inside a code block.
 * @param {string} value
 * @param {number} position
 */
export function isInCodeBlock(value, position) {
  return findOpenFence(readQuote(value.slice(0, position)).lines.slice(0, -1)) !== "";
}

/**
 * Returns the markers and the lines of the quote in which a text ends, without the markers. Of a text that does not end
 * in a quote, returns all lines. In a code block, `> ` is code.
 * @param {string} text
 */
function readQuote(text) {
  const lines = text.split("\n");
  const isCode = findOpenFence(lines.slice(0, -1)) !== "";
  const quote = (!isCode && QUOTE_MARKERS.exec(lines[lines.length - 1])?.[0]) || "";
  let start = lines.length - 1;
  while (start > 0 && lines[start - 1].startsWith(quote)) start -= 1;
  return { quote, lines: lines.slice(start).map((line) => line.slice(quote.length)) };
}

/**
 * Returns whether a new line at this position is a line of code. The fence that ends at the position counts: behind an
 * opening one the code begins, behind a closing one it is complete.
 * @param {string} value
 * @param {number} position
 */
export function isNewLineInCodeBlock(value, position) {
  const { lines } = readQuote(value.slice(0, position));
  const line = lines[lines.length - 1];
  const isOpen = isInCodeBlock(value, position);
  // Several words behind the backticks are text, as long as nothing closes the block.
  if (!isOpen && /\S\s+\S/.test(OPENING_FENCE.exec(line)?.[2] ?? "")) return false;
  return findOpenFence(lines) !== "";
}

/** @param {string[]} lines @returns {string} the fence of the code block that is open after these lines, or "" */
function findOpenFence(lines) {
  for (let index = 0; index < lines.length; index += 1) {
    const fence = OPENING_FENCE.exec(lines[index])?.[1];
    if (!fence) continue;
    const findEnd = (/** @type {RegExp} */ pattern) =>
      lines.findIndex((line, place) => place > index && (pattern.exec(line)?.[1].length ?? 0) >= fence.length);
    const end = findEnd(CLOSING_FENCE);
    index = end < 0 ? findEnd(CLOSING_FENCE_BEFORE_WORDS) : end;
    if (index < 0) return fence;
  }
  return "";
}

/**
 * Returns whether a position is inside a code block or inline code, where Markdown signs have no effect.
 * @param {string} value
 * @param {number} position
 */
export function isInCode(value, position) {
  if (isInCodeBlock(value, position)) return true;
  const line = value.slice(lineStart(value, position), position);
  return (line.match(/`/g)?.length ?? 0) % 2 === 1;
}
