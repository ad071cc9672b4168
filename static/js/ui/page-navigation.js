/**
 * Moving between conversations and other places beside the list without a new page: the next page is read, its `<main>`
 * and panel take the place of these, and the socket and the list stay. Whatever does not fit is an ordinary page load.
 */
import { live, tell } from "../realtime/events.js";
import { find, findAll } from "../lib/dom.js";
import { toast, toastRefusal } from "./toast-stack.js";
import { parsePage } from "../lib/trusted-html.js";
import { Refusal } from "../realtime/api-error.js";

const OURS = /^\/((c\/\d+\/(settings\/|files\/)?|m\/\d+\/|mentions\/|people\/|contacts\/|new\/))?$/;
const ASSETS = "head > script[src], head > link[rel=stylesheet]";
const LINKS = ".conversation-row, .back, .empty a, .rail a, .list-head a, .list-none a, .shell > main a";

const AHEAD = 1_000; // ms for which a page that was asked for at the press of a button is fresh

/** @typedef {{response: Response, html: string}} Answer */
/** @typedef {{address: string, at: number, stop: AbortController, answer: Promise<Answer>}} Asked a page on its way */

/** @type {AbortController | undefined} */
let going;
/** Asked for as the button went down, most of a tenth of a second before the click. @type {Asked | undefined} */
let pressed;
let shown = location.pathname + location.search;
/** Where in a log one was when one left the page that is coming back. @type {Place | null} */
let place = backAt();

/** @typedef {{seq: number, offset: number}} Place a line and how far below the upper edge it stood */

/**
 * @param {string} address
 * @param {{replace?: boolean, pop?: boolean, say?: string}} [options] `pop`: the browser has moved already; `say`: a word
 */
export async function goTo(address, { replace = false, pop = false, say = "" } = {}) {
  const url = pop ? new URL(address, location.href) : filtered(address);
  if (!live.on || !fits(document) || !OURS.test(url.pathname)) return location.assign(url);
  going?.abort();
  place = pop ? history.state?.place ?? null : null;
  const asked = take(pop ? around(url) : url);
  const here = (going = asked.stop);
  let response, html;
  try {
    ({ response, html } = await asked.answer);
  } catch {
    if (!here.signal.aborted) toastRefusal(new Refusal({ code: "unavailable" }));
    return;
  }
  if (here.signal.aborted) return;
  const page = parsePage(html);
  const there = new URL(response.url);
  there.hash = url.hash;
  if (!response.ok || !fits(page) || !OURS.test(there.pathname)) return location.assign(url);
  if (!pop && !replace) keepPlace();
  if (!pop) history[replace ? "replaceState" : "pushState"]({ from: replace ? history.state?.from : shown }, "", there);
  const left = find(document, "message-log")?.dataset.conversationId;
  shown = location.pathname + location.search;
  swap(page, left);
  if (pop) find(document, ".shell > main.page")?.scrollTo(0, history.state?.scroll ?? 0);
  else if (there.hash && find(document, ".shell > main.page")) document.getElementById(there.hash.slice(1))?.scrollIntoView();
  tell("page:visited", {});
  if (say) toast(say);
}

/** Where a link leads while the list is filtered: it stays so. @param {string} address */
function filtered(address) {
  const url = new URL(address, location.href);
  const show = find(document, "conversation-list")?.dataset.show ?? "all";
  if (show !== "all" && !url.searchParams.has("show")) url.searchParams.set("show", show);
  return url;
}

/** Asks for a page without what stands here already. @param {URL} url @returns {Asked} */
function ask(url) {
  const stop = new AbortController();
  const read = async () => {
    const response = await fetch(url, { headers: { Accept: "text/html", "X-Visit": "1" }, signal: stop.signal });
    return { response, html: await response.text() };
  };
  return { address: withoutHash(url), at: performance.now(), stop, answer: read() };
}

/** What is on its way already, or else is asked for now. @param {URL} url @returns {Asked} */
function take(url) {
  const early = pressed;
  pressed = undefined;
  if (early?.address === withoutHash(url) && performance.now() - early.at < AHEAD) return early;
  early?.stop.abort();
  return ask(url);
}

