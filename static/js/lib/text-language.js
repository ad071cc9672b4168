/**
 * Detects the language of a text for its `lang` attribute, and whether a text consists only of emoji. The rules are the
 * same as in `chat/text/language.py`; both are tested with tests/js/shared_cases/languages.json and
 * tests/js/shared_cases/emoji_only.json.
 */

const CHINESE = "zh-Hans";
const LATIN = "en";
const OTHER = "und";

/** Parts that say nothing about the language: code, addresses, names in Latin letters. */
const NEUTRAL = /```.*?(?:```|$)|`[^`\n]*`|https?:\/\/[!-~]+|@[A-Za-z0-9_.-]+/gsu;
const HAN = /[\u3005-\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u{20000}-\u{323af}]/gu;
const KANA_OR_HANGUL = /[\u3041-\u30ff\u31f0-\u31ff\uff66-\uff9f\u3131-\u318e\uac00-\ud7a3]/gu;
const WORD = /[A-Za-z\u00c0-\u1fff]+/gu;
const LATIN_WORD = /^[A-Za-z\u00c0-\u024f]+$/u;

const SKIN_TONE = String.raw`[\u{1f3fb}-\u{1f3ff}]`;
const SINGLE_EMOJI = [
  String.raw`(?:[\u00a9\u00ae\u203c-\u3299]\ufe0f`,
  String.raw`|[\u231a\u231b\u23e9-\u23f3\u25fd\u25fe\u2600-\u27bf\u2b1b\u2b1c\u2b50\u2b55]`,
  String.raw`|[\u{1f004}\u{1f0cf}\u{1f170}-\u{1f19a}\u{1f201}-\u{1f251}\u{1f300}-\u{1faff}]\ufe0f?)`,
].join("");
const EMOJI = [
  String.raw`(?:[\u{1f1e6}-\u{1f1ff}]{2}`,
  String.raw`|[0-9#*]\ufe0f?\u20e3`,
  String.raw`|${SINGLE_EMOJI}${SKIN_TONE}?[\u{e0020}-\u{e007f}]*(?:\u200d${SINGLE_EMOJI}${SKIN_TONE}?)*)`,
].join("");
const FEW_EMOJI = new RegExp(`^ *(?:${EMOJI} *){1,3}$`, "u");

/**
 * Returns `zh-Hans` for Chinese, `en` for Latin letters, `und` for other languages, and an empty string for a text
 * without words.
 * @param {string} text
 */
export function detectLanguage(text) {
  const prose = text.replace(NEUTRAL, " ");
  const han = count(prose, HAN);
  const kana = count(prose, KANA_OR_HANGUL);
  const words = prose.match(WORD) ?? [];
  if (han && han > 2 * words.length && han > 10 * kana) return CHINESE;
  if (words.length && !kana && words.some((word) => LATIN_WORD.test(word))) return LATIN;
  return words.length || kana || han ? OTHER : "";
}

/**
 * Returns the `lang` attribute for a text in `language` on a page in `pageLanguage`, or "" if none is needed. A Chinese
 * text always has the attribute, other texts only on a Chinese page.
 * @param {string} language
 * @param {string} pageLanguage
 */
export function getLangAttribute(language, pageLanguage) {
  return language === CHINESE || pageLanguage.startsWith("zh") ? language : "";
}

/** Whether the text consists of one to three emoji. @param {string} text */
export function isEmojiOnly(text) {
  return [...text].length <= 64 && FEW_EMOJI.test(text);
}

/** @param {string} text @param {RegExp} pattern */
function count(text, pattern) {
  return text.match(pattern)?.length ?? 0;
}
