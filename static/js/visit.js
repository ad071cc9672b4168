/**
 * Moving between conversations without a new page: the next page is read, its `<main>` and panel take the place of these,
 * and the socket and the list stay. Whatever does not fit is an ordinary page load.
 */
import { live, tell } from "./live.js";
import { find, findAll } from "./page.js";
import { toast, toastRefusal } from "./toast-stack.js";
import { parsePage } from "./trusted.js";
import { Refusal } from "./refusal.js";

const OURS = /^\/(c\/\d+\/)?$/;

/** @type {AbortController | undefined} */
let going;
let shown = location.pathname + location.search;

/**
 * @param {string} address
 * @param {{replace?: boolean, pop?: boolean, say?: string}} [options] `pop`: the browser has moved already; `say`: a word
 */
export async function goTo(address, { replace = false, pop = false, say = "" } = {}) {
  const url = new URL(address, location.href);
  if (!live.on || !fits(document) || !OURS.test(url.pathname)) return location.assign(url);
  going?.abort();
  const here = (going = new AbortController());
  let response, html;
  try {
    response = await fetch(url, { headers: { Accept: "text/html" }, signal: here.signal });
    html = await response.text();
  } catch {
    if (!here.signal.aborted) toastRefusal(new Refusal({ code: "unavailable" }));
    return;
  }
  if (here.signal.aborted) return;
  const page = parsePage(html);
  const there = new URL(response.url);
  there.hash = url.hash;
  if (!response.ok || !fits(page) || !OURS.test(there.pathname)) return location.assign(url);
  if (!pop) history[replace ? "replaceState" : "pushState"]({}, "", there);
  shown = location.pathname + location.search;
  swap(page);
  tell("page:visited", {});
  if (say) toast(say);
}

/** @param {Document} page */
function fits(page) {
  return find(page, ".shell > main") !== null && find(page, "conversation-list") !== null;
}

/** @param {Document} page */
function swap(page) {
  const shell = find(document, ".shell");
  const other = find(page, ".shell");
  const main = find(shell, ":scope > main");
  const next = find(other, ":scope > main");
  if (!shell || !other || !main || !next) return;
  for (const old of findAll(shell, ":scope > member-panel")) old.remove();
  const panels = findAll(other, ":scope > member-panel");
  document.title = page.title;
  shell.className = other.className;
  shell.dataset.pane = other.dataset.pane;
  main.replaceWith(document.adoptNode(next));
  shell.append(...panels.map((panel) => document.adoptNode(panel)));
  for (const link of findAll(shell, ".rail a")) {
    const current = find(other, `.rail a[href="${link.getAttribute("href")}"]`)?.getAttribute("aria-current");
    if (current) link.setAttribute("aria-current", current);
    else link.removeAttribute("aria-current");
  }
  find(document, "toast-stack")?.append(...findAll(page, "toast-stack > .toast"));
  // The next thing to do is to write; a phone's keyboard is not thrown at whoever came to read.
  const field = matchMedia("(pointer: fine)").matches && find(next, "message-composer textarea");
  if (!next.contains(document.activeElement)) (field || next).focus({ preventScroll: true });
}

/** Takes over clicks on conversations, and the browser's way back. */
export function watchVisits() {
  document.addEventListener("click", (event) => {
    if (event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    const link = /** @type {Element} */ (event.target).closest("a[href]");
    if (!(link instanceof HTMLAnchorElement) || link.target || link.hasAttribute("download") || link.dataset.act) return;
    if (link.origin !== location.origin || !OURS.test(link.pathname) || !fits(document) || !live.on) return;
    if (!link.matches(".conv, .back, .empty a") && !link.closest(".shell > main.talk")) return;
    event.preventDefault();
    if (link.pathname + link.search !== shown || link.hash) goTo(link.href);
  });
  addEventListener("popstate", () => {
    if (location.pathname + location.search === shown) return; // only the place in the page
    if (OURS.test(location.pathname)) goTo(location.href, { pop: true });
    else location.reload();
  });
}
