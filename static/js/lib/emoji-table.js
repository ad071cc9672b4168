/**
 * Table of all emoji in the order of Unicode, with names, short names and keywords. An emoji is identified by its
 * index. The data is in static/vendor/emoji.
 */

/**
 * @typedef {object} Data
 * @property {string[]} emoji
 * @property {[string, number][]} groups name and number of emoji
 * @property {[number, number, number][]} newer version, first index, number of emoji
 * @property {[number, number][]} tones first index and number of emoji that have skin tones
 * @property {string[]} names
 * @property {string[]} codes short names, separated by spaces
 * @property {string[]} words keywords, separated by spaces
 */

import { findSpellingStart } from "../composer/completion/mention-match.js";

const TONES = ["", "\u{1f3fb}", "\u{1f3fc}", "\u{1f3fd}", "\u{1f3fe}", "\u{1f3ff}"];
const BASE = /\p{Emoji_Modifier_Base}/u;
const HANDS = "\u{1f91d}"; // gets no skin tone if it stands between two people
const HAN = /\p{Script=Han}/u;

export class EmojiTable {
  /** Whether Chinese names are loaded. */
  isChinese = false;
  /** @type {string[][]} */
  #codes;
  /** Names in the language of the page. @type {string[]} */
  #names;
  /** @type {ChineseData | null} */
  #chinese = null;
  /** Pinyin by Chinese character; several readings are separated by `|`. @type {Map<string, string>} */
  #pinyin = new Map();
  /** @type {Set<number>} */
  #hidden = new Set();
  /** @type {Map<string, number>} */
  #byCode = new Map();
  /** @type {Map<string, number>} */
  #byEmoji;

