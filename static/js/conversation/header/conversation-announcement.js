/**
 * `<conversation-announcement>`: the announcement bar above the message log. When the user dismisses the bar, it disappears
 * on all devices of the user. It appears again when the announcement changes.
 */
import { api } from "../../realtime/api.js";
import { LiveElement } from "../../realtime/events.js";
import { find } from "../../lib/dom.js";
import { parseFragment } from "../../lib/trusted-html.js";
import { showErrorToast } from "../../ui/toast-stack.js";

const FOLDED = "a, br, li, pre, blockquote, p + p"; // what only the unfolded announcement shows as it was written

export class ConversationAnnouncement extends LiveElement {
  start() {
    const id = Number(this.dataset.conversationId);
    this.onLive("conversation.updated", ({ conversation }) => {
      if (conversation.id === id) this.#onConversationUpdated(conversation);
    });
    this.onLive("mine.updated", ({ conversation_id, mine }) => {
      if (conversation_id === id) this.#markSeen(mine.announcement_seen);
    });
    this.on(find(this, "form"), "submit", (event) => {
      event.preventDefault();
      const version = Number(this.dataset.version);
      this.#markSeen(version);
      find(document, "message-composer textarea")?.focus({ preventScroll: true });
      api("PATCH", `conversations/${id}/mine/`, { announcement_seen: version }).catch(showErrorToast);
    });
    const observer = new ResizeObserver(() => this.#updateFolding());
    observer.observe(this);
    this.signal.addEventListener("abort", () => observer.disconnect());
    this.#updateVisibility();
  }

  get #text() {
    return find(this, "[data-part=line]")?.textContent ?? "";
  }

  /** @param {import("../../realtime/protocol.js").Conversation} conversation */
  #onConversationUpdated({ announcement_html, announced_version }) {
    const [summary, content] = [find(this, "[data-part=line]"), find(this, "[data-part=whole]")];
    const field = /** @type {HTMLInputElement | null} */ (find(this, "[name=announcement_seen]"));
    if (!summary || !content || !field) return;
    content.replaceChildren(parseFragment(announcement_html ?? ""));
    summary.textContent = (content.textContent ?? "").split(/\s+/).filter(Boolean).join(" ");
    this.dataset.version = field.value = String(announced_version);
    this.#updateVisibility();
  }

  /** Hides the bar if this version is the current one. @param {number} version */
  #markSeen(version) {
    this.dataset.seen = String(Math.max(version, Number(this.dataset.seen)));
    this.#updateVisibility();
  }

  #updateVisibility() {
    this.hidden = !this.#text || Number(this.dataset.seen) >= Number(this.dataset.version);
    this.#updateFolding();
  }

  /** Disables unfolding if the whole text fits in one line and contains no link and no formatted block. */
  #updateFolding() {
    const [summary, content] = [find(this, "[data-part=line]"), find(this, "[data-part=whole]")];
    const details = /** @type {HTMLDetailsElement | null} */ (find(this, "details"));
    if (this.hidden || !summary || !details || details.open) return;
    const fitsInLine = summary.scrollWidth <= summary.clientWidth && !find(content, FOLDED);
    details.classList.toggle("short", fitsInLine);
  }
}
