/**
 * `<message-log>`: the messages of the open conversation. What is told is drawn in its place by `seq`, once; what is on
 * its way out stands at the end. A reload draws the same.
 */
import { api } from "./api.js";
import { arrange } from "./arrange.js";
import { LiveElement, later, tell } from "./live.js";
import { LogPages } from "./log-pages.js";
import { MessageActions } from "./message-actions.js";
import { drawMessage, drawReply, drawSender, setClasses, unnamed } from "./message-view.js";
import { excerpt } from "./names.js";
import { find, findAll } from "./page.js";
import { learn, learnMembers } from "./people.js";
import { QueuedLines } from "./queued-lines.js";
import { ReadMark } from "./read-mark.js";
import { Receipts } from "./receipts.js";
import { Scroller } from "./scroller.js";
import { goTo } from "./visit.js";

/** @typedef {import("./protocol.js").Message} Message */
/** @typedef {import("./protocol.js").Member} Member */

const REMEMBERED = 1_000; // messages, besides their lines
const HOUR = 3_600_000;

export class MessageLog extends LiveElement {
  conversationId = 0;
  me = 0;
  /** @type {HTMLElement} */
  list = later();
  /** Lines drawn, by seq. @type {Map<number, HTMLElement>} */
  lines = new Map();
  /** @type {Scroller} */
  scroller = later();
  /** @type {Receipts} */
  receipts = later();
  /** @type {ReadMark} */
  mark = later();
  /** @type {QueuedLines} */
  queued = later();
  /** @type {LogPages} */
  #pages = later();
  /** Messages as they were told last, by id. @type {Map<number, Message>} */
  #told = new Map();
  /** New ones below what is on the screen. */
  #fresh = 0;
  /** The newest that was told of. */
  #newest = 0;
  /** A change is under way, and how far up it reaches: the lowest seq. @type {number | null} */
  #from = null;
  /** @type {any} */
  #midnight;

