/**
 * Navigates between pages that have the conversation list, without a page load: the script fetches the next page and
 * replaces `<main>` and the panels. The socket and the list stay. Other pages are loaded normally.
 *
 * The keys of `history.state` (`place`, `scroll`, `from`) must not change: the browser still has entries that an older
 * version of this script wrote.
 */
import { liveUpdates, emit } from "../realtime/events.js";
import { find, findAll } from "../lib/dom.js";
import { showToast, showErrorToast } from "./toast-stack.js";
import { parsePage } from "../lib/trusted-html.js";
import { ApiError } from "../realtime/api-error.js";

const OWN_PATHS = /^\/((c\/\d+\/(settings\/|files\/)?|m\/\d+\/|mentions\/|search\/|people\/|contacts\/|new\/))?$/;
const ASSETS = "head > script[src], head > link[rel=stylesheet]";
const LINKS = ".conversation-row, .list-search, .back, .empty a, .rail a, .list-head a, .list-none a, .shell > main a";

const RETRY_DELAY = 2_000; // ms until a page to which the browser went back is requested again
const PREFETCH_LIFETIME = 1_000; // ms for which a page requested on pointer down may be used

/** @typedef {{response: Response, html: string}} LoadedPage */
/** @typedef {{url: string, at: number, controller: AbortController, response: Promise<LoadedPage>}} PageRequest */

/** @type {AbortController | undefined} */
let currentRequest;
/**
 * A page that is requested on pointer down already, about a tenth of a second before the click.
 * @type {PageRequest | undefined}
 */
let prefetched;
let currentPath = location.pathname + location.search;
/**
 * Whether the browser went back (or forward) to a page that is still loading. The address is that of this page already,
 * but the page before is shown: what happens in it must not change the entry of the other page in the history.
 */
let isLeaving = false;
/** Scroll position to restore in the log of the page that is loaded by going back. @type {ScrollPosition | null} */
let returnPosition = initialReturnPosition();

/** @typedef {{seq: number, offset: number}} ScrollPosition a message and its distance from the upper edge, in px */

/**
 * Navigates to a page. If that fails, loads the page normally.
 * @param {string} address
 * @param {{replace?: boolean, pop?: boolean, toastKey?: string}} [options] `pop`: the browser has changed the address
 *   already; `toastKey`: of a toast to show afterwards
 */
export async function navigate(address, { replace = false, pop = false, toastKey = "" } = {}) {
  const url = pop ? new URL(address, location.href) : withListFilter(address);
  if (replace && isLeaving) return;
  if (!liveUpdates.enabled || !canSwap(document) || !OWN_PATHS.test(url.pathname)) return load(url, replace);
  if (pop) isLeaving = true;
  currentRequest?.abort();
  returnPosition = pop ? history.state?.place ?? null : null;
  const request = takePrefetched(pop ? withReturnPosition(url) : url);
  const controller = (currentRequest = request.controller);
  let response, html;
  try {
    ({ response, html } = await request.response);
  } catch {
    if (controller.signal.aborted) return;
    showErrorToast(new ApiError({ code: "unavailable" }));
    if (isLeaving) setTimeout(() => controller.signal.aborted || navigate(location.href, { pop: true }), RETRY_DELAY);
    return;
  }
  if (controller.signal.aborted) return;
  const page = parsePage(html);
  const target = new URL(response.url);
  target.hash = url.hash;
  if (!response.ok || !canSwap(page) || !OWN_PATHS.test(target.pathname)) return load(url, replace);
  if (!pop && !replace) saveReturnPosition();
  if (!pop) history[replace ? "replaceState" : "pushState"]({ from: replace ? history.state?.from : currentPath }, "", target);
  const openConversationId = find(document, "message-log")?.dataset.conversationId;
  currentPath = location.pathname + location.search;
  isLeaving = false;
  replaceMain(page, openConversationId);
  if (pop) find(document, ".shell > main.page")?.scrollTo(0, history.state?.scroll ?? 0);
  else if (target.hash && find(document, ".shell > main.page")) document.getElementById(target.hash.slice(1))?.scrollIntoView();
  emit("page:navigated", {});
  if (toastKey) showToast(toastKey);
}

