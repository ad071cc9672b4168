/**
 * Quick switcher: a dialog that finds conversations, people, messages and files. When it opens, it loads the titles of
 * all conversations and meanwhile uses the titles loaded before. While the user types, the server searches for other
 * users; after a pause it also searches for messages and files. These results are taken from the search page.
 */
import { api } from "../realtime/api.js";
import { updateBadge, unreadTotals } from "./unread-badges.js";
import { createAvatar, find, findAll } from "../lib/dom.js";
import { fillPlaceholders } from "../lib/wording.js";
import { searchTitles, splitAtMatch } from "./switcher-ranking.js";
import { showErrorToast } from "../ui/toast-stack.js";
import { navigate } from "../ui/page-navigation.js";
import { parsePage } from "../lib/trusted-html.js";

/** @typedef {import("../realtime/protocol.js").Title} Title */
/** @typedef {import("../realtime/protocol.js").User} User */

const SEARCH_DELAY = 120; // ms after the last input until people are searched
const MESSAGE_SEARCH_DELAY = 350; // ms after the last input until messages and files are searched
const MAX_RESULTS = 20;
const MAX_MESSAGES = 5;
const MAX_FILES = 3;
const MAX_RECENT = 12;

/** @type {Title[]} */
let titles = [];
/** @type {User[]} */
let people = [];
/** The input for which `people` was loaded. */
let peopleQuery = "";
/** Results of the search page, and the input for which they were loaded. @type {{q: string, messages: HTMLElement[], files: HTMLElement[]}} */
let found = { q: "", messages: [], files: [] };
let resultCount = 0;
/** Whether the user has moved the selection since the last input. */
let hasMoved = false;
/** @type {any} */
let searchTimer;
/** @type {any} */
let messageTimer;
/** @type {AbortController | undefined} */
let abortController;
/** @type {HTMLDialogElement} */
let dialog;
/** @type {HTMLInputElement} */
let input;
/** @type {HTMLElement} */
let list;

/**
 * Loads the titles, and renders the results for the input, which may already contain text.
 * @param {HTMLDialogElement} element the open dialog
 */
export function openSwitcher(element) {
  if (!dialog) prepare(element);
  people = [];
  peopleQuery = "";
  found = { q: "", messages: [], files: [] };
  onInput();
  api("GET", "conversations/titles/").then(
    (response) => {
      titles = response.results;
      if (dialog.open) render();
    },
    (error) => titles.length || showErrorToast(error),
  );
}

/** @param {HTMLDialogElement} element */
function prepare(element) {
  dialog = element;
  input = /** @type {HTMLInputElement} */ (find(dialog, "input"));
  list = /** @type {HTMLElement} */ (find(dialog, "[role=listbox]"));
  input.addEventListener("input", onInput);
  input.addEventListener("keydown", onKeydown);
  list.addEventListener("click", (event) => {
    const option = /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest("[role=option]"));
    if (option) openOption(option);
  });
  list.addEventListener("pointermove", (event) => {
    const option = /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest("[role=option]"));
    if (option && option.ariaSelected !== "true") {
      hasMoved = true;
      select(option);
    }
  });
  dialog.addEventListener("close", () => {
    clearTimeout(searchTimer);
    clearTimeout(messageTimer);
    abortController?.abort();
  });
  document.addEventListener("page:unread-changed", () => dialog.open && render());
}

function onInput() {
  hasMoved = false;
  render();
  clearTimeout(searchTimer);
  clearTimeout(messageTimer);
  abortController?.abort();
  const { signal } = (abortController = new AbortController());
  searchTimer = setTimeout(() => searchPeople(signal), SEARCH_DELAY);
  messageTimer = setTimeout(() => searchMessages(signal), MESSAGE_SEARCH_DELAY);
}

/** @param {AbortSignal} signal */
async function searchPeople(signal) {
  const text = input.value.trim();
  if (!text) return;
  try {
    const response = await api("GET", `users/?q=${encodeURIComponent(text)}`, undefined, { signal });
    if (text !== input.value.trim()) return;
    people = response.results;
    peopleQuery = text;
    render();
  } catch {
    // If the search for users fails, only conversations are displayed.
  }
}

/**
 * Takes the first messages and files from the search page, which knows how to show a result.
 * @param {AbortSignal} signal
 */
