/**
 * `<mention-list>`: the page of messages that name me. What changes there is drawn anew by the server, so that the page is
 * as after a reload; what is read is read in place, without leaving it.
 */
import { api } from "../realtime/api.js";
import { tally } from "../conversation-list/unread-badges.js";
import { LiveElement, live } from "../realtime/events.js";
import { find, findAll } from "../lib/dom.js";
import { toastRefusal } from "../ui/toast-stack.js";
import { parsePage } from "../lib/trusted-html.js";
import { isFor } from "../conversation-list/unread-counter.js";

const SOON = 300; // ms: what comes together is drawn together

export class MentionList extends LiveElement {
  /** @type {any} */
  #timer;

  start() {
    const me = tally.me;
    const shown = (/** @type {number} */ id) => find(this, `[data-id="${id}"]`) !== null;
    this.hear("mention", () => this.#soon());
    this.hear("message.updated", ({ message }) => (shown(message.id) || isFor(message.mentions, me)) && this.#soon());
    this.hear("conversation.removed", () => this.#soon());
    this.hear("caught-up", () => this.#soon());
    this.listen(document, "page:blocked", () => this.#soon());
    this.listen(document, "page:counts", ({ detail }) => this.#counts(detail.ids));
    this.listen(this, "click", (event) => this.#clicked(event));
  }

  stop() {
    clearTimeout(this.#timer);
  }

  #soon() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#draw(), SOON);
  }

  /** A mark has moved: what was new may be so no more. @param {Set<number>} ids */
  #counts(ids) {
    const lines = findAll(this, "[data-conversation-id]");
    if (lines.some(({ dataset }) => ids.has(Number(dataset.conversationId)))) this.#soon();
  }

  async #draw() {
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" }, signal: this.gone });
      const page = parsePage(await answer.text());
      const fresh = find(page, "mention-list > [data-part=mentions]");
      const old = find(this, ":scope > [data-part=mentions]");
      if (!answer.ok || !fresh || !old) return;
      const focused = /** @type {HTMLElement | null} */ (old.contains(document.activeElement) ? document.activeElement : null);
      const at = focused?.closest("article")?.getAttribute("data-id");
      old.replaceWith(document.adoptNode(fresh));
      if (at) find(this, `[data-id="${at}"] a`)?.focus({ preventScroll: true });
      const all = find(document, "[data-part=all-read]");
      if (all) all.hidden = find(page, "[data-part=all-read]")?.hidden ?? false;
      document.dispatchEvent(new CustomEvent("page:people"));
    } catch {
      // The next thing told tries again.
    }
  }

  /** @param {MouseEvent} event */
  async #clicked(event) {
    const button = /** @type {Element} */ (event.target).closest("button[name=seq]");
    const article = /** @type {HTMLElement | null} */ (button?.closest("[data-conversation-id]") ?? null);
    if (!button || !article || !live.on) return;
    event.preventDefault();
    try {
      await api("POST", `conversations/${article.dataset.conversationId}/read/`, { seq: Number(button.getAttribute("value")) });
    } catch (refusal) {
      toastRefusal(refusal);
    }
  }
}
