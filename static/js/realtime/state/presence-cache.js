/**
 * Caches which users are online, and updates the online dots on the page. The cache is loaded when the connection
 * opens; events update it. Without a connection the page does not show who is online.
 */
import { api } from "../api.js";
import { emit } from "../events.js";
import { find, findAll } from "../../lib/dom.js";

const MAX_USERS = 100; // users per request
const UNKNOWN_AFTER = 2_000; // ms without a connection; shorter interruptions change nothing on the page

/** @typedef {{online: boolean, last_seen: string | null}} Presence */

/** @type {Map<number, Presence>} */
const presences = new Map();
/**
 * Users who joined or left a conversation, or shared one that the user has left: the server may now send their presence,
 * or no longer.
 * @type {Set<number>}
 */
const uncertainIds = new Set();
let isOpen = false;
let isLoading = false;
/** @type {any} */
let unknownTimer;

/** Returns the presence of a user, if it is known. @param {number} userId @returns {Presence | undefined} */
export function getPresence(userId) {
  return presences.get(userId);
}

/** Keeps the cache and the dots up to date. */
export function watchPresence() {
  document.addEventListener("live:presence", (event) => {
    const { user_id, online, last_seen } = /** @type {CustomEvent} */ (event).detail;
    presences.set(user_id, { online, last_seen });
    updateDots();
  });
  document.addEventListener("live:state", (event) => {
    const wasOpen = isOpen;
    const { state } = /** @type {CustomEvent} */ (event).detail;
    isOpen = state === "open" || state === "shaky";
    if (isOpen) setUnknown(false);
    else unknownTimer ??= setTimeout(() => setUnknown(true), UNKNOWN_AFTER);
    if (wasOpen || !isOpen) return;
    presences.clear(); // values from before the disconnection may be outdated
    loadMissing();
  });
  document.addEventListener("live:member.updated", (event) => {
    const { user, left_at } = /** @type {CustomEvent} */ (event).detail.member;
    if (left_at || presences.get(user.id)?.online === false) uncertainIds.add(user.id);
    if (!left_at) loadMissing();
  });
  document.addEventListener("live:message.created", (event) => {
    // Before the first message of a direct conversation its users do not see each other.
    if (/** @type {CustomEvent} */ (event).detail.message.seq !== 1) return;
    for (const [id, { online }] of presences) if (!online) uncertainIds.add(id);
    loadMissing();
  });
  document.addEventListener("live:conversation.removed", () => {
    for (const id of presences.keys()) uncertainIds.add(id); // any of them may have been a member
    loadMissing();
  });
  for (const type of ["page:navigated", "page:content-added"]) document.addEventListener(type, () => loadMissing());
}

/**
 * Hides or shows dots and counts of users who are online (.presence-unknown in layout.css).
 * @param {boolean} isUnknown
 */
function setUnknown(isUnknown) {
  clearTimeout(unknownTimer);
  unknownTimer = undefined;
  find(document, ".app")?.classList.toggle("presence-unknown", isUnknown);
}

/** Loads the presence of users on the page that are not in the cache yet. */
async function loadMissing() {
  updateDots();
  if (isLoading || !isOpen) return;
  isLoading = true;
  await Promise.resolve(); // let the current task finish adding elements to the page
  const ids = new Set(findAll(document, "[data-user-id]:is(.avatar:has(.here), .member)").map((element) => Number(element.dataset.userId)));
  const missing = [...ids].filter((id) => id && (!presences.has(id) || uncertainIds.has(id)));
  try {
    for (let index = 0; index < missing.length; index += MAX_USERS) {
      const chunk = missing.slice(index, index + MAX_USERS);
      const { results } = await api("GET", `presence/?user_ids=${chunk.join(",")}`);
      for (const id of chunk) {
        presences.set(id, { online: false, last_seen: null });
        uncertainIds.delete(id);
      }
      for (const { user_id, online, last_seen } of results) presences.set(user_id, { online, last_seen });
      updateDots();
    }
  } catch {
    // Loading failed: it is tried again when the connection opens again.
  } finally {
    isLoading = false;
  }
}

function updateDots() {
  for (const element of findAll(document, ".avatar[data-user-id]")) {
    const dot = /** @type {HTMLElement | null} */ (element.querySelector(":scope > .here"));
    const presence = presences.get(Number(element.dataset.userId));
    // Without a cached presence the state rendered by the server is the newest.
    if (dot && presence) dot.hidden = !presence.online;
  }
  emit("page:presence-changed", {});
}
