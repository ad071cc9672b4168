/**
 * Keyboard navigation of the conversation list. The list is one tab stop: the Tab key enters it once, arrow keys move
 * between its rows. Alt with an arrow key opens the next or previous conversation.
 */
import { find, findAll } from "../lib/dom.js";

/** @typedef {import("./conversation-list.js").ConversationList} ConversationList */

export class ListKeyboard {
  /** @param {ConversationList} list */
  constructor(list) {
    this.list = list;
    list.on(list.list, "keydown", (event) => this.#onKeydown(event));
    list.on(list.list, "focusin", (event) => this.#setTabStop(event.target.closest(".conversation-row")));
    list.on(document, "keydown", (event) => this.#goToNeighbour(event));
    list.on(document, "page:navigated", () => this.#setTabStop(find(list, ".conversation-row[aria-current]")));
    this.#setTabStop(find(list, ".conversation-row[aria-current]") ?? this.#listVisibleRows()[0] ?? null);
  }

  #listVisibleRows() {
    return findAll(this.list.list, ":scope > li:not([hidden]) > .conversation-row");
  }

  /** Sets the row that gets the focus when the Tab key enters the list. @param {HTMLElement | null} link */
  #setTabStop(link) {
    const tabStop = link ?? this.#listVisibleRows()[0];
    for (const row of findAll(this.list.list, ".conversation-row")) row.tabIndex = row === tabStop ? 0 : -1;
  }

  /** @param {KeyboardEvent} event */
  #onKeydown(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const rows = this.#listVisibleRows();
    const index = rows.indexOf(/** @type {HTMLElement} */ (/** @type {Element} */ (event.target).closest(".conversation-row")));
    if (index < 0) return;
    const targetIndex = { ArrowDown: index + 1, ArrowUp: index - 1, Home: 0, End: rows.length - 1 }[event.key];
    if (targetIndex === undefined) return;
    event.preventDefault();
    if (targetIndex < 0) find(this.list.closest(".list"), "input[name=find]")?.focus();
    else rows[Math.min(targetIndex, rows.length - 1)].focus();
  }

  /**
   * Opens the previous or next conversation (Alt+↑, Alt+↓). With Shift, opens the next one with unread messages.
   * @param {KeyboardEvent} event
   */
  #goToNeighbour(event) {
    if (!event.altKey || event.ctrlKey || event.metaKey || !/^Arrow(Up|Down)$/.test(event.key)) return;
    if (event.defaultPrevented || find(document, "dialog[open]")) return;
    const rows = this.#listVisibleRows();
    const openIndex = rows.findIndex((link) => link.ariaCurrent);
    const step = event.key === "ArrowDown" ? 1 : -1;
    let index = openIndex < 0 && step < 0 ? rows.length : openIndex;
    do index += step;
    while (event.shiftKey && rows[index] && !rows[index].classList.contains("unread"));
    event.preventDefault();
    rows[index]?.click();
  }
}
