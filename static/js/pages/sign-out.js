/**
 * Deletes what this browser stores of the user's texts and files before the user signs out: drafts, unfinished edits,
 * recent searches, unsent files and the outbox. Also removes the service worker with its notifications. Other users of
 * the browser must not find them.
 */
import { deleteStoredFilesOfUser } from "../composer/files/file-store.js";
import { deleteStore } from "../realtime/outbox/outbox-store.js";
import { find } from "../lib/dom.js";
import { removeServiceWorker } from "../notifications/remove-service-worker.js";

const MAX_DELAY = 2_000; // ms after which the form is submitted although the databases could not be deleted

let isWatching = false;
/** @type {WeakSet<HTMLFormElement>} */
const clearedForms = new WeakSet(); // forms that may be submitted now, because the user's data are deleted

/** Handles the submission of every form that signs out or deletes the account (`data-sign-out`). */
export function watchSignOut() {
  if (isWatching) return;
  isWatching = true;
  document.addEventListener("submit", (event) => {
    const form = event.target;
    const userId = Number(find(document, "live-socket")?.dataset.userId ?? 0);
    if (!(form instanceof HTMLFormElement) || !form.hasAttribute("data-sign-out") || !userId) return;
    if (clearedForms.delete(form)) return;
    event.preventDefault();
    const timeout = new Promise((resolve) => setTimeout(resolve, MAX_DELAY));
    Promise.race([deleteUserData(userId), timeout]).finally(() => {
      clearedForms.add(form);
      form.requestSubmit(event.submitter); // unlike submit(), it causes an event, by which live-socket.js knows of the form
    });
  });
}

/** Deletes all texts and files of a user. @param {number} userId */
export async function deleteUserData(userId) {
  deleteStoredTexts(userId);
  await Promise.allSettled([deleteStore(userId), deleteStoredFilesOfUser(userId), removeServiceWorker()]);
}

/**
 * Deletes drafts and unfinished edits, also those that the server has, and recent searches.
 * @param {number} userId
 * @param {Storage} [storage]
 */
export function deleteStoredTexts(userId, storage = globalThis.localStorage) {
  try {
    const prefixes = [`messenger.draft.${userId}.`, `messenger.edits.${userId}.`, `messenger.searches.${userId}.`];
    for (const key of Object.keys(storage)) if (prefixes.some((prefix) => key.startsWith(prefix))) storage.removeItem(key);
  } catch {
    // localStorage is not available: nothing is stored.
  }
}
