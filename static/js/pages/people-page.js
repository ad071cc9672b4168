/**
 * `<people-page>`: one's contacts, as they come and go, and what becomes of requests and blocks. Whatever changes a
 * list is read afresh from the server, so that it looks as after a reload; who comes or goes only changes places.
 */
import { LiveElement, tell } from "../realtime/events.js";
import { fill } from "../lib/wording.js";
import { find, findAll, pageTimes, words } from "../lib/dom.js";
import { presenceOf } from "../realtime/state/presence-cache.js";
import { parsePage } from "../lib/trusted-html.js";

const GATHER = 150; // ms in which several changes are one question

export class PeoplePage extends LiveElement {
  /** @type {any} */
  #timer;
  #order = new Map();

  start() {
    this.#remember();
    this.listen(document, "live:contact.updated", () => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#readAfresh(), GATHER);
    });
    this.listen(document, "page:presence", () => this.#place());
  }

  stop() {
    clearTimeout(this.#timer);
  }

  async #readAfresh() {
    try {
      const asked = new URL(location.href);
      const field = /** @type {HTMLInputElement | null} */ (find(document, "people-picker input[type=search]"));
      if (field) asked.searchParams.set("q", field.value); // what was found for it stays
      const response = await fetch(asked, { headers: { Accept: "text/html" }, signal: this.gone });
      const page = response.ok ? parsePage(await response.text()) : null;
      const fresh = page && find(page, "people-page");
      if (!fresh) return;
      this.replaceChildren(...document.adoptNode(fresh).childNodes);
      const [results, found] = [document, page].map((root) => find(root, "people-picker [data-part=results]"));
      if (results && found) results.replaceChildren(...document.adoptNode(found).childNodes);
      this.#remember();
      tell("page:people", {});
    } catch {
      // The next change, or a reload, shows it.
    }
  }

  /** In which order the server put them: by name, over both lists. */
  #remember() {
    this.#order.clear();
    const rows = findAll(this, "[data-part=here] li, [data-part=away] li");
    const place = (/** @type {HTMLElement} */ row) => Number(row.dataset.place);
    for (const row of rows.sort((one, other) => place(one) - place(other))) this.#order.set(row, place(row));
  }

  /** Each row into the list where it belongs now. */
  #place() {
    const lists = { here: find(this, "[data-part=here] .rows"), away: find(this, "[data-part=away] .rows") };
    if (!lists.here || !lists.away) return;
    let moved = false;
    for (const row of this.#order.keys()) {
      const presence = presenceOf(Number(row.dataset.userId));
      if (!presence) continue;
      const list = presence.online ? lists.here : lists.away;
      if (row.parentElement !== list) {
        const next = [...list.children].find((other) => (this.#order.get(other) ?? 0) > (this.#order.get(row) ?? 0));
        list.insertBefore(row, next ?? null);
        moved = true;
      }
      say(find(row, "[data-part=when]"), presence);
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
function say(element, { online, last_seen }) {
  if (!element) return;
  const at = !online && last_seen ? pageTimes().brief(new Date(last_seen), new Date()) : "";
  const text = at && ` · ${fill(words("list-words").lastHere, { t: at })}`;
  if (element.textContent !== text) element.textContent = text;
}
