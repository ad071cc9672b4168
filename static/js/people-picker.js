/** `<people-picker>`: the search for people answers while one types. The form around it works by itself. */
import { LiveElement } from "./live.js";
import { find } from "./page.js";
import { parsePage } from "./trusted.js";

const PAUSE = 200; // ms after the last key

export class PeoplePicker extends LiveElement {
  /** @type {any} */
  #timer;
  /** @type {AbortController | undefined} */
  #asking;

  start() {
    const field = /** @type {HTMLInputElement | null} */ (find(this, "input[type=search]"));
    this.listen(field, "input", (event) => {
      if (event.isComposing) return;
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => field && this.#ask(field), PAUSE);
    });
    this.listen(field, "compositionend", () => field && this.#ask(field));
  }

  stop() {
    clearTimeout(this.#timer);
    this.#asking?.abort();
  }

  /** The same page with these words, of which only the results are taken. @param {HTMLInputElement} field */
  async #ask(field) {
    this.#asking?.abort();
    const asking = (this.#asking = new AbortController());
    const { form } = field;
    const results = find(this, "[data-part=results]");
    if (!form || !results) return;
    const url = new URL(form.action || location.href);
    url.search = new URLSearchParams(/** @type {any} */ (new FormData(form))).toString();
    try {
      const response = await fetch(url, { headers: { Accept: "text/html" }, signal: asking.signal });
      const found = response.ok && find(parsePage(await response.text()), "people-picker [data-part=results]");
      if (found && !asking.signal.aborted) results.replaceChildren(...document.adoptNode(found).childNodes);
    } catch {
      // Enter asks by an ordinary page.
    }
  }
}
