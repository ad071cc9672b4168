/** A picture that was chosen: which part of it is shown, and its name beside our button. Without this it is sent all the same. */
import { find } from "../lib/dom.js";

document.addEventListener("change", async ({ target: field }) => {
  if (!(field instanceof HTMLInputElement) || !field.matches(".file input")) return;
  const file = field.files?.[0];
  if (file) {
    const { crop } = await import("./picture-crop.js").catch(() => ({ crop: async () => undefined }));
    const face = find(field.closest(".who-row"), ".avatar");
    const chosen = await crop(file, !face?.classList.contains("room"));
    if (chosen === null) field.value = "";
    else if (chosen) put(field, chosen, face);
  }
  const said = find(/** @type {HTMLElement} */ (field.parentElement), "[data-part=chosen]");
  if (said) said.textContent = field.files?.[0]?.name ?? "";
  field.focus();
});

/** @param {HTMLInputElement} field @param {File} file @param {HTMLElement | null} face shows it before it is saved */
function put(field, file, face) {
  const held = new DataTransfer();
  held.items.add(file);
  field.files = held.files;
  if (!face) return;
  const picture = new Image();
  picture.alt = "";
  picture.src = URL.createObjectURL(file);
  picture.onload = () => URL.revokeObjectURL(picture.src);
  face.replaceChildren(picture);
}
