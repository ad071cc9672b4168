/** One conversation in the list, drawn as `templates/chat/_conv.html` does. */
import { excerpt, fill } from "./names.js";
import { addresses, avatar, clone, find, pageTimes, words } from "./page.js";
import { Unread } from "./unread.js";

/** @typedef {import("./protocol.js").Conversation} Conversation */
/** @typedef {import("./protocol.js").Message} Message */
/** @typedef {import("./protocol.js").Mine} Mine */

export class ConversationRow {
  /** The newest text; undefined while only the server's drawing of it is known. @type {Message | null | undefined} */
  #last;
  #draft = "";
  #failed = false;
  /** What the server drew under the name. @type {Node[]} */
  #drawn;
  /** @type {Set<number>} */
  #typing = new Set();

  /**
   * @param {HTMLElement} li
   * @param {number} me
   */
  constructor(li, me) {
    this.li = li;
    this.me = me;
    this.link = /** @type {HTMLElement} */ (find(li, ".conv"));
    const { id, lastSeq, readSeq, unread, mentions } = this.link.dataset;
    this.id = Number(id);
    this.unread = new Unread({
      me,
      lastSeq: Number(lastSeq),
      readSeq: Number(readSeq),
      count: Number(unread),
      mentions: Number(mentions),
    });
    const line = this.#line;
    this.#drawn = [...(line?.childNodes ?? [])];
    if (find(line, ".draft")) this.#draft = find(line, "[data-part=text]")?.textContent ?? "";
  }

  /**
   * A row for a conversation that the page did not come with.
   * @param {Conversation} conversation
   * @param {number} me
   */
  static make(conversation, me) {
    const li = clone("conv-template");
    if (!li) return null;
    const link = /** @type {HTMLElement} */ (find(li, ".conv"));
    addresses(link, conversation.id);
    link.dataset.id = String(conversation.id);
    const row = new ConversationRow(li, me);
    row.whole(conversation);
    return row;
  }

