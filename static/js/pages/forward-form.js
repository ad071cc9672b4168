/**
 * `<forward-form>`: the choice of conversations to which a message is forwarded. It searches while the user types, and
 * in a dialog it sends without leaving the conversation. Without scripts its form works alone.
 */
import { ApiError } from "../realtime/api-error.js";
import { LiveElement } from "../realtime/events.js";
import { find, findAll } from "../lib/dom.js";
import { parsePage } from "../lib/trusted-html.js";
import { showErrorToast, showToast } from "../ui/toast-stack.js";

const SEARCH_DELAY = 200; // ms after the last key

export class ForwardForm extends LiveElement {
  /** @type {any} */
  #timer;
  /** @type {AbortController | undefined} */
  #controller;

  start() {
    const search = find(this, "[data-act=search]");
    if (search) search.hidden = true;
    this.on(this, "input", (event) => this.#onInput(event));
    this.on(this, "submit", (event) => this.#onSubmit(event));
    this.#update();
  }

  stop() {
    clearTimeout(this.#timer);
    this.#controller?.abort();
  }

  get #form() {
    return /** @type {HTMLFormElement} */ (find(this, "form"));
  }

  /** @param {any} event */
  #onInput(event) {
    if (event.target.name === "conversation_id") this.#update();
    if (event.target.name !== "find" || event.isComposing) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#search(), SEARCH_DELAY);
  }

  /** Enables what can be chosen: the button if a conversation is chosen, and no further conversation at the limit. */
  #update() {
    const boxes = /** @type {HTMLInputElement[]} */ (findAll(this, "input[name=conversation_id]"));
    const count = boxes.filter((box) => box.checked).length;
    for (const box of boxes) box.disabled = !box.checked && count >= Number(this.dataset.max);
    const button = /** @type {HTMLButtonElement | null} */ (find(this, "[data-act=send]"));
    if (button) button.disabled = !count;
  }

  /** @param {SubmitEvent} event */
  #onSubmit(event) {
    if (event.submitter?.dataset.act === "search") {
      event.preventDefault();
      this.#search();
    } else if (this.closest("dialog")) {
      event.preventDefault();
      this.#send();
    }
  }

  async #search() {
    clearTimeout(this.#timer);
    const form = new FormData(this.#form);
    form.set("search", "1");
    const response = await this.#post(form);
    if (response?.ok) await this.#replaceParts(response, ["targets"]);
  }

  async #send() {
    const button = /** @type {HTMLButtonElement | null} */ (find(this, "[data-act=send]"));
    if (button) button.disabled = true;
    const response = await this.#post(new FormData(this.#form));
    if (response?.status === 204) {
      this.closest("dialog")?.close();
      showToast("forwarded");
      return;
    }
    if (response === undefined) showErrorToast(new ApiError({ code: "unavailable" }));
    else if (response) await this.#replaceParts(response, ["refused", "targets"]);
    this.#update();
  }

  /**
   * @param {FormData} form
   * @returns {Promise<Response | null | undefined>} null: replaced by a newer request; undefined: failed
   */
  async #post(form) {
    this.#controller?.abort();
    const controller = (this.#controller = new AbortController());
    try {
      const headers = { Accept: "application/json" };
      return await fetch(this.#form.action, { method: "POST", body: form, headers, signal: controller.signal });
    } catch {
      return controller.signal.aborted ? null : undefined;
    }
  }

  /** @param {Response} response @param {string[]} parts */
  async #replaceParts(response, parts) {
    const page = parsePage(await response.text());
    if (!find(page, "forward-form")) return showErrorToast(new ApiError({ code: "failed" }));
    for (const part of parts) {
      const current = find(page, `forward-form [data-part=${part}]`);
      if (current) find(this, `[data-part=${part}]`)?.replaceChildren(...document.adoptNode(current).childNodes);
    }
    this.#update();
  }
}
