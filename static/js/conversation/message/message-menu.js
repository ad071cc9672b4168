/**
 * Context menu of a message. Pointer, long press or keyboard open it. With `emojiOnly` it shows only the emoji for
 * reactions.
 */
import { find, findAll } from "../../lib/dom.js";
import { openPageDialog } from "../../ui/page-dialog.js";
import { addMenuKeys, openMenu } from "../../ui/popup-menu.js";

/** @typedef {import("./message-commands.js").MessageCommands} MessageCommands */

export class MessageMenu {
  /** The message of the open menu. @type {HTMLElement | null} */
  #item = null;
  /** The element that opened the menu. @type {HTMLElement | null} */
  #opener = null;

  /** @param {import("../log/message-log.js").MessageLog} log @param {MessageCommands} commands */
  constructor(log, commands) {
    this.commands = commands;
    this.menu = document.getElementById("message-menu");
    if (!this.menu) return;
    addMenuKeys(this.menu, log.signal);
    log.on(this.menu, "click", (event) => this.#onClick(event));
    log.on(this.menu, "keydown", (event) => this.#onKeydown(event));
    log.on(this.menu, "toggle", (event) => event.newState === "closed" && this.#onClose());
    // A manual popover: on a touch screen the menu opens while the finger is down, and lifting the finger would close
    // an automatic one.
    log.on(document, "pointerdown", (event) => !this.menu?.contains(event.target) && this.close());
    log.on(window, "resize", () => this.close());
    log.on(find(log, ".log"), "wheel", () => this.close(), { passive: true });
    log.signal.addEventListener("abort", () => this.close());
  }

  get isOpen() {
    return this.menu?.matches(":popover-open") ?? false;
  }

  close() {
    if (this.isOpen) this.menu?.hidePopover();
  }

  /**
   * Opens the menu.
   * @param {HTMLElement} item the message
   * @param {HTMLElement} anchor
   * @param {{position?: {x: number, y: number} | null, isHeld?: boolean, emojiOnly?: boolean}} [options] `position` in the window (px); `isHeld`: a finger is still down
   */
  open(item, anchor, { position = null, isHeld = false, emojiOnly = false } = {}) {
    const { menu } = this;
    if (!menu?.showPopover) return;
    this.close();
    menu.classList.toggle("only", emojiOnly);
    for (const menuItem of findAll(menu, "[data-act]")) menuItem.hidden = !this.commands.isAvailable(menuItem.dataset.act ?? "", item);
    // Pages of other apps: about texts, not about messages that were deleted.
    for (const link of findAll(menu, "a[data-page]")) link.hidden = !this.commands.isAvailable("copy", item);
    for (const menuItem of findAll(menu, ".faces [data-emoji]")) {
      const isOwn = findAll(item, ".reaction[aria-pressed=true]").some(({ dataset }) => dataset.emoji === menuItem.dataset.emoji);
      menuItem.setAttribute("aria-checked", String(isOwn));
    }
    for (const link of findAll(menu, "a[href]")) {
      link.setAttribute("href", link.getAttribute("href")?.replace(/\/m\/\d+\//, `/m/${item.dataset.id}/`) ?? "");
    }
    this.#item = item;
    this.#opener = anchor;
    item.classList.add("open");
    find(item, "[data-act=more]")?.setAttribute("aria-expanded", "true");
    openMenu(menu, anchor === item ? findText(item) : anchor, position, isHeld);
    if (!position && anchor !== item && !menu.classList.contains("sheet")) this.#placeBeside(anchor);
  }

  /**
   * Aligns the menu with the right edge of the anchor, below it or, without enough space, above it.
   * @param {HTMLElement} anchor
   */
  #placeBeside(anchor) {
    const menu = /** @type {HTMLElement} */ (this.menu);
    const { right, top, bottom } = anchor.getBoundingClientRect();
    const { offsetWidth, offsetHeight } = menu;
    const below = bottom + 4 + offsetHeight < innerHeight - 8;
    const y = below ? bottom + 4 : Math.max(8, Math.min(top - offsetHeight - 4, innerHeight - offsetHeight - 8));
    menu.style.left = `${Math.max(8, Math.min(right - offsetWidth, innerWidth - offsetWidth - 8))}px`;
    menu.style.top = `${y}px`;
  }

  /** Moves the focus between the reactions with the left and right arrow keys. @param {KeyboardEvent} event */
  #onKeydown(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const emojiButtons = findAll(this.menu, ".faces button");
    const index = emojiButtons.indexOf(/** @type {HTMLElement} */ (document.activeElement));
    if (!step || index < 0) return;
    event.preventDefault();
    emojiButtons.at((index + step) % emojiButtons.length)?.focus();
  }

  #onClose() {
    const item = this.#item;
    const opener = this.#opener;
    this.#item = this.#opener = null;
    if (!item) return;
    item.classList.remove("open");
    find(item, "[data-act=more]")?.setAttribute("aria-expanded", "false");
    const isFocusLost = document.activeElement === document.body || this.menu?.contains(document.activeElement);
    if (isFocusLost && item.isConnected) (opener?.checkVisibility() ? opener : item).focus({ preventScroll: true });
  }

  /** @param {MouseEvent} event */
  #onClick(event) {
    const menuItem = /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest("[role^=menuitem]"));
    const item = this.#item;
    if (!menuItem || !item || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const opener = this.#opener;
    item.focus({ preventScroll: true }); // dialogs and the composer return the focus to this element
    this.close();
    if (menuItem instanceof HTMLAnchorElement && menuItem.dataset.page !== undefined) void openPageDialog(menuItem.href);
    else if (menuItem.dataset.emoji) this.commands.react(item, menuItem.dataset.emoji);
    else this.commands.run(menuItem.dataset.act ?? "", item, opener ?? item);
  }
}

/**
 * Returns the text element of a message, next to which the menu opens. The whole item may be as large as the screen.
 * @param {HTMLElement} item
 */
function findText(item) {
  return find(item, ".msg-text, .unblock") ?? item;
}
