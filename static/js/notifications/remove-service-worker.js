/** Removes the service worker. It imports nothing, because the sign-in page loads it too. */

/**
 * Removes the service worker and the push subscription of this browser, with all notifications and the number on the
 * icon of the app. For signing out.
 */
export async function removeServiceWorker() {
  navigator.clearAppBadge?.().catch(() => {});
  const registration = await navigator.serviceWorker?.getRegistration("/");
  if (!registration) return;
  registration.active?.postMessage({ type: "forget" });
  await (await registration.pushManager?.getSubscription())?.unsubscribe();
  await registration.unregister();
}
