/** Tells the members of a conversation that the user is typing. */
import { sendAndForget } from "../realtime/events.js";

const TYPING_INTERVAL = 3_000; // ms between two `typing` commands

export class TypingSender {
  /** When `typing` was last sent; 0 after its end was sent. */
  #sentAt = 0;

  /** @param {number} conversationId */
  constructor(conversationId) {
    this.conversationId = conversationId;
  }

  /** Called after each change of the text. @param {boolean} isEmpty whether no text is left */
  handleInput(isEmpty) {
    if (isEmpty) return this.stop();
    const now = Date.now();
    if (now - this.#sentAt < TYPING_INTERVAL) return;
    this.#sentAt = now;
    sendAndForget("typing", { conversation_id: this.conversationId, active: true });
  }

  stop() {
    if (!this.#sentAt) return;
    this.#sentAt = 0;
    sendAndForget("typing", { conversation_id: this.conversationId, active: false });
  }
}
