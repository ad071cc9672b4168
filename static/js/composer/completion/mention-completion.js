/** Completes mentions after an `@` in the composer. Suggests matching members; recent speakers come first. */
import { api } from "../../realtime/api.js";
import { parseMentionQuery, rankMatches } from "./mention-match.js";
import { createAvatar, clone, find, findAll, readAvatar } from "../../lib/dom.js";
import { getPresence } from "../../realtime/state/presence-cache.js";
import { isAllowed } from "../../conversation/permissions.js";

/** @typedef {import("./completion.js").Source} Source */
/** @typedef {import("./completion.js").Option} Option */
/** @typedef {import("./mention-match.js").Person} Person */

const MAX_OPTIONS = 8;
const REQUEST_DELAY = 150; // ms after the last key

/** @implements {Source} */
export class MentionCompletion {
  label = "people";
  /** Called when the user has chosen a person. @type {(() => void) | undefined} */
  onAccepted = undefined;
  /** @type {any} */
  #timer;
  /**
   * A query without results on the server: longer queries that start with it have none either.
   * @type {string | null}
   */
  #emptyQuery = null;

  /** @param {import("./completion.js").Host} composer */
  constructor(composer) {
    this.composer = composer;
    this.me = Number(find(document, "live-socket")?.dataset.userId ?? 0);
  }

  /** @type {Source["findQuery"]} */
  findQuery(before) {
    return parseMentionQuery(before);
  }

  /** Returns the text for a user. @param {Person} user @param {import("./completion.js").Query} _query */
  formatUser(user, _query) {
    return `@${user.username}`;
  }

  /** @type {Source["complete"]} */
  complete(query, show) {
    const { q } = query;
    clearTimeout(this.#timer);
    const recentSpeakers = this.#listRecentSpeakers();
    const localMatches = rankMatches(this.#listMembers(), q, recentSpeakers);
    const allOption = isAllowed("mention_everybody") && "all".startsWith(q.toLowerCase()) ? this.#renderAllOption() : [];
    /** @param {Person[]} people */
    const showMatches = (people) => {
      const options = people.slice(0, MAX_OPTIONS).map((person) => this.#renderOption(person, query));
      // If the name is complete, Enter sends the message instead of choosing an option.
      const isComplete = people.some(({ username }) => username.toLowerCase() === q.toLowerCase()) || (allOption.length && q.toLowerCase() === "all");
      // `@all` comes last without a letter, and first if the letters match it.
      show(q ? [...allOption, ...options] : [...options, ...allOption], isComplete ? -1 : 0);
    };
    showMatches(localMatches);
    if (localMatches.length >= MAX_OPTIONS || (this.#emptyQuery !== null && q.startsWith(this.#emptyQuery))) return;
    // The page has only some members of a large group, and no members of a direct conversation. The server knows all
    // members and more ways to spell their names.
    this.#timer = setTimeout(async () => {
      const serverMatches = await this.#searchServer(q);
      if (!serverMatches.length && !localMatches.length && q) this.#emptyQuery = q;
      const localIds = new Set(localMatches.map(({ id }) => id));
      const newMatches = serverMatches.filter(({ id }) => !localIds.has(id) && id !== this.me);
      if (newMatches.length) showMatches([...localMatches, ...newMatches]);
    }, REQUEST_DELAY);
  }

  /** @param {string} q @returns {Promise<Person[]>} */
  async #searchServer(q) {
    const { conversationId } = this.composer;
    const query = new URLSearchParams({ q, ...(conversationId ? { conversation: String(conversationId) } : {}) });
    return (await api("GET", `users/?${query}`).catch(() => ({ results: [] }))).results;
  }

  /** Returns the members on the page. @returns {Person[]} */
  #listMembers() {
    const people = findAll(document, "member-panel .member[data-username]")
      .map(({ dataset, firstElementChild, children }) => ({
        id: Number(dataset.userId),
        username: dataset.username ?? "",
        name: [...children].find((child) => child.matches(".clip"))?.textContent ?? "",
        ...readAvatar(/** @type {HTMLElement} */ (firstElementChild)),
        pinyin: dataset.pinyin,
      }))
      .filter(({ id }) => id !== this.me);
    // A member may be in the list and in search results.
    return [...new Map(people.map((person) => [person.id, person])).values()];
  }

  /** Returns the ids of users who wrote the messages on the page, the last one first. */
  #listRecentSpeakers() {
    const senders = findAll(document, "message-log .msg[data-sender]").map((item) => Number(item.dataset.sender));
    return [...new Set(senders.reverse())];
  }

  /** @returns {Option[]} */
  #renderAllOption() {
    const content = clone("option-all-template");
    return content ? [{ content, text: "@all" }] : [];
  }

  /** @param {Person} user @param {import("./completion.js").Query} query @returns {Option} */
  #renderOption(user, query) {
    const content = /** @type {HTMLElement} */ (clone("option-person-template"));
    const avatarElement = createAvatar(user, "s", true);
    const onlineDot = find(avatarElement, ".here");
    if (onlineDot) onlineDot.hidden = !getPresence(user.id)?.online;
    find(content, ".avatar")?.replaceWith(avatarElement);
    const [name, username] = [find(content, "b"), find(content, "small")];
    name?.replaceChildren(...highlightMatch(user.name, query.q));
    if (username) username.textContent = `@${user.username}`;
    return { content, text: this.formatUser(user, query), onAccepted: this.onAccepted };
  }
}

/** Highlights the typed part of a name. @param {string} name @param {string} q @returns {(string | HTMLElement)[]} */
function highlightMatch(name, q) {
  const index = q ? name.toLowerCase().indexOf(q.toLowerCase()) : -1;
  if (index < 0) return [name];
  const element = document.createElement("mark");
  element.textContent = name.slice(index, index + q.length);
  return [name.slice(0, index), element, name.slice(index + q.length)];
}
