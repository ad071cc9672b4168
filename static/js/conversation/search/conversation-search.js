/**
 * `<conversation-search>`: the bar that searches one conversation. It marks the matches in the log and steps from one to
 * the next. The address has the words of the search (`?q=`), so it survives a reload and the loading of a distant part
 * of the log, which replaces this element.
 */
import { api } from "../../realtime/api.js";
import { ApiError } from "../../realtime/api-error.js";
import { LiveElement } from "../../realtime/events.js";
import { find, findAll } from "../../lib/dom.js";
import { beforeNextFrame } from "../../lib/schedule.js";
import { fillPlaceholders } from "../../lib/wording.js";
import { replaceUrl } from "../../ui/page-navigation.js";
import { clearHighlights, createRanges, showHighlights } from "./match-highlights.js";
import { getMatchedTexts } from "./match-spans.js";

/** @typedef {import("../log/message-log.js").MessageLog} MessageLog */
/** @typedef {{id: number, seq: number, texts: string[]}} Match a message that was found, and its matched texts */
/**
 * @typedef {object} Search
 * @property {number} conversationId
 * @property {string} q
 * @property {Match[]} matches newest first
 * @property {string | null} next path of the next page in the API, with older matches
 */

const SEARCH_DELAY = 250; // ms after the last input
const RELOAD_DELAY = 800; // ms after a change of a message that was found
const PAGE = 50; // matches per request
const MAX_PAGES = 10; // pages that are loaded to find the place of the message that the page shows

/** The last search, for the element that replaces this one. @type {Search | null} */
let lastSearch = null;

export class ConversationSearch extends LiveElement {
  conversationId = 0;
  /** @type {HTMLInputElement | null} */
  field = null;
  /** @type {HTMLElement | null} */
  output = null;
  /** @type {Search | null} */
  #search = null;
  /** Index of the match that was stepped to; -1: none yet. */
  #index = -1;
  /** @type {any} */
  #timer;
  /** @type {AbortController | undefined} */
  #abortController;
  /** @type {MutationObserver | undefined} */
  #observer;
  #isDrawing = false;
  #isStepping = false;