  start() {
    const { dataset } = this;
    const log = find(this, ".log");
    const list = find(log, "ol");
    if (!log || !list) return;
    this.conversationId = Number(dataset.conversationId);
    this.me = Number(dataset.me);
    this.#newest = Number(dataset.lastSeq ?? 0);
    this.list = list;
    this.lines = new Map(findAll(list, ":scope > [data-seq]").map((li) => [Number(li.dataset.seq), li]));
    this.scroller = new Scroller(log, list, this.gone);
    this.receipts = new Receipts(this.me);
    for (const receipt of JSON.parse(dataset.receipts || "[]")) this.receipts.add(receipt);
    this.mark = new ReadMark(this, Number(dataset.readSeq ?? 0));
    this.queued = new QueuedLines(this);
    this.#pages = new LogPages(this);
    new MessageActions(this);
    this.#hearAll();
    this.listen(log, "scroll", () => this.#scrolled(), { passive: true });
    this.listen(find(this, ".latest"), "click", () => this.toNewest());
    this.listen(list, "click", (event) => this.#clicked(event));
    this.listen(document, "compose:sent", () => (this.hasAfter ? this.toNewest() : this.scroller.stick()));
    this.#openAt();
    arrange(list, 0, this.receipts, this.#inGroup);
    this.#latest();
    this.#newDay();
    tell("live:rendered", { conversation_id: this.conversationId, version: Number(dataset.version) });
    this.mark.look();
  }

  stop() {
    clearTimeout(this.#midnight);
  }

  #hearAll() {
    /** @type {(run: (payload: any) => void) => (payload: any) => void} */
    const ours = (run) => (payload) => payload.conversation_id === this.conversationId && run(payload);
    for (const type of ["message.created", "message.updated", "message.current"]) {
      this.hear(type, ours(({ message }) => this.put(message)));
    }
    this.hear("receipt", ours((receipt) => this.redraw(0, () => this.receipts.add(receipt))));
    this.hear("mine.updated", ours(({ mine }) => this.mark.moved(mine.read_seq)));
    this.hear("member.updated", ours(({ member }) => this.#member(member)));
    this.hear("conversation.removed", ours(() => goTo("/", { replace: true, say: "removed" })));
    this.hear("stale", ours(() => goTo(location.pathname, { replace: true })));
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
    return findAll(this.list, ":scope > .msg.mine[data-seq]:not(.gone)").at(-1) ?? null;
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
    learn(sender);
    this.redraw(seq, () => {
      if (old) this.#renew(old, message);
      else if ((this.hasBefore && seq < this.first) || (this.hasAfter && seq > this.last)) this.#pages.passOver(message);
      else this.#add(message);
      this.#count(message);
      this.#requote(message);
    });
  }

  /** @param {Message} message */
  #add(message) {
    const { seq, sender, client_id } = message;
    if (sender.id === this.me) {
      this.queued.take(client_id);
      if (seq > this.mark.seq) this.#dropUnreadLine();
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
    if (unnamed(newest, this.me).length) {
      learnMembers(this.conversationId).then(() => li.isConnected && this.#renew(li, newest));
    }
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
    after ??= find(this.list, ":scope > .older-line:first-child:has(.older)");
    if (after) after.after(li);
    else this.list.prepend(li);
  }

  #dropUnreadLine() {
    const line = find(this.list, ":scope > .unread-line");
    line?.remove();
    if (line) this.#from = 0; // what it divided is one group now
  }

  /** @param {Message} message */
  #count({ seq, sender, kind }) {
    if (seq <= this.#newest) return;
    this.#newest = seq;
    const isBelow = this.hasAfter || !this.scroller.atEnd;
    if (isBelow && kind === "text" && sender.id !== this.me) this.#fresh += 1;
  }

  /** Stubs that quote it are drawn as it is now. @param {Message} message */
  #requote({ id, seq, sender, body, deleted_at }) {
    const reply = { id, seq, sender, excerpt: excerpt(body), deleted: deleted_at !== null };
    for (const stub of findAll(this.list, `.reply[data-id="${id}"]`)) drawReply(stub, reply);
  }

  /** @param {Member} member */
  #member({ user, left_at }) {
    learn(user);
    this.redraw(0, () => {
      if (left_at) this.receipts.remove(user.id);
      for (const li of findAll(this.list, `.msg[data-sender="${user.id}"]`)) {
        drawSender(li, user, user.id === this.me);
        for (const stub of findAll(this.list, `.reply[data-id="${li.dataset.id}"] b`)) stub.textContent = user.name;
      }
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
    const from = this.scroller.atEnd && this.#pages.forget() ? 0 : this.#from ?? 0;
    this.#from = null;
    if (!this.isConnected) return;
    arrange(this.list, from, this.receipts, this.#inGroup);
    this.scroller.settle();
    this.#latest();
    this.mark.look();
  }

  // ── Moving about ─────────────────────────────────────────────────────────────────────────────────────────────────
  /** Where one begins to read: the place asked for, the first unread, or the end. */
  #openAt() {
    const at = new URL(location.href).searchParams.get("at") ?? /^#m-(\d+)$/.exec(location.hash)?.[1];
    const asked = at ? this.lines.get(Number(at)) : undefined;
    const unread = find(this.list, ":scope > .unread-line");
    if (asked) this.scroller.show(asked, false);
    else if (unread) this.scroller.toLine(unread);
    else this.scroller.toEnd();
  }

  #scrolled() {
    this.scroller.scrolled();
    this.#latest();
    this.mark.look();
    this.#pages.near();
  }

  toNewest() {
    if (this.hasAfter) {
      goTo(`/c/${this.conversationId}/`);
    } else {
      this.scroller.toEnd();
      this.#latest();
    }
  }

  /** The button that leads to the end, with how many are new there. */
  #latest() {
    const button = find(this, ".latest");
    if (this.scroller.atEnd && !this.hasAfter) this.#fresh = 0;
    if (button) button.hidden = !this.hasAfter && this.scroller.nearEnd && !this.#fresh;
    const number = find(button, ".num");
    const text = this.#fresh ? String(this.#fresh) : "";
    if (number && number.textContent !== text) number.textContent = text;
  }

  /** @param {MouseEvent} event */
  #clicked(event) {
    if (event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const link = /** @type {HTMLElement | null} */ (
      /** @type {Element} */ (event.target).closest(".older, .newer, .reply[data-seq]")
    );
    if (!link) return;
    event.preventDefault();
    const { seq } = link.dataset;
    const quoted = this.lines.get(Number(seq));
    if (!seq) this.#pages.read(link.matches(".older") ? "before" : "after");
    else if (quoted) this.scroller.show(quoted);
    else goTo(`/c/${this.conversationId}/?at=${seq}#m-${seq}`);
  }

  /** "Today" becomes "Yesterday". */
  #newDay() {
    const midnight = new Date();
    midnight.setHours(24, 0, 1, 0);
    this.#midnight = setTimeout(() => {
      this.redraw(0, () => {});
      this.#newDay();
    }, Math.min(midnight.getTime() - Date.now(), HOUR)); // the reader's zone may have its midnight at another hour
  }
}
