/**
 * The quick switcher: what all conversations are called is read once, when it first opens, and again behind what it
 * shows when it opens anew. People with whom there is no conversation yet are asked for while one types.
 */
import { api } from "../realtime/api.js";
import { badge, tally } from "./unread-badges.js";
import { createAvatar, find, findAll } from "../lib/dom.js";
import { search } from "./switcher-ranking.js";
import { showErrorToast } from "../ui/toast-stack.js";
import { navigate } from "../ui/page-navigation.js";

/** @typedef {import("./switcher-ranking.js").Title} Title */
/** @typedef {import("../realtime/protocol.js").User} User */

const PAUSE = 120; // ms after a key, until people are asked for
const SHOWN = 20;
const RECENT = 12;

/** @type {Title[]} */
let titles = [];
/** @type {User[]} */
let people = [];
/** For which text they were found. */
let peopleFor = "";
/** @type {any} */
let soon;
/** @type {AbortController | undefined} */
let asking;
/** @type {HTMLDialogElement} */
let dialog;
/** @type {HTMLInputElement} */
let input;
/** @type {HTMLElement} */
let list;

/** What an open dialog, in whose field there may be something already, finds. @param {HTMLDialogElement} element */
export function openIt(element) {
  if (!dialog) prepare(element);
  people = [];
  peopleFor = "";
  typed();
  api("GET", "conversations/titles/").then(
    (answer) => {
      titles = answer.results;
      if (dialog.open) draw();
    },
    (refusal) => titles.length || showErrorToast(refusal),
  );
}

/** @param {HTMLDialogElement} element */
function prepare(element) {
  dialog = element;
  input = /** @type {HTMLInputElement} */ (find(dialog, "input"));
  list = /** @type {HTMLElement} */ (find(dialog, "[role=listbox]"));
  input.addEventListener("input", typed);
  input.addEventListener("keydown", key);
  list.addEventListener("click", (event) => {
    const option = /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest("[role=option]"));
    if (option) choose(option);
  });
  list.addEventListener("pointermove", (event) => {
    const option = /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest("[role=option]"));
    if (option) select(option);
  });
  dialog.addEventListener("close", () => {
    clearTimeout(soon);
    asking?.abort();
  });
  document.addEventListener("page:unread-changed", () => dialog.open && draw());
}

function typed() {
  draw();
  clearTimeout(soon);
  asking?.abort();
  soon = setTimeout(askPeople, PAUSE);
}

async function askPeople() {
  const text = input.value.trim();
  if (!text) return;
  asking = new AbortController();
  try {
    const answer = await api("GET", `users/?q=${encodeURIComponent(text)}`, undefined, { signal: asking.signal });
    if (text !== input.value.trim()) return;
    people = answer.results;
    peopleFor = text;
    draw();
  } catch {
    // The conversations are there without.
  }
}

function draw() {
  const said = find(dialog, "template[data-part=words]")?.dataset ?? {};
  const text = input.value.trim();
  const chosen = find(list, "[aria-selected=true]")?.id;
  const here = Number(find(document, "message-log")?.dataset.conversationId);
  /** @type {[string | undefined, HTMLElement[]][]} */
  let groups;
  if (text) {
    const found = search(titles, text).slice(0, SHOWN);
    const known = new Set(titles.map(({ peer }) => peer?.id));
    const others = peopleFor === text ? people.filter(({ id }) => !known.has(id)) : [];
    groups = [
      [said.conversations, found.map((title) => conversation(title, here === title.id ? said.open : ""))],
      [said.people, others.slice(0, SHOWN).map(person)],
    ];
  } else {
    const others = titles.filter(({ id }) => id !== here && !tally.of(id)?.archived);
    const isNew = (/** @type {Title} */ { id }) => (tally.of(id)?.unread.count ?? 0) > 0;
    groups = [
      [said.unread, others.filter(isNew).slice(0, RECENT).map((title) => conversation(title))],
      [said.recent, others.filter((title) => !isNew(title)).slice(0, RECENT).map((title) => conversation(title))],
    ];
  }
  list.replaceChildren(...groups.filter(([, options]) => options.length).map(([head, options]) => group(head ?? "", options)));
  const none = find(dialog, "[data-part=none]");
  const waits = text && peopleFor !== text;
  if (none) none.hidden = !text || Boolean(waits) || list.childElementCount > 0;
  const slot = find(none, "[data-slot=q]");
  if (slot) slot.textContent = text;
  const options = findAll(list, "[role=option]");
  select(options.find((option) => option.id === chosen && text === "") ?? options[0] ?? null);
}