/** @param {URL} url */
const withoutHash = (url) => url.href.replace(/#.*/, "");

/** @param {string} address */
function press(address) {
  pressed?.stop.abort();
  pressed = ask(filtered(address));
  pressed.answer.catch(() => {}); // whoever takes it is told
}

/** A step within the page that is shown, which the browser's way back undoes. @param {string} address */
export function step(address) {
  keepPlace();
  history.pushState({}, "", address);
  shown = location.pathname + location.search;
}

/** Where in a log one was when one left it, asked for by the log that is there now. */
export function passed() {
  const was = place;
  place = null;
  return was;
}

/** Notes with the page that is left where in its log one was. */
function keepPlace() {
  const leaving = { /** @type {Place | null} */ place: null };
  tell("page:leaving", leaving);
  const scroll = find(document, ".shell > main.page")?.scrollTop ?? 0;
  history.replaceState({ ...history.state, place: leaving.place, scroll }, "");
}

/** The page on which the place to come back to is drawn. @param {URL} url */
function around(url) {
  if (!place) return url;
  const there = new URL(url);
  for (const name of ["before", "after", "newest"]) there.searchParams.delete(name);
  there.searchParams.set("at", String(place.seq));
  return there;
}

/** The browser came back to this page from another: there is a place. A reload or a link begins anew. */
function backAt() {
  const [load] = /** @type {PerformanceNavigationTiming[]} */ (performance.getEntriesByType("navigation"));
  return load?.type === "back_forward" ? history.state?.place ?? null : null;
}

/** @param {Document} page */
function fits(page) {
  return find(page, ".shell > main") !== null && find(page, "conversation-list") !== null && hasNothingNew(page);
}

/** A page that brings a script or a style of its own is loaded as a whole. @param {Document} page */
function hasNothingNew(page) {
  if (page === document) return true;
  const here = new Set(findAll(document, ASSETS).map(address));
  return findAll(page, ASSETS).every((asset) => here.has(address(asset)));
}

/** @param {HTMLElement} asset */
const address = (asset) => asset.getAttribute("src") ?? asset.getAttribute("href");

/** @param {Document} page @param {string | undefined} left the conversation that was open */
function swap(page, left) {
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
  const row = next.offsetHeight > 1 ? null : find(shell, `.conversation-row[data-id="${left}"]`); // a phone, back at its list
  if (!next.contains(document.activeElement)) (row || field || next).focus({ preventScroll: true });
  const arrived = find(document, "[data-part=arrived]");
  if (arrived && !field) arrived.textContent = page.title.replace(/^\(\d+\+?\) /, ""); // read out: the focus says it else
}

/** The link whose page takes the place of this one, where that is what a click means. @param {MouseEvent} event */
function linkOf(event) {
  if (event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return null;
  const link = /** @type {Element} */ (event.target).closest("a[href]");
  if (!(link instanceof HTMLAnchorElement) || link.target || link.hasAttribute("download") || link.dataset.act) return null;
  if (link.origin !== location.origin || !OURS.test(link.pathname) || !fits(document) || !live.on) return null;
  return link.matches(LINKS) ? link : null;
}

/** @param {HTMLAnchorElement} link */
const leadsOn = (link) => link.pathname + link.search !== shown || link.hash !== "";

/** Takes over clicks on conversations, and the browser's way back. */
export function watchVisits() {
  addEventListener("pagehide", keepPlace);
  // Of a mouse alone: a finger that goes down may be about to scroll.
  document.addEventListener("pointerdown", (event) => {
    const link = event.pointerType === "mouse" ? linkOf(event) : null;
    if (link?.matches(".conversation-row") && leadsOn(link)) press(link.href);
  });
  document.addEventListener("click", (event) => {
    const link = linkOf(event);
    if (!link) return;
    event.preventDefault();
    // The arrow of a phone goes back where one came from there: its list does not pile up in the history.
    if (link.matches(".back") && history.state?.from && new URL(history.state.from, location.href).pathname === link.pathname) {
      history.back();
      return;
    }
    if (leadsOn(link)) goTo(link.href);
  });
  addEventListener("popstate", () => {
    if (location.pathname + location.search === shown) return; // only the place in the page
    const back = { place: history.state?.place ?? null, done: false };
    if (location.pathname === new URL(shown, location.href).pathname) tell("page:back", back);
    if (back.done) shown = location.pathname + location.search;
    else if (OURS.test(location.pathname)) goTo(location.href, { pop: true });
    else location.reload();
  });
}