  /** @param {Data} data @param {number} newestVersion of Unicode Emoji that this device can display */
  constructor(data, newestVersion = Infinity) {
    this.data = data;
    this.#names = data.names;
    this.#codes = data.codes.map((codes) => codes.split(" "));
    for (const [version, from, count] of data.newer) {
      if (version > newestVersion) for (let index = from; index < from + count; index += 1) this.#hidden.add(index);
    }
    this.#codes.forEach((codes, index) => {
      if (!this.#hidden.has(index)) for (const code of codes) this.#byCode.set(code, index);
    });
    this.#byEmoji = new Map(data.emoji.map((emoji, index) => [withoutTones(emoji), index]));
  }

  /**
   * Adds Chinese names and their pinyin to the search.
   * @param {ChineseData} chinese
   * @param {boolean} [showsNames] also use them as displayed names
   */
  addChinese(chinese, showsNames = true) {
    this.isChinese = true;
    this.#chinese = chinese;
    for (const [syllable, chars] of Object.entries(chinese.pinyin ?? {})) {
      for (const char of chars) this.#pinyin.set(char, this.#pinyin.has(char) ? `${this.#pinyin.get(char)}|${syllable}` : syllable);
    }
    if (showsNames) this.#names = chinese.names;
  }

  /** @returns {{name: string, members: number[]}[]} */
  get groups() {
    let from = 0;
    return this.data.groups.map(([name, count]) => {
      const members = Array.from({ length: count }, (_, index) => from + index).filter((index) => !this.#hidden.has(index));
      from += count;
      return { name, members };
    });
  }

  /** @param {number} index @param {number} [tone] */
  getEmoji(index, tone = 0) {
    const emoji = this.data.emoji[index];
    return tone && this.hasSkinTones(index) ? withTone(emoji, tone) : emoji;
  }

  /** @param {number} index */
  hasSkinTones(index) {
    return this.data.tones.some(([from, count]) => index >= from && index < from + count);
  }

  /** @param {number} index */
  getName(index) {
    return this.#names[index];
  }

  /**
   * Returns the short name; if there are several, the one that starts with `prefix`.
   * @param {number} index
   * @param {string} [prefix]
   */
  getCode(index, prefix = "") {
    return this.#codes[index].find((code) => code.startsWith(prefix)) ?? this.#codes[index][0];
  }

  /** @param {string} code @returns {number | undefined} */
  findByCode(code) {
    return this.#byCode.get(code);
  }

  /** Returns the index of an emoji, ignoring its skin tone. @param {string} emoji @returns {number | undefined} */
  findIndex(emoji) {
    return this.#byEmoji.get(withoutTones(emoji));
  }

  /**
   * Searches by short name, name or keyword, in English, Chinese or pinyin (`dianzan`, `dz`). Returns indexes, best match first.
   * @param {string} query @param {number} [limit]
   * @param {number[]} [recent] indexes that come first among equal matches
   * @returns {number[]}
   */
  find(query, limit = Infinity, recent = []) {
    const words = query.toLowerCase().replace(/[_-]+/g, " ").split(/\s+/u).filter(Boolean);
    if (!words.length) return [];
    /** @type {[number, number, number][]} */
    const matches = [];
    for (let index = 0; index < this.data.emoji.length; index += 1) {
      if (this.#hidden.has(index)) continue;
      const rank = this.#rank(index, words);
      if (rank === null) continue;
      const recentIndex = recent.indexOf(index);
      matches.push([rank, recentIndex < 0 ? recent.length : recentIndex, index]);
    }
    matches.sort((a, b) => a[0] - b[0] || a[1] - b[1] || a[2] - b[2]);
    return matches.slice(0, limit).map(([, , index]) => index);
  }

  /**
   * @param {number} index
   * @param {string[]} words all must match
   * @returns {number | null} lower is better; null: no match
   */
  #rank(index, words) {
    const joined = words.join("_");
    let worstRank = 0;
    for (const word of words) {
      const rank = HAN.test(word) ? this.#rankChinese(index, word) : this.#rankEnglish(index, word) ?? this.#rankPinyin(index, word);
      if (rank === null) return null;
      worstRank = Math.max(worstRank, rank);
    }
    if (this.#codes[index].includes(joined) || this.#codes[index].includes(joined.replaceAll("_", "-"))) return 0;
    return this.#codes[index].some((code) => code.startsWith(joined)) ? 1 : worstRank + 2;
  }

  /** @param {number} index @param {string} word */
  #rankEnglish(index, word) {
    const { names, words } = this.data;
    if (hasWordWith(this.#codes[index].join(" ").replaceAll("_", " "), word)) return 0;
    if (hasWordWith(names[index].toLowerCase(), word)) return 1;
    if (hasWordWith(words[index], word)) return 2;
    return word.length > 2 && this.#codes[index].some((code) => code.includes(word)) ? 3 : null;
  }

  /** @param {number} index @param {string} word */
  #rankChinese(index, word) {
    if (!this.#chinese) return null;
    const name = this.#chinese.names[index];
    const words = this.#chinese.words[index].split(",");
    if (name === word || words.includes(word)) return 0;
    if (name.includes(word)) return 1;
    return words.some((keyword) => keyword.includes(word)) ? 2 : null;
  }

  /** @param {number} index @param {string} word Latin letters that spell the beginning of a Chinese word */
  #rankPinyin(index, word) {
    if (!this.#chinese || word.length < 2) return null;
    const [name, ...words] = [this.#chinese.names[index], ...this.#chinese.words[index].split(",")];
    const isSpelled = (/** @type {string} */ text) => findSpellingStart([...text].map((char) => this.#pinyin.get(char) ?? char).join(" "), word) === 0;
    if (isSpelled(name)) return 4;
    return words.some(isSpelled) ? 5 : null;
  }
}

/** @typedef {{names: string[], words: string[], pinyin?: Record<string, string>}} ChineseData `pinyin`: characters by syllable */

/** Whether a word of the text starts with `word`. @param {string} text @param {string} word */
function hasWordWith(text, word) {
  return text.startsWith(word) || text.includes(` ${word}`) || text.includes(`-${word}`);
}

/** @param {string} emoji without skin tones and variation selectors */
function withoutTones(emoji) {
  return emoji.replace(/[\u{1f3fb}-\u{1f3ff}\ufe0f]/gu, "");
}

/** @param {string} emoji @param {number} tone 1 to 5 */
function withTone(emoji, tone) {
  return [...emoji]
    .map((char, index) => (BASE.test(char) && !(char === HANDS && index) ? char + TONES[tone] : char))
    .join("")
    .replace(/([\u{1f3fb}-\u{1f3ff}])\ufe0f/gu, "$1");
}

/** One test emoji of each newer version. @type {[number, string][]} */
const TEST_EMOJI = [[17, "\u{1faea}"], [16, "\u{1fae9}"], [15, "\u{1fae8}"], [14, "\u{1fae0}"], [13, "\u{1f972}"]];

/**
 * Returns the newest version of Unicode Emoji that this device displays in colour, or Infinity if that cannot be
 * determined.
 */
export function newestSupportedVersion() {
  try {
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = 20;
    const context = canvas.getContext("2d", { willReadFrequently: true });
    if (!context || !isDrawnInColour(context, "\u{1f600}")) return Infinity;
    // Versions that only add sequences of emoji (13.1, 15.1) count as part of the next version.
    return TEST_EMOJI.find(([, emoji]) => isDrawnInColour(context, emoji))?.[0] ?? 12;
  } catch {
    return Infinity;
  }
}

/** Whether the emoji has colours of its own. @param {CanvasRenderingContext2D} context @param {string} emoji */
function isDrawnInColour(context, emoji) {
  const [black, red] = ["#000", "#f00"].map((colour) => {
    context.clearRect(0, 0, 20, 20);
    context.fillStyle = colour;
    context.textBaseline = "top";
    context.font = '16px "Apple Color Emoji", "Segoe UI Emoji", "Noto Color Emoji", sans-serif';
    context.fillText(emoji, 0, 0);
    return [...context.getImageData(0, 0, 20, 20).data].join();
  });
  return black === red && /[1-9]/.test(black);
}
