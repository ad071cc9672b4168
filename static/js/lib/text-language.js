/** How a text is set: as `chat/text/language.py`, kept alike by tests/shared_cases/languages.json and tests/shared_cases/emoji_only.json. */

const CHINESE = "zh-Hans";
const LATIN = "en";
const OTHER = "und";

/** No sign of the language that somebody writes: code, addresses, names in Latin letters. */
const ASIDE = /```.*?(?:```|$)|`[^`\n]*`|https?:\/\/[!-~]+|@[A-Za-z0-9_.-]+/gsu;
const HAN = /[\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u{20000}-\u{323af}]/gu;
const KANA_OR_HANGUL = /[\u3041-\u30ff\u31f0-\u31ff\uff66-\uff9f\u3131-\u318e\uac00-\ud7a3]/gu;
const WORD = /[A-Za-z\u00c0-\u1fff]+/gu;
const LATIN_WORD = /^[A-Za-z\u00c0-\u024f]+$/u;

const SKIN = String.raw`[\u{1f3fb}-\u{1f3ff}]`;
const SIGN = [
  String.raw`(?:[\u00a9\u00ae\u203c-\u3299]\ufe0f`,
  String.raw`|[\u231a\u231b\u23e9-\u23f3\u25fd\u25fe\u2600-\u27bf\u2b1b\u2b1c\u2b50\u2b55]`,
  String.raw`|[\u{1f004}\u{1f0cf}\u{1f170}-\u{1f19a}\u{1f201}-\u{1f251}\u{1f300}-\u{1faff}]\ufe0f?)`,
].join("");
const EMOJI = [
  String.raw`(?:[\u{1f1e6}-\u{1f1ff}]{2}`,
  String.raw`|[0-9#*]\ufe0f?\u20e3`,
  String.raw`|${SIGN}${SKIN}?[\u{e0020}-\u{e007f}]*(?:\u200d${SIGN}${SKIN}?)*)`,
].join("");
const FEW_EMOJI = new RegExp(`^ *(?:${EMOJI} *){1,3}$`, "u");

/**
 * `zh-Hans` for a Chinese text, `en` for Latin letters, `und` for any other, nothing where no word is said.
 * @param {string} text
 */
export function langOf(text) {
  const said = text.replace(ASIDE, " ");
  const han = count(said, HAN);
  const kana = count(said, KANA_OR_HANGUL);
  const words = said.match(WORD) ?? [];
  if (han && han > 2 * words.length && han > 10 * kana) return CHINESE;
  if (words.length && !kana && words.some((word) => LATIN_WORD.test(word))) return LATIN;
  return words.length || kana || han ? OTHER : "";
}

/**
 * The `lang` of a text on a page in that language: a Chinese text always has one, others only among Chinese.
 * @param {string} text
 * @param {string} page
 */
export function langFor(text, page) {
  const lang = langOf(text);
  return lang === CHINESE || page.startsWith("zh") ? lang : "";
}

/** One to three emoji and nothing else. @param {string} text */
export function isBig(text) {
  return [...text].length <= 64 && FEW_EMOJI.test(text);
}

/** @param {string} text @param {RegExp} kind */
function count(text, kind) {
  return text.match(kind)?.length ?? 0;
}
