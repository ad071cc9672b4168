/**
 * The panel beside a conversation: opened and closed without a new page. Where there is no room beside it, it lies over
 * the page: then nothing behind it can be reached, Escape closes it, and whoever opened it is where they were.
 */
import { find, findAll } from "../../lib/dom.js";

/** @typedef {import("../../realtime/events.js").LiveElement} LiveElement */

export class PanelFrame {
  /** What had the focus before. @type {HTMLElement | null} */
  #from = null;

  /**
   * @param {LiveElement} host `<member-panel>`
   * @param {(view: string) => void} shown
   */
  constructor(host, shown) {
    this.host = host;
    this.shown = shown;
    this.panel = /** @type {HTMLElement} */ (find(host, ".panel"));
    host.on(document, "click", (event) => this.#clicked(event));
    host.on(host, "keydown", (event) => {
      if (event.key !== "Escape" || event.defaultPrevented || !this.#isOver) return;
      event.preventDefault();
      this.close();
    });
    const app = find(document, ".app");
    const watch = new ResizeObserver(() => this.#settle());
    if (app) watch.observe(app);
    host.signal.addEventListener("abort", () => {
      watch.disconnect();
      this.#behind(false);
    });
    this.#settle();
  }

  get isOpen() {
    return !this.panel.hidden;
  }

  /** Which of its contents stands in it. */
  get view() {
    return find(this.panel, ".panel-view:not([hidden])")?.dataset.view ?? "";
  }

  get #isOver() {
    return this.isOpen && getComputedStyle(this.panel).position === "absolute";
  }

  /** @param {MouseEvent} event */
  #clicked(event) {
    const target = /** @type {Element} */ (event.target);
    if (target === this.host) return this.close(); // beside the panel that lies over the page
    const opener = /** @type {HTMLElement | null} */ (target.closest("[data-act=panel]"));
    if (!opener || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const view = opener.dataset.view;
    if (!view || (this.isOpen && this.view === view)) this.close();
    else this.open(view, opener);
  }

  /** @param {string} view @param {HTMLElement} opener */
  open(view, opener) {
    this.#from = opener;
    for (const each of findAll(this.panel, ".panel-view")) each.hidden = each.dataset.view !== view;
    this.panel.hidden = false;
    this.#settle();
    this.shown(view);
    find(this.panel, ".panel-view:not([hidden]) .panel-head [data-act=panel]")?.focus();
  }

  close() {
    if (!this.isOpen) return;
    const openers = findAll(document, `.conversation-head [data-act=panel][data-view="${this.view}"]`);
    const opener = this.#from ?? openers.find((each) => each.checkVisibility());
    this.panel.hidden = true;
    this.#settle();
    opener?.focus();
    this.#from = null;
  }

  /** What else follows from being open, and from lying over the page. */
  #settle() {
    find(document, ".shell")?.classList.toggle("with-panel", this.isOpen);
    const over = this.#isOver;
    this.#behind(over);
    // Beside the page its contents are a region of their own; over it, the panel is a dialog that their heading names.
    const named = find(this.panel, ".panel-view:not([hidden]) h2")?.id ?? "";
    for (const [name, value] of [["role", "dialog"], ["aria-modal", "true"], ["aria-labelledby", named]]) {
      if (over) this.panel.setAttribute(name, value);
      else this.panel.removeAttribute(name);
    }
    for (const opener of findAll(document, ".conversation-head [data-act=panel]")) {
      opener.setAttribute("aria-expanded", String(this.isOpen && opener.dataset.view === this.view));
    }
  }

  /** @param {boolean} out of reach */
  #behind(out) {
    for (const part of findAll(document, ".shell > :not(member-panel)")) part.inert = out;
  }
}
