/** Keyboard shortcuts of all pages: Ctrl K or ⌘K opens the quick switcher, Ctrl / or ? shows all shortcuts. */
import { find, findAll } from "../lib/dom.js";

const isMac = /Mac|iPhone|iPad/.test(globalThis.navigator?.platform ?? "");
const EDITABLE = "input, textarea, select, [contenteditable]";

/** Returns a tooltip with shortcuts written as on a Mac. @param {string} title */
export const formatForMac = (title) => title.replace(/\bCtrl Shift (?=\S)/, "⇧⌘").replace(/\bCtrl (?=\S)/, "⌘");

function updateTooltips() {
  if (isMac) for (const element of findAll(document, "[title*='Ctrl ']")) element.title = formatForMac(element.title);
}

/** Handles the shortcuts, and shows them in tooltips and hints. */
export function watchShortcuts() {
  for (const key of findAll(document, "kbd.mod")) key.textContent = isMac ? "⌘" : "Ctrl";
  updateTooltips();
  document.addEventListener("page:navigated", updateTooltips);
  const hint = find(document, "[data-part=switch-key]");
  if (hint && matchMedia("(pointer: fine)").matches) {
    hint.textContent = isMac ? "⌘K" : "Ctrl K";
    hint.hidden = false;
  }
  document.addEventListener("keydown", (event) => {
    const isModified = (isMac ? event.metaKey : event.ctrlKey) && !event.altKey && !event.shiftKey;
    if (event.defaultPrevented || event.isComposing) return;
    if (isModified && event.key.toLowerCase() === "k") {
      event.preventDefault();
      openSwitcher();
    } else if ((isModified && event.key === "/") || (event.key === "?" && !isTyping(event))) {
      const dialog = document.getElementById("shortcuts");
      if (!(dialog instanceof HTMLDialogElement) || find(document, "dialog[open]")) return;
      event.preventDefault();
      dialog.showModal();
    }
  });
  document.addEventListener("click", (event) => {
    const { target } = event;
    if (target instanceof Element && target.closest("[data-act=switch]")) openSwitcher();
    // a click on the backdrop closes the dialog
    if (target instanceof HTMLDialogElement && target.matches("#shortcuts, #switcher")) target.close();
  });
}

/** @param {KeyboardEvent} event */
function isTyping({ target }) {
  return target instanceof Element && target.closest(EDITABLE) !== null;
}

async function openSwitcher() {
  const dialog = document.getElementById("switcher");
  if (!(dialog instanceof HTMLDialogElement)) return;
  if (dialog.open) return dialog.close();
  if (find(document, "dialog[open]")) return;
  // Open the dialog at once, so that its field gets what the user types. Meanwhile load the script that searches.
  const field = /** @type {HTMLInputElement | null} */ (find(dialog, "input"));
  if (field) field.value = "";
  dialog.showModal();
  field?.focus();
  const switcher = await import("../conversation-list/switcher.js").catch(() => null);
  if (!switcher) dialog.close(); // without the script the dialog is useless
  else if (dialog.open) switcher.openSwitcher(dialog);
}
