/**
 * Notifications of the open page: shown only while the user does not see it. They need no push service, so they also work
 * where the one of the browser cannot be reached. The server decides whether a message notifies the user. A push message
 * about the same conversation replaces the notification, because both have the same tag.
 */
import { api } from "../realtime/api.js";
import { find } from "../lib/dom.js";
import { isWritten } from "../lib/message-kinds.js";
import { mentionsUser } from "../conversation-list/unread-counter.js";
import { navigate } from "../ui/page-navigation.js";
import { findSubscription, registerServiceWorker } from "./push-registration.js";
import { playSound } from "./sound.js";

const DELAY = 1_500; // ms: a message that is read on another device in this time notifies nobody here
const OFFERING_CONCERNS = ["direct", "mention", "everyone"]; // after such messages notifications are offered
const PREFERENCES_LIFETIME = 60_000; // ms

/** Messages by conversation that wait for the decision of the server. @type {Map<number, any>} */
const waiting = new Map();
/** @type {{promise: Promise<any>, at: number} | null} */
let preferences = null;

export function watchNotifications() {
  const userId = Number(find(document, "live-socket")?.dataset.userId ?? 0);
  if (navigator.serviceWorker) registerServiceWorker().catch(() => {});
  document.addEventListener("live:message.created", (event) => {
    const { message } = /** @type {CustomEvent} */ (event).detail;
    if (isWritten(message) && message.sender.id !== userId && !isSeen()) handleMessage(message, userId);
  });
  document.addEventListener("live:mine.updated", (event) => {
    const { conversation_id, mine } = /** @type {CustomEvent} */ (event).detail;
    if (!mine.unread_count) void closeNotifications(conversation_id);
  });
  navigator.serviceWorker?.addEventListener("message", ({ data }) => {
    if (data?.type === "open" && typeof data.url === "string") void navigate(data.url);
  });
}

/** Returns whether the user sees this page. */
function isSeen() {
  return document.visibilityState === "visible" && document.hasFocus();
}

/**
 * Notifies the user of a message, or offers notifications if he or she has not decided yet whether to allow them.
 * @param {any} message
 * @param {number} userId
 */
function handleMessage(message, userId) {
  if (!("Notification" in globalThis)) return;
  if (Notification.permission === "granted") waitForDecision(message);
  else if (Notification.permission === "default" && isPersonal(message, userId)) {
    import("./permission-prompt.js").then(({ mayOffer }) => mayOffer() && waitForDecision(message), () => {});
  }
}

/** Returns whether a message may be direct or mentions the user. @param {any} message @param {number} userId */
function isPersonal(message, userId) {
  const row = find(document, `.conversation-row[data-id="${message.conversation_id}"]`);
  return row?.dataset.kind !== "group" || mentionsUser(message.mentions, userId);
}

/** @param {any} message */
function waitForDecision(message) {
  const isFirst = !waiting.has(message.conversation_id);
  waiting.set(message.conversation_id, message);
  if (isFirst) setTimeout(() => void decide(message.conversation_id), DELAY);
}

/** @param {number} conversationId */
async function decide(conversationId) {
  const message = waiting.get(conversationId);
  waiting.delete(conversationId);
  if (isSeen()) return;
  // One tab of the browser is enough.
  await withLock(`messenger.notification.${message.id}`, async () => {
    try {
      const decision = await api("GET", `messages/${message.id}/notification/`);
      const wantsAlert = decision.outcome === "push" || decision.reason === "no_device";
      if (!wantsAlert || decision.cleared_at) return;
      if (Notification.permission !== "granted") {
        if (OFFERING_CONCERNS.includes(decision.concern)) (await import("./permission-prompt.js")).offerNotifications();
        return;
      }
      const [chosen, subscription] = await Promise.all([loadPreferences(), findSubscription()]);
      if (chosen.sound) playSound();
      if (!subscription) await showNotification(message, chosen.show_text);
    } catch {
      // Without a connection nothing new arrives either.
    }
  });
}

/** Runs a function in the first tab that asks; the others do nothing. @param {string} name @param {() => Promise<void>} run */
async function withLock(name, run) {
  if (!navigator.locks) return run();
  await navigator.locks.request(name, { ifAvailable: true }, async (lock) => {
    if (!lock) return;
    await run();
    await new Promise((resolve) => setTimeout(resolve, DELAY));
  });
}

/** @returns {Promise<any>} the preferences of the user */
function loadPreferences() {
  if (!preferences || Date.now() - preferences.at > PREFERENCES_LIFETIME) {
    preferences = { promise: api("GET", "notifications/preferences/"), at: Date.now() };
    preferences.promise.catch(() => (preferences = null));
  }
  return preferences.promise;
}

/** @param {any} message @param {boolean} showsText */
async function showNotification(message, showsText) {
  const registration = await registerServiceWorker();
  await registration.showNotification(message.sender.name, {
    body: showsText ? message.excerpt : "",
    tag: `conversation-${message.conversation_id}`,
    icon: "/static/icons/app-192.png",
    silent: true,
    data: {
      url: `/c/${message.conversation_id}/?at=${message.seq}#m-${message.seq}`,
      conversation_id: message.conversation_id,
      message_ids: [message.id],
      seq: message.seq,
    },
  });
}

/** Closes the notifications of messages and calls of a conversation. @param {number} conversationId */
async function closeNotifications(conversationId) {
  const registration = await navigator.serviceWorker?.getRegistration("/");
  for (const each of (await registration?.getNotifications()) ?? []) {
    const isCall = each.tag.startsWith("call-") && each.data?.url === `/c/${conversationId}/`;
    if (isCall || each.tag === `conversation-${conversationId}`) each.close();
  }
}
