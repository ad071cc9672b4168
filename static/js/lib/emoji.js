/**
 * Emoji: their names, read when somebody first asks; what this browser used last; the way to the picker.
 *
 * `await pickEmoji(button)` opens the picker beside an element and answers the emoji that was chosen, or null.
 */
import { memory, words } from "./dom.js";

/** @typedef {import("./emoji-table.js").EmojiTable} EmojiTable */

const KEPT = "messenger.emoji";
const RECENT = 27; // three rows

/** @type {Promise<EmojiTable> | undefined} */
let reading;
/** @type {Promise<unknown> | undefined} */
let readingChinese;

/** All emoji with their names. Rejects where they cannot be read now; the next call tries again. @returns {Promise<EmojiTable>} */
export function emojiTable() {
  reading ??= (async () => {
    const { table, chinese } = words("emoji-words");
    const isChinese = document.documentElement.lang.startsWith("zh");
    const [{ EmojiTable, newestDrawn }, data] = await Promise.all([import("./emoji-table.js"), json(table)]);
    const emoji = new EmojiTable(data, newestDrawn());
    if (isChinese) emoji.addChinese(await json(chinese));
    return emoji;
  })().catch((error) => {
    reading = undefined;
    throw error;
  });
  return reading;
}

/** Chinese names for whoever asks in Chinese on an English page. @param {EmojiTable} table */
export async function learnChinese(table) {
  if (table.isChinese) return;
  readingChinese ??= json(words("emoji-words").chinese).then((data) => table.addChinese(data, false));
  await readingChinese.catch(() => void (readingChinese = undefined));
}

/** @param {string | undefined} address */
async function json(address) {
  const answer = await fetch(address ?? "");
  if (!answer.ok) throw new Error(`${address}: ${answer.status}`);
  return answer.json();
}

/** @returns {{recent: string[], tone: number}} of this browser; tone 0 is yellow, 1 to 5 light to dark */
export function emojiHabits() {
  const kept = memory.get(KEPT);
  return { recent: Array.isArray(kept?.recent) ? kept.recent : [], tone: Number(kept?.tone) || 0 };
}

/** @param {string} emoji */
export function usedEmoji(emoji) {
  const { recent, tone } = emojiHabits();
  memory.set(KEPT, { tone, recent: [emoji, ...recent.filter((each) => each !== emoji)].slice(0, RECENT) });
}

/** @param {number} tone */
export function chooseTone(tone) {
  memory.set(KEPT, { ...emojiHabits(), tone });
}

/**
 * @param {Element} beside what it opens next to, and where the focus goes back to
 * @param {(emoji: string) => void} [onEach] told of each one, where several may be chosen (Shift keeps it open)
 * @returns {Promise<string | null>} the last that was chosen
 */
export async function pickEmoji(beside, onEach) {
  const [{ openPicker }, table] = await Promise.all([import("./emoji-picker.js"), emojiTable()]);
  return openPicker(beside, table, onEach);
}
