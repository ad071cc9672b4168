/**
 * Opens the page behind a link `a[data-dialog]` as a dialog over this page. Without scripts, or if the page cannot be
 * loaded, the browser follows the link. Forms `form[data-in-dialog]` of these pages are submitted without leaving the page
 * below the dialog.
 */
import { emit, liveUpdates } from "../realtime/events.js";
import { ApiError } from "../realtime/api-error.js";
import { showErrorToast } from "./toast-stack.js";
import { clone, find, findAll } from "../lib/dom.js";
import { parsePage } from "../lib/trusted-html.js";

/** Opens dialog links, and handles clicks inside these dialogs. */
export function watchPageDialogs() {
  document.addEventListener("click", (event) => {
    if (event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    const target = /** @type {Element} */ (event.target);
    const link = target.closest("a[data-dialog]");
    if (link instanceof HTMLAnchorElement) {
      event.preventDefault();
      openPageDialog(link.href, link.closest("dialog.over"));
      return;
    }
    const dialog = /** @type {HTMLDialogElement | null} */ (target.closest("dialog.over"));
    const close = target.closest("[data-act=close]");
    if (dialog && (close || target === dialog)) {
      event.preventDefault();
      dialog.close();
    }
    // Buttons change something about the person; only "Message" leaves the page.
    const button = target.closest("button[form=post]:not([name=user_id])");
    if (dialog && liveUpdates.enabled && button instanceof HTMLButtonElement) {
      event.preventDefault();
      submitInDialog(dialog, button).catch(showErrorToast);
    }
    const mention = /** @type {HTMLElement | null} */ (target.closest("[data-act=mention]"));
    if (mention) insertMention(mention);
  });
  document.addEventListener("submit", (event) => {
    const form = /** @type {HTMLFormElement} */ (event.target);
    const dialog = form.closest("dialog.over");
    if (!(dialog instanceof HTMLDialogElement) || form.dataset.inDialog === undefined || !liveUpdates.enabled) return;
    event.preventDefault();
    const body = new FormData(form, event.submitter);
    postInDialog(dialog, form.action, body).catch(showErrorToast);
  });
}

/** The page that is being loaded for a dialog. @type {AbortController | null} */
let loading = null;

/**
 * Opens a page as a dialog, instead of one that is still being loaded: a double click opens one dialog. If that is not
 * possible, goes to the page; if it does not exist, says so.
 * @param {string} url
 * @param {Element | null} [previousDialog] the dialog that this one replaces
 * @param {FormData} [body] posted to the page
 * @returns {Promise<HTMLDialogElement | void>} the dialog; its `returnValue` is "done" after its form was accepted
 */
export async function openPageDialog(url, previousDialog = null, body = undefined) {
  const dialog = /** @type {HTMLDialogElement | null} */ (clone("dialog-template"));
  const content = find(dialog, "[data-part=inside]");
  if (!dialog || !content) return location.assign(url);
  loading?.abort();
  const own = (loading = new AbortController());
  try {
    await loadPageInto(content, url, own.signal, body);
  } catch (error) {
    if (own.signal.aborted) return;
    return error instanceof ApiError ? showErrorToast(error) : location.assign(url);
  }
  const heading = find(content, "h2");
  if (heading) {
    heading.id = "dialog-title";
    dialog.setAttribute("aria-labelledby", heading.id);
  }
  if (previousDialog instanceof HTMLDialogElement) {
    previousDialog.close();
    previousDialog.remove(); // the event "close" comes later
  }
  dialog.addEventListener("close", () => dialog.remove());
  (find(document, ".app") ?? document.body).append(dialog);
  dialog.showModal();
  /** @type {HTMLElement | null} */ (find(dialog, "input:not([type=hidden]), .answers [data-act=close]"))?.focus();
  emit("page:content-added", {});
  return dialog;
}

/**
 * Loads the dialog part of a page into an element. Its forms redirect back to the current page.
 * @param {HTMLElement} container
 * @param {string} url
 * @param {AbortSignal} [signal]
 * @param {FormData} [body]
 */
export async function loadPageInto(container, url, signal, body) {
  const response = await fetch(url, { method: body ? "POST" : "GET", body, headers: { Accept: "text/html" }, signal });
  if (response.status === 404) throw new ApiError({ code: "not_found" });
  const part = response.ok && find(parsePage(await response.text()), "[data-part=dialog]");
  if (!part) throw new Error("Nothing to show.");
  container.replaceChildren(document.adoptNode(part));
  for (const field of findAll(container, "input[name=next]")) {
    /** @type {HTMLInputElement} */ (field).value = location.pathname + location.search;
  }
  const composer = find(document, "message-composer textarea");
  for (const button of findAll(container, "[data-act=mention]")) button.hidden = !composer;
}

/**
 * Submits a button of a dialog without leaving the page below it.
 * @param {HTMLDialogElement} dialog
 * @param {HTMLButtonElement} button
 */
async function submitInDialog(dialog, button) {
  const body = new FormData(/** @type {HTMLFormElement} */ (button.form));
  body.append(button.name, button.value);
  button.disabled = true;
  await postInDialog(dialog, button.formAction, body).finally(() => (button.disabled = false));
}

/**
 * Posts a form of a dialog. Shows the messages of the response. If the response is again a page for dialogs, shows it in
 * the dialog, otherwise closes the dialog: events update the page.
 * @param {HTMLDialogElement} dialog
 * @param {string} url
 * @param {FormData} body
 */
async function postInDialog(dialog, url, body) {
  const response = await fetch(url, { method: "POST", body, headers: { Accept: "text/html" } }).catch(() => null);
  if (!response) throw new ApiError({ code: "unavailable" });
  const page = parsePage(await response.text());
  const [content, part] = [find(dialog, "[data-part=inside]"), find(page, "[data-part=dialog]")];
  if (!response.ok && !part) throw new ApiError({ code: "refused", detail: find(page, ".lede")?.textContent?.trim() });
  for (const toast of findAll(page, "toast-stack > .toast")) {
    emit("page:toast", { text: toast.textContent?.trim() ?? "", isError: toast.getAttribute("role") === "alert" });
  }
  if (!content || !part) return dialog.close("done");
  content.replaceChildren(document.adoptNode(part));
  find(content, ".card-acts > :not([hidden])")?.focus();
  emit("page:content-added", {});
}

/** Inserts the username of the button into the composer. @param {HTMLElement} button */
function insertMention(button) {
  const field = /** @type {HTMLTextAreaElement | null} */ (find(document, "message-composer textarea"));
  /** @type {HTMLDialogElement | null} */ (button.closest("dialog"))?.close();
  if (!field) return;
  const textBefore = field.value.slice(0, field.selectionStart);
  const space = textBefore && !/\s$/.test(textBefore) ? " " : "";
  field.focus();
  field.setRangeText(`${space}@${button.dataset.username} `, field.selectionStart, field.selectionEnd, "end");
  field.dispatchEvent(new Event("input", { bubbles: true }));
}
