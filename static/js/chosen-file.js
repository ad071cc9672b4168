/** The name of a chosen file beside our button. Without this the file is sent all the same. */
import { find } from "./page.js";

document.addEventListener("change", ({ target: field }) => {
  if (!(field instanceof HTMLInputElement) || !field.matches(".file input")) return;
  const chosen = find(/** @type {HTMLElement} */ (field.parentElement), "[data-part=chosen]");
  if (chosen) chosen.textContent = field.files?.[0]?.name ?? "";
});
