/**
 * `<message-log>`: the messages of the open conversation. What is told is drawn in its place by `seq`, once; what is on
 * its way out stands at the end. A reload draws the same.
 */
import { api } from "../../realtime/api.js";
import { arrange } from "./regroup.js";
import { atMidnight } from "./date-separators.js";
import { Jumps } from "./jump-to-message.js";
import { LiveElement, emit } from "../../realtime/events.js";
import { LogPages } from "./history-loader.js";
import { MessageActions } from "../message/message-triggers.js";
import { setClasses } from "../message/message-classes.js";
import { drawMessage, drawReply, drawSender, unnamed } from "../message/message-view.js";
import { makeExcerpt } from "../../lib/wording.js";
import { find, findAll } from "../../lib/dom.js";
import { cacheUser, loadUsers, getUserName } from "../../realtime/state/user-cache.js";
import { QueuedLines } from "./pending-messages.js";
import { ReadMark } from "../receipts/read-marker.js";
import { Receipts, watchReceipts } from "../receipts/receipts.js";
import { rename } from "../renames.js";
import { Scroller } from "./scroll-keeper.js";
import { Unread } from "../../conversation-list/unread-counter.js";
import { UnreadLine } from "./unread-separator.js";
import { Viewers } from "../header/viewers.js";
import { navigate } from "../../ui/page-navigation.js";

/** @typedef {import("../../realtime/protocol.js").Message} Message */
/** @typedef {import("../../realtime/protocol.js").Member} Member */

const REMEMBERED = 500; // messages, besides their lines

export class MessageLog extends LiveElement {
  conversationId = 0;
  me = 0;
  /** @type {HTMLElement} */
  list = /** @type {any} */ (undefined);
  /** Lines drawn, by seq. @type {Map<number, HTMLElement>} */
  lines = new Map();
  /** @type {Scroller} */
  scroller = /** @type {any} */ (undefined);
  /** @type {Receipts} */
  receipts = /** @type {any} */ (undefined);
  /** @type {ReadMark} */
  mark = /** @type {any} */ (undefined);
  /** @type {QueuedLines} */
  queued = /** @type {any} */ (undefined);
  /** @type {LogPages} */
  pages = /** @type {any} */ (undefined);
  /** @type {Unread} */
  unread = /** @type {any} */ (undefined);
  /** @type {UnreadLine} */
  unreadLine = /** @type {any} */ (undefined);
  /** @type {Viewers} */
  viewers = /** @type {any} */ (undefined);
  /** @type {Jumps} */
  #jumps = /** @type {any} */ (undefined);
  /** Messages as they were told last, by id. @type {Map<number, Message>} */
  #told = new Map();
  /** A change is under way, and how far up it reaches: the lowest seq. @type {number | null} */
  #from = null;

