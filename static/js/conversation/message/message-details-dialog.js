/**
 * Dialog with the receipts and reactions of a message, or with its earlier versions. It shows the same page that the
 * link opens without scripts, and loads it again when the message changes.
 */
import { throttle } from "../../realtime/clock.js";
import { clone, find } from "../../lib/dom.js";
import { showErrorToast } from "../../ui/toast-stack.js";
import { ApiError } from "../../realtime/api-error.js";
import { parsePage } from "../../lib/trusted-html.js";

/** Events after which the page must be loaded again, besides changes of the message. */
const RELOAD_EVENTS = { details: ["live:receipt", "live:receipts"], revisions: [] };

/**
 * Opens the dialog; follows the link if the page cannot be displayed in it.
 * @param {HTMLElement} item
 * @param {"details" | "revisions"} name
 */
export async function openMessageDetailsDialog(item, name) {
  const { id } = item.dataset;
  let url = `/m/${id}/${name}/`;
  const pageDocument = await loadPage(url);
  const dialog = clone("page-dialog-template");
  if (!pageDocument || !(dialog instanceof HTMLDialogElement)) return location.assign(url);
  const title = find(dialog, "h2");
  const body = find(dialog, ".page-dialog-body");
  if (!title || !body) return;
  title.textContent = find(pageDocument, "main h1")?.textContent?.trim() ?? "";
  /** @param {Document} source */
  const showContent = (source) => {
    const content = find(source, "[data-part=dialog]");
    if (content) body.replaceChildren(document.adoptNode(content));
  };
  showContent(pageDocument);
  const abortController = new AbortController();
  const reload = throttle(1_000, async () => {
    const newPage = await loadPage(url).catch(() => null);
    if (abortController.signal.aborted) return;
    if (newPage) showContent(newPage);
    else dialog.close(); // the message was deleted, or the user may not see the page any more
  });
  document.addEventListener("live:message.updated", (event) => {
    if (String(/** @type {CustomEvent} */ (event).detail.message.id) === id) reload();
  }, { signal: abortController.signal });
  for (const type of RELOAD_EVENTS[name]) document.addEventListener(type, reload, { signal: abortController.signal });
  document.addEventListener("page:navigated", () => dialog.close(), { signal: abortController.signal });
  dialog.addEventListener("click", (event) => {
    const target = /** @type {Element} */ (event.target);
    if (target === dialog || target.closest("[data-act=close]")) dialog.close();
    const more = target.closest("a[data-part=more]");
    if (!(more instanceof HTMLAnchorElement)) return;
    event.preventDefault();
    const list = more.closest("section")?.id;
    url = new URL(more.getAttribute("href") ?? "", new URL(url, location.href)).href;
    loadPage(url).then((newPage) => {
      if (!newPage || abortController.signal.aborted) return;
      showContent(newPage);
      (find(body, `#${list} [data-part=more]`) ?? find(dialog, "[data-act=close]"))?.focus({ preventScroll: true });
    }, showErrorToast);
  });
  dialog.addEventListener("close", () => {
    abortController.abort();
    dialog.remove();
  });
  document.body.append(dialog);
  dialog.showModal();
  find(dialog, "[data-act=close]")?.focus();
}

/** Loads a page. @param {string} url @returns {Promise<Document | null>} null: it was redirected or failed */
async function loadPage(url) {
  let response;
  try {
    response = await fetch(url, { headers: { Accept: "text/html" } });
  } catch {
    throw new ApiError({ code: "unavailable" });
  }
  if (response.status === 403) throw new ApiError({ code: "forbidden" });
  if (response.status === 404) throw new ApiError({ code: "not_found" });
  if (!response.ok || response.redirected) return null;
  return parsePage(await response.text());
}
