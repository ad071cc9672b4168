/**
 * `<people-page>`: keeps the contacts page up to date. After a change of contacts, requests or blocks the page is
 * fetched again; when a contact comes online or goes offline, only the rows are rearranged.
 */
import { LiveElement, emit } from "../realtime/events.js";
import { fillPlaceholders } from "../lib/wording.js";
import { find, findAll, getDateFormatter, words } from "../lib/dom.js";
import { getPresence } from "../realtime/state/presence-cache.js";
import { parsePage } from "../lib/trusted-html.js";

const DELAY = 150; // ms; changes within this time are loaded once

export class PeoplePage extends LiveElement {
  /** @type {any} */
  #timer;
  #orderByRow = new Map();

  start() {
    this.#readOrder();
    this.on(document, "live:contact.updated", () => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#reload(), DELAY);
    });
    this.on(document, "page:presence-changed", () => this.#arrange());
  }

  stop() {
    clearTimeout(this.#timer);
  }

  async #reload() {
    try {
      const url = new URL(location.href);
      const field = /** @type {HTMLInputElement | null} */ (find(document, "people-picker input[type=search]"));
      if (field) url.searchParams.set("q", field.value); // keep the search results
      const response = await fetch(url, { headers: { Accept: "text/html" }, signal: this.signal });
      const page = response.ok ? parsePage(await response.text()) : null;
      const newPage = page && find(page, "people-page");
      if (!newPage) return;
      this.replaceChildren(...document.adoptNode(newPage).childNodes);
      const [currentResults, newResults] = [document, page].map((root) => find(root, "people-picker [data-part=results]"));
      if (currentResults && newResults) currentResults.replaceChildren(...document.adoptNode(newResults).childNodes);
      this.#readOrder();
      emit("page:content-added", {});
    } catch {
      // The next change tries again.
    }
  }

  /** Reads the order of the rows over both lists, by name, as rendered by the server. */
  #readOrder() {
    this.#orderByRow.clear();
    const rows = findAll(this, "[data-part=here] li, [data-part=away] li");
    const orderOf = (/** @type {HTMLElement} */ row) => Number(row.dataset.place);
    for (const row of rows.sort((first, second) => orderOf(first) - orderOf(second))) this.#orderByRow.set(row, orderOf(row));
  }

  /** Moves each row to the list it belongs to, and updates when users were last seen. */
  #arrange() {
    const lists = { here: find(this, "[data-part=here] .rows"), away: find(this, "[data-part=away] .rows") };
    if (!lists.here || !lists.away) return;
    let moved = false;
    for (const row of this.#orderByRow.keys()) {
      const presence = getPresence(Number(row.dataset.userId));
      if (!presence) continue;
      const targetList = presence.online ? lists.here : lists.away;
      if (row.parentElement !== targetList) {
        const nextRow = [...targetList.children].find((otherRow) => (this.#orderByRow.get(otherRow) ?? 0) > (this.#orderByRow.get(row) ?? 0));
        targetList.insertBefore(row, nextRow ?? null);
        moved = true;
      }
      updateLastSeen(find(row, "[data-part=when]"), presence);
    }
    if (!moved) return;
    for (const list of Object.values(lists)) {
      const section = /** @type {HTMLElement | null | undefined} */ (list?.closest("section"));
      const count = list?.children.length ?? 0;
      if (section) section.hidden = !count;
      const number = find(section ?? null, ".num");
      if (number) number.textContent = String(count);
    }
  }
}

/** @param {HTMLElement | null} element @param {import("../realtime/state/presence-cache.js").Presence} presence */
function updateLastSeen(element, { online, last_seen }) {
  if (!element) return;
  const lastSeen = !online && last_seen ? getDateFormatter().formatShort(new Date(last_seen), new Date()) : "";
  const text = lastSeen && ` · ${fillPlaceholders(words("list-words").lastHere, { t: lastSeen })}`;
  if (element.textContent !== text) element.textContent = text;
}
