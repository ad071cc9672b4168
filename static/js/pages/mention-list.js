/**
 * `<mention-list>`: the page with messages that mention the current user. After a change the list is fetched again from
 * the server. Messages are marked as read without leaving the page.
 */
import { api } from "../realtime/api.js";
import { unreadTotals } from "../conversation-list/unread-badges.js";
import { LiveElement, liveUpdates } from "../realtime/events.js";
import { find, findAll } from "../lib/dom.js";
import { showErrorToast } from "../ui/toast-stack.js";
import { parsePage } from "../lib/trusted-html.js";
import { mentionsUser } from "../conversation-list/unread-counter.js";

const DELAY = 300; // ms; changes within this time are loaded once

export class MentionList extends LiveElement {
  /** @type {any} */
  #timer;

  start() {
    const userId = unreadTotals.me;
    const isListed = (/** @type {number} */ id) => find(this, `[data-id="${id}"]`) !== null;
    this.onLive("mention", () => this.#scheduleReload());
    this.onLive("message.updated", ({ message }) => (isListed(message.id) || mentionsUser(message.mentions, userId)) && this.#scheduleReload());
    this.onLive("conversation.removed", () => this.#scheduleReload());
    this.onLive("caught-up", () => this.#scheduleReload());
    this.on(document, "page:block-changed", () => this.#scheduleReload());
    this.on(document, "page:unread-changed", ({ detail }) => this.#handleUnreadChange(detail.ids));
    this.on(this, "click", (event) => this.#handleClick(event));
  }

  stop() {
    clearTimeout(this.#timer);
  }

  #scheduleReload() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#reload(), DELAY);
  }

  /** A read marker has moved, so a mention may no longer be unread. @param {Set<number>} ids */
  #handleUnreadChange(ids) {
    const items = findAll(this, "[data-conversation-id]");
    if (items.some(({ dataset }) => ids.has(Number(dataset.conversationId)))) this.#scheduleReload();
  }

  async #reload() {
    try {
      const response = await fetch(location.href, { headers: { Accept: "text/html" }, signal: this.signal });
      const page = parsePage(await response.text());
      const newList = find(page, "mention-list > [data-part=mentions]");
      const oldList = find(this, ":scope > [data-part=mentions]");
      if (!response.ok || !newList || !oldList) return;
      const focused = /** @type {HTMLElement | null} */ (oldList.contains(document.activeElement) ? document.activeElement : null);
      const focusedId = focused?.closest("article")?.getAttribute("data-id");
      oldList.replaceWith(document.adoptNode(newList));
      if (focusedId) find(this, `[data-id="${focusedId}"] a`)?.focus({ preventScroll: true });
      const allReadButton = find(document, "[data-part=all-read]");
      if (allReadButton) allReadButton.hidden = find(page, "[data-part=all-read]")?.hidden ?? false;
      document.dispatchEvent(new CustomEvent("page:content-added"));
    } catch {
      // The next event tries again.
    }
  }

  /** @param {MouseEvent} event */
  async #handleClick(event) {
    const button = /** @type {Element} */ (event.target).closest("button[name=seq]");
    const article = /** @type {HTMLElement | null} */ (button?.closest("[data-conversation-id]") ?? null);
    if (!button || !article || !liveUpdates.enabled) return;
    event.preventDefault();
    try {
      await api("POST", `conversations/${article.dataset.conversationId}/read/`, { seq: Number(button.getAttribute("value")) });
    } catch (error) {
      showErrorToast(error);
    }
  }
}