/** Loads a page normally. @param {URL} url @param {boolean} replace */
const load = (url, replace) => (replace ? location.replace(url) : location.assign(url));

/** Adds the current filter of the list to the address of a link. @param {string} address */
function withListFilter(address) {
  const url = new URL(address, location.href);
  const show = find(document, "conversation-list")?.dataset.show ?? "all";
  if (show !== "all" && !url.searchParams.has("show")) url.searchParams.set("show", show);
  return url;
}

/** Requests a page; the server omits the conversation list. @param {URL} url @returns {PageRequest} */
function requestPage(url) {
  const controller = new AbortController();
  const fetchPage = async () => {
    const response = await fetch(url, { headers: { Accept: "text/html", "X-Visit": "1" }, signal: controller.signal });
    return { response, html: await response.text() };
  };
  return { url: withoutHash(url), at: performance.now(), controller, response: fetchPage() };
}

/** Returns the prefetched request for this page, or starts one. @param {URL} url @returns {PageRequest} */
function takePrefetched(url) {
  const prefetch = prefetched;
  prefetched = undefined;
  if (prefetch?.url === withoutHash(url) && performance.now() - prefetch.at < PREFETCH_LIFETIME) return prefetch;
  prefetch?.controller.abort();
  return requestPage(url);
}

