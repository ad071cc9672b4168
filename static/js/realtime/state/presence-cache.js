/** Who is here, for every dot on the page and for whoever asks. Read when the line opens, told afterwards. */
import { api } from "../api.js";
import { tell } from "../events.js";
import { findAll } from "../../lib/dom.js";

const AT_ONCE = 100; // people in one question

/** @typedef {{online: boolean, last_seen: string | null}} Presence */

/** @type {Map<number, Presence>} */
const known = new Map();
/** They left a conversation of mine: since then I may have been told nothing of them. @type {Set<number>} */
const unsure = new Set();
let isOpen = false;
let asking = false;

/** @param {number} userId @returns {Presence | undefined} */
export function presenceOf(userId) {
  return known.get(userId);
}

export function watchPresence() {
  document.addEventListener("live:presence", (event) => {
    const { user_id, online, last_seen } = /** @type {CustomEvent} */ (event).detail;
    known.set(user_id, { online, last_seen });
    draw();
  });
  document.addEventListener("live:state", (event) => {
    const was = isOpen;
    const { state } = /** @type {CustomEvent} */ (event).detail;
    isOpen = state === "open" || state === "shaky";
    if (was || !isOpen) return;
    known.clear(); // what was told before the break may be old
    ask();
  });
  document.addEventListener("live:member.updated", (event) => {
    const { user, left_at } = /** @type {CustomEvent} */ (event).detail.member;
    if (left_at) unsure.add(user.id);
  });
  for (const type of ["page:visited", "page:people"]) document.addEventListener(type, () => ask());
}

/** People on the page of whom nothing is known yet. */
async function ask() {
  draw();
  if (asking || !isOpen) return;
  asking = true;
  await Promise.resolve(); // whatever else is being put on the page in this turn
  const ids = new Set(findAll(document, "[data-user-id]:is(.avatar:has(.here), .member)").map((each) => Number(each.dataset.userId)));
  const missing = [...ids].filter((id) => id && (!known.has(id) || unsure.has(id)));
  try {
    for (let from = 0; from < missing.length; from += AT_ONCE) {
      const some = missing.slice(from, from + AT_ONCE);
      const { results } = await api("GET", `presence/?user_ids=${some.join(",")}`);
      for (const id of some) {
        known.set(id, { online: false, last_seen: null });
        unsure.delete(id);
      }
      for (const { user_id, online, last_seen } of results) known.set(user_id, { online, last_seen });
      draw();
    }
  } catch {
    // Asked again when the line opens anew.
  } finally {
    asking = false;
  }
}

function draw() {
  for (const face of findAll(document, ".avatar[data-user-id]")) {
    const dot = /** @type {HTMLElement | null} */ (face.querySelector(":scope > .here"));
    const person = known.get(Number(face.dataset.userId));
    if (dot && person) dot.hidden = !person.online; // of others, what the server drew is the newest that is known
  }
  tell("page:presence", {});
}
