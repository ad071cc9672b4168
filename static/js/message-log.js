/**
 * `<message-log>`: the messages of the open conversation. What is told is drawn in its place by `seq`, once; what is on
 * its way out stands at the end. A reload draws the same.
 */
import { api } from "./api.js";
import { atMostEvery } from "./clock.js";
import { grouped } from "./grouping.js";
import { LiveElement, command, later, say, tell } from "./live.js";
import { MessageActions } from "./message-actions.js";
import { drawDay, drawMark, drawMessage, drawQueued, drawQueuedState, drawReply, drawSender, redrawDay, setClasses,
  unnamed } from "./message-view.js";
import { excerpt } from "./names.js";
import { find, findAll, pageTimes } from "./page.js";
import { learn, learnMembers, nameOf } from "./people.js";
import { Receipts } from "./receipts.js";
import { Scroller } from "./scroller.js";
import { goTo } from "./visit.js";

/** @typedef {import("./protocol.js").Message} Message */
/** @typedef {import("./protocol.js").History} History */
/** @typedef {import("./protocol.js").Queued} Queued */
/** @typedef {import("./protocol.js").User} User */

const KEPT = 2_000; // lines, when there are more than MOST and the newest are looked at
const MOST = 3_000;
const SECOND = 1_000;

export class MessageLog extends LiveElement {
  conversationId = 0;
  me = 0;
  /** @type {HTMLElement} */
  list = later();
  /** @type {Scroller} */
  scroller = later();
  /** @type {Receipts} */
  receipts = later();
  /** Lines drawn, by seq. @type {Map<number, HTMLElement>} */
  #lines = new Map();
  /** Texts on their way out, by client_id. @type {Map<string, HTMLElement>} */
  #queued = new Map();
  /** Messages told since the page was drawn, by id. @type {Map<number, Message>} */
  #told = new Map();
  /** What fell outside while a page of history was under way. @type {Message[] | null} */
  #missed = null;
  #readSeq = 0;
  #marked = 0;
  /** Marked unread by hand: not read again until the person looks anew. */
  #held = false;
  #fresh = 0;
  /** A change is under way, and how far up it reaches. @type {number | null} */
  #from = null;
  #tellRead = atMostEvery(SECOND, () => this.#markRead());
  /** @type {any} */
  #midnight;

