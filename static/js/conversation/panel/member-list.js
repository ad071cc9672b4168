/**
 * List of the members of a group; online members come first. For a large group only a part is loaded, and scrolling
 * loads more. The server sends the ids of all online members, so that the counts are correct.
 */
import { api } from "../../realtime/api.js";
import { compareMembers } from "./member-order.js";
import { emit } from "../../realtime/events.js";
import { createAvatar, clone, find, findAll, words } from "../../lib/dom.js";
import { getPresence } from "../../realtime/state/presence-cache.js";

/** @typedef {import("../../realtime/protocol.js").Member} Member */
/** @typedef {import("../../realtime/events.js").LiveElement} LiveElement */

const PAGE_SIZE = 100; // members per request
const SEARCH_DELAY = 200; // ms after the last input until a search is sent
const RELOAD_DELAY = 3_000; // ms until the online members are loaded again, in a group that is not completely loaded

export class MemberList {
  /** Online members as returned by the server, in a group that is not completely loaded. @type {Set<number>} */
  #onlineIds = new Set();
  /** @type {any} */
  #reloadTimer;
  /** @type {any} */
  #searchTimer;
  #isLoading = false;

  /** @param {LiveElement} host `<member-panel>` */
  constructor(host) {
    this.host = host;
    this.me = Number(host.dataset.me);
    this.id = Number(host.dataset.conversationId);
    host.on(document, "page:presence-changed", () => this.render());
    host.onLive("member.updated", (payload) => {
      if (payload.conversation_id === this.id) this.#onMember(payload.member);
    });
    host.onLive("conversation.updated", ({ conversation }) => {
      if (conversation.id !== this.id) return;
      host.dataset.count = String(conversation.member_count);
      this.render();
    });
    host.onLive("presence", ({ user_id }) => {
      if (!this.#isComplete && !this.#findRow(user_id)) this.#scheduleReload();
    });
    host.onLive("state", ({ state }) => {
      if (state === "open" && !this.#isComplete) this.#reloadOnline();
    });
    const field = /** @type {HTMLInputElement | null} */ (find(host, ".panel-find input"));
    host.on(find(host, ".panel-find"), "submit", (event) => event.preventDefault());
    host.on(field, "input", (event) => {
      clearTimeout(this.#searchTimer);
      if (!event.isComposing) this.#searchTimer = setTimeout(() => field && this.#search(field.value), SEARCH_DELAY);
    });
    host.on(field, "compositionend", () => field && this.#search(field.value));
    const more = find(host, "[data-part=more]");
    host.on(more, "click", (event) => {
      event.preventDefault();
      this.#loadMore();
    });
    if (more) {
      const observer = new IntersectionObserver((entries) => entries.some((entry) => entry.isIntersecting) && this.#loadMore(), {
        root: find(host, ".panel-scroll"),
        rootMargin: "400px",
      });
      observer.observe(more);
      host.signal.addEventListener("abort", () => observer.disconnect());
    }
    host.signal.addEventListener("abort", () => [this.#reloadTimer, this.#searchTimer].forEach(clearTimeout));
    if (!this.#isComplete) this.#reloadOnline();
    emit("page:content-added", {});
    this.render();
  }

  get #isComplete() {
    return !this.host.dataset.after;
  }

  get #rows() {
    return findAll(this.host, "[data-part=all] .member[data-user-id]");
  }

  /** @param {number} id */
  #findRow(id) {
    return find(this.host, `[data-part=all] .member[data-user-id="${id}"]`);
  }

  /** @param {Member} member */
  #onMember(member) {
    const { user, left_at } = member;
    const row = this.#findRow(user.id);
    const searchRow = find(this.host, `[data-part=found] .member[data-user-id="${user.id}"]`);
    if (left_at) {
      for (const memberRow of [row, searchRow]) memberRow?.closest("li")?.remove();
      this.#onlineIds.delete(user.id);
    } else {
      if (searchRow) renderRow(searchRow, member, this.me);
      if (row) renderRow(row, member, this.me);
      else if (this.#isComplete || this.#isInLoadedPart(member)) this.#addRow(member);
      if (!row && !this.#isComplete) this.#scheduleReload();
    }
    emit("page:content-added", {});
    this.render();
  }

  /** Whether a member is sorted before the end of the loaded part. @param {Member} member */
  #isInLoadedPart({ user, role }) {
    const [rank, id, ...name] = (this.host.dataset.after ?? "").split("_");
    const last = { id: Number(id), name: name.join("_"), role: ["owner", "admin", "member"][Number(rank)] };
    return compareMembers({ id: user.id, name: user.name, role }, last) <= 0;
  }

  /** @param {Member} member */
  #addRow(member) {
    const li = clone("member-template");
    const row = find(li, ".member");
    if (!li || !row || this.#findRow(member.user.id)) return;
    row.setAttribute("href", `/c/${this.id}/members/${member.user.id}/`);
    renderRow(row, member, this.me);
    find(this.host, "[data-part=elsewhere]")?.append(li);
  }

  async #loadMore() {
    const after = this.host.dataset.after;
    if (this.#isLoading || !after || !find(this.host, ".panel-view[data-view=members]")?.offsetParent) return;
    this.#isLoading = true;
    try {
      const query = new URLSearchParams({ before: after, limit: String(PAGE_SIZE) });
      const { results, next } = await api("GET", `conversations/${this.id}/members/?${query}`, undefined, { signal: this.host.signal });
      this.host.dataset.after = next ? new URL(next, location.href).searchParams.get("before") ?? "" : "";
      for (const member of results) this.#addRow(member);
      const link = find(this.host, "[data-part=more]");
      if (!next) link?.remove();
      emit("page:content-added", {});
      this.render();
    } catch {
      // Loading failed. The link stays; it opens the page of members.
    } finally {
      this.#isLoading = false;
    }
  }

  // ── Online members ────────────────────────────────────────────────────────────────────────────────────────────────
  #scheduleReload() {
    this.#reloadTimer ??= setTimeout(() => this.#reloadOnline(), RELOAD_DELAY);
  }

  async #reloadOnline() {
    clearTimeout(this.#reloadTimer);
    this.#reloadTimer = undefined;
    try {
      const options = { signal: this.host.signal };
      const { user_ids } = await api("GET", `conversations/${this.id}/here/`, undefined, options);
      this.#onlineIds = new Set(user_ids);
      const missingIds = user_ids.filter((/** @type {number} */ id) => !this.#findRow(id)).slice(0, PAGE_SIZE);
      if (missingIds.length) {
        const { results } = await api("GET", `conversations/${this.id}/members/?user_ids=${missingIds.join(",")}`, undefined, options);
        for (const member of results) if (!member.left_at) this.#addRow(member);
        emit("page:content-added", {});
      }
      this.render();
    } catch {
      // Loaded again when presence changes.
    }
  }

  /** @param {number} id */
  #isOnline(id) {
    return getPresence(id)?.online ?? this.#onlineIds.has(id);
  }

  /** Renders the sections "online" and "offline", each in the order of the server. */
  render() {
    const rowItems = this.#rows.map((row) => ({
      li: /** @type {HTMLElement} */ (row.closest("li")),
      id: Number(row.dataset.userId),
      role: row.dataset.role ?? "",
      name: find(row, ".clip")?.textContent ?? "",
      isOnline: this.#isOnline(Number(row.dataset.userId)),
      row,
    }));
    rowItems.sort(compareMembers);
    const visibleCount = rowItems.filter((item) => item.isOnline).length;
    const hiddenCount = this.#isComplete ? 0 : [...this.#onlineIds].filter((id) => !this.#findRow(id)).length;
    const counts = { here: visibleCount + hiddenCount, elsewhere: 0 };
    counts.elsewhere = Math.max(Number(this.host.dataset.count) - counts.here, 0);
    for (const part of /** @type {("here" | "elsewhere")[]} */ (["here", "elsewhere"])) {
      const list = find(this.host, `ul[data-part=${part}]`);
      const partItems = rowItems.filter((item) => item.isOnline === (part === "here"));
      const listItems = partItems.map(({ li }) => li);
      if (list && !areEqual([...list.children], listItems)) list.replaceChildren(...listItems);
      for (const { row } of partItems) row.classList.toggle("off", part === "elsewhere");
      const heading = find(this.host, `[data-part=${part}-head]`);
      if (heading) heading.hidden = !counts[part];
      const number = find(heading, ".num");
      if (number) number.textContent = String(counts[part]);
    }
    if (this.host.dataset.here !== String(counts.here)) {
      this.host.dataset.here = String(counts.here);
      emit("page:online-count-changed", {});
    }
  }

  // ── Search ────────────────────────────────────────────────────────────────────────────────────────────────────────
  /** @param {string} text */
  async #search(text) {
    const q = text.trim();
    const [all, list, emptyNote] = ["all", "found", "nobody"].map((part) => find(this.host, `[data-part=${part}]`));
    if (!all || !list || !emptyNote) return;
    /** @type {Member[]} */
    let results = [];
    if (q) {
      const query = new URLSearchParams({ q, limit: "50" });
      const response = await api("GET", `conversations/${this.id}/members/?${query}`, undefined, { signal: this.host.signal }).catch(() => null);
      const field = /** @type {HTMLInputElement | null} */ (find(this.host, ".panel-find input"));
      if (!response || field?.value.trim() !== q) return;
      results = response.results;
    }
    list.replaceChildren(
      ...results.map((member) => {
        const li = /** @type {HTMLElement} */ (clone("member-template"));
        const row = /** @type {HTMLElement} */ (find(li, ".member"));
        row.setAttribute("href", `/c/${this.id}/members/${member.user.id}/`);
        renderRow(row, member, this.me);
        return li;
      }),
    );
    all.hidden = Boolean(q);
    list.hidden = !results.length;
    emptyNote.hidden = !q || Boolean(results.length);
    emit("page:content-added", {});
  }
}

/**
 * Fills a row like templates/chat/conversation/_member.html.
 * @param {HTMLElement} row
 * @param {Member} member
 * @param {number} currentUserId
 */
function renderRow(row, { user, role }, currentUserId) {
  const roleWords = words("role-words");
  Object.assign(row.dataset, { userId: String(user.id), role, username: user.username });
  find(row, ".avatar")?.replaceWith(createAvatar(user, "s", true));
  const [name, roleElement] = [find(row, ".clip"), find(row, "[data-part=role]")];
  if (name && name.textContent !== user.name) {
    name.textContent = user.name;
    delete row.dataset.pinyin; // it belongs to the old name; only the server computes pinyin
  }
  if (roleElement) roleElement.textContent = user.id === currentUserId ? roleWords.you ?? "" : roleWords[role] ?? "";
}

/** @param {Element[]} a @param {Element[]} b */
function areEqual(a, b) {
  return a.length === b.length && a.every((element, index) => element === b[index]);
}