/** @param {string} part @returns {HTMLElement} */
function copy(part) {
  const template = /** @type {HTMLTemplateElement} */ (find(dialog, `template[data-part=${part}]`));
  return /** @type {HTMLElement} */ (document.importNode(/** @type {Element} */ (template.content.firstElementChild), true));
}

/** @param {string} head @param {HTMLElement[]} options */
function group(head, options) {
  const element = copy("group");
  element.setAttribute("aria-label", head);
  const shown = find(element, ".switcher-head");
  if (shown) shown.textContent = head;
  element.append(...options);
  return element;
}

/** @param {Title} title @param {string} [note] */
function conversation(title, note = "") {
  const { id, kind, peer } = title;
  const option = copy("option");
  option.id = `switch-c${id}`;
  option.dataset.id = String(id);
  option.prepend(createAvatar(/** @type {any} */ ({ ...title, kind }), "s"));
  name(option, title.title, note || (peer ? `@${peer.username}` : ""));
  badge(find(option, ".badge"), tally.of(id)?.unread.count ?? 0);
  const { muted = false, level = "all" } = tally.of(id) ?? {};
  find(option, ".badge")?.classList.toggle("muted", muted || level !== "all");
  return option;
}

/** @param {User} user */
function person(user) {
  const option = copy("option");
  option.id = `switch-u${user.id}`;
  option.dataset.userId = String(user.id);
  option.prepend(createAvatar(user, "s"));
  name(option, user.name, `@${user.username}`);
  badge(find(option, ".badge"), 0);
  return option;
}

/** @param {HTMLElement} option @param {string} text @param {string} note */
function name(option, text, note) {
  const [shown, small] = [find(option, "b"), find(option, "small")];
  if (shown) shown.textContent = text;
  if (small) small.textContent = note;
  option.title = text;
}

/** @param {HTMLElement | null} option */
function select(option) {
  for (const each of findAll(list, "[aria-selected=true]")) each.setAttribute("aria-selected", "false");
  option?.setAttribute("aria-selected", "true");
  if (option) input.setAttribute("aria-activedescendant", option.id);
  else input.removeAttribute("aria-activedescendant");
}

/** @param {KeyboardEvent} event */
function key(event) {
  if (event.isComposing) return;
  const options = findAll(list, "[role=option]");
  const at = options.findIndex((option) => option.ariaSelected === "true");
  if (event.key === "Escape") {
    event.preventDefault(); // a search field would only be emptied
    dialog.close();
    return;
  }
  if (event.key === "Enter") {
    event.preventDefault();
    if (options[at]) choose(options[at]);
    return;
  }
  const page = Math.max(1, Math.floor(list.clientHeight / (options[0]?.offsetHeight || 40)) - 1);
  const last = options.length - 1;
  const to = {
    ArrowDown: at < last ? at + 1 : 0,
    ArrowUp: at > 0 ? at - 1 : last,
    PageDown: Math.min(at + page, last),
    PageUp: Math.max(at - page, 0),
  }[event.key];
  if (to === undefined || !options.length) return;
  event.preventDefault();
  select(options[to]);
  options[to].scrollIntoView({ block: "nearest" });
}

/** @param {HTMLElement} option */
async function choose({ dataset: { id, userId } }) {
  dialog.close();
  try {
    const found = id ? { id } : await api("POST", "conversations/", { kind: "direct", user_id: Number(userId) });
    navigate(`/c/${found.id}/`);
  } catch (refusal) {
    showErrorToast(refusal);
  }
}
