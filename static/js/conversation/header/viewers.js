/**
 * Who else looks at this conversation now: how many, in its head; and small faces at the line up to which each of them has
 * read. They hang over the lines and move nothing; a screen reader hears none of it.
 */
import { fillPlaceholders, formatNameList } from "../../lib/wording.js";
import { createAvatar, find, findAll, words } from "../../lib/dom.js";
import { loadUsers, getUserName, getUser } from "../../realtime/state/user-cache.js";

const FACES = 3; // at one line; of more the number

/** @typedef {import("../log/message-log.js").MessageLog} MessageLog */

export class Viewers {
  /** How far each of them has read. @type {Map<number, number>} */
  #read = new Map();
  /** How many others look, also those who do not show how far they have read. */
  #others = 0;

  /** @param {MessageLog} log */
  constructor(log) {
    this.log = log;
    log.onLive("viewers", (told) => told.conversation_id === log.conversationId && this.#told(told));
    log.onLive("receipt", ({ conversation_id, user_id, read_seq }) => {
      const was = conversation_id === log.conversationId ? this.#read.get(user_id) : undefined;
      if (was === undefined || (read_seq && read_seq <= was)) return;
      if (read_seq) this.#read.set(user_id, read_seq);
      else this.#read.delete(user_id); // shown no more
      this.place();
    });
    log.onLive("state", ({ state }) => {
      if (state !== "open" && state !== "shaky") this.#told({ count: 0, readers: [] });
    });
  }

  /** @param {{count: number, readers: {user_id: number, seq: number}[]}} told */
  #told({ count, readers }) {
    const others = readers.filter(({ user_id }) => user_id !== this.log.me);
    this.#read = new Map(others.map(({ user_id, seq }) => [user_id, seq]));
    const strangers = [...this.#read.keys()].filter((id) => getUserName(id) === undefined);
    if (strangers.length) loadUsers(this.log.conversationId, strangers).then(() => this.#named());
    this.#others = Math.max(count - (count > others.length ? 1 : 0), 0); // I am one of those who look
    this.#say();
    this.place();
  }

  /** Names that were not known are, by now. */
  #named() {
    if (!this.log.isConnected) return;
    this.#say();
    for (const faces of findAll(this.log.list, ":scope > li > .viewers")) faces.remove();
    this.place();
  }

  #say() {
    const count = this.#others;
    const place = find(document, ".conversation-head [data-part=viewers]");
    if (!place) return;
    const said = words("viewers-words");
    const text = count ? ` · ${fillPlaceholders(count === 1 ? said.one : said.many, { n: count })}` : "";
    place.hidden = !count;
    if (place.textContent !== text) place.textContent = text;
    const names = [...this.#read.keys()].map((id) => getUserName(id)).filter((name) => name !== undefined);
    place.title = formatNameList(names, words("name-words"));
  }

  /** Puts the faces where they belong, also after lines were drawn anew. */
  place() {
    /** @type {Map<HTMLElement, number[]>} */
    const wanted = new Map();
    for (const [userId, seq] of this.#read) {
      const line = this.#lineAt(seq);
      if (line) wanted.set(line, [...(wanted.get(line) ?? []), userId]);
    }
    for (const old of findAll(this.log.list, ":scope > li > .viewers")) {
      const ids = wanted.get(/** @type {HTMLElement} */ (old.parentElement));
      if (ids?.join(" ") === old.dataset.users) wanted.delete(/** @type {HTMLElement} */ (old.parentElement));
      else old.remove();
    }
    for (const [line, ids] of wanted) line.append(draw(ids));
  }

  /** The last line up to there; none where that is above this page. @param {number} seq */
  #lineAt(seq) {
    const { lines, last, first } = this.log;
    for (let at = Math.min(seq, last); at >= first && at > 0; at -= 1) {
      const line = lines.get(at);
      if (line) return line;
    }
    return undefined;
  }
}

/** @param {number[]} ids */
function draw(ids) {
  const faces = document.createElement("span");
  faces.className = "viewers";
  faces.dataset.users = ids.join(" ");
  faces.setAttribute("aria-hidden", "true");
  faces.title = formatNameList(ids.map((id) => getUserName(id) ?? "…"), words("name-words"));
  faces.append(...ids.slice(0, FACES).map(face));
  if (ids.length > FACES) faces.append(`+${ids.length - FACES}`);
  return faces;
}

/** @param {number} id */
function face(id) {
  const drawn =
    find(document, `.member[data-user-id="${id}"] .avatar`) ?? find(document, `.msg[data-sender="${id}"] > .avatar`);
  const copy = drawn
    ? /** @type {HTMLElement} */ (drawn.cloneNode(true))
    : createAvatar(getUser(id) ?? { id, username: "", name: getUserName(id) ?? "…", avatar_url: null });
  copy.className = "avatar";
  find(copy, ".here")?.remove();
  return copy;
}
