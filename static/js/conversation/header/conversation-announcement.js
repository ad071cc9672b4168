/** `<conversation-announcement>`: the bar above the log. New until one puts it away, on every device; a change brings it back. */
import { api } from "../../realtime/api.js";
import { renderLinks } from "../../lib/autolink.js";
import { LiveElement } from "../../realtime/events.js";
import { find } from "../../lib/dom.js";
import { showErrorToast } from "../../ui/toast-stack.js";

export class ConversationAnnouncement extends LiveElement {
  start() {
    const id = Number(this.dataset.conversationId);
    this.onLive("conversation.updated", ({ conversation }) => {
      if (conversation.id === id) this.#changed(conversation);
    });
    this.onLive("mine.updated", ({ conversation_id, mine }) => {
      if (conversation_id === id) this.#seen(mine.announcement_seen);
    });
    this.on(find(this, "form"), "submit", (event) => {
      event.preventDefault();
      const version = Number(this.dataset.version);
      this.#seen(version);
      find(document, "message-composer textarea")?.focus({ preventScroll: true });
      api("PATCH", `conversations/${id}/mine/`, { announcement_seen: version }).catch(showErrorToast);
    });
    const watch = new ResizeObserver(() => this.#measure());
    watch.observe(this);
    this.signal.addEventListener("abort", () => watch.disconnect());
    this.#show();
  }

  get #text() {
    return find(this, "[data-part=line]")?.textContent ?? "";
  }

  /** @param {import("../../realtime/protocol.js").Conversation} conversation */
  #changed({ announcement, announced_version }) {
    const [line, whole] = [find(this, "[data-part=line]"), find(this, "[data-part=whole]")];
    const field = /** @type {HTMLInputElement | null} */ (find(this, "[name=announcement_seen]"));
    if (!line || !whole || !field) return;
    if (this.#text !== announcement) {
      line.textContent = announcement;
      whole.replaceChildren(...renderLinks(announcement));
    }
    this.dataset.version = field.value = String(announced_version);
    this.#show();
  }

  /** @param {number} version */
  #seen(version) {
    this.dataset.seen = String(Math.max(version, Number(this.dataset.seen)));
    this.#show();
  }

  #show() {
    this.hidden = !this.#text || Number(this.dataset.seen) >= Number(this.dataset.version);
    this.#measure();
  }

  /** What fits in one line, and has no link to press, need not be unfolded. */
  #measure() {
    const [line, whole] = [find(this, "[data-part=line]"), find(this, "[data-part=whole]")];
    const details = /** @type {HTMLDetailsElement | null} */ (find(this, "details"));
    if (this.hidden || !line || !details || details.open) return;
    const short = line.scrollWidth <= line.clientWidth && !this.#text.includes("\n") && !find(whole, "a");
    details.classList.toggle("short", short);
  }
}