  start() {
    this.field = /** @type {HTMLInputElement | null} */ (find(this, "input[type=search]"));
    this.output = find(this, "output");
    this.conversationId = Number(this.dataset.conversationId);
    for (const button of findAll(this, "button[hidden]")) button.hidden = false;
    this.on(this.field, "input", () => this.#schedule(SEARCH_DELAY));
    this.on(find(this, "form"), "submit", (event) => this.#onSubmit(event));
    this.on(this, "keydown", (event) => this.#onKeydown(event));
    this.on(this, "click", (event) => this.#onClick(event));
    this.on(this.#log, "keydown", (event) => this.#onKeydownInLog(event), { capture: true });
    this.onLive("message.updated", ({ message }) => this.#onMessageUpdated(message));
    if (!this.hidden) this.begin();
  }

  stop() {
    clearTimeout(this.#timer);
    this.#abortController?.abort();
    this.#observer?.disconnect();
    clearHighlights();
  }

  get #log() {
    return /** @type {MessageLog | null} */ (find(document, "message-log"));
  }

  get #typedText() {
    return this.field?.value.trim() ?? "";
  }

  close() {
    this.toggleAttribute("hidden", true);
    this.stop();
    this.#search = lastSearch = null;
    this.#index = -1;
    const url = new URL(location.href);
    if (url.searchParams.has("q")) {
      url.searchParams.delete("q");
      replaceUrl(url.href);
    }
    if (this.contains(document.activeElement) || document.activeElement === document.body) {
      find(document, "message-composer textarea, .conversation .log")?.focus({ preventScroll: true });
    }
  }

  /** Begins with the words in the field: those of the address, or of the search before this element was replaced. */
  begin() {
    const log = this.#log;
    if (log) {
      this.#observer = new MutationObserver(() => this.#scheduleDrawing());
      this.#observer.observe(log, { childList: true, subtree: true });
    }
    if (lastSearch && lastSearch.conversationId === this.conversationId && lastSearch.q === this.#typedText) {
      this.#show(lastSearch, getRequestedSeq());
    } else {
      this.#load();
    }
  }

  // ── Search ───────────────────────────────────────────────────────────────────────────────────────────────────────
  /** @param {number} delay ms */
  #schedule(delay) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#load(), delay);
  }

  /** Searches for the typed words. If the page shows one of the messages that are found, it is the current match. */
  async #load() {
    clearTimeout(this.#timer);
    this.#abortController?.abort();
    const controller = (this.#abortController = new AbortController());
    const q = this.#typedText;
    const seq = this.#index < 0 ? getRequestedSeq() : this.#search?.matches[this.#index]?.seq ?? 0;
    this.#updateAllLink(q);
    if (!q) return this.#show(null, 0);
    const parameters = new URLSearchParams({ q, conversation: String(this.conversationId), kind: "messages", limit: String(PAGE) });
    /** @type {Search} */
    const search = { conversationId: this.conversationId, q, matches: [], next: `search/?${parameters}` };
    try {
      await loadPage(search, controller.signal);
      const isAfter = () => search.matches.every((match) => match.seq > seq);
      for (let page = 1; seq && search.next && page < MAX_PAGES && isAfter(); page += 1) await loadPage(search, controller.signal);
      if (!controller.signal.aborted) this.#show(search, seq);
    } catch (error) {
      if (controller.signal.aborted) return;
      this.#show(null, 0);
      const reason = error instanceof ApiError ? error.fields?.q ?? "" : "";
      this.#setStatus(String(reason) || (this.output?.dataset.failed ?? ""));
    }
  }

  /** @param {Search | null} search @param {number} seq of the message that the page shows */
  #show(search, seq) {
    this.#search = lastSearch = search;
    this.#setPlace(seq);
  }

  /** Makes the match with this seq the current one. @param {number} seq */
  #setPlace(seq) {
    this.#index = (this.#search?.matches ?? []).findIndex((match) => match.seq === seq);
    this.#onPlaceChanged();
  }

  /** A message that was found may not match any more. @param {import("../../realtime/protocol.js").Message} message */
  #onMessageUpdated({ id }) {
    if (!this.hidden && this.#search?.matches.some((match) => match.id === id)) this.#schedule(RELOAD_DELAY);
  }

  // ── Steps ────────────────────────────────────────────────────────────────────────────────────────────────────────
  /** Goes to an older match (1) or a newer one (-1). @param {number} step */
  async #step(step) {
    if (this.#isStepping) return;
    this.#isStepping = true;
    try {
      if (this.#search?.q !== this.#typedText) await this.#load();
      const search = this.#search;
      if (!search) return;
      const index = this.#index < 0 ? 0 : this.#index + step;
      if (index >= search.matches.length && search.next) await loadPage(search, this.signal).catch(() => {});
      const match = search.matches[index];
      if (!match || !this.isConnected) return;
      this.#index = index;
      this.#onPlaceChanged();
      await this.#jumpTo(match, search.q);
    } finally {
      this.#isStepping = false;
    }
  }

  /** @param {Match} match @param {string} q */
  async #jumpTo({ seq }, q) {
    const focusedAct = this.contains(document.activeElement) ? document.activeElement?.getAttribute("data-act") ?? "" : null;
    await this.#log?.navigation.jumpToMatch(seq, q);
    if (this.isConnected) return this.#bringIntoView(seq);
    // The page around this element was replaced: its successor gets the focus.
    if (focusedAct === null) return;
    const part = focusedAct ? `[data-act=${focusedAct}]` : "input[type=search]";
    find(document, `conversation-search ${part}`)?.focus({ preventScroll: true });
  }

  /** Unfolds a long message, and scrolls to the match inside it. @param {number} seq */
  #bringIntoView(seq) {
    const log = this.#log;
    const item = log?.items.get(seq);
    const match = this.#search?.matches[this.#index];
    if (!log || !item || !match) return;
    const [range] = createRanges(item, match.texts);
    const body = find(item, ".msg-text.long > .body");
    const toggle = /** @type {HTMLInputElement | null} */ (find(item, ".unfold input"));
    if (!range) return;
    if (body && toggle && !toggle.checked && range.getBoundingClientRect().bottom > body.getBoundingClientRect().bottom) toggle.checked = true;
    const { top, bottom } = range.getBoundingClientRect();
    const view = log.scrollKeeper.view.getBoundingClientRect();
    if (!bottom || (top >= view.top && bottom <= view.bottom)) return;
    log.scrollKeeper.scrollToItem(item, view.height / 3 - (top - item.getBoundingClientRect().top));
    log.onViewChanged();
  }

  // ── View ─────────────────────────────────────────────────────────────────────────────────────────────────────────
  #onPlaceChanged() {
    const { matches = [], next = null, q = "" } = this.#search ?? {};
    const count = `${matches.length}${next ? "+" : ""}`;
    const { one, many, none, place } = this.output?.dataset ?? {};
    if (!q) this.#setStatus("");
    else if (!matches.length) this.#setStatus(none ?? "");
    else if (this.#index >= 0) this.#setStatus(fillPlaceholders(place, { a: this.#index + 1, n: count }));
    else this.#setStatus(count === "1" ? one ?? "" : fillPlaceholders(many, { n: count }));
    const isFirst = this.#index <= 0 && (this.#index === 0 || !matches.length);
    const isLast = !next && (this.#index === matches.length - 1 || !matches.length);
    find(this, "[data-act=newer]")?.setAttribute("aria-disabled", String(isFirst));
    find(this, "[data-act=older]")?.setAttribute("aria-disabled", String(isLast));
    this.#scheduleDrawing();
  }

  /** @param {string} text */
  #setStatus(text) {
    if (this.output) this.output.textContent = text;
  }

  /** @param {string} q */
  #updateAllLink(q) {
    const parameters = new URLSearchParams({ conversation: String(this.conversationId), ...(q ? { q } : {}) });
    find(this, "[data-part=all]")?.setAttribute("href", `/search/?${parameters}`);
  }

  #scheduleDrawing() {
    if (this.#isDrawing) return;
    this.#isDrawing = true;
    beforeNextFrame(() => {
      this.#isDrawing = false;
      if (this.isConnected && !this.hidden) this.#draw();
    });
  }

  /** Marks the matches in the messages that are loaded. */
  #draw() {
    const items = this.#log?.items;
    const current = this.#search?.matches[this.#index];
    const messages = (this.#search?.matches ?? []).flatMap((match) => {
      const item = items?.get(match.seq);
      return item ? [{ item, texts: match.texts, isCurrent: match === current }] : [];
    });
    showHighlights(messages);
  }

  // ── Input ────────────────────────────────────────────────────────────────────────────────────────────────────────
  /** @param {SubmitEvent} event */
  #onSubmit(event) {
    event.preventDefault();
    this.#step(1);
  }

  /** @param {KeyboardEvent} event */
  #onKeydown(event) {
    if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
    const isField = event.target === this.field;
    if (event.key === "Escape") this.close();
    else if (isField && event.key === "Enter" && event.shiftKey) this.#step(-1);
    else if (isField && event.key === "ArrowUp") this.#step(1);
    else if (isField && event.key === "ArrowDown") this.#step(-1);
    else return;
    event.preventDefault();
  }

  /** Escape in the log closes the search before it does anything else. @param {KeyboardEvent} event */
  #onKeydownInLog(event) {
    if (this.hidden || event.key !== "Escape" || event.isComposing || find(document, ":popover-open, dialog[open]")) return;
    event.preventDefault();
    event.stopPropagation();
    this.close();
  }

  /** @param {MouseEvent} event */
  #onClick(event) {
    const button = /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest("[data-act]"));
    if (!button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    if (button.dataset.act === "close") this.close();
    else if (button.ariaDisabled !== "true") this.#step(button.dataset.act === "older" ? 1 : -1);
  }
}

/** Adds the next page of matches. @param {Search} search @param {AbortSignal} signal */
async function loadPage(search, signal) {
  if (!search.next) return;
  const { messages } = await api("GET", search.next, undefined, { signal });
  for (const { message, highlights, attachment_highlights: inNames } of messages.results) {
    const names = inNames.map((/** @type {number[][]} */ spans, /** @type {number} */ index) => getMatchedTexts(message.attachments[index].name, spans));
    const texts = [...new Set([...getMatchedTexts(message.body, highlights), ...names.flat()])];
    search.matches.push({ id: message.id, seq: message.seq, texts });
  }
  search.next = messages.next ? messages.next.replace(/^.*?\/api\/v1\//, "") : null;
}

/** Returns the seq of the message in the address; 0: none. */
function getRequestedSeq() {
  return Number(new URL(location.href).searchParams.get("at") ?? 0);
}
