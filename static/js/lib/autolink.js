/**
 * Turns addresses in plain text into links. Same rules as `chat/text/autolink.py`; both are tested with
 * tests/shared_cases/autolink.json.
 */

import { SENTENCE_PUNCTUATION, SYMBOLS, UNSPACED_LETTERS } from "./character-classes.js";

const STOP = `\\x00-\\x20\\x7f-\\xa0\\u1680\\u2000-\\u200b\\u2028-\\u202f\\u205f-\\u206f\\u3000\\ufeff<>"\`${SENTENCE_PUNCTUATION}`;
const USER = `[^${STOP}@\\/?#()\\[\\]]{1,50}@`;
const HOST = `[^${STOP}!-\\/:-@\\[-\`\\{-~](?:[^${STOP}!-,\\/:-@\\[-^\`\\{-~]*[^${STOP}!-\\/:-@\\[-\`\\{-~])?`;
// Brackets belong to an address only in pairs, emoji only directly behind `/` or `=`.
const PATH = `(?:[^${STOP}${SYMBOLS}()\\[\\]\\{\\}]|(?<=[\\/=])[${SYMBOLS}]+|\\([^${STOP}()]*\\)|\\[[^${STOP}\\[\\]]*\\]|\\{[^${STOP}\\{\\}]*\\})*`;
const ADDRESS = new RegExp(`(https?:\\/\\/(?:${USER})?)(${HOST})(:\\d{1,5})?([\\/?#]${PATH})?`, "giu");
const TRAILING_PUNCTUATION = /[.,;:!?'*~]+$/;
// The end of a host in Latin letters, directly before a Chinese, Japanese or Korean sentence.
const HOST_BEFORE_SENTENCE = new RegExp(`\\.[a-z][a-z\\-]+(?=[${UNSPACED_LETTERS}][^.]*$)`, "iu");

/** Returns a matched address without the punctuation and words of the sentence behind it. @param {RegExpMatchArray} match */
function trimAddress([matched, scheme, host, , path]) {
  const end = HOST_BEFORE_SENTENCE.exec(host);
  if (end) return scheme + host.slice(0, end.index + end[0].length);
  return path ? matched.replace(TRAILING_PUNCTUATION, "") : matched;
}

/**
 * Splits a text into pairs of label and address; the address is empty for text that is not a link.
 * @param {string} text
 * @returns {[string, string][]}
 */
export function splitLinks(text) {
  /** @type {[string, string][]} */
  const parts = [];
  let index = 0;
  for (const match of text.matchAll(ADDRESS)) {
    const address = trimAddress(match);
    if (match.index > index) parts.push([text.slice(index, match.index), ""]);
    parts.push([address, address]);
    index = match.index + address.length;
  }
  if (index < text.length) parts.push([text.slice(index), ""]);
  return parts;
}

/**
 * Returns the text with its addresses as links, for `replaceChildren`.
 * @param {string} text
 * @returns {(string | HTMLElement)[]}
 */
export function renderLinks(text) {
  return splitLinks(text).map(([label, address]) => {
    if (!address) return label;
    const link = document.createElement("a");
    link.setAttribute("href", address);
    link.rel = "noopener noreferrer nofollow ugc";
    link.textContent = label;
    return link;
  });
}
