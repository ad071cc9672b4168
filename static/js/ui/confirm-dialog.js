/** A question in the top layer. The focus goes back by itself to where it was. */
import { find } from "../lib/dom.js";

/**
 * @param {string} id of a `<dialog>` (templates/elements/dialog.html)
 * @returns {Promise<string | null>} what was written there, null for no
 */
export function ask(id) {
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
