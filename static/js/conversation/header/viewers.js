/**
 * Shows who is viewing the open conversation now: the number of viewers in the header, and in groups a small avatar of
 * each viewer at the last message that this viewer has read. The avatars lie over the messages, so they do not move the
 * layout. Screen readers skip them.
 */
import { fillPlaceholders, formatNameList } from "../../lib/wording.js";
import { createAvatar, find, findAll, words } from "../../lib/dom.js";
import { loadUsers, getUserName, getUser, makeUser } from "../../realtime/state/user-cache.js";

const MIN_WIDTH = 360; // of the title in the header for the long text, in pixels
const MAX_AVATARS = 3; // avatars per message; for more viewers only the number is displayed

/** @typedef {import("../log/message-log.js").MessageLog} MessageLog */

export class Viewers {
  /** Read markers of the other viewers, by user id. @type {Map<number, number>} */
  #readSeqs = new Map();
  /** Number of other viewers, including those who do not share their read marker. */
  #otherCount = 0;

  /** @param {MessageLog} log */
  constructor(log) {
    this.log = log;
    log.onLive("viewers", (payload) => payload.conversation_id === log.conversationId && this.#update(payload));
    log.onLive("receipt", ({ conversation_id, user_id, read_seq }) => {
      const previousSeq = conversation_id === log.conversationId ? this.#readSeqs.get(user_id) : undefined;
      if (previousSeq === undefined || (read_seq && read_seq <= previousSeq)) return;
      if (read_seq) this.#readSeqs.set(user_id, read_seq);
      else this.#readSeqs.delete(user_id); // the user stopped sharing the read marker
      this.render();
    });
    log.onLive("state", ({ state }) => {
      if (state !== "open" && state !== "shaky") this.#update({ count: 0, readers: [] });
    });
  }

  /** @param {{count: number, readers: {user_id: number, seq: number}[]}} payload */
  #update({ count, readers }) {
    const otherReaders = readers.filter(({ user_id }) => user_id !== this.log.me);
    this.#readSeqs = new Map(otherReaders.map(({ user_id, seq }) => [user_id, seq]));
    const unknownIds = [...this.#readSeqs.keys()].filter((id) => getUserName(id) === undefined);
    if (unknownIds.length) loadUsers(this.log.conversationId, unknownIds).then(() => this.#onNamesLoaded());
    this.#otherCount = Math.max(count - (count > otherReaders.length ? 1 : 0), 0); // the current user is counted too
    this.#renderCount();
    this.render();
  }

  /** Renders again after missing names were loaded. */
  #onNamesLoaded() {
    if (!this.log.isConnected) return;
    this.#renderCount();
    for (const group of findAll(this.log.list, ":scope > li > .viewers")) group.remove();
    this.render();
  }

  #renderCount() {
    const count = this.#otherCount;
    const countElement = find(document, ".conversation-head [data-part=viewers]");
    if (!countElement) return;
    const viewerWords = words("viewers-words");
    const longText = count === 1 ? viewerWords.one : viewerWords.many;
    const isNarrow = /** @type {HTMLElement} */ (countElement.closest(".conversation-title")).clientWidth < MIN_WIDTH;
    const text = count ? fillPlaceholders(isNarrow ? viewerWords.short : longText, { n: count }) : "";
    countElement.hidden = !count;
    if (countElement.textContent !== text) countElement.textContent = text;
    const names = [...this.#readSeqs.keys()].map((id) => getUserName(id)).filter((name) => name !== undefined);
    countElement.title = formatNameList(names, words("name-words"));
  }

  /** Moves the avatars to their messages. Called also after messages were rendered again. */
  render() {
    if (this.log.dataset.kind === "direct") return; // the receipt marks show the same of the only other user
    /** @type {Map<HTMLElement, number[]>} */
    const usersByItem = new Map();
    for (const [userId, seq] of this.#readSeqs) {
      const item = this.#findItem(seq);
      if (item) usersByItem.set(item, [...(usersByItem.get(item) ?? []), userId]);
    }
    for (const oldGroup of findAll(this.log.list, ":scope > li > .viewers")) {
      const userIds = usersByItem.get(/** @type {HTMLElement} */ (oldGroup.parentElement));
      if (userIds?.join(" ") === oldGroup.dataset.users) usersByItem.delete(/** @type {HTMLElement} */ (oldGroup.parentElement));
      else oldGroup.remove();
    }
    for (const [item, userIds] of usersByItem) item.append(createViewerAvatars(userIds));
  }

  /** Returns the last loaded item up to `seq`; undefined if that is above the loaded messages. @param {number} seq */
  #findItem(seq) {
    const { items, lastSeq, firstSeq } = this.log;
    for (let itemSeq = Math.min(seq, lastSeq); itemSeq >= firstSeq && itemSeq > 0; itemSeq -= 1) {
      const item = items.get(itemSeq);
      if (item) return item;
    }
    return undefined;
  }
}

/** @param {number[]} userIds */
function createViewerAvatars(userIds) {
  const group = document.createElement("span");
  group.className = "viewers";
  group.dataset.users = userIds.join(" ");
  group.setAttribute("aria-hidden", "true");
  group.title = formatNameList(userIds.map((id) => getUserName(id) ?? "…"), words("name-words"));
  group.append(...userIds.slice(0, MAX_AVATARS).map(createViewerAvatar));
  if (userIds.length > MAX_AVATARS) group.append(`+${userIds.length - MAX_AVATARS}`);
  return group;
}

/** @param {number} id */
function createViewerAvatar(id) {
  const displayedAvatar =
    find(document, `.member[data-user-id="${id}"] .avatar`) ?? find(document, `.msg[data-sender="${id}"] > .avatar`);
  const avatar = displayedAvatar
    ? /** @type {HTMLElement} */ (displayedAvatar.cloneNode(true))
    : createAvatar(getUser(id) ?? makeUser(id, getUserName(id) ?? "…"));
  avatar.className = "avatar";
  find(avatar, ".here")?.remove();
  return avatar;
}
