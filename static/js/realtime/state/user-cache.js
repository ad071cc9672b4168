/** Names of people that this page knows, and how to learn those it does not. */
import { api } from "../api.js";
import { find } from "../../lib/dom.js";

/** @typedef {import("../protocol.js").User} User */
/** @typedef {import("../protocol.js").Member} Member */

/** @type {Map<number, User>} */
const known = new Map();
/** Questions that are being gathered, by conversation. @type {Map<number, {wanted: Set<number>, done: Promise<void>}>} */
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
    find(document, `.conversation-row[data-peer-id="${id}"] .row-name .clip`);
  return drawn?.textContent ?? undefined;
}

/** @param {number} id */
export const personOf = (id) => known.get(id);

const GATHER = 50; // ms in which many names are one question
const MOST = 100; // people in one question

/**
 * Learns who these people of a conversation are, also those who have left it. Told again of the same ones, it asks nobody.
 * @param {number} conversationId
 * @param {number[]} ids
 */
export async function learnPeople(conversationId, ids) {
  let asking = asked.get(conversationId);
  if (!asking) {
    /** @type {Set<number>} */
    const wanted = new Set();
    const done = new Promise((resolve) => setTimeout(resolve, GATHER)).then(() => {
      asked.delete(conversationId);
      return readPeople(conversationId, [...wanted].filter((id) => !known.has(id)));
    });
    asking = { wanted, done };
    asked.set(conversationId, asking);
  }
  for (const id of ids) asking.wanted.add(id);
  await asking.done;
}

/** @param {number} conversationId @param {number[]} ids */
async function readPeople(conversationId, ids) {
  try {
    for (let at = 0; at < ids.length; at += MOST) {
      const some = ids.slice(at, at + MOST).join(",");
      const { results } = await api("GET", `conversations/${conversationId}/members/?user_ids=${some}`);
      for (const { user } of /** @type {Member[]} */ (results)) learn(user);
    }
  } catch {
    // Whoever needs the names next asks again.
  }
}
