/** Names of people that this page knows, and how to learn those it does not. */
import { api } from "./api.js";
import { find } from "./page.js";

/** @typedef {import("./protocol.js").User} User */
/** @typedef {import("./protocol.js").Member} Member */

/** @type {Map<number, User>} */
const known = new Map();
/** @type {Map<number, Promise<void>>} */
const asked = new Map();

/** @param {User} user as told just now */
export function learn(user) {
  known.set(user.id, user);
}

/** @param {number} id @returns {string | undefined} */
export function nameOf(id) {
  const user = known.get(id);
  if (user) return user.name;
  const myself = find(document, `live-socket[data-user-id="${id}"]`);
  if (myself) return myself.dataset.name;
  const drawn =
    find(document, `.member[data-user-id="${id}"] .clip`) ??
    find(document, `.msg[data-sender="${id}"]:not(.mine) .msg-by b`) ??
    find(document, `.conv[data-peer-id="${id}"] .conv-name .clip`);
  return drawn?.textContent ?? undefined;
}

/**
 * Learns the members of a conversation, once.
 * @param {number} conversationId
 */
export function learnMembers(conversationId) {
  let asking = asked.get(conversationId);
  if (!asking) {
    asking = readMembers(conversationId).then(
      () => void setTimeout(() => asked.delete(conversationId), 10_000),
      () => void asked.delete(conversationId),
    );
    asked.set(conversationId, asking);
  }
  return asking;
}

/** Page by page. @param {number} conversationId */
async function readMembers(conversationId) {
  let query = "?limit=500";
  while (query) {
    const { results, next } = await api("GET", `conversations/${conversationId}/members/${query}`);
    for (const { user } of /** @type {Member[]} */ (results)) learn(user);
    query = next ? new URL(next, location.href).search : "";
  }
}
