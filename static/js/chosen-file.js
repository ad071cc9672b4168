/** The name of a chosen file beside our button. Without this the file is sent all the same. */
import { find, findAll } from "./page.js";

for (const field of findAll(document, ".file input")) {
  if (!(field instanceof HTMLInputElement)) continue;
  field.addEventListener("change", () => {
    const chosen = find(/** @type {HTMLElement} */ (field.parentElement), "[data-part=chosen]");
    if (chosen) chosen.textContent = field.files?.[0]?.name ?? "";
  });
}
