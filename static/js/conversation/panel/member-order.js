/** Sorts members: the owner, then admins, then the others by name. chat/selectors/members.py has the same order. */

/** @typedef {{id: number, name: string, role: string}} SortableMember */

const ROLE_RANK = /** @type {Record<string, number>} */ ({ owner: 0, admin: 1 });

/** Converts only A to Z to lower case, as the databases do. @param {string} name */
function toAsciiLowerCase(name) {
  return name.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}

/** Comparison function for `sort`. @param {SortableMember} a @param {SortableMember} b */
export function compareMembers(a, b) {
  const rankDifference = (ROLE_RANK[a.role] ?? 2) - (ROLE_RANK[b.role] ?? 2);
  return rankDifference || compareCodePoints(toAsciiLowerCase(a.name), toAsciiLowerCase(b.name)) || a.id - b.id;
}

/** Compares by code points, as databases do; the `<` operator would compare UTF-16 code units. */
function compareCodePoints(/** @type {string} */ a, /** @type {string} */ b) {
  const [charactersA, charactersB] = [[...a], [...b]];
  for (let index = 0; index < Math.min(charactersA.length, charactersB.length); index += 1) {
    const [characterA, characterB] = [charactersA[index], charactersB[index]];
    if (characterA !== characterB) return Number(characterA.codePointAt(0)) - Number(characterB.codePointAt(0));
  }
  return charactersA.length - charactersB.length;
}
