/**
 * File inputs for avatars. Without this script the file is uploaded uncropped.
 */
import { find } from "../lib/dom.js";

/** Opens the crop dialog for the chosen picture, and shows the name of the file. @param {HTMLInputElement} field */
export async function cropChosenPicture(field) {
  const file = field.files?.[0];
  if (file) {
    const { cropPicture } = await import("./picture-crop.js").catch(() => ({ cropPicture: async () => undefined }));
    const avatar = find(field.closest(".who-row"), ".avatar");
    const cropped = await cropPicture(file, !avatar?.classList.contains("room"));
    if (cropped === null) field.value = "";
    else if (cropped) setFile(field, cropped, avatar);
  }
  const nameElement = find(/** @type {HTMLElement} */ (field.parentElement), "[data-part=chosen]");
  if (nameElement) nameElement.textContent = field.files?.[0]?.name ?? "";
  field.focus();
}

/** @param {HTMLInputElement} field @param {File} file @param {HTMLElement | null} avatar shows a preview */
function setFile(field, file, avatar) {
  const transfer = new DataTransfer();
  transfer.items.add(file);
  field.files = transfer.files;
  if (!avatar) return;
  const picture = new Image();
  picture.alt = "";
  picture.src = URL.createObjectURL(file);
  picture.onload = () => URL.revokeObjectURL(picture.src);
  avatar.replaceChildren(picture);
}
