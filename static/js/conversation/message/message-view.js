/**
 * Renders messages with the templates of the server (templates/chat/message/_message.html and _system.html), which are
 * cloned from the page.
 */
import { isBlocked, isHiddenByBlock, setQuoteFolded } from "./blocked-messages.js";
import { renderAttachments } from "../attachments/attachment-renderer.js";
import { isLongMessage } from "../../lib/long-message.js";
import { isWritten } from "../../lib/message-kinds.js";
import { findMessageKind } from "./message-kind-views.js";
import { setClasses } from "./message-classes.js";
import { formatNameList } from "../../lib/wording.js";
import { replaceIdInUrls, createAvatar, clone, cloneAll, fillSlot, find, findAll, getDateFormatter, words } from "../../lib/dom.js";
import { getUserName } from "../../realtime/state/user-cache.js";
import { getRole } from "./member-roles.js";
import { renderReactions, listNamedReactorIds } from "./reactions-view.js";
import { parseFragment } from "../../lib/trusted-html.js";
import { isEmojiOnly, detectLanguage, getLangAttribute } from "../../lib/text-language.js";
import { mentionsUser } from "../../conversation-list/unread-counter.js";

/** @typedef {import("../../realtime/protocol.js").Message} Message */
/** @typedef {import("../../realtime/protocol.js").Queued} Queued */
/** @typedef {import("../../realtime/protocol.js").Reply} Reply */
/** @typedef {import("../../realtime/protocol.js").User} User */

/**
 * Renders a message.
 * @param {Message} message
 * @param {number} currentUserId
 * @returns {HTMLElement | null} null if the page has no template for it
 */
export function renderMessage(message, currentUserId) {
  if (isWritten(message)) return renderTextMessage(message, currentUserId);
  const view = findMessageKind(message.kind);
  return view ? view.render(message, currentUserId) : renderSystemMessage(message, currentUserId);
}

/** @param {Message} message @param {number} currentUserId */
function renderTextMessage(message, currentUserId) {
  const item = clone("message-template");
  if (!item) return null;
  const { id, seq, kind, sender } = message;
  replaceIdInUrls(item, id);
  setMessageData(item, message);
  item.dataset.kind = kind;
  item.dataset.sender = String(sender.id);
  const isOwn = sender.id === currentUserId;
  if (isOwn) item.dataset.clientId = message.client_id ?? ""; // identifies messages sent from this page
  const isDeleted = message.deleted_at !== null;
  const blocked = !isDeleted && isHiddenByBlock(message, currentUserId);
  const isForMe = !isOwn && !isBlocked(sender.id) && mentionsUser(message.mentions, currentUserId);
  setClasses(item, { mine: isOwn, deleted: isDeleted, "for-me": isForMe, blocked });
  if (!blocked) find(item, ".unblock")?.remove();
  renderSender(item, sender, isOwn);
  const body = find(item, ".msg-body");
  if (isDeleted) {
    for (const part of [...(body?.children ?? [])]) if (!part.matches(".msg-by")) part.remove();
    body?.append(cloneAll("gone-template"));
    find(item, ".more")?.remove();
    delete item.dataset.excerpt;
    return item;
  }
  const forwarded = find(item, ".forwarded");
  if (message.forwarded_from && forwarded) {
    forwarded.dataset.sender = String(message.forwarded_from.sender.id);
    setText(forwarded, "b", message.forwarded_from.sender.name);
  } else forwarded?.remove();
  const reply = find(item, ".reply");
  if (message.reply_to && reply) renderReply(reply, message.reply_to);
  else reply?.remove();
  renderBody(item, parseFragment(message.body_html), { isBig: message.is_emoji_only, isLong: message.is_long, language: message.language }, currentUserId);
  item.dataset.excerpt = message.excerpt;
  if (!message.pinned) find(item, "[data-part=pinned]")?.remove();
  if (!message.edited_at) find(item, "[data-part=edited]")?.remove();
  renderAttachments(find(item, ".attachments"), message.attachments);
  renderReactions(find(item, ".reactions"), message.reactions, currentUserId);
  item.id = `m-${seq}`;
  return item;
}

