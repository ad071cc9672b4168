/**
 * Keyboard navigation of the message log. The log is one tab stop: arrow keys move between messages, letters run the
 * commands of the message menu. Tab moves into the links and buttons of the focused message, and then leaves the log.
 */
import { find, findAll } from "../../lib/dom.js";

/** @typedef {import("./message-log.js").MessageLog} MessageLog */

const COMMANDS = new Map(Object.entries({
  r: "reply", e: "edit", f: "forward", c: "copy", l: "link", u: "unread", p: "pin", i: "details", h: "revisions",
  "+": "any-emoji", Delete: "delete",
}));
const MENU_KEYS = new Set(["Enter", " ", "ContextMenu"]);
const STEPS = new Map([["ArrowUp", -1], ["ArrowDown", 1], ["k", -1], ["j", 1], ["Home", -Infinity], ["End", Infinity]]);
const FOCUSABLE = "a[href], button:not([disabled]), input:not([type=hidden]), [tabindex='0']";

export class LogKeyboard {
  /** The item that has the focus or had it last. @type {HTMLElement | null} */
  #lastFocusedItem = null;
  #isBackwards = false;

  /**
   * @param {MessageLog} log
   * @param {import("../message/message-commands.js").MessageCommands} commands
   * @param {import("../message/message-menu.js").MessageMenu} menu
   */
  constructor(log, commands, menu) {
    this.log = log;
    this.commands = commands;
    this.menu = menu;
    this.view = /** @type {HTMLElement} */ (find(log, ".log"));
    log.on(this.view, "keydown", (event) => this.#onKeydown(event));
    log.on(this.view, "focusin", (event) => this.#onFocusIn(event));
    log.on(document, "keydown", (event) => (this.#isBackwards = event.key === "Tab" && event.shiftKey), { capture: true });
    log.on(document, "pointerdown", () => (this.#isBackwards = false), { capture: true });
  }

  /**
   * Focuses the whole item when Shift+Tab enters the log from below. The browser would focus the last link or button in
   * the item.
   * @param {FocusEvent} event
   */
  #onFocusIn(event) {
    const target = /** @type {HTMLElement} */ (event.target);
    const previousElement = /** @type {Node | null} */ (event.relatedTarget);
    if (this.#isBackwards && previousElement && !this.view.contains(previousElement) && target !== this.view) {
      const item = this.#lastFocusedItem?.isConnected ? this.#lastFocusedItem : this.#listItems().at(-1);
      this.#isBackwards = false;
      if (item && item !== target) return item.focus();
    }
    this.#lastFocusedItem = target.closest("li[tabindex]") ?? this.#lastFocusedItem;
  }

  #listItems() {
    // Collapsed messages of blocked users cannot have the focus.
    return findAll(this.log.list, ":scope > li[tabindex]").filter((item) => item.checkVisibility({ visibilityProperty: true }));
  }

  /** @param {KeyboardEvent} event */
  #onKeydown(event) {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    const target = /** @type {HTMLElement} */ (event.target);
    const item = /** @type {HTMLElement | null} */ (target.closest("li[tabindex]"));
    if (event.key === "Tab") return this.#onTab(event, target, item);
    if (event.key === "Escape") {
      event.preventDefault();
      if (item && target !== item) item.focus({ preventScroll: true });
      else find(document, "message-composer textarea")?.focus();
      return;
    }
    const step = STEPS.get(event.key);
    if (step !== undefined && (target === item || target === this.view)) {
      event.preventDefault();
      this.#moveFocus(item, step);
    } else if (item && target === item && item.matches(".msg[data-seq]:not(.deleted)")) {
      this.#runCommand(event, item);
    }
  }

  /** @param {KeyboardEvent} event @param {HTMLElement} item */
  #runCommand(event, item) {
    const isMenu = MENU_KEYS.has(event.key) || (event.key === "F10" && event.shiftKey);
    let command = COMMANDS.get(event.key.length === 1 ? event.key.toLowerCase() : event.key);
    if (command === "pin" && !this.commands.isAvailable("pin", item)) command = "unpin";
    if (!isMenu && !(command && this.commands.isAvailable(command, item))) return;
    event.preventDefault();
    if (isMenu) this.menu.open(item, item);
    else if (command) this.commands.run(command, item);
  }

  /** @param {HTMLElement | null} currentItem @param {number} step */
  #moveFocus(currentItem, step) {
    const items = this.#listItems();
    const index = currentItem ? items.indexOf(currentItem) + step : step < 0 ? items.length - 1 : 0;
    const targetIndex = Number.isFinite(step) ? Math.min(Math.max(index, 0), items.length - 1) : step < 0 ? 0 : items.length - 1;
    items[targetIndex]?.focus();
  }

  /** @param {KeyboardEvent} event @param {HTMLElement} target @param {HTMLElement | null} item */
  #onTab(event, target, item) {
    const focusableElements = item ? findAll(item, FOCUSABLE).filter(isTabStop) : [];
    const index = focusableElements.indexOf(target);
    const next = event.shiftKey ? (index > 0 ? focusableElements[index - 1] : index === 0 ? item : this.view) : focusableElements[index + 1];
    if (event.shiftKey && target === this.view) return;
    const candidates = next ? [next] : event.shiftKey ? [] : this.#listElementsAfterLog();
    // If nothing takes the focus, the browser moves it: Tab must never be without effect.
    if (candidates.some(takeFocus)) event.preventDefault();
  }

  /** Returns the elements after the log that Tab can reach. */
  #listElementsAfterLog() {
    const elements = findAll(document, `${FOCUSABLE}, textarea, select, summary`).filter(isTabStop);
    return elements.filter((element) => this.view.compareDocumentPosition(element) === Node.DOCUMENT_POSITION_FOLLOWING);
  }
}

/** Names that only screen readers get: of all messages but the first of a group, and in direct conversations. */
const UNSEEN_NAME = ".msg:not(.first) > .msg-body > .msg-by a, .conversation[data-kind=direct] .msg-by a";

/** Returns whether Tab can reach the element. @param {HTMLElement} element */
const isTabStop = (element) =>
  element.tabIndex >= 0 && element.checkVisibility({ visibilityProperty: true }) && !element.matches(UNSEEN_NAME);

/** Focuses the element. Returns false if it cannot have the focus. @param {HTMLElement} element */
function takeFocus(element) {
  element.focus();
  return document.activeElement === element;
}
