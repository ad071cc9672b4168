/** `:smi` in the composer goes on as `:smile:`, and that becomes its emoji. The names are read when they are first asked for. */
import { emojiHabits, emojiTable, learnChinese, usedEmoji } from "../../lib/emoji.js";
import { isInCode } from "../markdown-editing.js";
import { apply } from "../text-edit.js";
import { clone, find } from "../../lib/dom.js";

/** @typedef {import("./completion.js").Source} Source */

const SHOWN = 8;
const HAN = /\p{Script=Han}/u;
// Not in the middle of a word, an address or a time. Two letters at least; `:D` is a face by itself.
const ASKED = /(?<![A-Za-z0-9_:/])([:])([a-z0-9+_-]{2,30}|\p{Script=Han}{1,8})$/u;
const WHOLE = /(?<![A-Za-z0-9_:/]):([a-z0-9+_-]{2,50}):$/;

/** What follows a `:` at the end of a text. @param {string} before @returns {import("./completion.js").Question | null} */
export function askedEmoji(before) {
  const found = ASKED.exec(before);
  if (!found || (/^\d+$/.test(found[2]) && found[2] !== "100") || isInCode(before, before.length)) return null;
  return { at: found.index, q: found[2] };
}

/** @implements {Source} */
export class EmojiNames {
  label = "emoji";

  /** @param {import("../message-composer.js").MessageComposer} composer */
  constructor(composer) {
    this.field = composer.field;
    composer.listen(this.field, "input", (event) => event.inputType !== "historyUndo" && !event.isComposing && this.#replace());
  }

  look = askedEmoji;

  /** @type {Source["ask"]} */
  async ask({ q }, show) {
    const isChinese = HAN.test(q);
    try {
      const table = await emojiTable();
      if (isChinese) await learnChinese(table);
      const { recent, tone } = emojiHabits();
      const places = recent.flatMap((emoji) => table.place(emoji) ?? []);
      const options = table.find(q, SHOWN, places).map((at) => {
        const content = /** @type {HTMLElement} */ (clone("option-emoji-template"));
        const emoji = table.emoji(at, tone);
        const [face, code, name] = [find(content, ".face"), find(content, "b"), find(content, "small")];
        if (face) face.textContent = emoji;
        if (code) code.textContent = isChinese ? table.name(at) : `:${table.code(at, q)}:`;
        if (name) name.textContent = isChinese ? `:${table.code(at)}:` : table.name(at);
        return { content, text: emoji, taken: () => usedEmoji(emoji) };
      });
      // After a colon in a Chinese sentence words follow: Enter sends them, unless one is chosen.
      show(options, isChinese ? -1 : 0);
    } catch {
      show([]); // not to be had now
    }
  }

  /** A short name that stands there whole becomes its emoji; undo brings it back. */
  async #replace() {
    const { field } = this;
    const found = WHOLE.exec(field.value.slice(0, field.selectionStart));
    if (!found || isInCode(field.value, found.index)) return;
    const end = found.index + found[0].length;
    const table = await emojiTable().catch(() => null);
    const at = table?.byCode(found[1]);
    // Meanwhile somebody may have gone on.
    if (!table || at === undefined || field.value.slice(found.index, end) !== found[0] || !field.isConnected) return;
    const caret = field.selectionStart;
    const emoji = table.emoji(at, emojiHabits().tone);
    const after = Math.max(0, caret - end);
    const select = found.index + emoji.length + after;
    apply(field, { from: found.index, to: end, text: emoji, select: [select, select] });
    usedEmoji(emoji);
  }
}
