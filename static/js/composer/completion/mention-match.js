/**
 * Finds mention queries (`@` and letters) in a text, and ranks users by how well they match, including Chinese names.
 * These functions do not use the page.
 */

import { SENTENCE_PUNCTUATION, SYMBOLS, UNSPACED_LETTERS as UNSPACED } from "../../lib/character-classes.js";

/** @typedef {import("../../realtime/protocol.js").User & {pinyin?: string}} Person */

// A mention may directly follow or precede letters of languages that are written without spaces.
const SPACED_LETTER = `(?![${UNSPACED}])[\\p{L}\\p{M}\\p{N}_.\\-]`;
// Not behind an odd number of backslashes, nor behind the slash of an address or path (`src/@bob`). `@alice/@bob` and
// `@alice\@bob` are two mentions.
const MENTION_AT_END = new RegExp(
  `(?<![@＠﹫])(?<!(?<!\\\\|(?<![\\p{L}\\p{N}_\\\\])[@＠﹫][\\p{L}\\p{M}\\p{N}_.\\-]+)(?:\\\\\\\\)*\\\\)(?<!(?![${UNSPACED}])[\\p{L}\\p{N}_])(?<!(?<!(?<![\\p{L}\\p{N}_])[@＠﹫](?:${SPACED_LETTER})*)(?:${SPACED_LETTER})\\/)(?<!:\\/\\/[^\\s${SENTENCE_PUNCTUATION}${SYMBOLS}]*)[@＠﹫]([\\p{L}\\p{M}\\p{N}_.\\-]{0,30})$`,
  "u",
);

const CODE = /```[^]*?(?:```|$)|`[^`\n]*`/g;
const MENTION_OF_ALL = new RegExp(
  `(?<!(?![${UNSPACED}])[\\p{L}\\p{N}_@＠﹫\\\\/])[@＠﹫]all(?!(?![${UNSPACED}])[\\p{L}\\p{N}_])`,
  "iu",
);

/** Whether a text mentions everybody with `@all`. @param {string} text */
export function mentionsEverybody(text) {
  return MENTION_OF_ALL.test(text.replace(CODE, ""));
}

/**
 * Returns the mention query (`@` and letters) at the end of a text, or null.
 * @param {string} before
 * @returns {import("./completion.js").Query | null}
 */
export function parseMentionQuery(before) {
  const match = MENTION_AT_END.exec(before);
  return match && { at: match.index, q: match[1] };
}

/**
 * Returns how well a user matches, lower is better; null: no match.
 * @param {Person} person
 * @param {string} q
 */
export function scoreMatch({ username, name, pinyin = "" }, q) {
  const query = q.toLowerCase();
  const [lowerUsername, lowerName] = [username.toLowerCase(), name.toLowerCase()];
  if (!query) return 1;
  if (lowerUsername === query) return 0;
  if (lowerUsername.startsWith(query) || lowerName.startsWith(query)) return 1;
  const startIndex = findSpellingStart(pinyin, query);
  if (startIndex === 0) return 1;
  if (lowerName.split(/[\s._-]+/).some((word) => word.startsWith(query)) || startIndex !== null) return 2;
  return lowerName.includes(query) || lowerUsername.includes(query) ? 3 : null;
}

/**
 * Returns the index of the character of a name from which the typed letters spell it: in full, by initials, or mixed
 * (`wangxm`).
 * @param {string} pinyin `wang xiao ming`; several readings as `zhong|chong`
 * @param {string} typed
 * @returns {number | null}
 */
export function findSpellingStart(pinyin, typed) {
  const query = typed.replace(/[^a-z]/g, "");
  if (!pinyin || !query || query !== typed) return null;
  const syllables = pinyin.split(" ").map((readings) => readings.split("|"));
  /** @type {(at: number, rest: string) => boolean} */
  const matchesFrom = (index, rest) =>
    !rest ||
    (index < syllables.length &&
      syllables[index].some((syllable) => {
        let length = 0;
        while (length < syllable.length && syllable[length] === rest[length]) length += 1;
        for (; length > 0; length -= 1) if (matchesFrom(index + 1, rest.slice(length))) return true;
        return false;
      }));
  const startIndex = syllables.findIndex((_, index) => matchesFrom(index, query));
  return startIndex < 0 ? null : startIndex;
}

/**
 * Returns the users that match, best first. Among equal matches, recent speakers come first.
 * @template {Person} P
 * @param {P[]} people
 * @param {string} q
 * @param {number[]} recentSpeakers user ids, the last speaker first
 * @returns {P[]}
 */
export function rankMatches(people, q, recentSpeakers) {
  const rankById = new Map(recentSpeakers.map((id, index) => [id, index]));
  return people
    .map((person, index) => ({ person, index, score: scoreMatch(person, q), speakerRank: rankById.get(person.id) ?? Infinity }))
    .filter((match) => match.score !== null)
    .sort((a, b) => Number(a.score) - Number(b.score) || (a.speakerRank === b.speakerRank ? a.index - b.index : a.speakerRank - b.speakerRank))
    .map(({ person }) => person);
}
