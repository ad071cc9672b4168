/** Letters and colour of somebody without a picture: as `messenger/core/initials.py`, kept alike by tests/shared_cases/initials.json. */

const HUES = 10;
const HAN = /^[\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u{20000}-\u{323af}]/u;
const LETTER = /[\p{L}\p{N}]/u;

/**
 * `second` stands beside `initial` only in the narrow list.
 * @typedef {{initial: string, second: string, lang: string}} Face
 */

/** @param {string} name @returns {Face} */
export function face(name) {
  const words = name.split(/\s+/u).filter((word) => LETTER.test(word));
  if (!words.length) return { initial: [...name.trim()][0] ?? "", second: "", lang: "en" };
  const chars = [...words[0]];
  const start = chars.findIndex((char) => LETTER.test(char));
  const char = chars[start];
  const after = chars[start + 1] ?? "";
  if (HAN.test(char)) return { initial: char + (HAN.test(after) ? after : ""), second: "", lang: "zh-Hans" };
  const second =
    words.length > 1
      ? upper([.../** @type {string} */ (words.at(-1))].find((each) => LETTER.test(each)) ?? "")
      : LETTER.test(after) ? after : "";
  return { initial: upper(char), second, lang: "en" };
}

/** By the number of the person or group: a new name keeps its colour. @param {number} id @param {boolean} [room] */
export function hue(id, room = false) {
  return (id + (room ? HUES / 2 : 0)) % HUES;
}

/** @param {string} char */
function upper(char) {
  const big = char.toUpperCase();
  return [...big].length === 1 ? big : char;
}
