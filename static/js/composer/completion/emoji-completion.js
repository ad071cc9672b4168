/**
 * Completes emoji after a `:` in the composer, and replaces complete short names such as `:smile:`. The names are
 * loaded on first use.
 */
import { getEmojiPreferences, loadEmojiTable, loadChineseNames, rememberEmoji } from "../../lib/emoji.js";
import { isInCode } from "../markdown-editing.js";
import { applyChange } from "../text-edit.js";
import { clone, find } from "../../lib/dom.js";

/** @typedef {import("./completion.js").Source} Source */

const MAX_OPTIONS = 8;
const HAN = /\p{Script=Han}/u;
// Not inside a word, an address or a time. At least two letters, so that `:D` stays as it is.
const QUERY_AT_END = /(?<![A-Za-z0-9_:/])([:])([a-z0-9+_-]{2,30}|\p{Script=Han}{1,8})$/u;
const COMPLETE_NAME = /(?<![A-Za-z0-9_:/]):([a-z0-9+_-]{2,50}):$/;

/**
 * Returns the emoji query (`:` and letters) at the end of a text, or null.
 * @param {string} before
 * @returns {import("./completion.js").Query | null}
 */
export function parseEmojiQuery(before) {
  const match = QUERY_AT_END.exec(before);
  if (!match || (/^\d+$/.test(match[2]) && match[2] !== "100") || isInCode(before, before.length)) return null;
  return { at: match.index, q: match[2] };
}

/** @implements {Source} */
export class EmojiCompletion {
  label = "emoji";

  /** @param {import("../message-composer.js").MessageComposer} composer */
  constructor(composer) {
    this.field = composer.field;
    composer.on(this.field, "input", (event) => event.inputType !== "historyUndo" && !event.isComposing && this.#replaceCompleteName());
  }

  findQuery = parseEmojiQuery;

  /** @type {Source["complete"]} */
  async complete({ q }, show) {
    const isChinese = HAN.test(q);
    try {
      const table = await loadEmojiTable();
      if (isChinese) await loadChineseNames(table);
      const { recent, tone } = getEmojiPreferences();
      const recentIndexes = recent.flatMap((emoji) => table.findIndex(emoji) ?? []);
      const options = table.find(q, MAX_OPTIONS, recentIndexes).map((index) => {
        const content = /** @type {HTMLElement} */ (clone("option-emoji-template"));
        const emoji = table.getEmoji(index, tone);
        const [emojiElement, codeElement, nameElement] = [find(content, ".face"), find(content, "b"), find(content, "small")];
        if (emojiElement) emojiElement.textContent = emoji;
        if (codeElement) codeElement.textContent = isChinese ? table.getName(index) : `:${table.getCode(index, q)}:`;
        if (nameElement) nameElement.textContent = isChinese ? `:${table.getCode(index)}:` : table.getName(index);
        return { content, text: emoji, onAccepted: () => rememberEmoji(emoji) };
      });
      // In Chinese text, words often follow a colon: Enter sends the message, unless the user has chosen an option.
      show(options, isChinese ? -1 : 0);
    } catch {
      show([]); // the names cannot be loaded now
    }
  }

  /** Replaces a complete short name before the caret by its emoji; undo restores it. */
  async #replaceCompleteName() {
    const { field } = this;
    const match = COMPLETE_NAME.exec(field.value.slice(0, field.selectionStart));
    if (!match || isInCode(field.value, match.index)) return;
    const end = match.index + match[0].length;
    const table = await loadEmojiTable().catch(() => null);
    const index = table?.findByCode(match[1]);
    // The user may have typed on meanwhile.
    if (!table || index === undefined || field.value.slice(match.index, end) !== match[0] || !field.isConnected) return;
    const caret = field.selectionStart;
    const emoji = table.getEmoji(index, getEmojiPreferences().tone);
    const caretOffset = Math.max(0, caret - end);
    const selection = match.index + emoji.length + caretOffset;
    applyChange(field, { from: match.index, to: end, text: emoji, select: [selection, selection] });
    rememberEmoji(emoji);
  }
}
