/**
 * `a[data-dialog]`: what the page behind the link has to ask or to show, in a dialog over this page. Without scripts,
 * and where it cannot be read, the link is a link.
 */
import { tell } from "../realtime/events.js";
import { clone, find, findAll } from "../lib/dom.js";
import { parsePage } from "../lib/trusted-html.js";

export function watchDialogs() {
  document.addEventListener("click", (event) => {
    if (event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    const target = /** @type {Element} */ (event.target);
    const link = target.closest("a[data-dialog]");
    if (link instanceof HTMLAnchorElement) {
      event.preventDefault();
      open(link);
      return;
    }
    const dialog = /** @type {HTMLDialogElement | null} */ (target.closest("dialog.over"));
    const close = target.closest("[data-act=close]");
    if (dialog && (close || target === dialog)) {
      event.preventDefault();
      dialog.close();
    }
    const mention = /** @type {HTMLElement | null} */ (target.closest("[data-act=mention]"));
    if (mention) name(mention);
  });
}

/** @param {HTMLAnchorElement} link */
async function open(link) {
  const dialog = /** @type {HTMLDialogElement | null} */ (clone("dialog-template"));
  const inside = find(dialog, "[data-part=inside]");
  const before = /** @type {HTMLDialogElement | null} */ (link.closest("dialog.over"));
  if (!dialog || !inside) return location.assign(link.href);
  try {
    await readInto(inside, link.href);
  } catch {
    return location.assign(link.href);
  }
  const heading = find(inside, "h2");
  if (heading) {
    heading.id = "dialog-title";
    dialog.setAttribute("aria-labelledby", heading.id);
  }
  before?.close();
  dialog.addEventListener("close", () => dialog.remove());
  (find(document, ".app") ?? document.body).append(dialog);
  dialog.showModal();
  /** @type {HTMLElement | null} */ (find(dialog, "input:not([type=hidden]), .answers [data-act=close]"))?.focus();
  tell("page:people", {});
}

/**
 * Reads what a page has for a dialog. Its forms lead back to this page.
 * @param {HTMLElement} place
 * @param {string} address
 * @param {AbortSignal} [signal]
 */
export async function readInto(place, address, signal) {
  const response = await fetch(address, { headers: { Accept: "text/html" }, signal });
  const part = response.ok && find(parsePage(await response.text()), "[data-part=dialog]");
  if (!part) throw new Error("Nothing to show.");
  place.replaceChildren(document.adoptNode(part));
  for (const field of findAll(place, "input[name=next]")) {
    /** @type {HTMLInputElement} */ (field).value = location.pathname + location.search;
  }
  const composer = find(document, "message-composer textarea");
  for (const button of findAll(place, "[data-act=mention]")) button.hidden = !composer;
}

/** Their name into what is being written. @param {HTMLElement} button */
function name(button) {
  const field = /** @type {HTMLTextAreaElement | null} */ (find(document, "message-composer textarea"));
  /** @type {HTMLDialogElement | null} */ (button.closest("dialog"))?.close();
  if (!field) return;
  const before = field.value.slice(0, field.selectionStart);
  const gap = before && !/\s$/.test(before) ? " " : "";
  field.focus();
  field.setRangeText(`${gap}@${button.dataset.username} `, field.selectionStart, field.selectionEnd, "end");
  field.dispatchEvent(new Event("input", { bubbles: true }));
}
