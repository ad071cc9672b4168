/**
 * Builds lists of names, like `chat/view_models/message_log.py`, with the texts of `<template id="name-words">`, and the
 * excerpts of drafts and of messages that are not sent yet. The server sends the excerpts of stored messages.
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

/** @typedef {Pick<import("../realtime/protocol.js").Attachment, "kind" | "name" | "duration" | "is_voice_note">} FileSummary */

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
  const isVoice = first.is_voice_note;
  const icon = isVoice ? "mic" : FILE_ICONS[first.kind] ?? FILE_ICONS.file;
  const text = isVoice ? `${voiceMessage} ${formatDuration(first.duration)}` : first.name;
  return { icon, text: files.length > 1 ? `${text} +${files.length - 1}` : text };
}

/** The whitespace of Python's `str.split()`. */
const SPACES = /[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/u;

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
  const summary = first.is_voice_note
    ? `${VOICE_NOTE_EMOJI} ${formatDuration(first.duration)}`
    : `${FILE_EMOJI[first.kind] ?? FILE_EMOJI.file} ${first.name}`;
  return shorten(files.length > 1 ? `${summary} +${files.length - 1}` : summary);
}