async function searchMessages(signal) {
  const q = input.value.trim();
  if (!q) return;
  try {
    const response = await fetch(getSearchUrl(q), { headers: { Accept: "text/html", "X-Visit": "1" }, signal });
    const page = parsePage(await response.text());
    if (signal.aborted) return;
    const take = (/** @type {string} */ selector, /** @type {number} */ count) =>
      findAll(page, selector).slice(0, count).flatMap((item) => createResultOption(item) ?? []);
    found = { q, messages: take(".search-results > li", MAX_MESSAGES), files: take("[data-part=files] > li", MAX_FILES) };
    render();
  } catch {
    // If this fails, the last option still opens the search page.
  }
}

/** @param {string} q */
const getSearchUrl = (q) => `/search/?${new URLSearchParams({ q })}`;

function render() {
  const switcherWords = find(dialog, "template[data-part=words]")?.dataset ?? {};
  const text = input.value.trim();
  const selectedId = find(list, "[aria-selected=true]")?.id;
  const openId = Number(find(document, "message-log")?.dataset.conversationId);
  /** @type {[string | undefined, HTMLElement[]][]} */
  let groups;
  if (text) {
    const matches = searchTitles(titles, text).slice(0, MAX_RESULTS);
    const knownPeerIds = new Set(titles.map(({ peer }) => peer?.id));
    const otherItems = peopleQuery === text ? people.filter(({ id }) => !knownPeerIds.has(id)) : [];
    groups = [
      [switcherWords.conversations, matches.map((title) => createConversationOption(title, openId === title.id ? switcherWords.open : ""))],
      [switcherWords.people, otherItems.slice(0, MAX_RESULTS).map(createPersonOption)],
    ];
  } else {
    const otherItems = titles.filter(({ id }) => id !== openId && !unreadTotals.get(id)?.archived);
    const isUnread = (/** @type {Title} */ { id }) => (unreadTotals.get(id)?.unread.count ?? 0) > 0;
    groups = [
      [switcherWords.unread, otherItems.filter(isUnread).slice(0, MAX_RECENT).map((title) => createConversationOption(title))],
      [switcherWords.recent, otherItems.filter((title) => !isUnread(title)).slice(0, MAX_RECENT).map((title) => createConversationOption(title))],
    ];
  }
  list.replaceChildren(...groups.filter(([, options]) => options.length).map(([heading, options]) => createGroup(heading ?? "", options)));
  const emptyNote = find(dialog, "[data-part=none]");
  const isLoading = text && (peopleQuery !== text || found.q !== text);
  const isFound = found.q === text;
  if (text) {
    if (isFound && found.files.length) list.append(createGroup(switcherWords.files ?? "", found.files));
    const messages = isFound ? found.messages : [];
    list.append(createGroup(switcherWords.messages ?? "", [...messages, createSearchOption(switcherWords.search ?? "", text)]));
  }
  const options = findAll(list, "[role=option]");
  const count = options.length - (text ? 1 : 0); // without the option that opens the search page
  if (emptyNote) emptyNote.hidden = !text || Boolean(isLoading) || count > 0;
  const slot = find(emptyNote, "[data-slot=q]");
  if (slot) slot.textContent = text;
  const status = find(dialog, "[data-part=found-count]");
  if (status && !isLoading) status.textContent = text && count ? fillPlaceholders(switcherWords.count, { n: count }) : "";
  select(options.find((option) => option.id === selectedId && (hasMoved || text === "")) ?? options[0] ?? null);
}

/** @param {string} part @returns {HTMLElement} */
function cloneTemplate(part) {
  const template = /** @type {HTMLTemplateElement} */ (find(dialog, `template[data-part=${part}]`));
  return /** @type {HTMLElement} */ (document.importNode(/** @type {Element} */ (template.content.firstElementChild), true));
}

/** @param {string} title @param {HTMLElement[]} options */
function createGroup(title, options) {
  const element = cloneTemplate("group");
  element.setAttribute("aria-label", title);
  const heading = find(element, ".switcher-head");
  if (heading) heading.textContent = title;
  element.append(...options);
  return element;
}