/** @param {HTMLElement} item @param {Message} message */
function setMessageData(item, { id, seq, version, created_at }) {
  item.id = `m-${seq}`;
  Object.assign(item.dataset, { id: String(id), seq: String(seq), version: String(version), at: created_at });
  renderTimes(item, created_at);
}

/** @param {HTMLElement} item @param {string} createdAt */
function renderTimes(item, createdAt) {
  for (const time of findAll(item, ".msg-side > time, .msg-by > time")) {
    time.setAttribute("datetime", createdAt);
    time.textContent = getDateFormatter().formatTime(new Date(createdAt));
  }
}

/** Sets name and picture of the sender. @param {HTMLElement} item @param {User} sender @param {boolean} isOwn */
export function renderSender(item, sender, isOwn) {
  find(item, ".avatar")?.replaceWith(createAvatar(sender));
  const link = find(item, ".msg-by a");
  if (isOwn || !link) setText(item, ".msg-by b", isOwn ? words("name-words").writer ?? "" : sender.name);
  else {
    link.textContent = sender.name;
    link.setAttribute("href", `/people/${sender.id}/`);
  }
  renderRole(item, isOwn ? "" : getRole(sender.id));
}

/** Shows a role in the group beside the name of the sender. @param {HTMLElement} item @param {string} role or "" */
function renderRole(item, role) {
  const element = find(item, ".msg-by .role") ?? document.createElement("span");
  if (!role) return element.remove();
  element.className = "role";
  element.textContent = words("name-words")[role] ?? "";
  find(item, ".msg-by b")?.after(element);
}

/**
 * Sets the text of a message with its language and direction, marks mentions of the current user, and links the others
 * to the profiles, like `link_mentions` in chat/view_models/message_log.py.
 * @param {HTMLElement} item
 * @param {Node} content rendered text
 * @param {{isBig: boolean, isLong: boolean, language: string}} text
 * @param {number} currentUserId
 */
function renderBody(item, content, { isBig, isLong, language }, currentUserId) {
  const body = find(item, ".msg-text > .body");
  body?.replaceChildren(content);
  if (isBig) body?.parentElement?.classList.add("big");
  else if (isLong) body?.parentElement?.classList.add("long");
  if (!isLong) find(body?.parentElement, ".unfold")?.remove();
  const lang = getLangAttribute(language, document.documentElement.lang);
  if (lang) body?.parentElement?.setAttribute("lang", lang);
  for (const mention of findAll(body, `.mention[data-user-id="${currentUserId}"], .mention[data-user-id="all"]`)) {
    mention.classList.add("me");
  }
  for (const mention of findAll(body, "span.mention:not(.me)")) if (!mention.closest("a")) mention.replaceWith(createMentionLink(mention));
}

/** @param {HTMLElement} mention */
function createMentionLink(mention) {
  const link = document.createElement("a");
  link.className = "mention";
  link.dataset.userId = mention.dataset.userId;
  link.href = `/people/${mention.dataset.userId}/`;
  link.dataset.dialog = "";
  link.append(...mention.childNodes);
  return link;
}

