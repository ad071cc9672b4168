/**
 * Finds where a text can be cut without dividing what readers see as one character, like `messenger/core/graphemes.py`;
 * both are tested with tests/js/shared_cases/graphemes.json. Characters are given as lists of code points.
 */

const CONTINUES = /[\p{M}\u0e33\u0eb3\u200c\u200d\uff9e\uff9f\u{1f3fb}-\u{1f3ff}\u{e0020}-\u{e007f}]/u;
const FIRST_CONSONANT = /[\u1100-\u115f\ua960-\ua97c]/;
const SYLLABLE = /[\uac00-\ud7a3]/;
const VOWEL_OR_LAST_CONSONANT = /[\u1160-\u11ff\ud7b0-\ud7c6\ud7cb-\ud7fb]/;
const JOINS_CONSONANTS = /[\u094d\u09cd\u0acd\u0b4d\u0c4d\u0d4d]/;
const LETTER = /\p{L}/u;
const FLAG_LETTER = /[\u{1f1e6}-\u{1f1ff}]/u;

/** Returns the last index up to `end` where the text can be cut. @param {string[]} chars @param {number} end */
export function findCut(chars, end) {
  let cut = end;
  while (cut > 0 && !isBoundary(chars, cut)) cut -= 1;
  return cut || end;
}

/** @param {string[]} chars @param {number} index */
function isBoundary(chars, index) {
  if (index >= chars.length) return true;
  const [before, after] = [chars[index - 1], chars[index]];
  if (CONTINUES.test(after) || before === "\u200d") return false;
  if (JOINS_CONSONANTS.test(before) && LETTER.test(after)) return false;
  if (VOWEL_OR_LAST_CONSONANT.test(after)) return false;
  if (FIRST_CONSONANT.test(before) && (FIRST_CONSONANT.test(after) || SYLLABLE.test(after))) return false;
  if (!FLAG_LETTER.test(after)) return true;
  let flagLetters = 0;
  while (flagLetters < index && FLAG_LETTER.test(chars[index - 1 - flagLetters])) flagLetters += 1;
  return flagLetters % 2 === 0;
}
