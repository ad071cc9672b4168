/**
 * Who is in this group, those who are here first. Of a large group a part is on the page: more come as one scrolls, and
 * who is here is asked of the server, so that the counts are right.
 */
import { api } from "../../realtime/api.js";
import { compare } from "./member-order.js";
import { emit } from "../../realtime/events.js";
import { createAvatar, clone, find, findAll, words } from "../../lib/dom.js";
import { getPresence } from "../../realtime/state/presence-cache.js";
import { rights } from "../permissions.js";

/** @typedef {import("../../realtime/protocol.js").Member} Member */
/** @typedef {import("../../realtime/events.js").LiveElement} LiveElement */

const MORE = 100; // members asked for at once
const PAUSE = 200; // ms after the last key
const AGAIN = 3_000; // ms until who is here is asked again, in a group that is not whole on the page

export class MemberList {
  /** In a group that is not whole here: who is here, as the server said. @type {Set<number>} */
  #here = new Set();
  /** @type {any} */
  #asking;
  /** @type {any} */
  #typing;
  #loading = false;

  /** @param {LiveElement} host `<member-panel>` */
  constructor(host) {
    this.host = host;
    this.me = Number(host.dataset.me);
    this.id = Number(host.dataset.conversationId);
    host.on(document, "page:presence-changed", () => this.draw());
    host.onLive("member.updated", (payload) => {
      if (payload.conversation_id === this.id) this.#changed(payload.member);
    });
    host.onLive("conversation.updated", ({ conversation }) => {
      if (conversation.id !== this.id) return;
      host.dataset.count = String(conversation.member_count);
      const add = find(host, "[data-part=add]");
      if (add) add.hidden = !this.#leads && !conversation.members_may_add;
      this.draw();
    });
    host.onLive("presence", ({ user_id }) => {
      if (!this.#isWhole && !this.#row(user_id)) this.#askSoon();
    });
    host.onLive("state", ({ state }) => {
      if (state === "open" && !this.#isWhole) this.#ask();
    });
    const field = /** @type {HTMLInputElement | null} */ (find(host, ".panel-find input"));
    host.on(find(host, ".panel-find"), "submit", (event) => event.preventDefault());
    host.on(field, "input", (event) => {
      clearTimeout(this.#typing);
      if (!event.isComposing) this.#typing = setTimeout(() => field && this.#find(field.value), PAUSE);
    });
    host.on(field, "compositionend", () => field && this.#find(field.value));
    const more = find(host, "[data-part=more]");
    host.on(more, "click", (event) => {
      event.preventDefault();
      this.#more();
    });
    if (more) {
      const near = new IntersectionObserver((seen) => seen.some((each) => each.isIntersecting) && this.#more(), {
        root: find(host, ".panel-scroll"),
        rootMargin: "400px",
      });
      near.observe(more);
      host.signal.addEventListener("abort", () => near.disconnect());
    }
    host.signal.addEventListener("abort", () => [this.#asking, this.#typing].forEach(clearTimeout));
    if (!this.#isWhole) this.#ask();
    emit("page:content-added", {});
    this.draw();
  }

  get #isWhole() {
    return !this.host.dataset.after;
  }

  get #leads() {
    return rights(find(document, "message-log")).leads;
  }

  get #rows() {
    return findAll(this.host, "[data-part=all] .member[data-user-id]");
  }

  /** @param {number} id */
  #row(id) {
    return find(this.host, `[data-part=all] .member[data-user-id="${id}"]`);
  }

  /** @param {Member} member */
  #changed(member) {
    const { user, left_at } = member;
    const old = this.#row(user.id);
    const found = find(this.host, `[data-part=found] .member[data-user-id="${user.id}"]`);
    if (left_at) {
      for (const row of [old, found]) row?.closest("li")?.remove();
      this.#here.delete(user.id);
    } else {
      if (found) fill(found, member, this.me);
      if (old) fill(old, member, this.me);
      else if (this.#isWhole || this.#isWithin(member)) this.#add(member);
      if (!old && !this.#isWhole) this.#askSoon();
    }
    emit("page:content-added", {});
    this.draw();
  }

  /** Before the place where the part of the list on this page ends. @param {Member} member */
  #isWithin({ user, role }) {
    const [rank, id, ...name] = (this.host.dataset.after ?? "").split("_");
    const last = { id: Number(id), name: name.join("_"), role: ["owner", "admin", "member"][Number(rank)] };
    return compare({ id: user.id, name: user.name, role }, last) <= 0;
  }

  /** @param {Member} member */
  #add(member) {
    const li = clone("member-template");
    const row = find(li, ".member");
    if (!li || !row || this.#row(member.user.id)) return;
    row.setAttribute("href", `/c/${this.id}/members/${member.user.id}/`);
    fill(row, member, this.me);
    find(this.host, "[data-part=elsewhere]")?.append(li);
  }

  async #more() {
    const after = this.host.dataset.after;
    if (this.#loading || !after || !find(this.host, ".panel-view[data-view=members]")?.offsetParent) return;
    this.#loading = true;
    try {
      const query = new URLSearchParams({ before: after, limit: String(MORE) });
      const { results, next } = await api("GET", `conversations/${this.id}/members/?${query}`, undefined, { signal: this.host.signal });
      this.host.dataset.after = next ? new URL(next, location.href).searchParams.get("before") ?? "" : "";
      for (const member of results) this.#add(member);
      const link = find(this.host, "[data-part=more]");
      if (!next) link?.remove();
      emit("page:content-added", {});
      this.draw();
    } catch {
      // The link stays: it leads to the page of members.
    } finally {
      this.#loading = false;
    }
  }

  // ── Who is here ──────────────────────────────────────────────────────────────────────────────────────────────────
  #askSoon() {
    this.#asking ??= setTimeout(() => this.#ask(), AGAIN);
  }

  async #ask() {
    clearTimeout(this.#asking);
    this.#asking = undefined;
    try {
      const options = { signal: this.host.signal };
      const { user_ids } = await api("GET", `conversations/${this.id}/here/`, undefined, options);
      this.#here = new Set(user_ids);
      const missing = user_ids.filter((/** @type {number} */ id) => !this.#row(id)).slice(0, MORE);
      if (missing.length) {
        const { results } = await api("GET", `conversations/${this.id}/members/?user_ids=${missing.join(",")}`, undefined, options);
        for (const member of results) if (!member.left_at) this.#add(member);
        emit("page:content-added", {});
      }
      this.draw();
    } catch {
      // Asked again when somebody comes or goes.
    }
  }

  /** @param {number} id */
  #isHere(id) {
    return getPresence(id)?.online ?? this.#here.has(id);
  }

  /** Here now, and elsewhere; each in the order in which the server has them. */
  draw() {
    const placed = this.#rows.map((row) => ({
      li: /** @type {HTMLElement} */ (row.closest("li")),
      id: Number(row.dataset.userId),
      role: row.dataset.role ?? "",
      name: find(row, ".clip")?.textContent ?? "",
      here: this.#isHere(Number(row.dataset.userId)),
      row,
    }));
    placed.sort(compare);
    const shown = placed.filter((each) => each.here).length;
    const unseen = this.#isWhole ? 0 : [...this.#here].filter((id) => !this.#row(id)).length;
    const counts = { here: shown + unseen, elsewhere: 0 };
    counts.elsewhere = Math.max(Number(this.host.dataset.count) - counts.here, 0);
    for (const part of /** @type {("here" | "elsewhere")[]} */ (["here", "elsewhere"])) {
      const list = find(this.host, `ul[data-part=${part}]`);
      const items = placed.filter((each) => each.here === (part === "here"));
      const wanted = items.map((each) => each.li);
      if (list && !same([...list.children], wanted)) list.replaceChildren(...wanted);
      for (const { row } of items) row.classList.toggle("off", part === "elsewhere");
      const head = find(this.host, `[data-part=${part}-head]`);
      if (head) head.hidden = !counts[part];
      const number = find(head, ".num");
      if (number) number.textContent = String(counts[part]);
    }
    if (this.host.dataset.here !== String(counts.here)) {
      this.host.dataset.here = String(counts.here);
      emit("page:online-count-changed", {});
    }
  }

  // ── By name ──────────────────────────────────────────────────────────────────────────────────────────────────────
  /** @param {string} text */
  async #find(text) {
    const q = text.trim();
    const [all, list, nobody] = ["all", "found", "nobody"].map((part) => find(this.host, `[data-part=${part}]`));
    if (!all || !list || !nobody) return;
    /** @type {Member[]} */
    let results = [];
    if (q) {
      const query = new URLSearchParams({ q, limit: "50" });
      const answer = await api("GET", `conversations/${this.id}/members/?${query}`, undefined, { signal: this.host.signal }).catch(() => null);
      const field = /** @type {HTMLInputElement | null} */ (find(this.host, ".panel-find input"));
      if (!answer || field?.value.trim() !== q) return;
      results = answer.results;
    }
    list.replaceChildren(
      ...results.map((member) => {
        const li = /** @type {HTMLElement} */ (clone("member-template"));
        const row = /** @type {HTMLElement} */ (find(li, ".member"));
        row.setAttribute("href", `/c/${this.id}/members/${member.user.id}/`);
        fill(row, member, this.me);
        return li;
      }),
    );
    all.hidden = Boolean(q);
    list.hidden = !results.length;
    nobody.hidden = !q || Boolean(results.length);
    emit("page:content-added", {});
  }
}

/** As `templates/chat/conversation/_member.html` draws one. @param {HTMLElement} row @param {Member} member @param {number} me */
function fill(row, { user, role }, me) {
  const said = words("role-words");
  Object.assign(row.dataset, { userId: String(user.id), role, username: user.username });
  find(row, ".avatar")?.replaceWith(createAvatar(user, "s", true));
  const [name, word] = [find(row, ".clip"), find(row, "[data-part=role]")];
  if (name && name.textContent !== user.name) {
    name.textContent = user.name;
    delete row.dataset.pinyin; // of the name before; the server knows the new one
  }
  if (word) word.textContent = user.id === me ? said.you ?? "" : said[role] ?? "";
}

/** @param {Element[]} a @param {Element[]} b */
function same(a, b) {
  return a.length === b.length && a.every((each, index) => each === b[index]);
}
