/** The order of members, as `chat/selectors/members.py` has it: the owner, admins, the others by name. */

/** @typedef {{id: number, name: string, role: string}} Placed */

const RANK = /** @type {Record<string, number>} */ ({ owner: 0, admin: 1 });

/** Capitals of A to Z made small, and nothing else. @param {string} name */
export function asciiLower(name) {
  return name.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}

/** @param {Placed} a @param {Placed} b */
export function compare(a, b) {
  return (RANK[a.role] ?? 2) - (RANK[b.role] ?? 2) || byCharacters(asciiLower(a.name), asciiLower(b.name)) || a.id - b.id;
}

/** By code points, as databases do; a comparison of strings in scripts is by halves of those beyond the first plane. */
function byCharacters(/** @type {string} */ a, /** @type {string} */ b) {
  const [one, other] = [[...a], [...b]];
  for (let at = 0; at < Math.min(one.length, other.length); at += 1) {
    if (one[at] !== other[at]) return Number(one[at].codePointAt(0)) - Number(other[at].codePointAt(0));
  }
  return one.length - other.length;
}
