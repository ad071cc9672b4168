/**
 * `<people-picker>`: searches users while the user types, and selects them without a page load. It fetches the pages
 * that the form and the links open without scripts, and takes the content from there.
 */
import { LiveElement } from "../realtime/events.js";
import { find, findAll } from "../lib/dom.js";
import { parsePage } from "../lib/trusted-html.js";

const DELAY = 200; // ms after the last key

export class PeoplePicker extends LiveElement {
  /** @type {any} */
  #timer;
  /** @type {AbortController | undefined} */
  #controller;

  start() {
    this.on(this, "input", (event) => {
      if (!event.target.matches("input[type=search]") || event.isComposing) return;
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#search(), DELAY);
    });
    this.on(this, "compositionend", (event) => event.target.matches("input[type=search]") && this.#search());
    this.on(this, "click", (event) => {
      const link = event.target.closest("a[data-act=pick]");
      if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      this.#choose(link);
    });
    this.on(this, "keydown", (event) => this.#handleKey(event));
  }

  stop() {
    clearTimeout(this.#timer);
    this.#controller?.abort();
  }

  /** @returns {HTMLInputElement | null} */
  get #field() {
    return /** @type {HTMLInputElement | null} */ (find(this, "input[type=search]"));
  }

  /** @param {KeyboardEvent} event */
  #handleKey(event) {
    const target = /** @type {HTMLElement} */ (event.target);
    const isField = target === this.#field;
    const rows = findAll(this, "[data-part=results] li");
    if (event.isComposing) return;
    if (isField && event.key === "Backspace" && !this.#field?.value) {
      const chip = findAll(this, ".chip").at(-1);
      if (chip instanceof HTMLAnchorElement) this.#choose(chip);
    } else if (isField && event.key === "Enter") {
      const first = find(rows[0], "a[data-act=pick]");
      if (!first || !this.#field?.value) return;
      event.preventDefault();
      if (this.#controller || this.#timer) this.#search().then(() => this.#chooseFirst());
      else this.#chooseFirst();
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      const index = rows.findIndex((row) => row.contains(target));
      if (!isField && index < 0) return;
      event.preventDefault();
      const next = isField ? (event.key === "ArrowDown" ? 0 : -1) : index + (event.key === "ArrowDown" ? 1 : -1);
      if (next < 0) this.#field?.focus();
      else (find(rows[next], "a[data-act=pick]") ?? find(rows[next], "button"))?.focus();
    } else if (event.key === "Escape" && this.#field?.value && (isField || rows.some((row) => row.contains(target)))) {
      event.preventDefault();
      this.#field.value = "";
      this.#search();
      this.#field.focus();
    }
  }

  #chooseFirst() {
    const link = find(this, "[data-part=results] a[data-act=pick]");
    if (link instanceof HTMLAnchorElement) this.#choose(link);
  }

  /** Searches with the current input and replaces the results. */
  async #search() {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const form = this.#field?.form;
    if (!form) return;
    const url = new URL(form.action || location.href, location.href);
    url.search = new URLSearchParams(/** @type {any} */ (new FormData(form))).toString();
    const page = await this.#fetchPage(url);
    const [oldPart, newResults] = [find(this, "[data-part=results]"), find(page, "people-picker [data-part=results]")];
    if (oldPart && newResults) oldPart.replaceChildren(...document.adoptNode(newResults).childNodes);
  }

  /**
   * Adds or removes a person. The address is updated, so that a reload shows the same.
   * @param {HTMLAnchorElement} link
   */
  async #choose(link) {
    const title = /** @type {HTMLInputElement | null} */ (find(this, "input[name=title]"))?.value ?? "";
    const isFromField = document.activeElement === this.#field;
    const isFromRow = link.matches(".pick");
    const scrolled = findAll(this, ".picked-line").map((line) => line.scrollLeft);
    const url = new URL(link.href);
    if (isFromField) url.searchParams.set("q", ""); // for the next name
    const page = await this.#fetchPage(url);
    const [oldPart, newPart] = [find(this, "[data-part=picking]"), find(page, "people-picker [data-part=picking]")];
    if (!page || !oldPart || !newPart) return page === null ? undefined : location.assign(link.href);
    history.replaceState(history.state, "", url.pathname + url.search + location.hash);
    oldPart.replaceChildren(...document.adoptNode(newPart).childNodes);
    const newTitle = /** @type {HTMLInputElement | null} */ (find(this, "input[name=title]"));
    if (newTitle && title) newTitle.value = title;
    for (const line of findAll(this, ".picked-line")) line.scrollLeft = isFromRow ? line.scrollWidth : scrolled[0] ?? 0;
    // A row keeps the focus: on a phone, focus in the field would open the keyboard and move the row away.
    const row = isFromRow && !isFromField && find(this, `[data-part=results] .pick[data-user-id="${link.dataset.userId}"]`);
    (row || this.#field)?.focus({ preventScroll: true });
  }

  /**
   * @param {URL} url
   * @returns {Promise<Document | null | undefined>} null: replaced by a newer request; undefined: failed
   */
  async #fetchPage(url) {
    this.#controller?.abort();
    const controller = (this.#controller = new AbortController());
    try {
      const response = await fetch(url, { headers: { Accept: "text/html" }, signal: controller.signal });
      const html = await response.text();
      if (controller.signal.aborted) return null;
      return response.ok ? parsePage(html) : undefined;
    } catch {
      return controller.signal.aborted ? null : undefined; // submitting the form still works
    } finally {
      if (this.#controller === controller) this.#controller = undefined;
    }
  }
}
