/**
 * Turns addresses in plain text into links. Same rules as `chat/text/autolink.py`; both are tested with
 * tests/shared_cases/autolink.json.
 */

const ADDRESS = /https?:\/\/[^\s<>"'`（）《》【】“”‘’，。！？；：、]+/giu;
const TRAILING_PUNCTUATION = /[.,;:!?)\]}]+$/;

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
    const [matched] = match;
    let address = matched.replace(TRAILING_PUNCTUATION, "");
    if (count(address, "(") > count(address, ")") && matched.slice(address.length).startsWith(")")) address += ")";
    if (!/^https?:\/\/[^/?#]/i.test(address)) continue;
    if (match.index > index) parts.push([text.slice(index, match.index), ""]);
    parts.push([address, address]);
    index = match.index + address.length;
  }
  if (index < text.length) parts.push([text.slice(index), ""]);
  return parts;
}

/** @param {string} text @param {string} character */
function count(text, character) {
  return text.split(character).length - 1;
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
