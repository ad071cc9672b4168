/** Keys that work anywhere on the page: Ctrl or ⌘ with K goes somewhere by name, Ctrl / or ? shows all keys. */
import { find, findAll } from "../lib/dom.js";

const isMac = /Mac|iPhone|iPad/.test(globalThis.navigator?.platform ?? "");
const WRITING = "input, textarea, select, [contenteditable]";

/** Keys in a tooltip, as a Mac writes them. @param {string} title */
export const asOnMac = (title) => title.replace(/\bCtrl Shift (?=\S)/, "⇧⌘").replace(/\bCtrl (?=\S)/, "⌘");

function nameKeys() {
  if (isMac) for (const each of findAll(document, "[title*='Ctrl ']")) each.title = asOnMac(each.title);
}

export function watchShortcuts() {
  for (const key of findAll(document, "kbd.mod")) key.textContent = isMac ? "⌘" : "Ctrl";
  nameKeys();
  document.addEventListener("page:visited", nameKeys);
  const hint = find(document, "[data-part=switch-key]");
  if (hint && matchMedia("(pointer: fine)").matches) {
    hint.textContent = isMac ? "⌘K" : "Ctrl K";
    hint.hidden = false;
  }
  document.addEventListener("keydown", (event) => {
    const mod = (isMac ? event.metaKey : event.ctrlKey) && !event.altKey && !event.shiftKey;
    if (event.defaultPrevented || event.isComposing) return;
    if (mod && event.key.toLowerCase() === "k") {
      event.preventDefault();
      openSwitcher();
    } else if ((mod && event.key === "/") || (event.key === "?" && !isWriting(event))) {
      const dialog = document.getElementById("shortcuts");
      if (!(dialog instanceof HTMLDialogElement) || find(document, "dialog[open]")) return;
      event.preventDefault();
      dialog.showModal();
    }
  });
  document.addEventListener("click", (event) => {
    const { target } = event;
    if (target instanceof Element && target.closest("[data-act=switch]")) openSwitcher();
    // Beside a dialog: it is left.
    if (target instanceof HTMLDialogElement && target.matches("#shortcuts, #switcher")) target.close();
  });
}

/** @param {KeyboardEvent} event */
function isWriting({ target }) {
  return target instanceof Element && target.closest(WRITING) !== null;
}

async function openSwitcher() {
  const dialog = document.getElementById("switcher");
  if (!(dialog instanceof HTMLDialogElement)) return;
  if (dialog.open) return dialog.close();
  if (find(document, "dialog[open]")) return;
  // Open at once, so that whoever types on types into it; what it finds comes with its script.
  const field = /** @type {HTMLInputElement | null} */ (find(dialog, "input"));
  if (field) field.value = "";
  dialog.showModal();
  field?.focus();
  const script = await import("../conversation-list/switcher.js").catch(() => null);
  if (!script) dialog.close(); // no line to fetch it by: better none than one that finds nothing
  else if (dialog.open) script.openIt(dialog);
}
