/** After an `@` in the composer: members whose name goes on like that, those who talk here before the others. */
import { api } from "../../realtime/api.js";
import { asked, rank } from "./mention-match.js";
import { avatar, clone, find, findAll } from "../../lib/dom.js";
import { presenceOf } from "../../realtime/state/presence-cache.js";
import { rights } from "../../conversation/permissions.js";

/** @typedef {import("./completion.js").Source} Source */
/** @typedef {import("./completion.js").Option} Option */
/** @typedef {import("./mention-match.js").Person} Person */

const SHOWN = 8;
const ASK = 150; // ms after the last key

/** @implements {Source} */
export class MentionPicker {
  label = "people";
  /** @type {any} */
  #timer;
  /** A question that the server had no answer to: what goes on like it has none either. @type {string | null} */
  #nobody = null;

  /** @param {import("../message-composer.js").MessageComposer} composer */
  constructor(composer) {
    this.composer = composer;
    this.me = Number(find(document, "live-socket")?.dataset.userId ?? 0);
  }

  look = asked;

  /** @type {Source["ask"]} */
  ask({ q }, show) {
    clearTimeout(this.#timer);
    const talked = this.#talked();
    const here = rank(this.#members(), q, talked);
    const all = this.#mayCallAll() && "all".startsWith(q.toLowerCase()) ? this.#everybody() : [];
    /** @param {Person[]} people */
    const draw = (people) => {
      const options = people.slice(0, SHOWN).map((person) => this.#option(person, q));
      // The name stands there in full already: Enter sends.
      const isWhole = people.some(({ username }) => username.toLowerCase() === q.toLowerCase()) || (all.length && q.toLowerCase() === "all");
      // Without a letter everybody is meant least of all; with one, most likely.
      show(q ? [...all, ...options] : [...options, ...all], isWhole ? -1 : 0);
    };
    draw(here);
    if (here.length >= SHOWN || (this.#nobody !== null && q.startsWith(this.#nobody))) return;
    // Of a large group the page names a part, of a pair nobody: the server knows all, and more ways to find them.
    this.#timer = setTimeout(async () => {
      const more = await this.#fromServer(q);
      if (!more.length && !here.length && q) this.#nobody = q;
      const known = new Set(here.map(({ id }) => id));
      const fresh = more.filter(({ id }) => !known.has(id) && id !== this.me);
      if (fresh.length) draw([...here, ...fresh]);
    }, ASK);
  }

  /** @param {string} q @returns {Promise<Person[]>} */
  async #fromServer(q) {
    const query = new URLSearchParams({ q, conversation: String(this.composer.conversationId) });
    return (await api("GET", `users/?${query}`).catch(() => ({ results: [] }))).results;
  }

  /** @returns {Person[]} of those on the page */
  #members() {
    const people = findAll(document, "member-panel .member[data-username]")
      .map(({ dataset, firstElementChild, children }) => ({
        id: Number(dataset.userId),
        username: dataset.username ?? "",
        name: [...children].find((child) => child.matches(".clip"))?.textContent ?? "",
        avatar_url: firstElementChild?.querySelector("img")?.getAttribute("src") ?? null,
        pinyin: dataset.pinyin,
      }))
      .filter(({ id }) => id !== this.me);
    return [...new Map(people.map((person) => [person.id, person])).values()]; // one may stand there twice, as found and in the list
  }

  /** Who wrote the lines on the page, the last one first. */
  #talked() {
    const senders = findAll(document, "message-log .msg[data-sender]").map((line) => Number(line.dataset.sender));
    return [...new Set(senders.reverse())];
  }

  /** The server counts `@all` of those who lead a group. */
  #mayCallAll() {
    return rights(find(document, "message-log")).leads;
  }

  /** @returns {Option[]} */
  #everybody() {
    const content = clone("option-all-template");
    return content ? [{ content, text: "@all" }] : [];
  }

  /** @param {Person} user @param {string} q @returns {Option} */
  #option(user, q) {
    const content = /** @type {HTMLElement} */ (clone("option-person-template"));
    const face = avatar(user, "s", true);
    const dot = find(face, ".here");
    if (dot) dot.hidden = !presenceOf(user.id)?.online;
    find(content, ".avatar")?.replaceWith(face);
    const [name, username] = [find(content, "b"), find(content, "small")];
    name?.replaceChildren(...marked(user.name, q));
    if (username) username.textContent = `@${user.username}`;
    return { content, text: `@${user.username}` };
  }
}

/** A name with what was typed marked in it. @param {string} name @param {string} q @returns {(string | HTMLElement)[]} */
function marked(name, q) {
  const at = q ? name.toLowerCase().indexOf(q.toLowerCase()) : -1;
  if (at < 0) return [name];
  const mark = document.createElement("mark");
  mark.textContent = name.slice(at, at + q.length);
  return [name.slice(0, at), mark, name.slice(at + q.length)];
}
