/** Where an `@` asks for somebody, and who fits what follows it, however a Chinese name is typed. Only text: no page. */

/** @typedef {import("../../realtime/protocol.js").User & {pinyin?: string}} Person */

// Letters of languages written without spaces: an `@` may follow them, and a name may follow it, as the server reads it
// (chat/text/markdown.py).
const UNSPACED =
  "\\u0e00-\\u0eff\\u1000-\\u109f\\u1100-\\u11ff\\u1780-\\u17ff\\u2e80-\\u31ff\\u3400-\\u9fff\\ua960-\\ua97f\\uac00-\\ud7ff\\uf900-\\ufaff\\uff66-\\uffdc\\u{20000}-\\u{3ffff}";
const ASKED = new RegExp(`(?<![@/.\\\\-])(?<!(?![${UNSPACED}])[\\p{L}\\p{N}_])@([\\p{L}\\p{M}\\p{N}_.-]{0,30})$`, "u");

/**
 * What follows an `@` at the end of a text; null where it names nobody.
 * @param {string} before
 * @returns {import("./completion.js").Question | null}
 */
export function asked(before) {
  const found = ASKED.exec(before);
  return found && { at: found.index, q: found[1] };
}

/**
 * How well somebody fits, less is better; null: not at all.
 * @param {Person} person
 * @param {string} q
 */
export function fit({ username, name, pinyin = "" }, q) {
  const wanted = q.toLowerCase();
  const [user, shown] = [username.toLowerCase(), name.toLowerCase()];
  if (!wanted) return 1;
  if (user === wanted) return 0;
  if (user.startsWith(wanted) || shown.startsWith(wanted)) return 1;
  const place = spelledFrom(pinyin, wanted);
  if (place === 0) return 1;
  if (shown.split(/[\s._-]+/).some((word) => word.startsWith(wanted)) || place !== null) return 2;
  return shown.includes(wanted) || user.includes(wanted) ? 3 : null;
}

/**
 * At which character of a name what was typed begins to spell it: in full, by initials, or both mixed (`wangxm`).
 * @param {string} pinyin `wang xiao ming`, of several readings `zhong|chong`
 * @param {string} typed
 * @returns {number | null}
 */
function spelledFrom(pinyin, typed) {
  const wanted = typed.replace(/[^a-z]/g, "");
  if (!pinyin || !wanted || wanted !== typed) return null;
  const syllables = pinyin.split(" ").map((each) => each.split("|"));
  /** @type {(at: number, rest: string) => boolean} */
  const goesOn = (at, rest) =>
    !rest ||
    (at < syllables.length &&
      syllables[at].some((syllable) => {
        let length = 0;
        while (length < syllable.length && syllable[length] === rest[length]) length += 1;
        for (; length > 0; length -= 1) if (goesOn(at + 1, rest.slice(length))) return true;
        return false;
      }));
  const place = syllables.findIndex((_, at) => goesOn(at, wanted));
  return place < 0 ? null : place;
}

/**
 * @template {Person} P
 * @param {P[]} people
 * @param {string} q
 * @param {number[]} talked who wrote here, the last one first
 * @returns {P[]} those who fit, best first; of equals those who talk here
 */
export function rank(people, q, talked) {
  const place = new Map(talked.map((id, index) => [id, index]));
  return people
    .map((person, index) => ({ person, index, fit: fit(person, q), talk: place.get(person.id) ?? Infinity }))
    .filter((each) => each.fit !== null)
    .sort((a, b) => Number(a.fit) - Number(b.fit) || (a.talk === b.talk ? a.index - b.index : a.talk - b.talk))
    .map(({ person }) => person);
}
