/**
 * Builds lists of names and message excerpts, like `chat/view_models/message_log.py` and `chat/schemas.py`, with the
 * texts of `<template id="name-words">`.
 */

import { findCut } from "./graphemes.js";

const EXCERPT_LENGTH = 120;

/**
 * Returns a list such as `bob`, `bob and carol`, `bob, carol and dave` or `bob, carol, dave and 7 more`.
 * @param {string[]} names
 * @param {Record<string, string | undefined>} words
 */
export function formatNameList(names, words) {
  const maxNames = Number(words.inFull);
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

const HTML_PIECES = /<(\/?)([a-z]+)((?:[^">]|"[^"]*")*)>|([^<]+)/g;
const LIST_NUMBER = /(?:start|value)="(\d+)"/;
/** @type {Record<string, string>} */
const HTML_ENTITIES = { "&lt;": "<", "&gt;": ">", "&amp;": "&", "&quot;": '"', "&nbsp;": "\u00a0" };

/**
 * Returns a rendered message as text without formatting; like `html_to_text` in messenger/core/excerpts.py. Items of
 * lists begin with their number or with `-`, quotes with `>`.
 * @param {string} html
 */
function htmlToText(html) {
  let text = "";
  /** @type {(number | null)[]} */
  const nextNumbers = [];
  for (const [, closing, tag, attributes, words] of html.matchAll(HTML_PIECES)) {
    if (words) text += words.replace(/&\w+;/g, (entity) => HTML_ENTITIES[entity] ?? entity);
    else if (tag === "ol" || tag === "ul") {
      if (closing) nextNumbers.pop();
      else nextNumbers.push(tag === "ol" ? Number(LIST_NUMBER.exec(attributes)?.[1] ?? 1) : null);
    } else if (tag === "li" && !closing && nextNumbers.length) {
      const typed = LIST_NUMBER.exec(attributes)?.[1];
      const number = typed ? Number(typed) : /** @type {number | null} */ (nextNumbers.pop());
      if (typed) nextNumbers.pop();
      text += number === null ? "- " : `${number}. `;
      nextNumbers.push(number === null ? null : number + 1);
    } else if (tag === "blockquote" && !closing) text += "> ";
  }
  return text;
}

/** Returns the beginning of a text as one line, like `shorten` in messenger/core/excerpts.py. @param {string} text */
export function shorten(text) {
  const chars = [...text.split(SPACES).filter(Boolean).join(" ")];
  return chars.length <= EXCERPT_LENGTH ? chars.join("") : `${chars.slice(0, findCut(chars, EXCERPT_LENGTH - 1)).join("")}…`;
}

/**
 * Returns a text as one line; without text, an emoji for the kind of the first file with its name.
 * @param {string} text without formatting, or as the user types it
 * @param {FileSummary[]} [files]
 */
export function summarizeText(text, files = []) {
  const line = shorten(text);
  if (line || !files.length) return line;
  const [first] = files;
  const summary = isVoiceNote(first)
    ? `${VOICE_NOTE_EMOJI} ${formatDuration(first.duration)}`
    : `${FILE_EMOJI[first.kind] ?? FILE_EMOJI.file} ${first.name}`;
  return shorten(files.length > 1 ? `${summary} +${files.length - 1}` : summary);
}

/**
 * Returns the beginning of a message as one line without Markdown, like `chat.schemas.make_excerpt`.
 * @param {string} bodyHtml its rendered text
 * @param {FileSummary[]} [files]
 */
export function makeExcerpt(bodyHtml, files = []) {
  return summarizeText(htmlToText(bodyHtml), files);
}
