/** One conversation in the list, drawn as `templates/chat/list/_conversation_row.html` does. */
import { isBlocked } from "../conversation/message/blocked-messages.js";
import { badge, tally } from "./unread-badges.js";
import { makeExcerpt } from "../lib/wording.js";
import { replaceIdInUrls, createAvatar, clone, find, getDateFormatter, words } from "../lib/dom.js";
import { isQuiet } from "./unread-totals.js";

/** @typedef {import("../realtime/protocol.js").Conversation} Conversation */
/** @typedef {import("../realtime/protocol.js").Message} Message */
/** @typedef {import("../realtime/protocol.js").Mine} Mine */

export class ConversationRow {
  /** The newest text; undefined while only the server's drawing of it is known. @type {Message | null | undefined} */
  #last;
  #draft = "";
  /** What failed; null: nothing did. @type {string | null} */
  #failed = null;
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
    this.link = /** @type {HTMLElement} */ (find(li, ".conversation-row"));
    this.id = Number(this.link.dataset.id);
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
    const li = clone("row-template");
    if (!li) return null;
    const link = /** @type {HTMLElement} */ (find(li, ".conversation-row"));
    replaceIdInUrls(link, conversation.id);
    link.dataset.id = String(conversation.id);
    const row = new ConversationRow(li, me);
    row.whole(conversation);
    return row;
  }

  get #line() {
    return find(this.link, ".row-last");
  }

  get kind() {
    return this.link.dataset.kind ?? "";
  }

  get unread() {
    return tally.of(this.id)?.unread.count ?? 0;
  }

  get mentions() {
    return tally.of(this.id)?.unread.mentions ?? 0;
  }

  get favourite() {
    return tally.of(this.id)?.favourite ?? false;
  }

  get archived() {
    return tally.of(this.id)?.archived ?? false;
  }

  get activeAt() {
    return this.link.dataset.activeAt ?? "";
  }

  get title() {
    return find(this.link, ".row-name .clip")?.textContent ?? "";
  }

  /** All of it, as the server has it now. @param {Conversation} conversation */
  whole(conversation) {
    const { last_message: last, mine, created_at } = conversation;
    this.#newest(last);
    this.shared(conversation);
    this.#at(last?.created_at ?? created_at);
    if (mine) this.mine(mine);
  }

  /** What all members share. @param {Conversation} conversation */
  shared(conversation) {
    const { kind, title, peer } = conversation;
    const { dataset } = this.link;
    dataset.kind = kind;
    if (peer) dataset.peerId = String(peer.id);
    else delete dataset.peerId;
    this.named(kind === "group" ? title : peer?.name ?? title);
    this.#face(createAvatar(conversation, "l", true));
  }

  /** @param {HTMLElement} face */
  #face(face) {
    const here = find(this.link, ".avatar .here:not([hidden])") !== null;
    const dot = find(face, ".here");
    if (dot) dot.hidden = !here;
    find(this.link, ".avatar")?.replaceWith(face);
  }

  /** The other person of a pair, with another name or picture. @param {import("../realtime/protocol.js").User} user */
  peer(user) {
    this.named(user.name);
    this.#face(createAvatar(user, "l", true));
  }

  /** Somebody has another name: where it stands before their text. @param {import("../realtime/protocol.js").User} user */
  renamed(user) {
    if (this.link.dataset.lastBy !== String(user.id)) return;
    if (this.#last) this.#last = { ...this.#last, sender: user };
    for (const node of this.#drawn) {
      const name = node instanceof HTMLElement && node.matches(".who") ? find(node, "bdi") : null;
      if (name) name.textContent = user.name;
    }
    this.#preview();
  }

  /** The filter is kept when one goes to this conversation. @param {string} show */
  address(show) {
    this.link.setAttribute("href", `/c/${this.id}/${show === "all" ? "" : `?show=${show}`}`);
  }

  /** @param {string} title */
  named(title) {
    this.link.title = title;
    const name = find(this.link, ".row-name .clip");
    if (name) name.textContent = title;
  }

  /** What is my own. @param {Mine} mine */
  mine(mine) {
    Object.assign(this.link.dataset, { role: mine.role, level: mine.level });
    const draft = makeExcerpt(mine.draft);
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
    this.#typing.delete(message.sender.id);
    const moves = message.kind === "text" && message.created_at > this.activeAt;
    const isLast = this.#last ? this.#last.id === message.id : message.created_at === this.activeAt;
    if (moves || (isLast && message.kind === "text" && message.version >= (this.#last?.version ?? 0))) {
      this.#newest(message);
      this.#at(message.created_at);
    }
    this.#preview();
    this.count();
    return moves;
  }

  /** @param {Message | null} message */
  #newest(message) {
    this.#last = message;
    this.link.dataset.lastBy = String(message?.sender.id ?? "");
  }

  /**
   * Somebody was blocked, or is no more.
   * @param {number} userId
   * @returns {boolean} whether the row has to be read anew: it shows a text of theirs as the server drew it
   */
  folded(userId) {
    if (this.link.dataset.lastBy !== String(userId)) return false;
    this.#preview();
    return this.#last === undefined;
  }

  /** @param {number} userId @param {boolean} active */
  typing(userId, active) {
    if (active) this.#typing.add(userId);
    else this.#typing.delete(userId);
    this.#preview();
  }

  /** The text of mine that failed here last. @param {string | null} failed */
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
    const text = getDateFormatter().formatShort(new Date(this.activeAt), new Date());
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
    } else if (this.#failed !== null) {
      line.replaceChildren(named("fail", said.notSent ?? ""), " ", part("text", this.#failed));
    } else if (this.#draft) {
      line.replaceChildren(named("draft", said.draft ?? ""), " ", part("text", this.#draft));
    } else if (last === undefined) {
      line.replaceChildren(...this.#drawn);
    } else if (!last) {
      line.replaceChildren(part("text", ""));
    } else if (last.deleted_at) {
      line.replaceChildren(part("text", said.deleted ?? ""));
    } else if (isBlocked(last.sender.id)) {
      line.replaceChildren(part("text", said.blocked ?? ""));
    } else {
      const text = part("text", makeExcerpt(last.body, last.attachments));
      line.replaceChildren(...this.#who(last), text);
    }
  }

  /** Who wrote it, where that need be said. @param {Message} last @returns {(Node | string)[]} */
  #who({ sender }) {
    const said = words("list-words");
    const isMine = sender.id === this.me;
    if (!isMine && this.kind !== "group") return [];
    const who = document.createElement("span");
    who.className = "who";
    const [before, after = ""] = ((isMine ? said.you : said.who) ?? "").split("%a");
    if (isMine) who.append(before);
    else who.append(...[before, isolated(sender.name), after].filter(Boolean));
    return [who, " "];
  }

  /** Badges and marks, as the tally has them. */
  count() {
    const standing = tally.of(this.id);
    if (!standing) return;
    const { muted, favourite, archived, unread } = standing;
    const quiet = isQuiet(standing);
    const { classList } = this.link;
    for (const [name, on] of Object.entries({ unread: unread.count > 0, quiet, muted, favourite, archived })) {
      classList.toggle(name, on);
    }
    const count = find(this.link, ".badge:not(.at)");
    count?.classList.toggle("muted", quiet);
    badge(count, unread.count);
    this.#shown(".badge.at", unread.mentions > 0);
    this.#shown(".row-muted", muted);
    this.#shown(".row-pin", favourite);
  }

  /** @param {string} selector @param {boolean} on */
  #shown(selector, on) {
    const element = find(this.link, selector);
    if (element) element.hidden = !on;
  }
}

/** So that a name of the other direction turns nothing else. @param {string} text */
function isolated(text) {
  const bdi = document.createElement("bdi");
  bdi.textContent = text;
  return bdi;
}

/** @param {string} name @param {string} text */
function named(name, text) {
  const span = document.createElement("span");
  span.className = name;
  span.textContent = text;
  return span;
}

/** @param {string} name @param {string} text */
function part(name, text) {
  const bdi = document.createElement("bdi");
  bdi.dataset.part = name;
  bdi.textContent = text;
  return bdi;
}
