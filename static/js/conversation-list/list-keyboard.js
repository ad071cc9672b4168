/** The list is one stop of the Tab key; arrows go up and down in it. Alt with arrows goes to the next conversation. */
import { find, findAll } from "../lib/dom.js";

/** @typedef {import("./conversation-list.js").ConversationList} ConversationList */

export class ListKeys {
  /** @param {ConversationList} list */
  constructor(list) {
    this.list = list;
    list.on(list.list, "keydown", (event) => this.#key(event));
    list.on(list.list, "focusin", (event) => this.#stop(event.target.closest(".conversation-row")));
    list.on(document, "keydown", (event) => this.#jump(event));
    list.on(document, "page:navigated", () => this.#stop(find(list, ".conversation-row[aria-current]")));
    this.#stop(find(list, ".conversation-row[aria-current]") ?? this.#shown()[0] ?? null);
  }

  #shown() {
    return findAll(this.list.list, ":scope > li:not([hidden]) > .conversation-row");
  }

  /** Where the Tab key comes in. @param {HTMLElement | null} link */
  #stop(link) {
    const stop = link ?? this.#shown()[0];
    for (const each of findAll(this.list.list, ".conversation-row")) each.tabIndex = each === stop ? 0 : -1;
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const shown = this.#shown();
    const at = shown.indexOf(/** @type {HTMLElement} */ (/** @type {Element} */ (event.target).closest(".conversation-row")));
    if (at < 0) return;
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: shown.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    if (to < 0) find(this.list.closest(".list"), "input[name=find]")?.focus();
    else shown[Math.min(to, shown.length - 1)].focus();
  }

  /** Alt+↑ and Alt+↓; with Shift to the next one that has something unread. @param {KeyboardEvent} event */
  #jump(event) {
    if (!event.altKey || event.ctrlKey || event.metaKey || !/^Arrow(Up|Down)$/.test(event.key)) return;
    if (event.defaultPrevented || find(document, "dialog[open]")) return;
    const shown = this.#shown();
    const open = shown.findIndex((link) => link.ariaCurrent);
    const step = event.key === "ArrowDown" ? 1 : -1;
    let at = open < 0 && step < 0 ? shown.length : open;
    do at += step;
    while (event.shiftKey && shown[at] && !shown[at].classList.contains("unread"));
    event.preventDefault();
    shown[at]?.click();
  }
}
