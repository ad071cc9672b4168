/**
 * Finds the matches of a search in the text of a message as it is displayed. The server says where they stand in the
 * source of the message, which may have Markdown signs inside and around them. These functions do not use the page.
 */
import { UNSPACED_LETTERS as UNSPACED } from "../../lib/character-classes.js";

/** @typedef {[start: number, end: number]} Span a part of a string, in UTF-16 code units */

const LETTERS = /[\p{L}\p{M}\p{N}]+/gu;
const NO_LETTERS = "[^\\p{L}\\p{N}]*";
const WORD_START = `(?<!(?![${UNSPACED}])[\\p{L}\\p{N}])`; // not inside a word of a script with spaces

/**
 * Returns the different texts that match in the source of a message.
 * @param {string} body
 * @param {number[][]} highlights from the server, in code points
 * @returns {string[]}
 */
export function getMatchedTexts(body, highlights) {
  const characters = [...body];
  return [...new Set(highlights.map(([start, end]) => characters.slice(start, end).join("")))];
}

/**
 * Returns where the matched texts stand in a displayed text, in order and without overlap.
 * @param {string} text
 * @param {string[]} matchedTexts
 * @returns {Span[]}
 */
export function findMatchSpans(text, matchedTexts) {
  /** @type {Span[]} */
  const spans = [];
  for (const matchedText of matchedTexts) {
    for (const match of text.matchAll(toPattern(matchedText))) spans.push([match.index, match.index + match[0].length]);
  }
  spans.sort((a, b) => a[0] - b[0] || b[1] - a[1]);
  return spans.filter(([start, end], index) => end > start && spans.slice(0, index).every((earlier) => earlier[1] <= start));
}

/** @param {string} matchedText */
function toPattern(matchedText) {
  const words = matchedText.match(LETTERS);
  // Emoji and signs have no words: they are searched as they are.
  if (!words) return new RegExp(matchedText.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"), "gu");
  const start = new RegExp(`^[${UNSPACED}]`, "u").test(words[0]) ? "" : WORD_START;
  return new RegExp(start + words.join(NO_LETTERS), "gu");
}
