/**
 * Search of the quick switcher: finds conversations by title, username, pinyin and pinyin initials, best matches first.
 */

/** @typedef {import("../realtime/protocol.js").Title} Title */

/**
 * Converts input to the same form as the pinyin keys (see accounts/text/pinyin.py), to compare them.
 * @param {string} text
 */
export function toPinyinKey(text) {
  return text.toLowerCase().normalize("NFKD").replace(/[^a-z0-9]/g, "");
}

/**
 * Returns how well a title matches the input: 0 is best, null is no match.
 * @param {Title} title
 * @param {string} text
 * @returns {number | null}
 */
function rankTitle({ title, keys, peer }, text) {
  const searchText = text.toLowerCase();
  const name = title.toLowerCase();
  const username = peer?.username.toLowerCase() ?? "";
  const usernameText = searchText.replace(/^@/, "");
  if (name === searchText || (usernameText && username === usernameText)) return 0;
  if (name.startsWith(searchText)) return 1;
  if (name.includes(` ${searchText}`)) return 2;
  if (usernameText && username.startsWith(usernameText)) return 3;
  const pinyinKey = toPinyinKey(text);
  if (pinyinKey && keys.some((titleKey) => titleKey.startsWith(pinyinKey))) return 4;
  if (name.includes(searchText)) return 5;
  return usernameText && username.includes(usernameText) ? 6 : null;
}

/**
 * Splits a name into the parts before, in and after its match with the input. All of it is before if nothing matches
 * literally (such as pinyin).
 * @param {string} name
 * @param {string} text
 * @returns {[before: string, match: string, after: string]}
 */
export function splitAtMatch(name, text) {
  const [folded, searchText] = [name.toLowerCase(), text.toLowerCase()];
  if (!searchText || folded.length !== name.length) return [name, "", ""];
  const wordStart = ` ${folded}`.indexOf(` ${searchText}`);
  const start = wordStart >= 0 ? wordStart : folded.indexOf(searchText);
  if (start < 0) return [name, "", ""];
  const end = start + searchText.length;
  return [name.slice(0, start), name.slice(start, end), name.slice(end)];
}

/**
 * Returns the matching titles, best first.
 * @param {Title[]} titles newest activity first; equal ranks keep this order
 * @param {string} text
 * @returns {Title[]}
 */
export function searchTitles(titles, text) {
  /** @type {{title: Title, rank: number}[]} */
  const matches = [];
  for (const title of titles) {
    const titleRank = rankTitle(title, text);
    if (titleRank !== null) matches.push({ title, rank: titleRank });
  }
  return matches.sort((a, b) => a.rank - b.rank).map(({ title }) => title); // `sort` is stable
}
