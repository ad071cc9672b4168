/** The texts on their way out, at the end of the log: pending, or failed with what can be done. */
import { sendAndForget, emit } from "../../realtime/events.js";
import { drawQueued, drawQueuedState } from "../message/message-view.js";
import { find } from "../../lib/dom.js";
import { getUserName } from "../../realtime/state/user-cache.js";

/** @typedef {import("./message-log.js").MessageLog} MessageLog */
/** @typedef {import("../../realtime/protocol.js").Queued} Queued */
/** @typedef {import("../../realtime/protocol.js").User} User */

export class QueuedLines {
  /** By client_id. @type {Map<string, HTMLElement>} */
  #lines = new Map();
  /** @type {Queued[]} */
  #queued = [];

  /** @param {MessageLog} log */
  constructor(log) {
    this.log = log;
    log.onLive("outbox", ({ queued }) => this.#show(queued));
    // Without a line they are not being sent, and nobody says so.
    const line = (/** @type {string | undefined} */ state) => log.list.classList.toggle("off-line", !["open", "shaky", "polling"].includes(state ?? ""));
    line(find(document, "live-socket")?.dataset.state);
    log.onLive("state", ({ state }) => line(state));
  }

  /** It stands among the messages now. @param {string | null} clientId */
  take(clientId) {
    if (!clientId) return;
    this.#lines.get(clientId)?.remove();
    this.#lines.delete(clientId);
  }

  /** Tries a failed one again, has it changed first, or throws it away. @param {string} act @param {string} clientId */
  act(act, clientId) {
    const queued = this.#queued.find(({ client_id }) => client_id === clientId);
    if (act === "revise") {
      if (queued) emit("compose:edit-queued", { queued });
      return;
    }
    sendAndForget(`outbox.${act}`, { client_id: clientId });
  }

  /** @param {Queued[]} all of every conversation */
  #show(all) {
    const { log } = this;
    this.#queued = all;
    const queued = log.hasAfter ? [] : all.filter((each) => each.conversation_id === log.conversationId);
    const fresh = queued.filter((each) => !this.#isDrawn(each));
    const ids = new Set(queued.map(({ client_id }) => client_id));
    const done = [...this.#lines.keys()].filter((id) => !ids.has(id));
    if (!fresh.length && !done.length) return;
    log.redraw(Infinity, () => {
      for (const id of done) this.take(id);
      for (const each of queued) {
        const li = this.#lines.get(each.client_id) ?? drawQueued(each, this.#myself());
        if (!li || this.#isSent(each)) continue;
        drawQueuedState(li, each);
        this.#lines.set(each.client_id, li);
        log.list.append(li);
      }
    });
  }

  /** @param {Queued} queued */
  #isDrawn(queued) {
    const li = this.#lines.get(queued.client_id);
    return li ? li.classList.contains("failed") === Boolean(queued.failed) : this.#isSent(queued);
  }

  /** The message was told already; the outbox learns it in this same moment. @param {Queued} queued */
  #isSent({ client_id }) {
    const { list, me } = this.log;
    return find(list, `:scope > [data-seq][data-sender="${me}"][data-client-id="${CSS.escape(client_id)}"]`) !== null;
  }

  /** @returns {User} as far as a page knows me without asking: my face stands among the places */
  #myself() {
    const { me } = this.log;
    const image = find(document, ".rail .avatar[data-user-id] img");
    return { id: me, username: "", name: getUserName(me) ?? "", avatar_url: image?.getAttribute("src") ?? null };
  }
}
