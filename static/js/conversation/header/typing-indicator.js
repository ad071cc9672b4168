/** `<typing-line>`: shows who is typing. A name disappears after `TYPING_TIMEOUT` or when the message arrives. */
import { LiveElement } from "../../realtime/events.js";
import { cloneAll, fillSlot, find } from "../../lib/dom.js";
import { loadUsers, getUserName } from "../../realtime/state/user-cache.js";

export const TYPING_TIMEOUT = 5_000; // ms, as `EXPIRES_AFTER` in presence/typing_state.py

export class TypingIndicator extends LiveElement {
  /** Timers that end an entry, by user id. @type {Map<number, any>} */
  #timers = new Map();

  start() {
    const id = Number(this.dataset.conversationId);
    this.onLive("typing", ({ conversation_id, user_id, active }) => conversation_id === id && this.#setTyping(user_id, active));
    this.onLive("message.created", ({ conversation_id, message }) => {
      if (conversation_id === id) this.#setTyping(message.sender.id, false);
    });
    this.onLive("member.updated", ({ member }) => this.#timers.has(member.user.id) && this.#render());
    this.onLive("state", ({ state }) => {
      if (state === "open" || state === "shaky") return;
      for (const userId of [...this.#timers.keys()]) this.#setTyping(userId, false);
    });
  }

  stop() {
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
  }

  /** @param {number} userId @param {boolean} active */
  #setTyping(userId, active) {
    const wasTyping = this.#timers.has(userId);
    clearTimeout(this.#timers.get(userId));
    this.#timers.delete(userId);
    if (active) this.#timers.set(userId, setTimeout(() => this.#setTyping(userId, false), TYPING_TIMEOUT));
    if (wasTyping === active) return;
    if (active && getUserName(userId) === undefined) loadUsers(Number(this.dataset.conversationId), [userId]).then(() => this.#render());
    this.#render();
  }

  #render() {
    const container = find(this, ".typing");
    const [a, b, more] = [...this.#timers.keys()].map(getUserName).filter((name) => name !== undefined);
    if (!container) return;
    if (a === undefined) return container.replaceChildren();
    const content = cloneAll(`typing-${b === undefined ? "one" : more === undefined ? "two" : "many"}-template`);
    fillSlot(content, "a", a);
    fillSlot(content, "b", b ?? "");
    container.replaceChildren(content);
  }
}
