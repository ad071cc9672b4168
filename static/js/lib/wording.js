/** Lists of names, as `chat/view_models/message_log.py` makes them, with the words of `<template id="name-words">`. */

/**
 * `bob`, `bob and carol`, `bob, carol and dave`, `bob, carol, dave and 7 more`.
 * @param {string[]} names
 * @param {Record<string, string | undefined>} words
 */
export function nameList(names, words) {
  const full = Number(words.inFull ?? 4);
  if (names.length > full) {
    const shown = full - 1;
    names = [...names.slice(0, shown), fill(words.more, { n: names.length - shown })];
  }
  if (names.length < 2) return names.join("");
  const head = names.slice(0, -1).join(words.comma ?? ", ");
  return fill(words.and, { a: head, b: names[names.length - 1] });
}

/**
 * Puts values where the words have %n, %a, %b or %t.
 * @param {string | undefined} words
 * @param {Record<string, string | number>} values
 */
export function fill(words, values) {
  return (words ?? "").replace(/%([abnt])/g, (place, key) => String(values[key] ?? place));
}

/** Before the name of a file, where a line has no words. @type {Record<string, string>} */
const FILE_SIGNS = { image: "🖼️", video: "🎬", audio: "🎵", file: "📎" };

/** What Python's `str.split()` takes for spaces. */
const SPACES = /[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/u;

const MARKS = /[*_`~[\\]/;
const CODE = /(```[^`]*(?:```|$)|`[^`\n]+`)/;
const FENCE = /^```[^\n]*\n|```$|^`|`$/g;
const MARKED =
  /\\[!-/:-@[-`{-~]|\*\*(?=\S)([^*\n]*[^*\s])\*\*|\*(?=\S)([^*\n]*[^*\s])\*|~~(?=\S)([^~\n]*[^~\s])~~|(?<![\p{L}\p{N}_])__(?=\S)([^_\n]*[^_\s])__(?![\p{L}\p{N}_])|(?<![\p{L}\p{N}_])_(?=\S)([^_\n]*[^_\s])_(?![\p{L}\p{N}_])|\[([^[\]\n]+)\]\([^()\s]*\)/gu;
const ESCAPED = /\\([!-/:-@[-`{-~])/g;

/**
 * The words, without the signs that Markdown reads; as `_unmarked` of chat/schemas.py.
 * @param {string} body
 */
function unmarked(body) {
  if (!MARKS.test(body)) return body;
  /** @param {string} part */
  const words = (part) => part.replace(MARKED, (whole, ...kept) => kept.slice(0, 6).find((each) => each !== undefined) ?? whole);
  return body
    .split(CODE)
    .map((part, at) => (at % 2 ? part.replace(FENCE, "") : words(words(part)).replace(ESCAPED, "$1")))
    .join("");
}

/**
 * A line of a longer text, cut as the server cuts it (`chat.schemas.excerpt`).
 * @param {string} body
 * @param {import("../realtime/protocol.js").Attachment[]} [files] of the same message: named where there are no words
 */
export function excerpt(body, files = []) {
  let line = unmarked(body).split(SPACES).filter(Boolean).join(" ");
  if (!line && files.length) {
    line = `${FILE_SIGNS[files[0].kind] ?? FILE_SIGNS.file} ${files[0].name}`;
    if (files.length > 1) line += ` +${files.length - 1}`;
  }
  const chars = [...line];
  return chars.length <= 120 ? chars.join("") : `${chars.slice(0, 119).join("")}…`;
}
