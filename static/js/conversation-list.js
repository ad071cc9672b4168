/** `<conversation-list>`: the list moves with what is told; a reload shows the same. */
import { api } from "./api.js";
import { ConversationRow, badge } from "./conversation-row.js";
import { LiveElement, later } from "./live.js";
import { find, findAll } from "./page.js";
import { learn } from "./people.js";

/** @typedef {import("./protocol.js").Conversation} Conversation */
/** @typedef {import("./protocol.js").Message} Message */
/** @typedef {import("./protocol.js").Queued} Queued */

const TYPING = 5_000; // it ends by itself

export class ConversationList extends LiveElement {
  me = 0;
  /** @type {HTMLElement} */
  list = later();
  /** @type {Map<number, ConversationRow>} */
  #rows = new Map();
  /** Read just now, with what is told about them meanwhile. @type {Map<number, Message[]>} */
  #asked = new Map();
  /** @type {Map<string, any>} */
  #typing = new Map();
  #dirty = false;
  /** @type {any} */
  #minute;

  start() {
    const list = find(this, "ul");
    if (!list) return;
    this.list = list;
    this.me = Number(find(document, "live-socket")?.dataset.userId ?? 0);
    this.#rows.clear();
    for (const li of findAll(list, ":scope > li:has(.conv)")) {
      const row = new ConversationRow(li, this.me);
      this.#rows.set(row.id, row);
    }
    for (const type of ["message.created", "message.updated", "message.current"]) {
      this.hear(type, ({ message }) => this.#message(message));
    }
    this.hear("mine.updated", ({ conversation_id, mine }) => this.#change(conversation_id, (row) => row.mine(mine)));
    this.hear("conversation.added", ({ conversation }) => this.#whole(conversation));
    this.hear("conversation.updated", ({ conversation }) => this.#change(conversation.id, (row) => row.shared(conversation)));
    this.hear("conversation.removed", ({ conversation_id }) => this.#remove(conversation_id));
    this.hear("stale", ({ conversation_id }) => this.#read(conversation_id));
    this.hear("member.updated", ({ member }) => this.#renamed(member.user));
    this.hear("typing", ({ conversation_id, user_id, active }) => this.#isTyping(conversation_id, user_id, active));
    this.hear("outbox", ({ queued }) => this.#outbox(queued));
    this.listen(document, "page:visited", () => this.#opened());
    this.listen(document, "log:seen", ({ detail }) => this.#change(detail.conversation_id, (row) => row.seen(detail.seq)));
    const head = this.closest(".list");
    this.listen(find(head, "input[name=find]"), "input", (event) => this.#find(event.target.value));
    this.listen(find(head, ".tabs"), "click", (event) => this.#tab(event));
    this.#minute = setInterval(() => this.#rows.forEach((row) => row.time()), 60_000);
  }

  stop() {
    clearInterval(this.#minute);
    for (const timer of this.#typing.values()) clearTimeout(timer);
    this.#typing.clear();
  }

  /** @param {Message} message */
  #message(message) {
    learn(message.sender);
    const id = message.conversation_id;
    const asked = this.#asked.get(id);
    if (asked) asked.push(message);
    const row = this.#rows.get(id);
    if (row) {
      if (row.message(message)) this.#place(row);
      this.#total();
    } else if (!asked) {
      this.#read(id);
    }
  }

  /** @param {number} id @param {(row: ConversationRow) => void} change */
  #change(id, change) {
    const row = this.#rows.get(id);
    if (!row) return;
    change(row);
    if (!row.isWhole) this.#read(id);
    this.#total();
  }

  /** A conversation that this page does not know, or not well enough. @param {number} id */
  async #read(id) {
    if (this.#asked.has(id)) return;
    this.#asked.set(id, []);
    try {
      this.#whole(await api("GET", `conversations/${id}/`, undefined, { signal: this.gone }));
    } catch {
      // Not ours any more, or not now: the next thing told about it tries again.
    }
    const told = this.#asked.get(id) ?? [];
    this.#asked.delete(id);
    if (this.#rows.has(id)) told.forEach((message) => this.#message(message));
  }

  /** @param {Conversation} conversation */
  #whole(conversation) {
    let row = this.#rows.get(conversation.id);
    if (row) {
      row.whole(conversation);
    } else {
      const made = ConversationRow.make(conversation, this.me);
      if (!made) return;
      row = made;
      this.#rows.set(row.id, row);
      for (const none of findAll(this, ".list-none")) none.remove();
    }
    this.#place(row);
    this.#opened();
    this.#total();
    document.dispatchEvent(new CustomEvent("page:people"));
  }

  /** Newest text first. @param {ConversationRow} row */
  #place(row) {
    const { li, activeAt, id } = row;
    const before = [...this.list.children].find((other) => {
      const link = find(other, ".conv");
      if (other === li || !link) return false;
      const { activeAt: at = "", id: otherId } = link.dataset;
      return at < activeAt || (at === activeAt && Number(otherId) < id);
    });
    if (li.isConnected && li.nextElementSibling === (before ?? null)) return;
    const focused = li.contains(document.activeElement) ? /** @type {HTMLElement} */ (document.activeElement) : null;
    this.list.insertBefore(li, before ?? null);
    focused?.focus({ preventScroll: true });
  }

  /** @param {number} id */
  #remove(id) {
    this.#rows.get(id)?.li.remove();
    this.#rows.delete(id);
    this.#total();
  }

  /** @param {import("./protocol.js").User} user */
  #renamed(user) {
    for (const row of this.#rows.values()) {
      if (row.link.dataset.peerId === String(user.id) && row.title !== user.name) this.#read(row.id);
    }
  }

  /** @param {number} id @param {number} userId @param {boolean} active */
  #isTyping(id, userId, active) {
    const key = `${id}/${userId}`;
    clearTimeout(this.#typing.get(key));
    this.#typing.delete(key);
    this.#rows.get(id)?.typing(userId, active);
    if (active) this.#typing.set(key, setTimeout(() => this.#isTyping(id, userId, false), TYPING));
  }

  /** @param {Queued[]} queued */
  #outbox(queued) {
    const failed = new Set(queued.filter((each) => each.failed).map((each) => each.conversation_id));
    for (const row of this.#rows.values()) row.failed(failed.has(row.id));
  }

  /** Marks the row of the conversation on the page. */
  #opened() {
    const open = find(document, "message-log")?.dataset.conversationId;
    for (const { link } of this.#rows.values()) {
      if (link.dataset.id === open) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    this.#title();
  }

  /** @param {string} text */
  #find(text) {
    const wanted = text.trim().toLowerCase();
    for (const { li, title } of this.#rows.values()) li.hidden = !title.toLowerCase().includes(wanted);
  }

  /** @param {MouseEvent} event */
  #tab(event) {
    const tab = /** @type {Element} */ (event.target).closest("a");
    const show = tab && new URL(tab.href).searchParams.get("show");
    if (!show || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    this.dataset.show = show;
    for (const other of findAll(tab.parentElement, "a")) other.removeAttribute("aria-current");
    tab.setAttribute("aria-current", "true");
  }

  /** The numbers above the list, among the places and in the page's title; once for many changes. */
  #total() {
    if (this.#dirty) return;
    this.#dirty = true;
    queueMicrotask(() => {
      this.#dirty = false;
      const rows = [...this.#rows.values()];
      const sum = (/** @type {(row: ConversationRow) => number} */ count) => rows.reduce((all, row) => all + count(row), 0);
      this.#unread = sum((row) => (row.muted ? 0 : row.unread.count));
      badge(find(document, "[data-total=unread] .badge"), this.#unread);
      badge(find(document, "[data-total=mentions] .badge"), sum((row) => row.unread.mentions));
      const tab = find(document, "[data-total=conversations]");
      const open = rows.filter((row) => row.unread.count && !row.archived).length;
      if (tab) tab.textContent = open ? String(open) : "";
      this.#title();
    });
  }

  /** @type {number | null} null: the server's title holds */
  #unread = null;

  #title() {
    if (this.#unread === null) return;
    const name = document.title.replace(/^\(\d+\+?\) /, "");
    const count = this.#unread > 99 ? "99+" : String(this.#unread);
    document.title = this.#unread ? `(${count}) ${name}` : name;
  }
}
