/**
 * Sends drafts to the server that were stored only in the browser, because the connection was lost or the browser was
 * closed. It starts when there is a connection, and handles all conversations. If another device has changed a draft
 * meanwhile, the draft waits until its conversation is opened.
 */
import { api } from "../realtime/api.js";
import { find, browserStorage } from "../lib/dom.js";

/** @typedef {import("./draft.js").DraftRecord} DraftRecord */

/**
 * Returns the localStorage key of a draft. It must not change: browsers hold drafts stored under it.
 * @param {number | string} userId
 * @param {number} conversationId
 */
export const getDraftKey = (userId, conversationId) => `messenger.draft.${userId}.${conversationId}`;

/** Sends drafts that the server does not have yet, each time the connection opens. */
export function watchUnsyncedDrafts() {
  let isOpen = false;
  document.addEventListener("live:state", (event) => {
    const wasOpen = isOpen;
    isOpen = /** @type {CustomEvent} */ (event).detail.state === "open";
    if (isOpen && !wasOpen) saveUnsyncedDrafts();
  });
}

async function saveUnsyncedDrafts() {
  const userId = find(document, "live-socket")?.dataset.userId;
  for (const [key, conversationId] of listRecords(`messenger.draft.${userId}.`)) {
    const record = /** @type {DraftRecord | null} */ (browserStorage.get(key));
    // The composer of the open conversation handles its own draft.
    if (!record?.dirty || find(document, `message-composer[data-conversation-id="${conversationId}"]`)) continue;
    try {
      const { mine } = await api("GET", `conversations/${conversationId}/`);
      if (mine.draft !== record.base && mine.draft !== record.text) continue;
      const { me_version } = await api("PATCH", `conversations/${conversationId}/mine/`, { draft: record.text });
      if (browserStorage.get(key)?.text !== record.text) continue;
      browserStorage.set(key, { ...record, base: record.text, version: me_version, dirty: false });
    } catch {
      // The next connection tries again.
    }
  }
}

/** @param {string} prefix @returns {[string, number][]} keys and conversation ids */
function listRecords(prefix) {
  try {
    return Object.keys(localStorage)
      .filter((key) => key.startsWith(prefix))
      .map((key) => [key, Number(key.slice(prefix.length))]);
  } catch {
    return []; // localStorage is not available
  }
}
