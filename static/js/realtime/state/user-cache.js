/** Caches users by id, and loads users that are not on the page. */
import { api } from "../api.js";
import { find, guessInitials } from "../../lib/dom.js";

/** @typedef {import("../protocol.js").User} User */
/** @typedef {import("../protocol.js").Member} Member */

/** @type {Map<number, User>} */
const users = new Map();
/**
 * Requests that are being collected, by conversation.
 * @type {Map<number, {ids: Set<number>, loaded: Promise<void>}>}
 */
const batches = new Map();

/** Adds or replaces a user. @param {User} user */
export function cacheUser(user) {
  users.set(user.id, user);
}

/** Returns the name of a user, from the cache or from the page. @param {number} id @returns {string | undefined} */
export function getUserName(id) {
  const user = users.get(id);
  if (user) return user.name;
  const socket = find(document, `live-socket[data-user-id="${id}"]`);
  if (socket) return socket.dataset.name;
  const element =
    find(document, `.member[data-user-id="${id}"] .clip`) ??
    find(document, `.msg[data-sender="${id}"]:not(.mine) .msg-by b`) ??
    find(document, `.conversation-row[data-peer-id="${id}"] .row-name .clip`);
  return element?.textContent ?? undefined;
}

/** Returns a user from the cache. @param {number} id */
export const getUser = (id) => users.get(id);

/**
 * Returns a user of whom the page knows only the name.
 * @param {number} id
 * @param {string} name
 * @returns {User}
 */
export const makeUser = (id, name) => ({ id, username: "", name, avatar_url: null, initials: guessInitials(name) });

const BATCH_DELAY = 50; // ms in which names are collected into one request
const MAX_USERS = 100; // users per request

/**
 * Loads members of a conversation into the cache, including former ones. Users in the cache are not requested again.
 * @param {number} conversationId
 * @param {number[]} userIds
 */
export async function loadUsers(conversationId, userIds) {
  let batch = batches.get(conversationId);
  if (!batch) {
    /** @type {Set<number>} */
    const pendingIds = new Set();
    const loaded = new Promise((resolve) => setTimeout(resolve, BATCH_DELAY)).then(() => {
      batches.delete(conversationId);
      return requestUsers(conversationId, [...pendingIds].filter((id) => !users.has(id)));
    });
    batch = { ids: pendingIds, loaded };
    batches.set(conversationId, batch);
  }
  for (const id of userIds) batch.ids.add(id);
  await batch.loaded;
}

/** @param {number} conversationId @param {number[]} ids */
async function requestUsers(conversationId, ids) {
  try {
    for (let index = 0; index < ids.length; index += MAX_USERS) {
      const chunk = ids.slice(index, index + MAX_USERS).join(",");
      const { results } = await api("GET", `conversations/${conversationId}/members/?user_ids=${chunk}`);
      for (const { user } of /** @type {Member[]} */ (results)) cacheUser(user);
    }
  } catch {
    // The next call tries again.
  }
}