/** Fills the quote of a message in a reply. @param {HTMLElement} quote @param {Reply} reply */
export function renderReply(quote, { id, seq, sender, excerpt, deleted }) {
  const text = deleted ? quote.dataset.deleted ?? "" : excerpt;
  quote.classList.toggle("deleted", deleted);
  quote.setAttribute("href", quote.getAttribute("href")?.replace(/\/m\/\d+\//, `/m/${id}/`) ?? "");
  quote.dataset.id = String(id);
  quote.dataset.seq = String(seq);
  quote.dataset.sender = String(sender.id);
  setText(quote, "b", sender.name);
  setText(quote, ".clip", text);
  setQuoteFolded(quote, isBlocked(sender.id));
}

/** Shows the quote of a message that does not exist any more. @param {HTMLElement} quote */
export function markQuoteDeleted(quote) {
  quote.classList.add("deleted");
  setText(quote, ".clip", quote.dataset.deleted ?? "");
}

/** @param {Message} message @param {number} currentUserId */
function renderSystemMessage(message, currentUserId) {
  const { event } = message;
  if (!event) return null;
  const actorId = event.actor_id ?? message.sender.id;
  const otherIds = [...(event.by_id ? [event.by_id] : []), ...event.user_ids].filter((id) => id !== actorId);
  const kind = event.sentence === "linked" && event.by_id === currentUserId ? "linked-mine" : event.sentence;
  const item = clone(`system-${kind}-template`) ?? clone("system-changed-template");
  if (!item) return null;
  const nameWords = words("name-words");
  setMessageData(item, message);
  Object.assign(item.dataset, { event: kind, actor: String(actorId), users: otherIds.join(" ") });
  fillSlot(item, "actor", actorId === currentUserId ? nameWords.you ?? "" : getUserName(actorId) ?? message.sender.name);
  const names = otherIds.map((id) => (id === currentUserId ? nameWords.youObject ?? "" : getUserName(id) ?? "…"));
  fillSlot(item, "users", formatNameList(names, nameWords));
  fillSlot(item, "old", event.old ?? "");
  fillSlot(item, "new", event.new ?? "");
  return item;
}

/**
 * Returns the users whose names a message displays and who are not in the cache.
 * @param {Message} message
 * @param {number} currentUserId
 */
export function findUnknownUserIds({ event, sender, reactions }, currentUserId) {
  const displayedIds = event
    ? [...event.user_ids, event.actor_id ?? sender.id, ...(event.by_id ? [event.by_id] : [])]
    : listNamedReactorIds(reactions);
  return displayedIds.filter((id) => id !== currentUserId && getUserName(id) === undefined);
}

/**
 * Renders a message of the outbox as it will be displayed after it is stored, without what only the server computes.
 * @param {Queued} queued
 * @param {User} currentUser
 */
export function renderPendingMessage(queued, currentUser) {
  const item = clone("message-template");
  if (!item) return null;
  item.removeAttribute("id");
  for (const name of ["id", "seq", "version", "excerpt"]) delete item.dataset[name];
  Object.assign(item.dataset, { sender: String(currentUser.id), clientId: queued.client_id, at: queued.written_at });
  renderTimes(item, queued.written_at);
  renderSender(item, currentUser, true);
  const reply = find(item, ".reply");
  if (queued.reply_to && reply) renderReply(reply, queued.reply_to);
  else reply?.remove();
  for (const part of findAll(item, ".forwarded, .reactions, .more, .unblock, [data-part=pinned], [data-part=edited]")) part.remove();
  renderAttachments(find(item, ".attachments"), queued.attachments ?? []);
  const { body } = queued;
  renderBody(item, renderPlainText(body), { isBig: isEmojiOnly(body), isLong: isLongMessage(body), language: detectLanguage(body) }, currentUser.id);
  renderPendingState(item, queued);
  return item;
}

/**
 * Displays whether a message of the outbox is pending or failed; if failed, with the reason and buttons.
 * @param {HTMLElement} item
 * @param {Queued} queued
 */
export function renderPendingState(item, { failed }) {
  const state = failed ? "failed" : "pending";
  if (item.classList.contains(state)) return;
  setClasses(item, { mine: true, pending: !failed, failed: Boolean(failed) });
  find(item, ".failed-line")?.remove();
  find(item, "[data-part=mark]")?.remove();
  if (failed) {
    const failedNote = clone("failed-template");
    if (!failedNote) return;
    const toastWords = words("toast-words");
    fillSlot(failedNote, "why", failed.detail || toastWords[failed.code] || "");
    find(item, ".msg-body")?.append(failedNote);
  } else {
    find(item, ".tail")?.append(cloneAll("mark-pending"));
  }
}

/**
 * Renders plain text with paragraphs and line breaks like the server does for a text without Markdown.
 * @param {string} body
 */
function renderPlainText(body) {
  const content = document.createDocumentFragment();
  for (const paragraph of body.replace(/\r\n?/g, "\n").replace(/^\n+|\n+$/g, "").split(/\n(?:[ \t]*\n)+/)) {
    const p = document.createElement("p");
    paragraph.split("\n").forEach((line, index) => {
      if (index) p.append(document.createElement("br"), "\n");
      p.append(line.replace(/[ \t]+$/, ""));
    });
    content.append(p, "\n");
  }
  return content;
}

/** @param {ParentNode | null} root @param {string} selector @param {string} text */
function setText(root, selector, text) {
  const element = find(root, selector);
  if (element && element.textContent !== text) element.textContent = text;
}