/** @param {Title} title @param {string} [note] */
function createConversationOption(title, note = "") {
  const { id, peer } = title;
  const option = cloneTemplate("option");
  option.id = `switch-c${id}`;
  option.dataset.id = String(id);
  option.prepend(createAvatar(title, "s"));
  setTexts(option, title.title, note || (peer ? `@${peer.username}` : ""));
  markMatch(option);
  updateBadge(find(option, ".badge"), unreadTotals.get(id)?.unread.count ?? 0);
  const { muted = false, level = "all" } = unreadTotals.get(id) ?? {};
  find(option, ".badge")?.classList.toggle("muted", muted || level !== "all");
  return option;
}

/** @param {User} user */
function createPersonOption(user) {
  const option = cloneTemplate("option");
  option.id = `switch-u${user.id}`;
  option.dataset.userId = String(user.id);
  option.prepend(createAvatar(user, "s"));
  setTexts(option, user.name, `@${user.username}`);
  markMatch(option);
  updateBadge(find(option, ".badge"), 0);
  return option;
}

/**
 * Converts a result of the search page to an option.
 * @param {HTMLElement} item `<li>` with a link
 */
function createResultOption(item) {
  const link = find(item, "a.what");
  if (!link) return null;
  const option = document.createElement("div");
  option.setAttribute("role", "option");
  option.setAttribute("aria-selected", "false");
  option.className = "result";
  option.dataset.href = link.getAttribute("href") ?? "";
  option.id = `switch-r${(resultCount += 1)}`;
  const text = document.createElement("span");
  text.className = link.className;
  text.append(...link.childNodes);
  link.replaceWith(text);
  option.append(...document.adoptNode(item).childNodes);
  return option;
}

/** The last option: searches messages. @param {string} words with `%s` for the text @param {string} text */
function createSearchOption(words, text) {
  const option = cloneTemplate("option");
  option.id = "switch-search";
  option.dataset.q = text;
  setTexts(option, words.replace("%s", () => text), "");
  updateBadge(find(option, ".badge"), 0);
  return option;
}

/** @param {HTMLElement} option @param {string} text @param {string} note */
function setTexts(option, text, note) {
  const [heading, noteElement] = [find(option, "b"), find(option, "small")];
  if (heading) heading.textContent = text;
  if (noteElement) noteElement.textContent = note;
  option.title = text;
}

/** Marks the input in the name of a conversation or person. @param {HTMLElement} option */
function markMatch(option) {
  const heading = find(option, "b");
  const [before, match, after] = splitAtMatch(heading?.textContent ?? "", input.value.trim());
  if (!match) return;
  const mark = document.createElement("mark");
  mark.textContent = match;
  heading?.replaceChildren(before, mark, after);
}

/** @param {HTMLElement | null} option */
function select(option) {
  for (const each of findAll(list, "[aria-selected=true]")) each.setAttribute("aria-selected", "false");
  option?.setAttribute("aria-selected", "true");
  if (option) input.setAttribute("aria-activedescendant", option.id);
  else input.removeAttribute("aria-activedescendant");
}

/** @param {KeyboardEvent} event */
function onKeydown(event) {
  if (event.isComposing) return;
  const options = findAll(list, "[role=option]");
  const index = options.findIndex((option) => option.ariaSelected === "true");
  if (event.key === "Escape") {
    event.preventDefault(); // by default Escape only clears a search field
    dialog.close();
    return;
  }
  if (event.key === "Enter") {
    event.preventDefault();
    if (options[index]) openOption(options[index]);
    return;
  }
  const pageSize = Math.max(1, Math.floor(list.clientHeight / (options[0]?.offsetHeight || 40)) - 1);
  const lastIndex = options.length - 1;
  const targetIndex = {
    ArrowDown: index < lastIndex ? index + 1 : 0,
    ArrowUp: index > 0 ? index - 1 : lastIndex,
    PageDown: Math.min(index + pageSize, lastIndex),
    PageUp: Math.max(index - pageSize, 0),
  }[event.key];
  if (targetIndex === undefined || !options.length) return;
  event.preventDefault();
  hasMoved = true;
  select(options[targetIndex]);
  options[targetIndex].scrollIntoView({ block: "nearest" });
}

/** Opens the conversation of an option, or the search page. @param {HTMLElement} option */
async function openOption({ dataset: { id, userId, q, href } }) {
  dialog.close();
  if (q || href) return void navigate(href ?? getSearchUrl(q ?? ""));
  try {
    const target = id ? { id } : await api("POST", "conversations/", { kind: "direct", user_id: Number(userId) });
    navigate(`/c/${target.id}/`);
  } catch (error) {
    showErrorToast(error);
  }
}
