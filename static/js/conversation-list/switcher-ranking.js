/** Which conversations a text finds, best first. Titles in Chinese are found by pinyin and initials too. */

/**
 * @typedef {import("../realtime/protocol.js").User} User
 * @typedef {object} Title
 * @property {number} id
 * @property {string} kind
 * @property {string} title
 * @property {string[]} keys
 * @property {string | null} avatar_url
 * @property {User | null} peer
 */

/** What was typed, as keys are written: see `accounts/text/pinyin.py`. @param {string} text */
export function typed(text) {
  return text.toLowerCase().normalize("NFKD").replace(/[^a-z0-9]/g, "");
}

/**
 * How well a title answers: 0 is best, null not at all.
 * @param {Title} title
 * @param {string} text
 * @returns {number | null}
 */
export function rank({ title, keys, peer }, text) {
  const wanted = text.toLowerCase();
  const name = title.toLowerCase();
  const username = peer?.username.toLowerCase() ?? "";
  const at = wanted.replace(/^@/, "");
  if (name === wanted || (at && username === at)) return 0;
  if (name.startsWith(wanted)) return 1;
  if (name.includes(` ${wanted}`)) return 2;
  if (at && username.startsWith(at)) return 3;
  const key = typed(text);
  if (key && keys.some((each) => each.startsWith(key))) return 4;
  if (name.includes(wanted)) return 5;
  return at && username.includes(at) ? 6 : null;
}

/**
 * @param {Title[]} titles newest activity first, which decides among equals
 * @param {string} text
 * @returns {Title[]}
 */
export function search(titles, text) {
  /** @type {{title: Title, at: number}[]} */
  const found = [];
  for (const title of titles) {
    const at = rank(title, text);
    if (at !== null) found.push({ title, at });
  }
  return found.sort((a, b) => a.at - b.at).map(({ title }) => title); // sorting keeps the order of equals
}