  start() {
    const { dataset } = this;
    this.conversationId = Number(dataset.conversationId);
    this.me = Number(dataset.me);
    this.#readSeq = this.#marked = Number(dataset.readSeq ?? 0);
    const log = find(this, ".log");
    const list = find(log, "ol");
    if (!log || !list) return;
    this.list = list;
    this.scroller = new Scroller(log, list, this.gone);
    this.receipts = new Receipts(this.me);
    for (const receipt of JSON.parse(dataset.receipts || "[]")) this.receipts.add(receipt);
    this.#lines = new Map(findAll(list, ":scope > [data-seq]").map((li) => [Number(li.dataset.seq), li]));
    this.#queued.clear();
    this.#told.clear();
    new MessageActions(this);
    this.#hearAll();
    this.listen(log, "scroll", () => this.#scrolled(), { passive: true });
    this.listen(window, "focus", () => this.#lookedAt());
    this.listen(document, "visibilitychange", () => this.#lookedAt());
    this.listen(find(this, ".latest"), "click", () => this.toNewest());
    this.listen(list, "click", (event) => this.#clicked(event));
    this.#openAt();
    this.#arrange(0);
    this.#latest();
    this.#newDay();
    tell("live:rendered", { conversation_id: this.conversationId, version: Number(dataset.version) });
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
    this.hear("outbox", ({ queued }) => this.#putQueued(queued));
    this.hear("receipt", ours((receipt) => this.#redraw(0, () => this.receipts.add(receipt))));
    this.hear("mine.updated", ours(({ mine }) => this.#mine(mine)));
    this.hear("member.updated", ours(({ member }) => this.#member(member)));
    this.hear("conversation.removed", ours(() => goTo("/", { replace: true, say: "removed" })));
    this.hear("stale", ours(() => goTo(location.pathname, { replace: true })));
    this.hear("state", ({ state }) => state === "open" && this.#see());
    this.listen(document, "compose:sent", () => (this.hasAfter ? this.toNewest() : this.scroller.stick()));
  }

  get hasBefore() {
    return this.dataset.hasBefore === "1";
  }

  /** This is a place in the middle: the newest are not drawn. */
  get hasAfter() {
    return this.dataset.hasAfter === "1";
  }

  /** The message behind a line, with its text as it was written. @param {HTMLElement} li @returns {Promise<Message>} */
  async message(li) {
    const id = Number(li.dataset.id);
    return this.#told.get(id) ?? (await api("GET", `messages/${id}/`));
  }

  /** @param {number} seq */
  line(seq) {
    return this.#lines.get(seq);
  }

  /** A message as it is now: drawn, or drawn anew, where its place is on this page. @param {Message} message */
  put(message) {
    const { seq, version } = message;
    const old = this.#lines.get(seq);
    if (old && Number(old.dataset.version) >= version) return;
    this.#remember(message);
    learn(message.sender);
    this.#redraw(seq, () => {
      if (old) this.#renew(old, message);
      else if (this.#isOutside(seq)) this.#passOver(message);
      else this.#insert(message);
      this.#requote(message);
    });
  }

  /** @param {Message} message */
  #remember(message) {
    this.#told.delete(message.id);
    this.#told.set(message.id, message);
    if (this.#told.size > MOST) this.#told.delete(/** @type {number} */ (this.#told.keys().next().value));
  }

  /** @param {number} seq */
  #isOutside(seq) {
    const seqs = [...this.#lines.keys()];
    const first = seqs.length ? Math.min(...seqs) : 0;
    const last = seqs.length ? Math.max(...seqs) : 0;
    return (this.hasBefore && seq < first) || (this.hasAfter && seq > last);
  }

  /** @param {Message} message */
  #passOver(message) {
    this.#missed?.push(message);
    if (this.hasAfter && message.sender.id !== this.me && message.kind === "text") this.#fresh += 1;
  }

  /** @param {HTMLElement} old @param {Message} message */
  #renew(old, message) {
    const li = drawMessage(message, this.me);
    if (!li) return;
    const { first, last } = flags(old);
    setClasses(li, { first, last });
    // In place, so that whoever stands on it with the keyboard stays there.
    const kept = [...old.classList].filter((name) => name === "open" || name === "jumped");
    for (const { name, value } of [...li.attributes]) old.setAttribute(name, value);
    old.classList.add(...kept);
    const acts = find(old, ".acts");
    old.replaceChildren(...li.childNodes, ...(acts && !old.classList.contains("gone") ? [acts] : []));
  }

  /** @param {Message} message */
  #insert(message) {
    const li = drawMessage(message, this.me);
    if (!li) return;
    const { seq, sender, kind, client_id } = message;
    const queued = client_id && sender.id === this.me ? this.#queued.get(client_id) : undefined;
    if (queued) {
      queued.remove();
      this.#queued.delete(/** @type {string} */ (client_id));
    }
    this.#place(li, seq);
    this.#lines.set(seq, li);
    if (sender.id === this.me && seq > this.#readSeq) {
      this.#readSeq = Math.max(this.#readSeq, seq); // one's own send reads what stands before it
      this.#dropUnreadLine();
    } else if (kind === "text" && seq > this.#readSeq && !this.scroller.atEnd) {
      this.#fresh += 1;
    }
    if (unnamed(message, this.me).length) {
      learnMembers(this.conversationId).then(() => li.isConnected && this.#renew(li, message));
    }
  }

  #dropUnreadLine() {
    const line = find(this.list, ":scope > .unread-line");
    if (!line) return;
    line.remove();
    this.#from = 0; // what it divided is one group now
  }

  /** By seq, before the texts on their way out. @param {HTMLElement} li @param {number} seq */
  #place(li, seq) {
    /** @type {HTMLElement | null} */
    let after = null;
    for (let here = this.list.lastElementChild; here; here = here.previousElementSibling) {
      const line = /** @type {HTMLElement} */ (here);
      if (line.dataset.seq && Number(line.dataset.seq) < seq) {
        after = line;
        break;
      }
    }
    if (after) return after.after(li);
    const older = find(this.list, ":scope > .older-line:first-child:has(.older)");
    if (older) older.after(li);
    else this.list.prepend(li);
  }

  /** Stubs that quote it are drawn as it is now. @param {Message} message */
  #requote({ id, seq, sender, body, deleted_at }) {
    const reply = { id, seq, sender, excerpt: excerpt(body), deleted: deleted_at !== null };
    for (const stub of findAll(this.list, `.reply[data-id="${id}"]`)) drawReply(stub, reply);
  }

  /** @param {Queued[]} all */
  #putQueued(all) {
    const ours = all.filter(({ conversation_id }) => conversation_id === this.conversationId);
    const ids = new Set(ours.map(({ client_id }) => client_id));
    const isSame = ours.length === this.#queued.size && ours.every((queued) => {
      const li = this.#queued.get(queued.client_id);
      return li && li.classList.contains("failed") === Boolean(queued.failed);
    });
    if (isSame) return;
    this.#redraw(Infinity, () => {
      for (const [id, li] of this.#queued) {
        if (ids.has(id)) continue;
        li.remove();
        this.#queued.delete(id);
      }
      if (this.hasAfter) return;
      for (const queued of ours) {
        const drawn = find(this.list, `:scope > [data-seq][data-sender="${this.me}"][data-client-id="${queued.client_id}"]`);
        const li = drawn ? null : this.#queued.get(queued.client_id) ?? drawQueued(queued, this.#myself());
        if (!li) continue;
        drawQueuedState(li, queued);
        this.#queued.set(queued.client_id, li);
        this.list.append(li);
      }
    });
  }

  /** @returns {User} as far as a page knows me without asking: my face stands among the places */
  #myself() {
    const face = find(document, ".rail .avatar[data-user-id] img");
    return { id: this.me, username: "", name: nameOf(this.me) ?? "", avatar_url: face?.getAttribute("src") ?? null };
  }

