/**
 * Builds lists of names and message excerpts, like `chat/view_models/message_log.py` and `chat/schemas.py`, with the
 * texts of `<template id="name-words">`.
 */

/**
 * Returns a list such as `bob`, `bob and carol`, `bob, carol and dave` or `bob, carol, dave and 7 more`.
 * @param {string[]} names
 * @param {Record<string, string | undefined>} words
 */
export function formatNameList(names, words) {
  const maxNames = Number(words.inFull ?? 4);
  if (names.length > maxNames) {
    const shownCount = maxNames - 1;
    names = [...names.slice(0, shownCount), fillPlaceholders(words.more, { n: names.length - shownCount })];
  }
  if (names.length < 2) return names.join("");
  const head = names.slice(0, -1).join(words.comma ?? ", ");
  return fillPlaceholders(words.and, { a: head, b: names[names.length - 1] });
}

/**
 * Replaces the placeholders %n, %a, %b and %t.
 * @param {string | undefined} words
 * @param {Record<string, string | number>} values
 */
export function fillPlaceholders(words, values) {
  return (words ?? "").replace(/%([abnt])/g, (placeholder, key) => String(values[key] ?? placeholder));
}

/** Emoji before the name of a file, for messages without text. @type {Record<string, string>} */
const FILE_EMOJI = { image: "🖼️", video: "🎬", audio: "🎵", file: "📎" };

const VOICE_NOTE_EMOJI = "🎤";
/** Icons of static/icons.svg. @type {Record<string, string>} */
const FILE_ICONS = { image: "image", video: "play", audio: "wave", file: "file" };
const VOICE_NOTE_NAME = /^.+ \d{4}-\d\d-\d\d \d\d\.\d\d\.(webm|ogg|m4a)$/;

/** @typedef {Pick<import("../realtime/protocol.js").Attachment, "kind" | "name" | "duration">} FileSummary */

/** Returns whether an audio file was recorded in the page, like `is_voice_note` in chat/schemas.py. @param {FileSummary} file */
export function isVoiceNote({ kind, name, duration }) {
  return kind === "audio" && Boolean(duration) && VOICE_NOTE_NAME.test(name);
}

/** Formats a duration, e.g. "1:05" or "1:02:03". @param {number | null} seconds */
export function formatDuration(seconds) {
  if (!seconds) return "";
  const whole = Math.max(Math.floor(seconds + 0.5), 1);
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const pad = (/** @type {number} */ number) => String(number).padStart(2, "0");
  return hours ? `${hours}:${pad(minutes)}:${pad(rest)}` : `${minutes}:${pad(rest)}`;
}

/**
 * Returns the icon and the text that stand for the files of a message without text; like `summarize_files` in
 * chat/view_models/attachments.py.
 * @param {FileSummary[]} files
 * @param {string} voiceMessage the translated word
 */
export function summarizeFiles(files, voiceMessage) {
  const [first] = files;
  const isVoice = isVoiceNote(first);
  const icon = isVoice ? "mic" : FILE_ICONS[first.kind] ?? FILE_ICONS.file;
  const text = isVoice ? `${voiceMessage} ${formatDuration(first.duration)}` : first.name;
  return { icon, text: files.length > 1 ? `${text} +${files.length - 1}` : text };
}

/** The whitespace of Python's `str.split()`. */
const SPACES = /[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/u;

const MARKDOWN_SIGNS = /[*_`~[\\]/;
const CODE_SPANS = /(```[^`]*(?:```|$)|`[^`\n]+`)/;
const CODE_DELIMITERS = /^```[ \t]*[A-Za-z0-9_+#.-]*[ \t]*\n|^```|```$|^`|`$/g;
const MARKDOWN_SPANS =
  /\\[!-/:-@[-`{-~]|\*\*(?=\S)([^*\n]*[^*\s])\*\*|\*(?=\S)([^*\n]*[^*\s])\*|~~(?=\S)([^~\n]*[^~\s])~~|(?<![\p{L}\p{N}_])__(?=\S)([^_\n]*[^_\s])__(?![\p{L}\p{N}_])|(?<![\p{L}\p{N}_])_(?=\S)([^_\n]*[^_\s])_(?![\p{L}\p{N}_])|\[([^[\]\n]+)\]\([^()\s]*\)/gu;
const ESCAPES = /\\([!-/:-@[-`{-~])/g;

/**
 * Removes Markdown signs from a text; like `strip_markdown` in chat/schemas.py.
 * @param {string} body
 */
function stripMarkdown(body) {
  if (!MARKDOWN_SIGNS.test(body)) return body;
  /** @param {string} part */
  const stripSpans = (part) => part.replace(MARKDOWN_SPANS, (matched, ...groups) => groups.slice(0, 6).find((group) => group !== undefined) ?? matched);
  return body
    .split(CODE_SPANS)
    .map((part, index) => (index % 2 ? part.replace(CODE_DELIMITERS, "") : stripSpans(stripSpans(part)).replace(ESCAPES, "$1")))
    .join("");
}

/**
 * Returns one line of text of a message, shortened as on the server (`chat.schemas.make_excerpt`).
 * @param {string} body
 * @param {import("../realtime/protocol.js").Attachment[]} [files] of the message; the first is named if there is no
 *   text
 */
export function makeExcerpt(body, files = []) {
  let text = stripMarkdown(body).split(SPACES).filter(Boolean).join(" ");
  if (!text && files.length) {
    const [first] = files;
    text = isVoiceNote(first)
      ? `${VOICE_NOTE_EMOJI} ${formatDuration(first.duration)}`
      : `${FILE_EMOJI[first.kind] ?? FILE_EMOJI.file} ${first.name}`;
    if (files.length > 1) text += ` +${files.length - 1}`;
  }
  const chars = [...text];
  return chars.length <= 120 ? chars.join("") : `${chars.slice(0, findCut(chars, 119)).join("")}…`;
}

/** Code points that belong to the character before them; like `_CONTINUES` in chat/schemas.py. */
const CONTINUES = /[\p{M}\u200d\ufe0e\ufe0f\u{1f3fb}-\u{1f3ff}\u{e0020}-\u{e007f}]/u;
const FLAG_LETTER = /[\u{1f1e6}-\u{1f1ff}]/u;

/**
 * Returns the last index up to `end` where a text can be cut without dividing an emoji or a letter with marks.
 * @param {string[]} chars
 * @param {number} end
 */
function findCut(chars, end) {
  let cut = end;
  while (cut > 0 && (CONTINUES.test(chars[cut]) || chars[cut - 1] === "\u200d")) cut -= 1;
  let flagLetters = 0;
  while (flagLetters < cut && FLAG_LETTER.test(chars[cut - 1 - flagLetters])) flagLetters += 1;
  if (flagLetters % 2 && FLAG_LETTER.test(chars[cut])) cut -= 1;
  return cut || end;
}
