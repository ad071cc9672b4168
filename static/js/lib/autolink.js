/** Addresses in plain text made links: as `chat/text/autolink.py`, kept alike by tests/shared_cases/autolink.json. */

const ADDRESS = /https?:\/\/[^\s<>"'`（）《》【】“”‘’，。！？；：、]+/giu;
const AFTER = /[.,;:!?)\]}]+$/;

/**
 * The text in pieces, words and address; the address is empty where the words are no link.
 * @param {string} text
 * @returns {[string, string][]}
 */
export function parts(text) {
  /** @type {[string, string][]} */
  const found = [];
  let at = 0;
  for (const match of text.matchAll(ADDRESS)) {
    const [whole] = match;
    let address = whole.replace(AFTER, "");
    if (count(address, "(") > count(address, ")") && whole.slice(address.length).startsWith(")")) address += ")";
    if (!/^https?:\/\/[^/?#]/i.test(address)) continue;
    if (match.index > at) found.push([text.slice(at, match.index), ""]);
    found.push([address, address]);
    at = match.index + address.length;
  }
  if (at < text.length) found.push([text.slice(at), ""]);
  return found;
}

/** @param {string} text @param {string} sign */
function count(text, sign) {
  return text.split(sign).length - 1;
}

/** @param {string} text @returns {(string | HTMLElement)[]} for `replaceChildren` */
export function linked(text) {
  return parts(text).map(([words, address]) => {
    if (!address) return words;
    const link = document.createElement("a");
    link.setAttribute("href", address);
    link.rel = "noopener noreferrer nofollow ugc";
    link.textContent = words;
    return link;
  });
}
