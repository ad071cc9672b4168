/**
 * Drafts that were left before the server had them: the line was down, the browser died. As soon as there is a line they are
 * stored, whichever conversation is open, unless another device has written meanwhile; then opening it settles that.
 */
import { api } from "../realtime/api.js";
import { find, memory } from "../lib/dom.js";

/** @typedef {import("./draft.js").Kept} Kept */

/** @param {number | string} userId @param {number} conversationId where this browser keeps that draft */
export const draftKey = (userId, conversationId) => `messenger.draft.${userId}.${conversationId}`;

export function watchDraftsLeft() {
  let isOpen = false;
  document.addEventListener("live:state", (event) => {
    const was = isOpen;
    isOpen = /** @type {CustomEvent} */ (event).detail.state === "open";
    if (isOpen && !was) storeDraftsLeft();
  });
}

async function storeDraftsLeft() {
  const userId = find(document, "live-socket")?.dataset.userId;
  for (const [key, conversationId] of left(`messenger.draft.${userId}.`)) {
    const kept = /** @type {Kept | null} */ (memory.get(key));
    // The composer of the open one looks after its own.
    if (!kept?.dirty || find(document, `message-composer[data-conversation-id="${conversationId}"]`)) continue;
    try {
      const { mine } = await api("GET", `conversations/${conversationId}/`);
      if (mine.draft !== kept.base && mine.draft !== kept.text) continue;
      const { me_version } = await api("PATCH", `conversations/${conversationId}/mine/`, { draft: kept.text });
      if (memory.get(key)?.text !== kept.text) continue;
      memory.set(key, { ...kept, base: kept.text, version: me_version, dirty: false });
    } catch {
      // The next line tries again.
    }
  }
}

/** @param {string} prefix @returns {[string, number][]} keys and conversations */
function left(prefix) {
  try {
    return Object.keys(localStorage)
      .filter((key) => key.startsWith(prefix))
      .map((key) => [key, Number(key.slice(prefix.length))]);
  } catch {
    return []; // the browser keeps nothing
  }
}