/** @param {URL} url */
const withoutHash = (url) => url.href.replace(/#.*/, "");

/** @param {string} address */
function startPrefetch(address) {
  prefetched?.controller.abort();
  prefetched = requestPage(withListFilter(address));
  prefetched.response.catch(() => {}); // handled by the code that awaits it
}

/** Adds a history entry within the current page. @param {string} address */
export function pushUrl(address) {
  if (isLeaving) return;
  saveReturnPosition();
  history.pushState({}, "", address);
  currentPath = location.pathname + location.search;
}

/** Replaces the address of the current history entry. @param {string} address */
export function replaceUrl(address) {
  if (isLeaving) return;
  history.replaceState(history.state, "", address);
  currentPath = location.pathname + location.search;
}

/** Returns the scroll position to restore, and forgets it. */
export function takeReturnPosition() {
  const position = returnPosition;
  returnPosition = null;
  return position;
}

/** Stores the scroll position in the history entry of the current page, before the page is left. */
function saveReturnPosition() {
  if (isLeaving) return;
  const detail = { /** @type {ScrollPosition | null} */ position: null };
  emit("page:leaving", detail);
  const scroll = find(document, ".shell > main.page")?.scrollTop ?? 0;
  history.replaceState({ ...history.state, place: detail.position, scroll }, "");
}

/** Returns the address of the page that contains the message of the scroll position. @param {URL} url */
function withReturnPosition(url) {
  if (!returnPosition) return url;
  const target = new URL(url);
  for (const name of ["before", "after", "newest"]) target.searchParams.delete(name);
  target.searchParams.set("at", String(returnPosition.seq));
  return target;
}

/** Returns the stored scroll position if the browser went back to this page; null after a reload or a link. */
function initialReturnPosition() {
  const [load] = /** @type {PerformanceNavigationTiming[]} */ (performance.getEntriesByType("navigation"));
  return load?.type === "back_forward" ? history.state?.place ?? null : null;
}

/** @param {Document} page */
function canSwap(page) {
  return find(page, ".shell > main") !== null && find(page, "conversation-list") !== null && hasSameAssets(page);
}

/**
 * Returns whether a page uses the same scripts and style sheets as this one; if not, it is loaded normally.
 * @param {Document} page
 */
function hasSameAssets(page) {
  if (page === document) return true;
  const loadedUrls = new Set(findAll(document, ASSETS).map(assetUrl));
  return findAll(page, ASSETS).every((asset) => loadedUrls.has(assetUrl(asset)));
}

/** @param {HTMLElement} asset */
const assetUrl = (asset) => asset.getAttribute("src") ?? asset.getAttribute("href");

/** @param {Document} page @param {string | undefined} openConversationId the conversation that was open */
function replaceMain(page, openConversationId) {
  const shell = find(document, ".shell");
  const newShell = find(page, ".shell");
  const main = find(shell, ":scope > main");
  const next = find(newShell, ":scope > main");
  if (!shell || !newShell || !main || !next) return;
  for (const panel of findAll(shell, ":scope > member-panel")) panel.remove();
  const panels = findAll(newShell, ":scope > member-panel");
  document.title = page.title;
  shell.className = newShell.className;
  shell.dataset.pane = newShell.dataset.pane;
  main.replaceWith(document.adoptNode(next));
  shell.append(...panels.map((panel) => document.adoptNode(panel)));
  for (const link of findAll(shell, ".rail a")) {
    const current = find(newShell, `.rail a[href="${link.getAttribute("href")}"]`)?.getAttribute("aria-current");
    if (current) link.setAttribute("aria-current", current);
    else link.removeAttribute("aria-current");
  }
  find(document, "toast-stack")?.append(...findAll(page, "toast-stack > .toast"));
  // Focus the field that comes next, the composer or a search; not on a touch screen, where that opens the keyboard.
  const field = matchMedia("(pointer: fine)").matches && find(next, "message-composer textarea, [autofocus]");
  // On a phone, back at the list.
  const row = next.offsetHeight > 1 ? null : find(shell, `.conversation-row[data-id="${openConversationId}"]`);
  if (!next.contains(document.activeElement)) (row || field || next).focus({ preventScroll: true });
  const announcer = find(document, "[data-part=arrived]");
  // Read by screen readers; a focused field is announced anyway.
  if (announcer && !field) announcer.textContent = page.title.replace(/^\(\d+\+?\) /, "");
}

/** Returns the link of a click that should be handled here, or null. @param {MouseEvent} event */
function findLink(event) {
  if (event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return null;
  const link = /** @type {Element} */ (event.target).closest("a[href]");
  if (!(link instanceof HTMLAnchorElement) || link.target || link.hasAttribute("download") || link.dataset.act) return null;
  if (link.origin !== location.origin || !OWN_PATHS.test(link.pathname) || !canSwap(document) || !liveUpdates.enabled) return null;
  return link.matches(LINKS) ? link : null;
}

/** @param {HTMLAnchorElement} link */
const isElsewhere = (link) => link.pathname + link.search !== currentPath || link.hash !== "";

/** Handles clicks on links and the back button of the browser. */
export function watchNavigation() {
  addEventListener("pagehide", saveReturnPosition);
  // Only for a mouse: a touch may be the beginning of scrolling.
  document.addEventListener("pointerdown", (event) => {
    const link = event.pointerType === "mouse" ? findLink(event) : null;
    if (link?.matches(".conversation-row") && isElsewhere(link)) startPrefetch(link.href);
  });
  document.addEventListener("click", (event) => {
    const link = findLink(event);
    if (!link) return;
    event.preventDefault();
    // The back arrow on a phone goes back in the history if the user came from there, so that entries do not pile up.
    if (link.matches(".back") && history.state?.from && new URL(history.state.from, location.href).pathname === link.pathname) {
      history.back();
      return;
    }
    if (isElsewhere(link)) navigate(link.href);
  });
  addEventListener("popstate", () => {
    if (location.pathname + location.search === currentPath) {
      // Only the hash has changed, or the browser is back before the other page has arrived.
      if (isLeaving) currentRequest?.abort();
      isLeaving = false;
      return;
    }
    const detail = { position: history.state?.place ?? null, handled: false };
    if (location.pathname === new URL(currentPath, location.href).pathname) emit("page:history-back", detail);
    if (detail.handled) {
      if (isLeaving) currentRequest?.abort();
      isLeaving = false;
      currentPath = location.pathname + location.search;
    } else if (OWN_PATHS.test(location.pathname)) navigate(location.href, { pop: true });
    else location.reload();
  });
}
