/** Opens the search in the open conversation: from its header and menu, with Ctrl F or ⌘F, and with `?q=` in the address. */
import { find } from "../../lib/dom.js";
import { liveUpdates } from "../../realtime/events.js";

const isMac = /Mac|iPhone|iPad/.test(globalThis.navigator?.platform ?? "");

export function watchConversationSearch() {
  document.addEventListener("click", (event) => {
    const link = /** @type {Element} */ (event.target).closest("[data-act=search]");
    if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey || !liveUpdates.enabled) return;
    event.preventDefault();
    /** @type {HTMLElement | null} */ (link.closest("[popover]"))?.hidePopover();
    openSearch();
  });
  document.addEventListener("keydown", (event) => {
    const isModified = (isMac ? event.metaKey : event.ctrlKey) && !event.altKey && !event.shiftKey;
    if (!isModified || event.key.toLowerCase() !== "f" || event.defaultPrevented || find(document, "dialog[open]")) return;
    const search = find(document, "conversation-search");
    // A second time the browser searches the page itself.
    if (!search || search.contains(document.activeElement) || !liveUpdates.enabled) return;
    event.preventDefault();
    openSearch();
  });
  // Somebody types and presses Enter before the script has loaded. If that fails, the page with all results opens.
  document.addEventListener("submit", (event) => {
    const form = /** @type {HTMLFormElement} */ (event.target);
    if (!form.matches(".conversation-search") || customElements.get("conversation-search") || !liveUpdates.enabled) return;
    event.preventDefault();
    loadElement().then(() => form.requestSubmit(), () => form.submit());
  });
  document.addEventListener("page:navigated", loadIfOpen);
  loadIfOpen();
}

/** Opens the bar at once, so that its field gets what the user types. Meanwhile loads the script that searches. */
function openSearch() {
  const search = /** @type {import("./conversation-search.js").ConversationSearch | null} */ (find(document, "conversation-search"));
  if (!search) return;
  const field = /** @type {HTMLInputElement | null} */ (find(search, "input[type=search]"));
  const isOpened = search.hidden;
  search.hidden = false;
  field?.focus();
  field?.select();
  if (isOpened) search.begin?.();
  loadIfOpen();
}

function loadIfOpen() {
  if (find(document, "conversation-search:not([hidden])")) loadElement().catch(() => {});
}

async function loadElement() {
  const { ConversationSearch } = await import("./conversation-search.js");
  if (!customElements.get("conversation-search")) customElements.define("conversation-search", ConversationSearch);
}