  start() {
    const { dataset } = this;
    const log = find(this, ".log");
    const list = find(log, "ol");
    if (!log || !list) return;
    this.conversationId = Number(dataset.conversationId);
    this.me = Number(dataset.me);
    this.list = list;
    this.#jumps = new Jumps(this);
    const painted = this.#jumps.opensInside ? topLine(log, list) : null; // measuring lays out all lines once more
    dataset.live = ""; // from here on style leaves it to the script where the log is scrolled to
    this.lines = new Map(findAll(list, ":scope > [data-seq]").map((li) => [Number(li.dataset.seq), li]));
    this.scroller = new Scroller(log, list, this.signal, () => !this.hasAfter);
    this.receipts = new Receipts(this.me);
    this.receipts.replace(JSON.parse(dataset.receipts || "[]"));
    this.mark = new ReadMark(this, Number(dataset.readSeq ?? 0));
    this.queued = new QueuedLines(this);
    this.pages = new LogPages(this);
    this.unread = new Unread({
      me: this.me,
      lastSeq: Number(dataset.lastSeq ?? 0),
      readSeq: this.mark.seq,
      count: Number(dataset.unread ?? 0),
      mentions: 0,
    });
    this.unreadLine = new UnreadLine(this);
    watchReceipts(this);
    this.viewers = new Viewers(this);
    new MessageActions(this);
    this.#hearAll();
    this.on(log, "scroll", () => this.#scrolled(), { passive: true });
    this.on(document, "compose:sent", () => (this.hasAfter ? this.#jumps.toNewest() : this.scroller.stick()));
    arrange(list, 0, this.receipts, this.#inGroup);
    this.#jumps.open(painted);
    atMidnight(() => this.redraw(0, () => {}), this.signal);
    emit("live:rendered", { conversation_id: this.conversationId, version: Number(dataset.version) });
    this.moved();
  }

  #hearAll() {
    /** @type {(run: (payload: any) => void) => (payload: any) => void} */
    const ours = (run) => (payload) => payload.conversation_id === this.conversationId && run(payload);
    for (const type of ["message.created", "message.updated", "message.current"]) {
      this.onLive(type, ours(({ message }) => this.put(message)));
    }
    this.onLive("mine.updated", ours(({ mine }) => this.#mine(mine)));
    this.onLive("member.updated", ours(({ member }) => this.#member(member)));
    this.onLive("conversation.removed", ours(() => navigate("/", { replace: true, toastKey: "removed" })));
    this.onLive("stale", ours(() => navigate(location.pathname, { replace: true })));
  }

  get #inGroup() {
    return this.dataset.kind === "group";
  }

  get hasBefore() {
    return this.dataset.hasBefore === "1";
  }

  /** This is a place in the middle: the newest are not drawn. */
  get hasAfter() {
    return this.dataset.hasAfter === "1";
  }

  /** Seq of the first line; 0 where there is none. */
  get first() {
    return this.lines.size ? Math.min(...this.lines.keys()) : 0;
  }

  get last() {
    return Math.max(0, ...this.lines.keys());
  }

  /** My newest text that stands, for editing. */
  get myLast() {
    return findAll(this.list, ":scope > .msg.mine[data-seq]:not(.deleted)").at(-1) ?? null;
  }

  /** The message behind a line, with its text as it was written. @param {HTMLElement} li @returns {Promise<Message>} */
  async message(li) {
    const id = Number(li.dataset.id);
    return this.#told.get(id) ?? (await api("GET", `messages/${id}/`));
  }

  /** A message as it is now: drawn, or drawn anew, where its place is on this page. @param {Message} message */
  put(message) {
    const { id, seq, version, sender } = message;
    const old = this.lines.get(seq);
    if (old && Number(old.dataset.version) >= version) return;
    this.#told.delete(id);
    this.#told.set(id, message);
    if (this.#told.size > REMEMBERED) this.#told.delete(/** @type {number} */ (this.#told.keys().next().value));
    cacheUser(sender);
    this.redraw(seq, () => {
      if (old) this.#renewNamed(old, message);
      else if ((this.hasBefore && seq < this.first) || (this.hasAfter && seq > this.last)) this.pages.passOver(message);
      else this.#add(message);
      this.unread.message(message);
      this.#requote(message);
    });
  }

  /** My mark moved: here, on another device, or back by hand. @param {import("../../realtime/protocol.js").Mine} mine */
  #mine(mine) {
    const back = mine.read_seq < this.mark.seq;
    this.mark.moved(mine.read_seq);
    this.redraw(Infinity, () => {
      this.unread.mine(mine);
      if (back || (!this.unread.count && !this.mark.isLooking)) this.unreadLine.anew();
    });
  }

  /** @param {Message} message */
  #add(message) {
    const { seq, kind, sender, client_id } = message;
    if (sender.id === this.me && kind === "text") { // what else I did moves no mark, here as on the server
      this.queued.take(client_id);
      if (seq > this.mark.seq) this.unreadLine.anew();
      this.mark.sent(seq);
    }
    this.draw(message);
  }

  /** Draws a line in its place, in the newest form that is known. @param {Message} message */
  draw(message) {
    const told = this.#told.get(message.id);
    const newest = told && told.version > message.version ? told : message;
    const li = drawMessage(newest, this.me);
    if (!li) return;
    this.#place(li, message.seq);
    this.lines.set(message.seq, li);
    this.#named(li, newest);
  }

  /** Drawn anew once the names are known that this page has not heard yet. @param {HTMLElement} li @param {Message} message */
  #named(li, message) {
    const ids = unnamed(message, this.me);
    if (!ids.length) return;
    loadUsers(this.conversationId, ids).then(() => {
      if (ids.some((id) => getUserName(id) === undefined)) return; // not to be had now
      if (li.isConnected && Number(li.dataset.version) === message.version) this.redraw(message.seq, () => this.#renew(li, message));
    });
  }

  /** @param {HTMLElement} old @param {Message} message */
  #renewNamed(old, message) {
    this.#renew(old, message);
    this.#named(old, message);
  }

  /** In place, so that whoever stands on it with the keyboard stays there. @param {HTMLElement} old @param {Message} message */
  #renew(old, message) {
    const li = drawMessage(message, this.me);
    if (!li) return;
    setClasses(li, { first: old.classList.contains("first"), last: old.classList.contains("last") });
    const passing = [...old.classList].filter((name) => name === "open" || name === "jumped");
    for (const { name, value } of [...li.attributes]) old.setAttribute(name, value);
    old.classList.add(...passing);
    const acts = message.deleted_at === null ? findAll(old, ":scope > .acts") : [];
    for (const fold of findAll(li, ".unfold input, .unblock input")) {
      const was = /** @type {HTMLInputElement | null} */ (find(old, `.${fold.parentElement?.className} input`));
      /** @type {HTMLInputElement} */ (fold).checked = was?.checked ?? false;
    }
    old.replaceChildren(...li.childNodes, ...acts);
  }

  /** By seq, before the texts on their way out. @param {HTMLElement} li @param {number} seq */
  #place(li, seq) {
    const isBefore = (/** @type {Element} */ line) => {
      const at = /** @type {HTMLElement} */ (line).dataset.seq;
      return at !== undefined && Number(at) < seq;
    };
    let after = this.list.lastElementChild;
    while (after && !isBefore(after)) after = after.previousElementSibling;
    after ??= find(this.list, ":scope > :is(.older-line:has(.older), .beginning):first-child");
    if (after) after.after(li);
    else this.list.prepend(li);
  }

  /** Stubs that quote it are drawn as it is now. @param {Message} message */
  #requote({ id, seq, sender, body, attachments, deleted_at }) {
    const reply = { id, seq, sender, excerpt: makeExcerpt(body, attachments), deleted: deleted_at !== null };
    for (const stub of findAll(this.list, `.reply[data-id="${id}"]`)) drawReply(stub, reply);
  }

  /** @param {Member} member */
  #member({ user, left_at }) {
    cacheUser(user);
    this.redraw(0, () => {
      if (left_at) this.receipts.remove(user.id);
      for (const li of findAll(this.list, `.msg[data-sender="${user.id}"]`)) drawSender(li, user, user.id === this.me);
      rename(this.list, user, this.me);
    });
  }