  /** @param {import("./protocol.js").Mine} mine */
  #mine({ read_seq }) {
    if (read_seq < this.#readSeq) this.#marked = read_seq;
    this.#readSeq = read_seq;
  }

  /** @param {import("./protocol.js").Member} member */
  #member({ user, left_at }) {
    learn(user);
    this.#redraw(0, () => {
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
  #redraw(from, change) {
    if (this.#from === null) {
      this.#from = from;
      this.scroller.hold();
      queueMicrotask(() => {
        if (!this.isConnected) return;
        if (this.scroller.atEnd) this.#trim();
        this.#arrange(/** @type {number} */ (this.#from));
        this.#from = null;
        this.scroller.settle();
        this.#latest();
        this.#see();
      });
    }
    this.#from = Math.min(this.#from, from);
    change();
  }

  /**
   * Groups, day lines and the marks of who has read, from the group of the line before `from` on.
   * @param {number} from seq
   */
  #arrange(from) {
    const now = new Date();
    const times = pageTimes();
    const { lines, context } = this.#linesFrom(from);
    const places = grouped(
      lines.map(({ li, at, unread }) => ({
        sender: Number(li.dataset.sender),
        at: at.getTime(),
        day: times.dayKey(at),
        text: li.classList.contains("msg"),
        unreadBefore: unread !== null,
      })),
    );
    lines.forEach(({ li, at, day, unread }, index) => {
      const { first, last, dayBefore } = places[index];
      if (li.classList.contains("msg")) setClasses(li, { first, last });
      if (index < context) return; // what stands above it has not changed
      if (!dayBefore) day?.remove();
      else if (day) redrawDay(day, at, now);
      else (unread ?? li).before(drawDay(at, now) ?? "");
    });
    this.#drawMarks(lines.map(({ li }) => li));
  }

  /**
   * The lines to look at, with the day line and the unread line right above each. `context`: how many of them, at the
   * beginning, are only there for what follows: back to where their group begins.
   * @param {number} from seq
   */
  #linesFrom(from) {
    /** @type {{li: HTMLElement, at: Date, day: HTMLElement | null, unread: HTMLElement | null}[]} */
    const lines = [];
    let context = 0;
    /** @type {(typeof lines)[0] | undefined} */
    let below;
    for (let li = /** @type {HTMLElement | null} */ (this.list.lastElementChild), above; li; li = above) {
      above = /** @type {HTMLElement | null} */ (li.previousElementSibling);
      if (li.matches(".unread-line")) {
        if (below) below.unread = li;
      } else if (li.matches(".day")) {
        if (below && !below.day) below.day = li;
        else li.remove(); // what it stood above has gone
      } else if (li.dataset.at) {
        if (context && lines[0].li.matches(".first, .system")) break;
        below = { li, at: new Date(li.dataset.at), day: null, unread: null };
        lines.unshift(below);
        if (li.dataset.seq && Number(li.dataset.seq) < from) context += 1;
      }
    }
    return { lines, context };
  }

  /** @param {HTMLElement[]} lines in whole groups */
  #drawMarks(lines) {
    const inGroup = this.dataset.kind === "group";
    const mine = lines.filter((li) => li.dataset.seq && li.classList.contains("mine") && !li.classList.contains("gone"));
    const drawn = this.receipts.drawn(
      mine.map((li) => ({ seq: Number(li.dataset.seq), first: li.classList.contains("first") })),
    );
    for (const li of mine) drawMark(li, drawn.get(Number(li.dataset.seq)), inGroup);
  }

  /** Far above what is looked at the page forgets lines; they are read again when one scrolls there. */
  #trim() {
    if (this.#lines.size <= MOST || this.hasAfter) return;
    const seqs = [...this.#lines.keys()].sort((a, b) => a - b);
    for (const seq of seqs.slice(0, -KEPT)) {
      this.#lines.get(seq)?.remove();
      this.#lines.delete(seq);
    }
    this.#setBefore(true);
    this.#from = 0;
  }

  // ── Pages of history ─────────────────────────────────────────────────────────────────────────────────────────────
  #scrolled() {
    this.scroller.scrolled();
    if (this.scroller.atEnd && !this.hasAfter) this.#fresh = 0;
    this.#latest();
    this.#see();
    if (this.scroller.nearStart && this.hasBefore) this.#load("before");
    else if (this.scroller.nearEnd && this.hasAfter) this.#load("after");
  }

  /** @param {"before" | "after"} where */
  async #load(where) {
    if (this.#missed) return;
    this.#missed = [];
    const seqs = [...this.#lines.keys()];
    const from = where === "before" ? Math.min(...seqs) : Math.max(...seqs);
    try {
      /** @type {History} */
      const history = await api("GET", `conversations/${this.conversationId}/messages/?${where}=${from}`, undefined, {
        signal: this.gone,
      });
      const missed = /** @type {Message[]} */ (this.#missed);
      this.#redraw(0, () => {
        for (const message of history.results) if (!this.#lines.has(message.seq)) this.#insertOld(message);
        if (where === "before") this.#setBefore(history.has_before);
        else this.#setAfter(history.has_after);
      });
      this.#missed = null;
      for (const message of missed) this.put(message);
    } catch {
      // The links in the log still lead there; scrolling tries again.
      setTimeout(() => (this.#missed = null), SECOND);
    }
  }

  /** @param {Message} message */
  #insertOld(message) {
    const told = this.#told.get(message.id);
    const newest = told && told.version > message.version ? told : message;
    const li = drawMessage(newest, this.me);
    if (!li) return;
    this.#place(li, message.seq);
    this.#lines.set(message.seq, li);
    if (unnamed(newest, this.me).length) {
      learnMembers(this.conversationId).then(() => li.isConnected && this.#renew(li, newest));
    }
  }

  /** @param {boolean} has */
  #setBefore(has) {
    this.dataset.hasBefore = has ? "1" : "0";
    const link = find(this.list, ":scope > .older-line .older");
    const first = Math.min(...this.#lines.keys());
    if (!has) link?.closest("li")?.remove();
    else if (link) link.setAttribute("href", `?before=${first}`);
  }

  /** @param {boolean} has */
  #setAfter(has) {
    this.dataset.hasAfter = has ? "1" : "0";
    const link = find(this.list, ":scope > .older-line .newer");
    if (!has) {
      link?.closest("li")?.remove();
      this.#fresh = 0;
      tell("live:outbox.ask", {}); // texts on their way out stand at the end, which is here now
    } else {
      link?.setAttribute("href", `?after=${Math.max(...this.#lines.keys())}`);
    }
  }

  /** @param {MouseEvent} event */
  #clicked(event) {
    const target = /** @type {Element} */ (event.target);
    if (event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const link = target.closest(".older, .newer, .reply");
    if (!link) return;
    const reply = /** @type {HTMLElement} */ (link).dataset.seq;
    const quoted = reply ? this.#lines.get(Number(reply)) : undefined;
    if (quoted) {
      event.preventDefault();
      this.scroller.show(quoted);
    } else if (reply) {
      event.preventDefault();
      goTo(`/c/${this.conversationId}/?at=${reply}#m-${reply}`);
    } else {
      event.preventDefault();
      this.#load(link.matches(".older") ? "before" : "after");
    }
  }

  /** Where one begins to read: the place asked for, the first unread, or the end. */
  #openAt() {
    const at = new URL(location.href).searchParams.get("at") ?? /^#m-(\d+)$/.exec(location.hash)?.[1];
    const asked = at ? this.#lines.get(Number(at)) : undefined;
    const unread = find(this.list, ":scope > .unread-line");
    if (asked) this.scroller.show(asked, false);
    else if (unread) this.scroller.toLine(unread);
    else this.scroller.toEnd();
  }

  toNewest() {
    this.#fresh = 0;
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
    if (!button) return;
    if (this.scroller.atEnd && !this.hasAfter) this.#fresh = 0;
    button.hidden = !this.hasAfter && this.scroller.nearEnd && !this.#fresh;
    const number = find(button, ".num");
    const text = this.#fresh ? String(this.#fresh) : "";
    if (number && number.textContent !== text) number.textContent = text;
  }

  // ── Reading ──────────────────────────────────────────────────────────────────────────────────────────────────────
  #lookedAt() {
    this.#held = false;
    this.#see();
  }

  /** What is on the screen of a window that has the focus is read: here at once, for the server once a second. */
  #see() {
    if (!this.isConnected || this.#held || document.visibilityState !== "visible" || !document.hasFocus()) return;
    const seq = this.#seen();
    if (seq <= this.#readSeq || !this.#isNews(seq)) return;
    tell("log:seen", { conversation_id: this.conversationId, seq });
    this.#tellRead();
  }

  async #markRead() {
    const seen = this.isConnected && !this.#held ? this.#seen() : 0;
    if (seen <= Math.max(this.#readSeq, this.#marked)) return;
    const before = this.#marked;
    this.#marked = seen;
    try {
      const { mine } = await command("read", { conversation_id: this.conversationId, seq: seen });
      this.#readSeq = Math.max(this.#readSeq, mine.read_seq);
    } catch {
      this.#marked = before; // tried again with the next look, or when the line is back
    }
  }

  /** The newest line that is wholly on the screen. */
  #seen() {
    for (let here = this.list.lastElementChild; here; here = here.previousElementSibling) {
      const li = /** @type {HTMLElement} */ (here);
      if (li.dataset.seq && this.scroller.isSeen(li)) return Number(li.dataset.seq);
    }
    return 0;
  }

  /** Whether a text of others stands between my mark and here. @param {number} seq */
  #isNews(seq) {
    if (this.hasBefore && Math.min(...this.#lines.keys()) > this.#readSeq + 1) return true;
    for (const [at, li] of this.#lines) {
      if (at > this.#readSeq && at <= seq && li.classList.contains("msg") && !li.classList.contains("mine")) return true;
    }
    return false;
  }

  /** From this message on all is unread again. @param {HTMLElement} li */
  async unreadFrom(li) {
    this.#held = true;
    await command("read", { conversation_id: this.conversationId, seq: Number(li.dataset.seq), back: true });
  }

  /** My newest text that stands, for editing. */
  get myLast() {
    return findAll(this.list, ":scope > .msg.mine[data-seq]:not(.gone)").at(-1) ?? null;
  }

  /** Tries a failed text again, or throws it away. @param {string} act @param {string} clientId */
  queuedAct(act, clientId) {
    say(`outbox.${act}`, { client_id: clientId });
  }

  /** "Today" becomes "Yesterday". */
  #newDay() {
    const now = Date.now();
    const next = new Date(now + 60_000);
    next.setHours(24, 0, 1, 0);
    this.#midnight = setTimeout(() => {
      this.#redraw(0, () => {});
      this.#newDay();
    }, Math.min(next.getTime() - now, 3_600_000));
  }
}

/** @param {HTMLElement} li */
function flags(li) {
  return { first: li.classList.contains("first"), last: li.classList.contains("last") };
}
