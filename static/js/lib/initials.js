/**
 * Computes initials and colour of avatars without a picture. Same rules as `messenger/core/initials.py`; both are
 * tested with tests/js/shared_cases/initials.json.
 */

import { getFirstGrapheme } from "./graphemes.js";

const HUES = 10;
const HAN = /^[\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u{20000}-\u{323af}]/u;
const LETTER = /[\p{L}\p{N}]/u;

/**
 * `second` is shown after `initial` only in the collapsed list.
 * @typedef {{initial: string, second: string, lang: string}} Initials
 */

/** Returns the initials of a name, and their language. @param {string} name @returns {Initials} */
export function getInitials(name) {
  const words = name.split(/\s+/u).filter((word) => LETTER.test(word));
  if (!words.length) return { initial: getFirstGrapheme(name.trim()), second: "", lang: "en" };
  const chars = [...words[0]];
  const start = chars.findIndex((char) => LETTER.test(char));
  const char = chars[start];
  const after = chars[start + 1] ?? "";
  if (HAN.test(char)) return { initial: char + (HAN.test(after) ? after : ""), second: "", lang: "zh-Hans" };
  const second =
    words.length > 1
      ? toUpper([.../** @type {string} */ (words.at(-1))].find((character) => LETTER.test(character)) ?? "")
      : LETTER.test(after) ? after : "";
  return { initial: toUpper(char), second, lang: "en" };
}

/**
 * Returns the colour number from the id of a user or group, so that renaming keeps the colour.
 * @param {number} id
 * @param {boolean} [isGroup]
 */
export function getAvatarHue(id, isGroup = false) {
  return (id + (isGroup ? HUES / 2 : 0)) % HUES;
}

/** @param {string} char */
function toUpper(char) {
  const upperCase = char.toUpperCase();
  return [...upperCase].length === 1 ? upperCase : char;
}
