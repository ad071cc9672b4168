/** All emoji by number, in Unicode's order: names, short names, words to find them by. Data: static/vendor/emoji. */

/**
 * @typedef {object} Data
 * @property {string[]} emoji
 * @property {[string, number][]} groups name and how many
 * @property {[number, number, number][]} newer version, first place, how many
 * @property {[number, number][]} tones first place, how many: those that take a skin tone
 * @property {string[]} names
 * @property {string[]} codes short names, apart by spaces
 * @property {string[]} words apart by spaces
 */

const TONES = ["", "\u{1f3fb}", "\u{1f3fc}", "\u{1f3fd}", "\u{1f3fe}", "\u{1f3ff}"];
const BASE = /\p{Emoji_Modifier_Base}/u;
const HANDS = "\u{1f91d}"; // between two people it joins, and takes no tone
const HAN = /\p{Script=Han}/u;

export class EmojiTable {
  /** Chinese names are known. */
  isChinese = false;
  /** @type {string[][]} */
  #codes;
  /** In the reader's language. @type {string[]} */
  #shown;
  /** @type {{names: string[], words: string[]} | null} */
  #chinese = null;
  /** @type {Set<number>} */
  #hidden = new Set();
  /** @type {Map<string, number>} */
  #byCode = new Map();
  /** @type {Map<string, number>} */
  #byEmoji;

  /** @param {Data} data @param {number} newest version of Emoji that this device draws */
  constructor(data, newest = Infinity) {
    this.data = data;
    this.#shown = data.names;
    this.#codes = data.codes.map((codes) => codes.split(" "));
    for (const [version, from, count] of data.newer) {
      if (version > newest) for (let at = from; at < from + count; at += 1) this.#hidden.add(at);
    }
    this.#codes.forEach((codes, at) => {
      if (!this.#hidden.has(at)) for (const code of codes) this.#byCode.set(code, at);
    });
    this.#byEmoji = new Map(data.emoji.map((emoji, at) => [bare(emoji), at]));
  }

  /** @param {{names: string[], words: string[]}} chinese @param {boolean} [shown] also as what they are called */
  addChinese(chinese, shown = true) {
    this.isChinese = true;
    this.#chinese = chinese;
    if (shown) this.#shown = chinese.names;
  }

  /** @returns {{name: string, members: number[]}[]} */
  get groups() {
    let from = 0;
    return this.data.groups.map(([name, count]) => {
      const members = Array.from({ length: count }, (_, index) => from + index).filter((at) => !this.#hidden.has(at));
      from += count;
      return { name, members };
    });
  }

  /** @param {number} at @param {number} [tone] */
  emoji(at, tone = 0) {
    const emoji = this.data.emoji[at];
    return tone && this.takesTone(at) ? toned(emoji, tone) : emoji;
  }

  /** @param {number} at */
  takesTone(at) {
    return this.data.tones.some(([from, count]) => at >= from && at < from + count);
  }

  /** @param {number} at */
  name(at) {
    return this.#shown[at];
  }

  /** Its short name; of several the one that goes on like `typed`. @param {number} at @param {string} [typed] */
  code(at, typed = "") {
    return this.#codes[at].find((code) => code.startsWith(typed)) ?? this.#codes[at][0];
  }

  /** @param {string} code @returns {number | undefined} */
  byCode(code) {
    return this.#byCode.get(code);
  }

  /** The number of an emoji, whatever its tone. @param {string} emoji @returns {number | undefined} */
  place(emoji) {
    return this.#byEmoji.get(bare(emoji));
  }

  /**
   * By short name, name or word, in English or Chinese; best first.
   * @param {string} question @param {number} [limit]
   * @param {number[]} [recent] stand before others that fit as well
   * @returns {number[]}
   */
  find(question, limit = Infinity, recent = []) {
    const words = question.toLowerCase().replace(/[_-]+/g, " ").split(/\s+/u).filter(Boolean);
    if (!words.length) return [];
    /** @type {[number, number, number][]} */
    const found = [];
    for (let at = 0; at < this.data.emoji.length; at += 1) {
      if (this.#hidden.has(at)) continue;
      const rank = this.#rank(at, words);
      if (rank === null) continue;
      const used = recent.indexOf(at);
      found.push([rank, used < 0 ? recent.length : used, at]);
    }
    found.sort((a, b) => a[0] - b[0] || a[1] - b[1] || a[2] - b[2]);
    return found.slice(0, limit).map(([, , at]) => at);
  }

  /** @param {number} at @param {string[]} words all of them must fit @returns {number | null} less is better */
  #rank(at, words) {
    const whole = words.join("_");
    let worst = 0;
    for (const word of words) {
      const rank = HAN.test(word) ? this.#rankChinese(at, word) : this.#rankEnglish(at, word);
      if (rank === null) return null;
      worst = Math.max(worst, rank);
    }
    if (this.#codes[at].includes(whole) || this.#codes[at].includes(whole.replaceAll("_", "-"))) return 0;
    return this.#codes[at].some((code) => code.startsWith(whole)) ? 1 : worst + 2;
  }

  /** @param {number} at @param {string} word */
  #rankEnglish(at, word) {
    const { names, words } = this.data;
    if (begins(this.#codes[at].join(" ").replaceAll("_", " "), word)) return 0;
    if (begins(names[at].toLowerCase(), word)) return 1;
    if (begins(words[at], word)) return 2;
    return word.length > 2 && this.#codes[at].some((code) => code.includes(word)) ? 3 : null;
  }

  /** @param {number} at @param {string} word */
  #rankChinese(at, word) {
    if (!this.#chinese) return null;
    const name = this.#chinese.names[at];
    const words = this.#chinese.words[at].split(",");
    if (name === word || words.includes(word)) return 0;
    if (name.includes(word)) return 1;
    return words.some((each) => each.includes(word)) ? 2 : null;
  }
}

/** Whether one of its words goes on like that. @param {string} text @param {string} word */
function begins(text, word) {
  return text.startsWith(word) || text.includes(` ${word}`) || text.includes(`-${word}`);
}

/** @param {string} emoji without tones, and without the sign that asks for a picture */
function bare(emoji) {
  return emoji.replace(/[\u{1f3fb}-\u{1f3ff}\ufe0f]/gu, "");
}

/** @param {string} emoji @param {number} tone 1 to 5 */
function toned(emoji, tone) {
  return [...emoji]
    .map((char, index) => (BASE.test(char) && !(char === HANDS && index) ? char + TONES[tone] : char))
    .join("")
    .replace(/([\u{1f3fb}-\u{1f3ff}])\ufe0f/gu, "$1");
}

/** One emoji of each newer version, to try. @type {[number, string][]} */
const TRIALS = [[17, "\u{1faea}"], [16, "\u{1fae9}"], [15, "\u{1fae8}"], [14, "\u{1fae0}"], [13, "\u{1f972}"]];

/** The newest version of Emoji that this device draws in colour. Infinity where that cannot be found out. */
export function newestDrawn() {
  try {
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = 20;
    const context = canvas.getContext("2d", { willReadFrequently: true });
    if (!context || !isDrawn(context, "\u{1f600}")) return Infinity;
    // What joins signs by rules (13.1, 15.1) comes with the next one.
    return TRIALS.find(([, emoji]) => isDrawn(context, emoji))?.[0] ?? 12;
  } catch {
    return Infinity;
  }
}

/** Whether it has colours of its own. @param {CanvasRenderingContext2D} context @param {string} emoji */
function isDrawn(context, emoji) {
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
