/** One row of the conversation list. Renders the same HTML as templates/chat/list/_conversation_row.html. */
import { isHiddenByBlock } from "../conversation/message/blocked-messages.js";
import { findMessageKind } from "../conversation/message/message-kind-views.js";
import { updateBadge, unreadTotals } from "./unread-badges.js";
import { fillPlaceholders, shorten, summarizeFiles } from "../lib/wording.js";
import { getUserName, loadUsers } from "../realtime/state/user-cache.js";
import { replaceIdInUrls, createAvatar, clone, cloneAll, find, findAll, getDateFormatter, words } from "../lib/dom.js";
import { isQuiet } from "./unread-totals.js";
import { isActivity } from "../lib/message-kinds.js";

/** @typedef {import("../realtime/protocol.js").Conversation} Conversation */
/** @typedef {import("../realtime/protocol.js").Message} Message */
/** @typedef {import("../realtime/protocol.js").Mine} Mine */
/** @typedef {import("../realtime/protocol.js").Queued} Queued */

const STATES = ["sent", "delivered", "read"]; // of the user's own message

export class ConversationRow {
  /**
   * Newest message; null: there is none; undefined: only the preview rendered by the server is known.
   * @type {Message | null | undefined}
   */
  #lastMessage;
  #draft = "";
  /** "Zoë added you", until the user opens the group. */
  #addedText = "";
  /** Text of the last failed message; null: there is none. @type {string | null} */
  #failedText = null;
  /** Newest message that waits to be sent. @type {Queued | null} */
  #queued = null;
  /** Preview rendered by the server. @type {Node[]} */
  #renderedPreview;
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
    const previewElement = this.#previewElement;
    this.#renderedPreview = [...(previewElement?.childNodes ?? [])];
    this.#addedText = find(previewElement, ".added")?.textContent?.trim() ?? "";
    if (find(previewElement, ".draft")) this.#draft = find(previewElement, "[data-part=text]")?.textContent ?? "";
  }

  /**
   * Creates the row of a conversation that is not in the page's HTML. Returns null if the page has no template for
   * rows.
   * @param {Conversation} conversation
   * @param {number} me
   */
  static create(conversation, me) {
    const li = clone("row-template");
    if (!li) return null;
    const link = /** @type {HTMLElement} */ (find(li, ".conversation-row"));
    replaceIdInUrls(link, conversation.id);
    link.dataset.id = String(conversation.id);
    const row = new ConversationRow(li, me);
    row.applyConversation(conversation);
    return row;
  }

  get #previewElement() {
    return find(this.link, ".row-last");
  }

  get kind() {
    return this.link.dataset.kind ?? "";
  }

  get unread() {
    return unreadTotals.get(this.id)?.unread.count ?? 0;
  }

  get mentions() {
    return unreadTotals.get(this.id)?.unread.mentions ?? 0;
  }

  get favourite() {
    return unreadTotals.get(this.id)?.favourite ?? false;
  }

  get added() {
    return unreadTotals.get(this.id)?.added ?? false;
  }

  get archived() {
    return unreadTotals.get(this.id)?.archived ?? false;
  }

  get activeAt() {
    return this.link.dataset.activeAt ?? "";
  }

  get title() {
    return find(this.link, ".row-name .clip")?.textContent ?? "";
  }

  /** Applies the complete conversation. @param {Conversation} conversation */
  applyConversation(conversation) {
    const { last_message: lastMessage, mine, created_at } = conversation;
    this.applySharedState(conversation);
    this.#setLastMessage(lastMessage);
    this.#setActiveAt(lastMessage?.created_at ?? created_at);
    if (mine) this.applyMemberState(mine);
  }

  /** Applies the fields that are the same for all members. @param {Conversation} conversation */
  applySharedState(conversation) {
    const { kind, title, removed_seq } = conversation;
    const { dataset } = this.link;
    if (dataset.lastSeq && Number(dataset.lastSeq) <= removed_seq) { // the newest message was removed by age
      this.#setLastMessage(null);
      this.#renderPreview();
    }
    if (kind === "direct" && !conversation.peer) return; // an event for both users has the name of neither
    dataset.kind = kind;
    if (conversation.peer) dataset.peerId = String(conversation.peer.id);
    else delete dataset.peerId;
    this.setTitle(kind === "group" ? title : conversation.peer?.name ?? title);
    this.#setAvatar(createAvatar(conversation, "l", true));
  }

  /** @param {HTMLElement} avatar */
  #setAvatar(avatar) {
    const isOnline = find(this.link, ".avatar .here:not([hidden])") !== null;
    const dot = find(avatar, ".here");
    if (dot) dot.hidden = !isOnline;
    find(this.link, ".avatar")?.replaceWith(avatar);
  }

  /**
   * Updates name and picture of the other user of a direct conversation.
   * @param {import("../realtime/protocol.js").User} user
   */
  applyPeer(user) {
    this.setTitle(user.name);
    this.#setAvatar(createAvatar(user, "l", true));
  }

  /** Updates the name of the sender of the newest message. @param {import("../realtime/protocol.js").User} user */
  updateSenderName(user) {
    if (this.link.dataset.lastBy !== String(user.id)) return;
    if (this.#lastMessage) this.#lastMessage = { ...this.#lastMessage, sender: user };
    for (const node of this.#renderedPreview) {
      const name = node instanceof HTMLElement && node.matches(".who") ? find(node, "bdi") : null;
      if (name) name.textContent = user.name;
    }
    this.#renderPreview();
  }

  /**
   * Adds the filter of the list to the row's URL, so that the list keeps its filter when the conversation opens.
   * @param {string} show
   */
  setFilter(show) {
    this.link.setAttribute("href", `/c/${this.id}/${show === "all" ? "" : `?show=${show}`}`);
  }

  /** @param {string} title */
  setTitle(title) {
    this.link.title = title;
    const name = find(this.link, ".row-name .clip");
    if (name) name.textContent = title;
  }

  /** Applies the user's own state of the conversation. @param {Mine} mine */
  applyMemberState(mine) {
    Object.assign(this.link.dataset, { role: mine.role, level: mine.level });
    const draft = shorten(mine.draft);
    const wasAdded = this.#addedText !== "";
    if (!mine.added_by_id) this.#addedText = "";
    else void this.#showAddedBy(mine.added_by_id);
    if (draft !== this.#draft || wasAdded || this.#lastMessage !== undefined) {
      this.#draft = draft;
      this.#renderPreview();
    }
    this.renderCounts();
  }

  /** Shows who has added the user to this group. The page may not know the name yet. @param {number} userId */
  async #showAddedBy(userId) {
    if (getUserName(userId) === undefined) await loadUsers(this.id, [userId]);
    if (!this.added) return; // opened meanwhile
    this.#addedText = fillPlaceholders(words("list-words").added, { a: getUserName(userId) ?? "…" });
    this.#renderPreview();
  }

  /**
   * Whether the row knows its newest message. A row that the server rendered with a draft, or with who has added the
   * user, does not, so it must be loaded again when that is removed.
   */
  get isComplete() {
    if (this.#lastMessage !== undefined || this.#draft || this.#addedText) return true;
    return !this.#renderedPreview.some((node) => node instanceof Element && node.matches(".draft, .added"));
  }

  /**
   * Applies a created or changed message.
   * @param {Message} message
   * @returns {boolean} whether the row moves to the top
   */
  applyMessage(message) {
    this.#typing.delete(message.sender.id);
    const isNewActivity = isActivity(message);
    const isMoved = isNewActivity && message.created_at > this.activeAt;
    const isLast = this.#lastMessage ? this.#lastMessage.id === message.id : message.created_at === this.activeAt;
    if (isMoved || (isLast && isNewActivity && message.version >= (this.#lastMessage?.version ?? 0))) {
      this.#setLastMessage(message);
      this.#setActiveAt(message.created_at);
    }
    this.#renderPreview();
    this.renderCounts();
    return isMoved;
  }

  /** @param {Message | null} message */
  #setLastMessage(message) {
    const isOwn = this.kind === "direct" && message?.sender.id === this.me && !message.deleted_at;
    const isKnown = this.link.dataset.lastSeq === String(message?.seq) && this.link.dataset.receipt; // its receipt stays
    if (!isKnown || !isOwn) this.link.dataset.receipt = isOwn ? "sent" : "";
    this.link.dataset.lastSeq = String(message?.seq ?? "");
    this.#lastMessage = message;
    this.link.dataset.lastBy = String(message?.sender.id ?? "");
    this.link.dataset.lastFrom = String(message?.forwarded_from?.sender.id ?? "");
  }

  /**
   * Applies how far the other user of a direct conversation has received and read it. Both 0: the user hides it now.
   * @param {{delivered_seq: number, read_seq: number}} receipt
   */
  applyReceipt({ delivered_seq, read_seq }) {
    const { receipt, lastSeq } = this.link.dataset;
    if (!receipt) return;
    const state = read_seq >= Number(lastSeq) ? "read" : delivered_seq >= Number(lastSeq) ? "delivered" : "sent";
    const isHidden = !read_seq && !delivered_seq;
    if (state === receipt || (!isHidden && STATES.indexOf(state) < STATES.indexOf(receipt))) return;
    this.link.dataset.receipt = state;
    const index = this.#renderedPreview.findIndex((node) => node instanceof Element && node.matches(".row-receipt"));
    if (index >= 0) this.#renderedPreview[index] = /** @type {Node} */ (this.#createReceipt()[0]);
    this.#renderPreview();
  }

  /** Returns the mark of the user's own newest message in a direct conversation. @returns {(Node | string)[]} */
  #createReceipt() {
    const mark = this.link.dataset.receipt && clone(`mark-${this.link.dataset.receipt}`);
    if (!mark) return [];
    const element = document.createElement("span");
    element.className = "row-receipt";
    element.role = "img";
    element.ariaLabel = find(mark, ".visually-hidden")?.textContent?.trim() ?? "";
    element.append(...findAll(mark, ":scope > .icon"));
    return [element, " "];
  }

  /**
   * Updates the preview after a user was blocked or unblocked.
   * @param {number} userId
   * @returns {boolean} whether the conversation must be loaded again, because the preview was rendered by the server
   */
  onBlockChanged(userId) {
    const { lastBy, lastFrom } = this.link.dataset;
    if (lastBy !== String(userId) && lastFrom !== String(userId)) return false;
    this.#renderPreview();
    return this.#lastMessage === undefined;
  }

  /** @param {number} userId @param {boolean} active */
  setTyping(userId, active) {
    if (active) this.#typing.add(userId);
    else this.#typing.delete(userId);
    this.#renderPreview();
  }

  /**
   * Sets the newest message of the user that waits to be sent. It is shown instead of the draft, which the server still
   * has until the connection is back.
   * @param {Queued | null} queued
   */
  setQueued(queued) {
    if (queued?.client_id === this.#queued?.client_id) return;
    this.#queued = queued;
    this.#renderPreview();
  }

  /** Sets the text of the user's last failed message; null: there is none. @param {string | null} text */
  setFailedText(text) {
    if (text === this.#failedText) return;
    this.#failedText = text;
    this.#renderPreview();
  }

  /** @param {string} at */
  #setActiveAt(at) {
    this.link.dataset.activeAt = at;
    this.renderTime();
  }

  /** Renders the relative time, which changes as time passes. */
  renderTime() {
    const timeElement = find(this.link, "time");
    if (!timeElement || !this.activeAt) return;
    const text = getDateFormatter().formatShort(new Date(this.activeAt), new Date());
    timeElement.setAttribute("datetime", this.activeAt);
    if (timeElement.textContent !== text) timeElement.textContent = text;
  }

  #renderPreview() {
    const previewElement = this.#previewElement;
    if (!previewElement) return;
    const listWords = words("list-words");
    const lastMessage = this.#lastMessage;
    if (this.#typing.size) {
      previewElement.replaceChildren(createTextPart("text", listWords.typing ?? ""));
    } else if (this.#failedText !== null) {
      previewElement.replaceChildren(createSpan("fail", listWords.notSent ?? ""), " ", createTextPart("text", this.#failedText));
    } else if (this.#queued) {
      const { body, attachments } = this.#queued;
      previewElement.replaceChildren(...this.#createSenderPrefix(null), ...createExcerpt(shorten(body), body.trim() ? [] : attachments ?? []));
    } else if (this.#draft) {
      previewElement.replaceChildren(createSpan("draft", listWords.draft ?? ""), " ", createTextPart("text", this.#draft));
    } else if (this.#addedText) {
      const text = createTextPart("text", this.#addedText);
      text.className = "added";
      previewElement.replaceChildren(text);
    } else if (lastMessage === undefined) {
      previewElement.replaceChildren(...this.#renderedPreview);
    } else if (!lastMessage) {
      previewElement.replaceChildren(createTextPart("text", listWords.none ?? ""));
    } else if (lastMessage.deleted_at) {
      previewElement.replaceChildren(createTextPart("text", listWords.deleted ?? ""));
    } else if (isHiddenByBlock(lastMessage, this.me)) {
      previewElement.replaceChildren(createTextPart("text", listWords.blocked ?? ""));
    } else {
      const excerpt = findMessageKind(lastMessage.kind)?.describe(lastMessage, this.me) ?? lastMessage.excerpt;
      const parts = createExcerpt(excerpt, lastMessage.body.trim() ? [] : lastMessage.attachments);
      previewElement.replaceChildren(...this.#createReceipt(), ...this.#createSenderPrefix(lastMessage), ...parts);
    }
  }

  /**
   * Returns the sender's name before the preview: in groups, and for own messages.
   * @param {Message | null} message null: a message of this user that is not sent yet
   * @returns {(Node | string)[]}
   */
  #createSenderPrefix(message) {
    const listWords = words("list-words");
    const isMine = !message || message.sender.id === this.me;
    if (!isMine && this.kind !== "group") return [];
    const prefix = document.createElement("span");
    prefix.className = "who";
    const [textBefore, textAfter = ""] = ((isMine ? listWords.you : listWords.who) ?? "").split("%a");
    if (isMine) prefix.append(textBefore);
    else prefix.append(...[textBefore, createBdi(message.sender.name), textAfter].filter(Boolean));
    return [prefix, " "];
  }

  /** Renders badges and icons from the unread totals. */
  renderCounts() {
    const state = unreadTotals.get(this.id);
    if (!state) return;
    const { muted, favourite, archived, added, unread } = state;
    const quiet = isQuiet(state);
    const { classList } = this.link;
    for (const [name, isOn] of Object.entries({ unread: unread.count > 0 || added, added, quiet, muted, favourite, archived })) {
      classList.toggle(name, isOn);
    }
    const countBadge = find(this.link, ".badge[data-part=count]");
    countBadge?.classList.toggle("muted", quiet);
    updateBadge(countBadge, unread.count);
    this.#setVisible(".badge.dot", added && !unread.count);
    this.#setVisible(".badge.at", unread.mentions > 0);
    this.#setVisible(".row-muted", muted);
    this.#setVisible(".row-pin", favourite);
  }

  /** @param {string} selector @param {boolean} isVisible */
  #setVisible(selector, isVisible) {
    const element = find(this.link, selector);
    if (element) element.hidden = !isVisible;
  }
}

/** Isolates text of another writing direction from its surroundings. @param {string} text */
function createBdi(text) {
  const bdi = document.createElement("bdi");
  bdi.textContent = text;
  return bdi;
}

/**
 * Returns the excerpt of a message, or the icon and the name of its first file.
 * @param {string} excerpt
 * @param {import("../realtime/protocol.js").Attachment[]} files of a message without text
 * @returns {(Node | string)[]}
 */
function createExcerpt(excerpt, files) {
  if (!files.length) return [createTextPart("text", excerpt)];
  const { icon, text } = summarizeFiles(files, words("list-words").voice ?? "");
  return [cloneAll(`list-icon-${icon}`), " ", createTextPart("text", text)];
}

/** @param {string} name @param {string} text */
function createSpan(name, text) {
  const span = document.createElement("span");
  span.className = name;
  span.textContent = text;
  return span;
}

/** @param {string} name @param {string} text */
function createTextPart(name, text) {
  const bdi = document.createElement("bdi");
  bdi.dataset.part = name;
  bdi.textContent = text;
  return bdi;
}
