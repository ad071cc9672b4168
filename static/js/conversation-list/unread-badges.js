/**
 * What is unread, on every page: among the places, above the list, in the title, on the tab's icon and on the app's.
 * The one keeper of the tally: whoever needs a number asks `tally`, and hears `page:unread-changed` when one has changed.
 */
import { api } from "../realtime/api.js";
import { markIcon } from "./favicon-badge.js";
import { emit } from "../realtime/events.js";
import { fillPlaceholders } from "../lib/wording.js";
import { find, findAll, words } from "../lib/dom.js";
import { Tally } from "./unread-totals.js";

/** @typedef {import("../realtime/protocol.js").Conversation} Conversation */

export const tally = new Tally(Number(find(document, "live-socket")?.dataset.userId ?? 0));

/** Which version of each conversation the page came with. @type {[number, number][]} */
export let versions = [];

/** @type {Set<number>} */
const changed = new Set();
/** What was drawn last; null: the server's drawing holds. @type {number | null} */
let drawn = null;

export function watchCounts() {
  versions = tally.load(JSON.parse(words("standing").conversations || "[]"));
  for (const type of ["message.created", "message.updated", "message.current"]) {
    hear(type, ({ message }) => {
      tally.message(message);
      note(message.conversation_id);
    });
  }
  hear("mine.updated", ({ conversation_id, mine }) => {
    tally.mine(conversation_id, mine);
    note(conversation_id);
  });
  hear("conversation.added", ({ conversation }) => learn(conversation));
  hear("conversation.removed", ({ conversation_id }) => {
    tally.remove(conversation_id);
    note(conversation_id);
  });
  hear("stale", ({ conversation_id }) => void readAfresh(conversation_id));
  document.addEventListener("log:seen", (event) => {
    const { conversation_id, seq } = /** @type {CustomEvent} */ (event).detail;
    tally.seen(conversation_id, seq);
    note(conversation_id);
  });
  document.addEventListener("page:navigated", drawTitle);
  hear("online", ({ count }) => online(count));
  hear("contact.updated", ({ requests }) => number(find(document, "[data-total=requests] .badge"), requests));
  markIcon(tally.totals.unread);
}

/** People on the site now. @param {number} count */
function online(count) {
  const said = words("standing");
  for (const foot of findAll(document, "[data-total=online]")) {
    foot.hidden = !count;
    foot.textContent = count === 1 ? said.onlineOne ?? "" : fillPlaceholders(said.online, { n: count });
  }
}

/** @param {string} type @param {(detail: any) => void} run */
function hear(type, run) {
  document.addEventListener(`live:${type}`, (event) => run(/** @type {CustomEvent} */ (event).detail));
}

/** A conversation, whole, as an answer brought it. @param {Conversation} conversation */
export function learn(conversation) {
  tally.whole(conversation);
  note(conversation.id);
}

/**
 * A conversation as the server has it now; told to all as `page:conversation`.
 * @param {number} id
 * @param {AbortSignal} [signal]
 */
export async function readAfresh(id, signal) {
  try {
    const conversation = await api("GET", `conversations/${id}/`, undefined, { signal });
    learn(conversation);
    emit("page:conversation", { conversation });
  } catch {
    // Not ours any more, or not now: the next thing told about it tries again.
  }
}

/** Drawn once for many changes. @param {number} id */
function note(id) {
  if (!changed.size) queueMicrotask(draw);
  changed.add(id);
}

function draw() {
  const ids = new Set(changed);
  changed.clear();
  const { unread, mentions, conversations, anyArchived } = tally.totals;
  drawn = unread;
  badge(find(document, "[data-total=unread] .badge"), unread);
  badge(find(document, "[data-total=mentions] .badge"), mentions);
  for (const [name, count] of Object.entries({ conversations, "mentions-tab": mentions })) {
    const tab = find(document, `[data-total=${name}]`);
    if (tab) tab.textContent = count ? String(count) : "";
  }
  for (const tab of findAll(document, "[data-part=archive-tab]")) {
    tab.hidden = !anyArchived && !tab.hasAttribute("aria-current");
  }
  drawTitle();
  markIcon(unread);
  emit("page:unread-changed", { ids });
}

function drawTitle() {
  const count = drawn ?? tally.totals.unread;
  const name = document.title.replace(/^\(\d+\+?\) /, "");
  const title = count ? `(${atMost99(count)}) ${name}` : name;
  if (document.title !== title) document.title = title;
}

/** @param {number} count */
export function atMost99(count) {
  return count > 99 ? "99+" : String(count);
}

/**
 * How many are unread in a badge, hidden at nought.
 * @param {HTMLElement | null} element
 * @param {number} count
 */
export function badge(element, count) {
  number(element, count);
  const heard = find(element, ".visually-hidden");
  if (heard) heard.textContent = fillPlaceholders(words("standing").unread, { n: atMost99(count) });
}

/** @param {HTMLElement | null} element a badge @param {number} count */
function number(element, count) {
  const seen = find(element, "[aria-hidden]");
  const text = atMost99(count);
  if (element) element.hidden = !count;
  if (seen && seen.textContent !== text) seen.textContent = text;
}
