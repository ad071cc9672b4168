/**
 * Blocks a person when the question of the page `block_person` is answered in a dialog: the conversation stays open, and
 * a toast offers to undo it. Without scripts the form is posted.
 */
import { api } from "../realtime/api.js";
import { liveUpdates } from "../realtime/events.js";
import { showErrorToast, showToast } from "../ui/toast-stack.js";

export function watchBlockForms() {
  document.addEventListener("submit", async (event) => {
    const form = /** @type {HTMLFormElement} */ (event.target);
    const dialog = /** @type {HTMLDialogElement | null} */ (form.closest("dialog.over"));
    if (!form.dataset.block || !dialog || !liveUpdates.enabled) return;
    event.preventDefault();
    const path = `blocks/${form.dataset.block}/`;
    dialog.close();
    try {
      await api("PUT", path);
      showToast("personBlocked", () => api("DELETE", path));
    } catch (error) {
      showErrorToast(error);
    }
  });
}
