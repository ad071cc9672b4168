/**
 * Turns addresses in plain text into links. Same rules as `chat/text/autolink.py`; both are tested with
 * tests/shared_cases/autolink.json.
 */

// The character classes are those of chat/text/east_asian.py.
const UNSPACED_LETTERS =
  "\\u0e00-\\u0eff\\u1000-\\u109f\\u1100-\\u11ff\\u1780-\\u17ff\\u2e80-\\u2fff\\u3005-\\u3007\\u3021-\\u302f\\u3031-\\u303c\\u3041-\\u309f\\u30a1-\\u30fa\\u30fc-\\u31ff\\u3400-\\u9fff\\ua960-\\ua97f\\uac00-\\ud7ff\\uf900-\\ufaff\\uff66-\\uffdc\\u{20000}-\\u{3ffff}";
const SENTENCE_PUNCTUATION =
  "\\u2014\\u2015\\u2018\\u2019\\u201c\\u201d\\u2025\\u2026\\u203b\\u2e3a\\u2e3b\\u3001-\\u3004\\u3008-\\u3020\\u3030\\u303d-\\u303f\\ufe10-\\ufe1f\\ufe30-\\ufe6f\\uff01-\\uff0f\\uff1a-\\uff20\\uff3b-\\uff40\\uff5b-\\uff64\\uffe0-\\uffee";
const STOP = `\\x00-\\x20\\x7f-\\xa0\\u1680\\u2000-\\u200b\\u2028-\\u202f\\u205f-\\u206f\\u3000\\ufeff<>"\`${SENTENCE_PUNCTUATION}`;
const USER = `[^${STOP}@\\/?#()\\[\\]]{1,50}@`;
const HOST = `[^${STOP}!-\\/:-@\\[-\`\\{-~](?:[^${STOP}!-,\\/:-@\\[-^\`\\{-~]*[^${STOP}!-\\/:-@\\[-\`\\{-~])?`;
// Brackets belong to an address only in pairs.
const PATH = `(?:[^${STOP}()\\[\\]\\{\\}]|\\([^${STOP}()]*\\)|\\[[^${STOP}\\[\\]]*\\]|\\{[^${STOP}\\{\\}]*\\})*`;
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
