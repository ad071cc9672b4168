/** Registers the service worker, and subscribes this browser to push messages. */
import { api } from "../realtime/api.js";
import { trustScript } from "../lib/trusted-html.js";

const SERVICE_WORKER = "/service-worker.js";

/** @returns {Promise<ServiceWorkerRegistration>} */
export async function registerServiceWorker() {
  await navigator.serviceWorker.register(trustScript(SERVICE_WORKER), { updateViaCache: "none" });
  return navigator.serviceWorker.ready;
}

/** Returns whether this browser can get push messages. */
export function supportsPush() {
  return "serviceWorker" in navigator && "PushManager" in globalThis && "Notification" in globalThis;
}

/** Returns whether this is an iPhone or iPad whose browser needs the installed app. */
export function needsInstalledApp() {
  return !supportsPush() && /iP(hone|ad|od)|Macintosh.*Mobile/.test(navigator.userAgent);
}

/** @returns {Promise<PushSubscription | null>} the subscription of this browser */
export async function findSubscription() {
  if (!supportsPush()) return null;
  const registration = await navigator.serviceWorker.getRegistration("/");
  return (await registration?.pushManager.getSubscription()) ?? null;
}

/**
 * Subscribes this browser. The user must have allowed notifications.
 * @param {string} publicKey of the site, in base64url
 */
export async function subscribe(publicKey) {
  const registration = await registerServiceWorker();
  const old = await registration.pushManager.getSubscription();
  if (old && encodeKey(old.options.applicationServerKey) !== publicKey) await old.unsubscribe();
  const subscription = await registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: publicKey });
  const { endpoint, keys } = subscription.toJSON();
  await api("POST", "notifications/subscriptions/", { endpoint, p256dh: keys?.p256dh, auth: keys?.auth });
}

/** @param {ArrayBuffer | null} key */
function encodeKey(key) {
  const bytes = String.fromCharCode(...new Uint8Array(key ?? new ArrayBuffer(0)));
  return btoa(bytes).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}
