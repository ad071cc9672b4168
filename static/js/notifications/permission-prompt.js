/**
 * Offers notifications after the user has missed a message that would have notified him or her. The offer stays until it
 * is answered; the answer is remembered in this browser. Loaded when such a message arrives.
 */
import { api } from "../realtime/api.js";
import { browserStorage, clone, find } from "../lib/dom.js";
import { subscribe, supportsPush } from "./push-registration.js";

const ANSWERED_KEY = "messenger.notification-prompt";

/** @type {HTMLElement | null} */
let prompt = null;

/** Returns whether notifications may be offered: not if the user has answered, or sees the offer already. */
export function mayOffer() {
  return supportsPush() && Notification.permission === "default" && !browserStorage.get(ANSWERED_KEY) && !prompt?.isConnected;
}

/** Shows the offer, in a hidden page as soon as the user comes back. */
export function offerNotifications() {
  if (document.visibilityState === "visible") show();
  else document.addEventListener("visibilitychange", offerNotifications, { once: true });
}

function show() {
  const toast = clone("notification-prompt");
  if (!toast || !mayOffer()) return;
  prompt = toast;
  toast.addEventListener("click", (event) => {
    const act = /** @type {HTMLElement} */ (event.target).closest("[data-act]")?.getAttribute("data-act");
    if (!act) return;
    browserStorage.set(ANSWERED_KEY, true);
    toast.remove();
    if (act === "allow") void turnOn();
  });
  find(document, "toast-stack")?.append(toast);
}

// Answered in another tab.
addEventListener("storage", ({ key }) => key === ANSWERED_KEY && prompt?.remove());

async function turnOn() {
  if ((await Notification.requestPermission()) !== "granted") return;
  try {
    const { public_key } = await api("GET", "notifications/preferences/");
    if (public_key) await subscribe(public_key);
  } catch {
    // Without push service, this page still notifies the user while it is open.
  }
}
