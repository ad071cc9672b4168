/**
 * Side panel of a conversation. It opens and closes without loading a page. If there is no space for it beside the
 * conversation, it is a modal dialog: the page behind cannot be used, Escape closes the panel, and the focus returns to
 * the element that opened it.
 */
import { find, findAll } from "../../lib/dom.js";

/** @typedef {import("../../realtime/events.js").LiveElement} LiveElement */

export class SidePanel {
  /** The element that opened the panel. @type {HTMLElement | null} */
  #opener = null;

  /**
   * @param {LiveElement} host `<member-panel>`
   * @param {(view: string) => void} onViewShown
   */
  constructor(host, onViewShown) {
    this.host = host;
    this.onViewShown = onViewShown;
    this.panel = /** @type {HTMLElement} */ (find(host, ".panel"));
    host.on(document, "click", (event) => this.#onClick(event));
    host.on(host, "keydown", (event) => {
      if (event.key !== "Escape" || event.defaultPrevented || !this.#isModal) return;
      event.preventDefault();
      this.close();
    });
    const app = find(document, ".app");
    const observer = new ResizeObserver(() => this.#update());
    if (app) observer.observe(app);
    host.signal.addEventListener("abort", () => {
      observer.disconnect();
      this.#setPageInert(false);
    });
    this.#update();
  }

  get isOpen() {
    return !this.panel.hidden;
  }

  /** Name of the displayed view. */
  get view() {
    return find(this.panel, ".panel-view:not([hidden])")?.dataset.view ?? "";
  }

  get #isModal() {
    return this.isOpen && getComputedStyle(this.panel).position === "absolute";
  }

  /** @param {MouseEvent} event */
  #onClick(event) {
    const target = /** @type {Element} */ (event.target);
    if (target === this.host) return this.close(); // a click on the backdrop
    const opener = /** @type {HTMLElement | null} */ (target.closest("[data-act=panel]"));
    if (!opener || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const view = opener.dataset.view;
    if (!view || (this.isOpen && this.view === view)) this.close();
    else this.open(view, opener);
  }

  /** @param {string} view @param {HTMLElement} opener */
  open(view, opener) {
    this.#opener = opener;
    for (const viewElement of findAll(this.panel, ".panel-view")) viewElement.hidden = viewElement.dataset.view !== view;
    this.panel.hidden = false;
    this.#update();
    this.onViewShown(view);
    find(this.panel, ".panel-view:not([hidden]) .panel-head [data-act=panel]")?.focus();
  }

  close() {
    if (!this.isOpen) return;
    const openers = findAll(document, `.conversation-head [data-act=panel][data-view="${this.view}"]`);
    const opener = this.#opener ?? openers.find((button) => button.checkVisibility());
    this.panel.hidden = true;
    this.#update();
    opener?.focus();
    this.#opener = null;
  }

  /** Updates the page for the current state of the panel. */
  #update() {
    find(document, ".shell")?.classList.toggle("with-panel", this.isOpen);
    const isModal = this.#isModal;
    this.#setPageInert(isModal);
    // Beside the conversation the panel is a landmark region; as a modal dialog it is labelled by the heading of its
    // view.
    const headingId = find(this.panel, ".panel-view:not([hidden]) h2")?.id ?? "";
    for (const [name, value] of [["role", "dialog"], ["aria-modal", "true"], ["aria-labelledby", headingId]]) {
      if (isModal) this.panel.setAttribute(name, value);
      else this.panel.removeAttribute(name);
    }
    for (const opener of findAll(document, ".conversation-head [data-act=panel]")) {
      opener.setAttribute("aria-expanded", String(this.isOpen && opener.dataset.view === this.view));
    }
  }

  /** Makes the rest of the page inert. @param {boolean} isInert */
  #setPageInert(isInert) {
    for (const part of findAll(document, ".shell > :not(member-panel)")) part.inert = isInert;
  }
}
