/**
 * `<people-picker>`: people are found while one types, and chosen without a new page. What is shown is always a part of
 * the page that the form and the links lead to without scripts.
 */
import { LiveElement } from "../realtime/events.js";
import { find, findAll } from "../lib/dom.js";
import { parsePage } from "../lib/trusted-html.js";

const PAUSE = 200; // ms after the last key

export class PeoplePicker extends LiveElement {
  /** @type {any} */
  #timer;
  /** @type {AbortController | undefined} */
  #asking;

  start() {
    this.listen(this, "input", (event) => {
      if (!event.target.matches("input[type=search]") || event.isComposing) return;
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#ask(), PAUSE);
    });
    this.listen(this, "compositionend", (event) => event.target.matches("input[type=search]") && this.#ask());
    this.listen(this, "click", (event) => {
      const link = event.target.closest("a[data-act=pick]");
      if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      this.#choose(link);
    });
    this.listen(this, "keydown", (event) => this.#key(event));
  }

  stop() {
    clearTimeout(this.#timer);
    this.#asking?.abort();
  }

  /** @returns {HTMLInputElement | null} */
  get #field() {
    return /** @type {HTMLInputElement | null} */ (find(this, "input[type=search]"));
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
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
      if (this.#asking || this.#timer) this.#ask().then(() => this.#first());
      else this.#first();
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      const at = rows.findIndex((row) => row.contains(target));
      if (!isField && at < 0) return;
      event.preventDefault();
      const next = isField ? (event.key === "ArrowDown" ? 0 : -1) : at + (event.key === "ArrowDown" ? 1 : -1);
      if (next < 0) this.#field?.focus();
      else (find(rows[next], "a[data-act=pick]") ?? find(rows[next], "button"))?.focus();
    } else if (event.key === "Escape" && this.#field?.value && (isField || rows.some((row) => row.contains(target)))) {
      event.preventDefault();
      this.#field.value = "";
      this.#ask();
      this.#field.focus();
    }
  }

  #first() {
    const link = find(this, "[data-part=results] a[data-act=pick]");
    if (link instanceof HTMLAnchorElement) this.#choose(link);
  }

  /** The same page with these words, of which only the results are taken. */
  async #ask() {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const form = this.#field?.form;
    if (!form) return;
    const url = new URL(form.action || location.href, location.href);
    url.search = new URLSearchParams(/** @type {any} */ (new FormData(form))).toString();
    const page = await this.#read(url);
    const [old, found] = [find(this, "[data-part=results]"), find(page, "people-picker [data-part=results]")];
    if (old && found) old.replaceChildren(...document.adoptNode(found).childNodes);
  }

  /** One more, or one fewer. The address goes along, so that a reload shows the same. @param {HTMLAnchorElement} link */
  async #choose(link) {
    const title = /** @type {HTMLInputElement | null} */ (find(this, "input[name=title]"))?.value ?? "";
    const url = new URL(link.href);
    const page = await this.#read(url);
    const [old, fresh] = [find(this, "[data-part=picking]"), find(page, "people-picker [data-part=picking]")];
    if (!page || !old || !fresh) return page === null ? undefined : location.assign(link.href);
    history.replaceState(history.state, "", url.pathname + url.search + location.hash);
    old.replaceChildren(...document.adoptNode(fresh).childNodes);
    const named = /** @type {HTMLInputElement | null} */ (find(this, "input[name=title]"));
    if (named && title) named.value = title;
    this.#field?.focus();
  }

  /** @param {URL} url @returns {Promise<Document | null | undefined>} null: another question came meanwhile */
  async #read(url) {
    this.#asking?.abort();
    const asking = (this.#asking = new AbortController());
    try {
      const response = await fetch(url, { headers: { Accept: "text/html" }, signal: asking.signal });
      const html = await response.text();
      if (asking.signal.aborted) return null;
      return response.ok ? parsePage(html) : undefined;
    } catch {
      return asking.signal.aborted ? null : undefined; // Enter asks by an ordinary page
    } finally {
      if (this.#asking === asking) this.#asking = undefined;
    }
  }
}
