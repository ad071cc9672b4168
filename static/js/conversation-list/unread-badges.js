/**
 * Shows unread counts on every page: in the navigation, above the list, in the title, on the favicon and the app icon.
 * Owns `unreadTotals` and emits `page:unread-changed` when a count has changed.
 */
import { api } from "../realtime/api.js";
import { updateFaviconBadge } from "./favicon-badge.js";
import { emit } from "../realtime/events.js";
import { fillPlaceholders } from "../lib/wording.js";
import { find, findAll, words } from "../lib/dom.js";
import { throttle } from "../realtime/clock.js";
import { isBlocked } from "../conversation/message/blocked-messages.js";
import { UnreadTotals } from "./unread-totals.js";

/** @typedef {import("../realtime/protocol.js").Conversation} Conversation */

export const unreadTotals = new UnreadTotals(Number(find(document, "live-socket")?.dataset.userId ?? 0), isBlocked);

const RENDER_INTERVAL = 250; // ms

/** Versions of the conversations at which the page was rendered. @type {[number, number][]} */
export let renderedVersions = [];

/** @type {Set<number>} */
const changedIds = new Set();
/**
 * The number that was rendered last; null: the HTML of the server still shows the right number.
 * @type {number | null}
 */
let displayedCount = null;

export function watchUnreadCounts() {
  renderedVersions = unreadTotals.load(JSON.parse(words("standing").conversations || "[]"));
  for (const type of ["message.created", "message.updated", "message.current"]) {
    onLiveEvent(type, ({ message }) => {
      unreadTotals.applyMessage(message);
      scheduleRender(message.conversation_id);
    });
  }
  onLiveEvent("mine.updated", ({ conversation_id, mine }) => {
    unreadTotals.applyMemberState(conversation_id, mine);
    scheduleRender(conversation_id);
  });
  onLiveEvent("conversation.added", ({ conversation }) => applyConversation(conversation));
  onLiveEvent("conversation.removed", ({ conversation_id }) => {
    unreadTotals.remove(conversation_id);
    scheduleRender(conversation_id);
  });
  onLiveEvent("stale", ({ conversation_id }) => void reloadConversation(conversation_id));
  document.addEventListener("log:seen", (event) => {
    const { conversation_id, seq } = /** @type {CustomEvent} */ (event).detail;
    unreadTotals.markSeen(conversation_id, seq);
    scheduleRender(conversation_id);
  });
  document.addEventListener("page:navigated", renderTitle);
  onLiveEvent("online", ({ count }) => renderOnlineCount(count));
  onLiveEvent("contact.updated", ({ requests }) => setBadgeNumber(find(document, "[data-total=requests] .badge"), requests));
  updateFaviconBadge(unreadTotals.totals.unread);
}

/** Renders the number of users who are online. @param {number} count */
function renderOnlineCount(count) {
  const summaryWords = words("standing");
  for (const element of findAll(document, "[data-total=online]")) {
    element.hidden = !count;
    element.textContent = count === 1 ? summaryWords.onlineOne ?? "" : fillPlaceholders(summaryWords.online, { n: count });
  }
}

/** @param {string} type @param {(detail: any) => void} handler */
function onLiveEvent(type, handler) {
  document.addEventListener(`live:${type}`, (event) => handler(/** @type {CustomEvent} */ (event).detail));
}

/** Applies a complete conversation from a response of the server. @param {Conversation} conversation */
export function applyConversation(conversation) {
  unreadTotals.applyConversation(conversation);
  scheduleRender(conversation.id);
}

/**
 * Loads a conversation and emits it as `page:conversation`.
 * @param {number} id
 * @param {AbortSignal} [signal]
 */
export async function reloadConversation(id, signal) {
  try {
    const conversation = await api("GET", `conversations/${id}/`, undefined, { signal });
    applyConversation(conversation);
    emit("page:conversation", { conversation });
  } catch {
    // The user is no longer a member, or a network error: the next event of the conversation tries again.
  }
}

/**
 * Schedules rendering. Several changes in the same microtask are rendered once. Title, favicon and app badge are
 * expensive to draw: all counts are rendered at most four times a second.
 * @param {number} id
 */
function scheduleRender(id) {
  if (!changedIds.size) queueMicrotask(requestRender);
  changedIds.add(id);
}

const requestRender = throttle(RENDER_INTERVAL, render);

function render() {
  const ids = new Set(changedIds);
  changedIds.clear();
  const { unread, mentions, conversations, anyArchived } = unreadTotals.totals;
  displayedCount = unread;
  updateBadge(find(document, "[data-total=unread] .badge"), unread);
  updateBadge(find(document, "[data-total=mentions] .badge"), mentions);
  for (const [name, count] of Object.entries({ conversations, "mentions-tab": mentions })) {
    const tab = find(document, `[data-total=${name}]`);
    if (tab) tab.textContent = count ? String(count) : "";
  }
  for (const tab of findAll(document, "[data-part=archive-tab]")) {
    tab.hidden = !anyArchived && !tab.hasAttribute("aria-current");
  }
  renderTitle();
  updateFaviconBadge(unread);
  emit("page:unread-changed", { ids });
}

function renderTitle() {
  const count = displayedCount ?? unreadTotals.totals.unread;
  const name = document.title.replace(/^\(\d+\+?\) /, "");
  const title = count ? `(${formatBadgeCount(count)}) ${name}` : name;
  if (document.title !== title) document.title = title;
}

/** Formats a number for a badge. Numbers above 99 become "99+". @param {number} count */
function formatBadgeCount(count) {
  return count > 99 ? "99+" : String(count);
}

/**
 * Displays a number of unread messages in a badge. Hides the badge at 0.
 * @param {HTMLElement | null} element
 * @param {number} count
 */
export function updateBadge(element, count) {
  setBadgeNumber(element, count);
  const hiddenLabel = find(element, ".visually-hidden");
  if (hiddenLabel) hiddenLabel.textContent = fillPlaceholders(words("standing").unread, { n: formatBadgeCount(count) });
}

/** @param {HTMLElement | null} element a badge @param {number} count */
function setBadgeNumber(element, count) {
  const visibleLabel = find(element, "[aria-hidden]");
  const text = formatBadgeCount(count);
  if (element) element.hidden = !count;
  if (visibleLabel && visibleLabel.textContent !== text) visibleLabel.textContent = text;
}
