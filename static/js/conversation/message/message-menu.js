/** The one menu of a message: at the pointer, under a finger, by the keyboard. `only`: its row of emoji alone. */
import { find, findAll } from "../../lib/dom.js";
import { addMenuKeys, openMenu } from "../../ui/popup-menu.js";

/** @typedef {import("./message-commands.js").Deeds} Deeds */

export class MessageMenu {
  /** The line that it belongs to. @type {HTMLElement | null} */
  #line = null;
  /** What opened it. @type {HTMLElement | null} */
  #opener = null;

  /** @param {import("../log/message-log.js").MessageLog} log @param {Deeds} deeds */
  constructor(log, deeds) {
    this.deeds = deeds;
    this.menu = document.getElementById("message-menu");
    if (!this.menu) return;
    addMenuKeys(this.menu, log.signal);
    log.on(this.menu, "click", (event) => this.#chosen(event));
    log.on(this.menu, "keydown", (event) => this.#key(event));
    log.on(this.menu, "toggle", (event) => event.newState === "closed" && this.#closed());
    // It is a manual popover: a sheet opens under the finger, whose lifting would close one that closes by itself.
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
   * @param {HTMLElement} line
   * @param {HTMLElement} beside
   * @param {{at?: {x: number, y: number} | null, held?: boolean, only?: boolean}} [how] `at`: a place on the screen;
   *   `held`: a finger is still down; `only`: nothing but emoji
   */
  open(line, beside, { at = null, held = false, only = false } = {}) {
    const { menu } = this;
    if (!menu?.showPopover) return;
    this.close();
    menu.classList.toggle("only", only);
    for (const item of findAll(menu, "[data-act]")) item.hidden = !this.deeds.offers(item.dataset.act ?? "", line);
    for (const item of findAll(menu, ".faces [data-emoji]")) {
      const mine = findAll(line, ".reaction[aria-pressed=true]").some(({ dataset }) => dataset.emoji === item.dataset.emoji);
      item.setAttribute("aria-checked", String(mine));
    }
    for (const link of findAll(menu, "a[href]")) {
      link.setAttribute("href", link.getAttribute("href")?.replace(/\/m\/\d+\//, `/m/${line.dataset.id}/`) ?? "");
    }
    this.#line = line;
    this.#opener = beside;
    line.classList.add("open");
    find(line, "[data-act=more]")?.setAttribute("aria-expanded", "true");
    openMenu(menu, beside === line ? textIn(line) : beside, at, held);
    if (!at && beside !== line && !menu.classList.contains("sheet")) this.#beside(beside);
  }

  /** By its right edge, and above where there is no room below. @param {HTMLElement} beside */
  #beside(beside) {
    const menu = /** @type {HTMLElement} */ (this.menu);
    const { right, top, bottom } = beside.getBoundingClientRect();
    const { offsetWidth, offsetHeight } = menu;
    const below = bottom + 4 + offsetHeight < innerHeight - 8;
    const y = below ? bottom + 4 : Math.max(8, Math.min(top - offsetHeight - 4, innerHeight - offsetHeight - 8));
    menu.style.left = `${Math.max(8, Math.min(right - offsetWidth, innerWidth - offsetWidth - 8))}px`;
    menu.style.top = `${y}px`;
  }

  /** Left and right within the row of emoji. @param {KeyboardEvent} event */
  #key(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const faces = findAll(this.menu, ".faces button");
    const at = faces.indexOf(/** @type {HTMLElement} */ (document.activeElement));
    if (!step || at < 0) return;
    event.preventDefault();
    faces.at((at + step) % faces.length)?.focus();
  }

  #closed() {
    const line = this.#line;
    const opener = this.#opener;
    this.#line = this.#opener = null;
    if (!line) return;
    line.classList.remove("open");
    find(line, "[data-act=more]")?.setAttribute("aria-expanded", "false");
    const lost = document.activeElement === document.body || this.menu?.contains(document.activeElement);
    if (lost && line.isConnected) (opener?.checkVisibility() ? opener : line).focus({ preventScroll: true });
  }

  /** @param {MouseEvent} event */
  #chosen(event) {
    const item = /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest("[role^=menuitem]"));
    const line = this.#line;
    if (!item || !line || event.ctrlKey || event.metaKey || event.shiftKey) return;
    if (item instanceof HTMLAnchorElement && item.dataset.act === "forward") return; // a page of its own
    event.preventDefault();
    const opener = this.#opener;
    line.focus({ preventScroll: true }); // dialogs and the composer come back to where the menu was
    this.close();
    if (item.dataset.emoji) this.deeds.react(line, item.dataset.emoji);
    else this.deeds.do(item.dataset.act ?? "", line, opener ?? line);
  }
}

/** A menu stands by the text and not below a line that fills the screen. @param {HTMLElement} line */
function textIn(line) {
  return find(line, ".msg-text, .unblock") ?? line;
}
