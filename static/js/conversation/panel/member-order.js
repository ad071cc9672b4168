/**
 * Sorts members by role, then by name. The page carries the order of roles (chat/selectors/members.py), which has the
 * same order of names.
 */
import { words } from "../../lib/dom.js";

/** @typedef {{id: number, name: string, role: string}} SortableMember */

/** Converts only A to Z to lower case, as the databases do. @param {string} name */
function toAsciiLowerCase(name) {
  return name.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}

/** Comparison function for `sort`. @param {SortableMember} a @param {SortableMember} b */
export function compareMembers(a, b) {
  const roles = words("role-words").order?.split(" ") ?? [];
  const rankDifference = roles.indexOf(a.role) - roles.indexOf(b.role);
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
