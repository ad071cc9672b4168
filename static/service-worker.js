/**
 * The service worker of the site. It shows push notifications and reacts to clicks on them.
 *
 * It stores nothing of an account: a push message carries all that its notification shows. Its caches have a name with
 * the version, and `activate` deletes those of other versions. Open pages keep their version: there is no handler of
 * `fetch` yet. One that serves pages without a connection must cache by the id of the user, and `forget` must delete it.
 * The server replaces the version below and serves this file as /service-worker.js.
 */
const VERSION = "__VERSION__";
const CACHE_PREFIX = "messenger-";
const SNOOZE = 3_600_000; // ms until a reminder comes again

/** @type {any} */
const worker = globalThis;

worker.addEventListener("install", () => worker.skipWaiting());

worker.addEventListener("activate", (/** @type {any} */ event) => {
  event.waitUntil(deleteCaches((name) => name !== CACHE_PREFIX + VERSION).then(() => worker.clients.claim()));
});

/** @param {(name: string) => boolean} isDeleted */
async function deleteCaches(isDeleted) {
  const names = (await caches.keys()).filter((name) => name.startsWith(CACHE_PREFIX) && isDeleted(name));
  await Promise.all(names.map((name) => caches.delete(name)));
}

// ── Push messages ─────────────────────────────────────────────────────────────────────────────────────────────────
worker.addEventListener("push", (/** @type {any} */ event) => {
  /** @type {any} */
  let push = null;
  try {
    push = event.data?.json();
  } catch {
    // Not a push message of this site.
  }
  if (push) event.waitUntil(handlePush(push));
});

/** @param {any} push the struct `PushSchema` of notifications/push/content.py */
async function handlePush(push) {
  if (push.tag.startsWith("conversation-")) await updateAppBadge(push.unread ?? 0);
  if (push.type === "clear") return closeNotifications(push.tag);
  const shown = await worker.registration.getNotifications({ tag: push.tag });
  const previousIds = new Set(shown.flatMap((/** @type {any} */ each) => each.data?.message_ids ?? []));
  const newIds = (push.message_ids ?? []).filter((/** @type {number} */ id) => !previousIds.has(id));
  if (push.type === "show" && shown.length && !newIds.length && shown[0].body === push.body) return; // a repetition
  if (push.type === "show" && (await isSeen(push.conversation_id))) return;
  await worker.registration.showNotification(push.title, {
    body: push.body,
    tag: push.tag,
    renotify: newIds.length > 0 && shown.length > 0,
    silent: !push.sound,
    requireInteraction: push.stays ?? false,
    lang: push.lang,
    icon: "/static/icons/app-192.png",
    badge: "/static/icons/badge-96.png",
    timestamp: Date.parse(push.sent_at) || Date.now(),
    data: push,
    actions: (push.actions ?? []).map((/** @type {any} */ each) => ({
      action: each.action,
      title: each.title,
      ...(each.placeholder ? { type: "text", placeholder: each.placeholder } : {}),
    })),
  });
}

/** Returns whether the user sees this conversation in a tab right now. @param {number} conversationId */
async function isSeen(conversationId) {
  const windows = await worker.clients.matchAll({ type: "window" });
  return windows.some(
    (/** @type {any} */ each) =>
      each.visibilityState === "visible" && each.focused && new URL(each.url).pathname === `/c/${conversationId}/`,
  );
}

/** @param {string} tag */
async function closeNotifications(tag) {
  for (const each of await worker.registration.getNotifications({ tag })) each.close();
}

/** @param {number} count */
async function updateAppBadge(count) {
  const { navigator: app } = worker;
  try {
    await (count ? app.setAppBadge?.(count) : app.clearAppBadge?.());
  } catch {
    // The site is not installed.
  }
}

// ── Clicks ────────────────────────────────────────────────────────────────────────────────────────────────────────
worker.addEventListener("notificationclick", (/** @type {any} */ event) => {
  event.notification.close();
  event.waitUntil(handleClick(event.action, event.reply, event.notification.data ?? {}));
});

/** @param {string} action @param {string | undefined} reply @param {any} push */
async function handleClick(action, reply, push) {
  if (action === "decline" && (await post(`calls/${push.call_id}/decline/`, {}))) return;
  if (action === "snooze") {
    const remindAt = new Date(Date.now() + SNOOZE).toISOString();
    if (await request("PUT", `messages/${push.message_ids[0]}/reminder/`, { remind_at: remindAt })) return;
  }
  if (action === "done" && (await request("DELETE", `reminders/${push.reminder_id}/`))) return;
  if (action === "read" && (await post(`conversations/${push.conversation_id}/read/`, { seq: push.seq }))) return;
  if (action === "reply" && reply?.trim()) {
    const message = { client_id: crypto.randomUUID(), body: reply.trim() };
    if (await post(`conversations/${push.conversation_id}/messages/`, message)) return;
  }
  await openPage(push.url || "/");
}

/** Opens a page in a tab that is open already, or else in a new one. @param {string} url */
async function openPage(url) {
  const windows = await worker.clients.matchAll({ type: "window", includeUncontrolled: true });
  const tab = windows.find((/** @type {any} */ each) => each.focused) ?? windows[0];
  if (!tab) return worker.clients.openWindow(url);
  await tab.focus().catch(() => {});
  tab.postMessage({ type: "open", url });
}

/** @param {string} path @param {object} body */
const post = (path, body) => request("POST", path, body);

/** Sends a request to the API. Returns whether it succeeded. @param {string} method @param {string} path @param {object} [body] */
async function request(method, path, body) {
  try {
    const { token } = await (await fetch("/service-worker/token/")).json();
    const headers = { "Content-Type": "application/json", "X-CSRFToken": token };
    const response = await fetch(`/api/v1/${path}`, { method, headers, body: body && JSON.stringify(body) });
    return response.ok;
  } catch {
    return false;
  }
}

// ── Messages of pages ─────────────────────────────────────────────────────────────────────────────────────────────
worker.addEventListener("message", (/** @type {any} */ event) => {
  if (event.data?.type === "forget") event.waitUntil(forget());
});

/** Removes all that belongs to the account that signs out: notifications and caches. */
async function forget() {
  for (const each of await worker.registration.getNotifications()) each.close();
  await deleteCaches(() => true);
}

// The push service gave the browser another address: the page subscribes again when it is opened next.
worker.addEventListener("pushsubscriptionchange", (/** @type {any} */ event) => {
  event.waitUntil(resubscribe(event));
});

/** @param {any} event */
async function resubscribe(event) {
  const key = event.oldSubscription?.options?.applicationServerKey;
  if (!key) return;
  const options = { userVisibleOnly: true, applicationServerKey: key };
  const subscription = event.newSubscription ?? (await worker.registration.pushManager.subscribe(options));
  const { endpoint, keys } = subscription.toJSON();
  await post("notifications/subscriptions/", { endpoint, p256dh: keys.p256dh, auth: keys.auth });
}