  /**
   * Changes what is drawn, many changes as one: groups, days and marks are put right once, and what the reader looks at
   * stays where it is.
   * @param {number} from the lowest seq that the change touches; Infinity: only what is on its way out
   * @param {() => void} change
   */
  redraw(from, change) {
    if (this.#from === null) {
      this.scroller.hold();
      queueMicrotask(() => this.#redrawn());
    }
    this.#from = Math.min(this.#from ?? Infinity, from);
    change();
  }

  #redrawn() {
    let from = this.#from ?? 0;
    this.#from = null;
    if (!this.isConnected) return;
    this.scroller.settle();
    if (this.pages.forget()) {
      from = 0;
      this.scroller.settle();
    }
    this.mark.look();
    if (this.unreadLine.put(this.mark.seen, this.unread.count > 0)) from = 0; // what it divides is one group or two
    arrange(this.list, from, this.receipts, this.#inGroup);
    this.scroller.settle();
    this.#latest();
    this.viewers.place();
    this.pages.near();
  }

  #scrolled() {
    this.scroller.scrolled();
    this.moved();
  }

  /** Something else is on the screen. */
  moved() {
    this.#latest();
    this.mark.look();
    this.pages.near();
  }

  /** The way to the end, with how many are new there. */
  #latest() {
    const link = find(this, ".latest");
    const count = this.unread.count;
    const { atEnd, closeToEnd } = this.scroller;
    if (link) link.hidden = !this.hasAfter && (atEnd || (closeToEnd && !count));
    const number = find(link, ".num");
    const text = count ? String(count) : "";
    if (number && number.textContent !== text) number.textContent = text;
  }
}

/**
 * What the browser shows at the top before the script takes over.
 * @param {HTMLElement} log
 * @param {HTMLElement} list
 */
function topLine(log, list) {
  const { top } = log.getBoundingClientRect();
  const line = findAll(list, ":scope > [data-seq]").find((li) => li.getBoundingClientRect().top >= top);
  return line ? { line, offset: line.getBoundingClientRect().top - top } : null;
}
