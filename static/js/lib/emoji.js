/**
 * Loads emoji data on first use, remembers recently used emoji of this browser, and opens the picker.
 *
 * `await pickEmoji(button)` opens the picker next to an element and resolves to the picked emoji, or null.
 */
import { browserStorage, words } from "./dom.js";

/** @typedef {import("./emoji-table.js").EmojiTable} EmojiTable */

const STORAGE_KEY = "messenger.emoji";
const MAX_RECENT = 27; // three rows of the picker

/** @type {Promise<EmojiTable> | undefined} */
let tableRequest;
/** @type {Promise<unknown> | undefined} */
let chineseRequest;

/** Loads the table of all emoji. Rejects if that fails; the next call tries again. @returns {Promise<EmojiTable>} */
export function loadEmojiTable() {
  tableRequest ??= (async () => {
    const { table, chinese } = words("emoji-words");
    const isChinese = document.documentElement.lang.startsWith("zh");
    const [{ EmojiTable, newestSupportedVersion }, data] = await Promise.all([import("./emoji-table.js"), fetchJson(table)]);
    const emoji = new EmojiTable(data, newestSupportedVersion());
    if (isChinese) emoji.addChinese(await fetchJson(chinese));
    return emoji;
  })().catch((error) => {
    tableRequest = undefined;
    throw error;
  });
  return tableRequest;
}

/** Adds Chinese names to the table, for a search in Chinese on an English page. @param {EmojiTable} table */
export async function loadChineseNames(table) {
  if (table.isChinese) return;
  chineseRequest ??= fetchJson(words("emoji-words").chinese).then((data) => table.addChinese(data, false));
  await chineseRequest.catch(() => void (chineseRequest = undefined));
}

/** @param {string | undefined} url */
async function fetchJson(url) {
  const response = await fetch(url ?? "");
  if (!response.ok) throw new Error(`${url}: ${response.status}`);
  return response.json();
}

/**
 * Returns the preferences of this browser; tone 0 is yellow, 1 to 5 light to dark.
 * @returns {{recent: string[], tone: number}}
 */
export function getEmojiPreferences() {
  const stored = browserStorage.get(STORAGE_KEY);
  return { recent: Array.isArray(stored?.recent) ? stored.recent : [], tone: Number(stored?.tone) || 0 };
}

/** Adds an emoji to the recently used ones. @param {string} emoji */
export function rememberEmoji(emoji) {
  const { recent, tone } = getEmojiPreferences();
  browserStorage.set(STORAGE_KEY, { tone, recent: [emoji, ...recent.filter((other) => other !== emoji)].slice(0, MAX_RECENT) });
}

/** Stores the preferred skin tone in this browser. @param {number} tone */
export function saveSkinTone(tone) {
  browserStorage.set(STORAGE_KEY, { ...getEmojiPreferences(), tone });
}

/**
 * Opens the emoji picker.
 * @param {Element} anchor opens next to it, and returns the focus to it
 * @param {(emoji: string) => void} [onPick] called for each emoji; several can be picked with Shift
 * @returns {Promise<string | null>} the last picked emoji
 */
export async function pickEmoji(anchor, onPick) {
  const [{ openPicker }, table] = await Promise.all([import("./emoji-picker.js"), loadEmojiTable()]);
  return openPicker(anchor, table, onPick);
}
