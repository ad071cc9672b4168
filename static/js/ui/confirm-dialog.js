/** Opens confirmation dialogs. The browser restores the focus when a dialog is closed. */
import { find } from "../lib/dom.js";

/** Returns what is chosen in the list of a dialog. @param {string} id */
export function getDialogChoice(id) {
  return /** @type {HTMLSelectElement | null} */ (document.querySelector(`#${id} select`))?.value ?? "";
}

/**
 * Opens a dialog and waits for the answer.
 * @param {string} id of a `<dialog>` (templates/elements/dialog.html)
 * @returns {Promise<string | null>} the text entered in the dialog, or null if it was cancelled
 */
export function openConfirmDialog(id) {
  const dialog = document.getElementById(id);
  if (!(dialog instanceof HTMLDialogElement)) return Promise.resolve(null);
  const field = /** @type {HTMLTextAreaElement | null} */ (find(dialog, "textarea"));
  if (field) field.value = "";
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes" ? field?.value ?? "" : null), { once: true });
  });
}