  get #line() {
    return find(this.link, ".conv-last");
  }

  get muted() {
    return this.link.classList.contains("muted");
  }

  get archived() {
    return this.link.classList.contains("archived");
  }

  get activeAt() {
    return this.link.dataset.activeAt ?? "";
  }

  get title() {
    return find(this.link, ".conv-name .clip")?.textContent ?? "";
  }

  /** All of it, as the server has it now. @param {Conversation} conversation */
  whole(conversation) {
    const { last_message: last, mine, created_at, last_seq } = conversation;
    this.#last = last;
    this.shared(conversation);
    this.#at(last?.created_at ?? created_at);
    if (mine) {
      this.unread = new Unread({
        me: this.me,
        lastSeq: last_seq,
        readSeq: mine.read_seq,
        count: mine.unread_count,
        mentions: mine.unread_mention_count,
      });
      this.mine(mine);
    }
  }

  /** What all members share. @param {Conversation} conversation */
  shared(conversation) {
    const { kind, title, peer } = conversation;
    const { dataset } = this.link;
    dataset.kind = kind;
    if (peer) dataset.peerId = String(peer.id);
    else delete dataset.peerId;
    this.named(kind === "group" ? title : peer?.name ?? title);
    const here = find(this.link, ".avatar .here:not([hidden])") !== null;
    const face = avatar(conversation, "l", true);
    const dot = find(face, ".here");
    if (dot) dot.hidden = !here;
    find(this.link, ".avatar")?.replaceWith(face);
  }

  /** @param {string} title */
  named(title) {
    this.link.title = title;
    const name = find(this.link, ".conv-name .clip");
    if (name) name.textContent = title;
  }

  /** What is my own. @param {Mine} mine */
  mine(mine) {
    this.unread.mine(mine);
    this.link.classList.toggle("muted", mine.muted);
    this.link.classList.toggle("archived", mine.archived);
    this.#shown(".conv-muted", mine.muted);
    this.#shown(".conv-pin", mine.favourite);
    find(this.link, ".badge:not(.at)")?.classList.toggle("muted", mine.muted);
    const draft = excerpt(mine.draft);
    if (draft !== this.#draft || this.#last !== undefined) {
      this.#draft = draft;
      this.#preview();
    }
    this.count();
  }

  /** Whether the row can show its newest text: without a draft, one drawn by the server with one cannot. */
  get isWhole() {
    return this.#last !== undefined || this.#draft !== "" || !this.#drawn.some((node) => /** @type {Element} */ (node).className === "draft");
  }

  /**
   * A message as it is now.
   * @param {Message} message
   * @returns {boolean} whether the row moves
   */
  message(message) {
    this.unread.message(message);
    this.#typing.delete(message.sender.id);
    const moves = message.kind === "text" && message.created_at > this.activeAt;
    const isLast = this.#last ? this.#last.id === message.id : message.created_at === this.activeAt;
    if (moves || (isLast && message.kind === "text" && message.version >= (this.#last?.version ?? 0))) {
      this.#last = message;
      this.#at(message.created_at);
    }
    this.#preview();
    this.count();
    return moves;
  }

  /** On the screen of this page up to here. @param {number} seq */
  seen(seq) {
    this.unread.seen(seq);
    this.count();
  }

  /** @param {number} userId @param {boolean} active */
  typing(userId, active) {
    if (active) this.#typing.add(userId);
    else this.#typing.delete(userId);
    this.#preview();
  }

  /** Whether a text of mine failed here. @param {boolean} failed */
  failed(failed) {
    if (failed === this.#failed) return;
    this.#failed = failed;
    this.#preview();
  }

  /** @param {string} at */
  #at(at) {
    this.link.dataset.activeAt = at;
    this.time();
  }

  /** The time in words, which change as it passes. */
  time() {
    const time = find(this.link, "time");
    if (!time || !this.activeAt) return;
    const text = pageTimes().brief(new Date(this.activeAt), new Date());
    time.setAttribute("datetime", this.activeAt);
    if (time.textContent !== text) time.textContent = text;
  }

  #preview() {
    const line = this.#line;
    if (!line) return;
    const said = words("list-words");
    const last = this.#last;
    if (this.#typing.size) {
      line.replaceChildren(part("text", said.typing ?? ""));
    } else if (this.#draft) {
      line.replaceChildren(...this.#failure(), named("draft", said.draft ?? ""), " ", part("text", this.#draft));
    } else if (last === undefined) {
      line.replaceChildren(...this.#failure(), ...this.#drawn);
    } else if (!last) {
      line.replaceChildren(...this.#failure(), part("text", ""));
    } else if (last.deleted_at) {
      line.replaceChildren(...this.#failure(), part("text", said.deleted ?? ""));
    } else {
      const mine = last.sender.id === this.me;
      const who = mine ? said.you ?? "" : this.link.dataset.kind === "group" ? fill(said.who, { a: last.sender.name }) : "";
      const text = part("text", excerpt(last.body));
      line.replaceChildren(...this.#failure(), ...(who ? [named("who", who), " "] : []), text);
    }
  }

  #failure() {
    return this.#failed ? [named("fail", words("list-words").notSent ?? ""), " "] : [];
  }

  /** Badges and the data that they come from. */
  count() {
    const { count, mentions, lastSeq, readSeq } = this.unread;
    Object.assign(this.link.dataset, {
      unread: String(count),
      mentions: String(mentions),
      lastSeq: String(lastSeq),
      readSeq: String(readSeq),
    });
    this.link.classList.toggle("unread", count > 0);
    badge(find(this.link, ".badge:not(.at)"), count);
    this.#shown(".badge.at", mentions > 0);
  }

  /** @param {string} selector @param {boolean} on */
  #shown(selector, on) {
    const element = find(this.link, selector);
    if (element) element.hidden = !on;
  }
}

/**
 * A number in a badge, hidden at nought.
 * @param {HTMLElement | null} element
 * @param {number} count
 */
export function badge(element, count) {
  if (!element) return;
  const text = count > 99 ? "99+" : String(count);
  element.hidden = !count;
  const [seen, heard] = [find(element, "[aria-hidden]"), find(element, ".sr")];
  if (seen) seen.textContent = text;
  if (heard) heard.textContent = fill(words("list-words").unread, { n: text });
}

/** @param {string} name @param {string} text */
function named(name, text) {
  const bdi = document.createElement("bdi"); // so that a name of the other direction turns nothing else
  bdi.className = name;
  bdi.textContent = text;
  return bdi;
}

/** @param {string} name @param {string} text */
function part(name, text) {
  const bdi = document.createElement("bdi");
  bdi.dataset.part = name;
  bdi.textContent = text;
  return bdi;
}
