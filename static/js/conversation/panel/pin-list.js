/** Shows pinned messages: their number in the header, and the list in the panel, loaded from the page of pins. */
import { api } from "../../realtime/api.js";
import { find, findAll } from "../../lib/dom.js";
import { showErrorToast } from "../../ui/toast-stack.js";
import { parsePage } from "../../lib/trusted-html.js";
import { navigate } from "../../ui/page-navigation.js";

/** @typedef {import("../../realtime/events.js").LiveElement} LiveElement */

const RELOAD_DELAY = 150; // ms: changes within this time are loaded once

export class PinList {
  /** @type {Set<number>} */
  #ids = new Set();
  /** @type {any} */
  #timer;
  #isVisible = false;
  #removedSeq = 0;

  /** @param {LiveElement} host `<member-panel>` */
  constructor(host) {
    this.host = host;
    this.id = Number(host.dataset.conversationId);
    this.pinButton = find(document, `main.conversation[data-id="${this.id}"] .pin-tool`);
    this.#ids = new Set((this.pinButton?.dataset.pins ?? "").split(",").filter(Boolean).map(Number));
    for (const type of ["message.created", "message.updated", "message.current"]) {
      host.onLive(type, ({ message }) => message.conversation_id === this.id && this.#onMessage(message));
    }
    host.onLive("conversation.updated", ({ conversation }) => conversation.id === this.id && this.#onRemoved(conversation.removed_seq));
    host.on(document, "page:block-changed", () => this.#scheduleReload());
    host.onLive("member.updated", (payload) => payload.conversation_id === this.id && this.#isVisible && this.#scheduleReload());
    host.on(find(host, "[data-part=pins]"), "click", (event) => this.#onClick(event));
    host.signal.addEventListener("abort", () => clearTimeout(this.#timer));
  }

  /** @param {boolean} isVisible whether the panel displays the list */
  setVisible(isVisible) {
    this.#isVisible = isVisible;
    if (isVisible) this.#reload();
  }

  /** @param {import("../../realtime/protocol.js").Message} message */
  #onMessage({ id, pinned, deleted_at }) {
    const wasPinned = this.#ids.has(id);
    const isPinned = pinned && !deleted_at;
    if (isPinned && !wasPinned) this.#ids = new Set([id, ...this.#ids]); // newest first
    else if (!isPinned) this.#ids.delete(id);
    if (wasPinned || isPinned) this.#scheduleReload();
    if (wasPinned !== isPinned) this.#renderCount();
  }

  /** Loads the list again if pinned messages may have been removed by age. @param {number} removedSeq */
  #onRemoved(removedSeq) {
    if (removedSeq <= this.#removedSeq) return;
    this.#removedSeq = removedSeq;
    if (this.#ids.size) void this.#reload();
  }

  #renderCount() {
    const count = String(this.#ids.size);
    if (this.pinButton) {
      this.pinButton.hidden = !this.#ids.size;
      this.pinButton.dataset.pins = [...this.#ids].join(",");
    }
    for (const countElement of findAll(document, "[data-part=pin-count]")) countElement.textContent = count;
  }

  #scheduleReload() {
    if (!this.#isVisible) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#reload(), RELOAD_DELAY);
  }

  async #reload() {
    try {
      const response = await fetch(`/c/${this.id}/pins/`, { headers: { Accept: "text/html" }, signal: this.host.signal });
      const list = response.ok && find(parsePage(await response.text()), "[data-part=pins]");
      const container = find(this.host, "[data-part=pins]");
      if (!list || !container) return;
      const focusedIndex = findAll(container, "a, button").indexOf(/** @type {HTMLElement} */ (document.activeElement));
      container.replaceChildren(...document.adoptNode(list).childNodes);
      this.#ids = new Set(findAll(container, "li[data-id]").map((item) => Number(item.dataset.id)));
      this.#renderCount();
      if (focusedIndex >= 0) (findAll(container, "a, button")[focusedIndex] ?? find(this.host, ".panel-view:not([hidden]) .panel-head [data-act=panel]"))?.focus();
    } catch {
      // Loaded again with the next change or when the panel is opened.
    }
  }

  /** @param {MouseEvent} event */
  #onClick(event) {
    if (event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const target = /** @type {Element} */ (event.target);
    const item = /** @type {HTMLElement | null} */ (target.closest("li[data-id]"));
    const link = target.closest("a.pin");
    if (target.closest("[data-act=unpin]") && item) {
      event.preventDefault();
      api("DELETE", `messages/${item.dataset.id}/pin/`).catch(showErrorToast);
    } else if (link instanceof HTMLAnchorElement) {
      event.preventDefault();
      navigate(link.href);
    }
  }
}
