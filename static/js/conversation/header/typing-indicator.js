/** `<typing-line>`: who is writing now. It ends by itself after five seconds, or with their message. */
import { LiveElement } from "../../realtime/events.js";
import { cloneAll, fillSlot, find } from "../../lib/dom.js";
import { loadUsers, getUserName } from "../../realtime/state/user-cache.js";

const STAYS = 5_000;

export class TypingLine extends LiveElement {
  /** @type {Map<number, any>} */
  #people = new Map();

  start() {
    const id = Number(this.dataset.conversationId);
    this.onLive("typing", ({ conversation_id, user_id, active }) => conversation_id === id && this.#typing(user_id, active));
    this.onLive("message.created", ({ conversation_id, message }) => {
      if (conversation_id === id) this.#typing(message.sender.id, false);
    });
    this.onLive("member.updated", ({ member }) => this.#people.has(member.user.id) && this.#draw());
    this.onLive("state", ({ state }) => {
      if (state === "open" || state === "shaky") return;
      for (const userId of [...this.#people.keys()]) this.#typing(userId, false);
    });
  }

  stop() {
    for (const timer of this.#people.values()) clearTimeout(timer);
    this.#people.clear();
  }

  /** @param {number} userId @param {boolean} active */
  #typing(userId, active) {
    const was = this.#people.has(userId);
    clearTimeout(this.#people.get(userId));
    this.#people.delete(userId);
    if (active) this.#people.set(userId, setTimeout(() => this.#typing(userId, false), STAYS));
    if (was === active) return;
    if (active && getUserName(userId) === undefined) loadUsers(Number(this.dataset.conversationId), [userId]).then(() => this.#draw());
    this.#draw();
  }

  #draw() {
    const line = find(this, ".typing");
    const [a, b, more] = [...this.#people.keys()].map(getUserName).filter((name) => name !== undefined);
    if (!line) return;
    if (a === undefined) return line.replaceChildren();
    const words = cloneAll(`typing-${b === undefined ? "one" : more === undefined ? "two" : "many"}-template`);
    fillSlot(words, "a", a);
    fillSlot(words, "b", b ?? "");
    line.replaceChildren(words);
  }
}
