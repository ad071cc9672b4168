/**
 * Displays the messages in the outbox (not sent yet) at the end of the log. Failed messages have buttons to retry, edit
 * or discard them.
 */
import { sendAndForget, emit } from "../../realtime/events.js";
import { renderPendingMessage, renderPendingState } from "../message/message-view.js";
import { find, readAvatar } from "../../lib/dom.js";
import { getUserName, makeUser } from "../../realtime/state/user-cache.js";

/** @typedef {import("./message-log.js").MessageLog} MessageLog */
/** @typedef {import("../../realtime/protocol.js").Queued} Queued */
/** @typedef {import("../../realtime/protocol.js").User} User */

export class PendingMessages {
  /** Rendered items, by client_id. @type {Map<string, HTMLElement>} */
  #items = new Map();
  /** @type {Queued[]} */
  #allQueued = [];

  /** @param {MessageLog} log */
  constructor(log) {
    this.log = log;
    log.onLive("outbox", ({ queued }) => this.#render(queued));
    // While disconnected, pending messages are not being sent: show this.
    const updateOffline = (/** @type {string | undefined} */ state) => log.list.classList.toggle("off-line", !["open", "shaky", "polling"].includes(state ?? ""));
    updateOffline(find(document, "live-socket")?.dataset.state);
    log.onLive("state", ({ state }) => updateOffline(state));
  }

  /**
   * Removes the item of a message that is displayed as a regular message now. Returns whether the item had the focus.
   * @param {string | null} clientId
   */
  remove(clientId) {
    const item = clientId ? this.#items.get(clientId) : undefined;
    if (!clientId || !item) return false;
    const hadFocus = item.contains(document.activeElement);
    item.remove();
    this.#items.delete(clientId);
    return hadFocus;
  }

  /**
   * Runs a command on a failed message.
   * @param {string} command `retry`, `revise` or `discard`
   * @param {string} clientId
   */
  runCommand(command, clientId) {
    const queued = this.#allQueued.find(({ client_id }) => client_id === clientId);
    if (command === "revise") {
      if (queued) emit("compose:edit-queued", { queued });
      return;
    }
    sendAndForget(`outbox.${command}`, { client_id: clientId });
  }

  /** Renders the outbox. @param {Queued[]} allQueued of all conversations */
  #render(allQueued) {
    const { log } = this;
    this.#allQueued = allQueued;
    const queued = log.hasAfter ? [] : allQueued.filter((queuedMessage) => queuedMessage.conversation_id === log.conversationId);
    const changed = queued.filter((queuedMessage) => !this.#isRendered(queuedMessage));
    const ids = new Set(queued.map(({ client_id }) => client_id));
    const removedIds = [...this.#items.keys()].filter((id) => !ids.has(id));
    if (!changed.length && !removedIds.length) return;
    log.update(Infinity, () => {
      for (const id of removedIds) this.remove(id);
      for (const queuedMessage of queued) {
        const item = this.#items.get(queuedMessage.client_id) ?? renderPendingMessage(queuedMessage, this.#makeCurrentUser());
        if (!item || this.#isStored(queuedMessage)) continue;
        renderPendingState(item, queuedMessage);
        this.#items.set(queuedMessage.client_id, item);
        log.list.append(item);
      }
    });
  }

  /** @param {Queued} queued */
  #isRendered(queued) {
    const item = this.#items.get(queued.client_id);
    return item ? item.classList.contains("failed") === Boolean(queued.failed) : this.#isStored(queued);
  }

  /**
   * Returns whether the server has stored the message and the log displays it already. The outbox is updated in the
   * same moment.
   * @param {Queued} queued
   */
  #isStored({ client_id }) {
    const { list, me } = this.log;
    return find(list, `:scope > [data-seq][data-sender="${me}"][data-client-id="${CSS.escape(client_id)}"]`) !== null;
  }

  /**
   * Returns the current user with the data on the page; the avatar is taken from the navigation rail.
   * @returns {User}
   */
  #makeCurrentUser() {
    const { me } = this.log;
    const avatar = find(document, ".rail .avatar[data-user-id]");
    return { ...makeUser(me, getUserName(me) ?? ""), ...(avatar && readAvatar(avatar)) };
  }
}
