/** What is pinned: how much, in the head; and the list in the panel, which is the server's own page of pins. */
import { api } from "../../realtime/api.js";
import { find, findAll } from "../../lib/dom.js";
import { showErrorToast } from "../../ui/toast-stack.js";
import { parsePage } from "../../lib/trusted-html.js";
import { navigate } from "../../ui/page-navigation.js";

/** @typedef {import("../../realtime/events.js").LiveElement} LiveElement */

const PAUSE = 150; // ms: changes that come together are read once

export class PinList {
  /** @type {Set<number>} */
  #ids = new Set();
  /** @type {any} */
  #timer;
  #isShown = false;

  /** @param {LiveElement} host `<member-panel>` */
  constructor(host) {
    this.host = host;
    this.id = Number(host.dataset.conversationId);
    this.tool = find(document, `main.conversation[data-id="${this.id}"] .pin-tool`);
    this.#ids = new Set((this.tool?.dataset.pins ?? "").split(",").filter(Boolean).map(Number));
    for (const type of ["message.created", "message.updated", "message.current"]) {
      host.onLive(type, ({ message }) => message.conversation_id === this.id && this.#changed(message));
    }
    host.on(document, "page:block-changed", () => this.#soon());
    host.onLive("member.updated", (payload) => payload.conversation_id === this.id && this.#isShown && this.#soon());
    host.on(find(host, "[data-part=pins]"), "click", (event) => this.#clicked(event));
    host.signal.addEventListener("abort", () => clearTimeout(this.#timer));
  }

  /** @param {boolean} on whether the list is what the panel shows */
  show(on) {
    this.#isShown = on;
    if (on) this.#read();
  }

  /** @param {import("../../realtime/protocol.js").Message} message */
  #changed({ id, pinned, deleted_at }) {
    const was = this.#ids.has(id);
    const is = pinned && !deleted_at;
    if (is && !was) this.#ids = new Set([id, ...this.#ids]); // newest first
    else if (!is) this.#ids.delete(id);
    if (was || is) this.#soon();
    if (was === is) return;
    const count = String(this.#ids.size);
    if (this.tool) {
      this.tool.hidden = !this.#ids.size;
      this.tool.dataset.pins = [...this.#ids].join(",");
    }
    for (const number of findAll(document, "[data-part=pin-count]")) number.textContent = count;
  }

  #soon() {
    if (!this.#isShown) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#read(), PAUSE);
  }

  async #read() {
    try {
      const response = await fetch(`/c/${this.id}/pins/`, { headers: { Accept: "text/html" }, signal: this.host.signal });
      const list = response.ok && find(parsePage(await response.text()), "[data-part=pins]");
      const place = find(this.host, "[data-part=pins]");
      if (!list || !place) return;
      const at = findAll(place, "a, button").indexOf(/** @type {HTMLElement} */ (document.activeElement));
      place.replaceChildren(...document.adoptNode(list).childNodes);
      if (at >= 0) (findAll(place, "a, button")[at] ?? find(this.host, ".panel-view:not([hidden]) .panel-head [data-act=panel]"))?.focus();
    } catch {
      // Read again with the next change, or when it is opened again.
    }
  }

  /** @param {MouseEvent} event */
  #clicked(event) {
    if (event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const target = /** @type {Element} */ (event.target);
    const line = /** @type {HTMLElement | null} */ (target.closest("li[data-id]"));
    const link = target.closest("a.pin");
    if (target.closest("[data-act=unpin]") && line) {
      event.preventDefault();
      api("DELETE", `messages/${line.dataset.id}/pin/`).catch(showErrorToast);
    } else if (link instanceof HTMLAnchorElement) {
      event.preventDefault();
      navigate(link.href);
    }
  }
}
