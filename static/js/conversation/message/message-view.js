/** Draws a message as `templates/chat/message/_message.html` and `_system.html` do, from the same file, cloned. */
import { isBlocked } from "./blocked-messages.js";
import { drawFiles } from "../attachments/attachment-renderer.js";
import { isLongMessage } from "../../lib/long-message.js";
import { setClasses } from "./message-classes.js";
import { formatNameList } from "../../lib/wording.js";
import { replaceIdInUrls, createAvatar, clone, cloneAll, fillSlot, find, findAll, getDateFormatter, words } from "../../lib/dom.js";
import { getUserName } from "../../realtime/state/user-cache.js";
import { drawReactions, reactorsNamed } from "./reactions-view.js";
import { parseFragment } from "../../lib/trusted-html.js";
import { isEmojiOnly, getLangAttribute } from "../../lib/text-language.js";
import { isFor } from "../../conversation-list/unread-counter.js";

/** @typedef {import("../../realtime/protocol.js").Message} Message */
/** @typedef {import("../../realtime/protocol.js").Queued} Queued */
/** @typedef {import("../../realtime/protocol.js").Reply} Reply */
/** @typedef {import("../../realtime/protocol.js").User} User */

/**
 * @param {Message} message
 * @param {number} me
 * @returns {HTMLElement | null} null where the page has no template for it
 */
export function drawMessage(message, me) {
  return message.kind === "text" ? drawText(message, me) : drawSystem(message, me);
}

/** @param {Message} message @param {number} me */
function drawText(message, me) {
  const li = clone("message-template");
  if (!li) return null;
  const { id, seq, sender } = message;
  replaceIdInUrls(li, id);
  stamp(li, message);
  li.dataset.sender = String(sender.id);
  const mine = sender.id === me;
  if (mine) li.dataset.clientId = message.client_id ?? ""; // by it the page knows what it has sent
  const gone = message.deleted_at !== null;
  const blocked = !mine && !gone && isBlocked(sender.id);
  setClasses(li, { mine, deleted: gone, "for-me": !mine && !isBlocked(sender.id) && isFor(message.mentions, me), blocked });
  if (!blocked) find(li, ".unblock")?.remove();
  drawSender(li, sender, mine);
  const body = find(li, ".msg-body");
  if (gone) {
    for (const part of [...(body?.children ?? [])]) if (!part.matches(".msg-by")) part.remove();
    body?.append(cloneAll("gone-template"));
    find(li, ".more")?.remove();
    return li;
  }
  const forwarded = find(li, ".forwarded");
  if (message.forwarded_from && forwarded) {
    forwarded.dataset.sender = String(message.forwarded_from.sender.id);
    fillFirst(forwarded, "b", message.forwarded_from.sender.name);
  } else forwarded?.remove();
  const reply = find(li, ".reply");
  if (message.reply_to && reply) drawReply(reply, message.reply_to);
  else reply?.remove();
  drawBody(li, parseFragment(message.body_html), message.body, me);
  if (!message.pinned) find(li, "[data-part=pinned]")?.remove();
  if (!message.edited_at) find(li, "[data-part=edited]")?.remove();
  drawFiles(find(li, ".attachments"), message.attachments);
  drawReactions(find(li, ".reactions"), message.reactions, me);
  li.id = `m-${seq}`;
  return li;
}

/** @param {HTMLElement} li @param {Message} message */
function stamp(li, { id, seq, version, created_at }) {
  li.id = `m-${seq}`;
  Object.assign(li.dataset, { id: String(id), seq: String(seq), version: String(version), at: created_at });
  drawTimes(li, created_at);
}

/** @param {HTMLElement} li @param {string} at */
function drawTimes(li, at) {
  for (const time of findAll(li, ".msg-side > time, .msg-by > time")) {
    time.setAttribute("datetime", at);
    time.textContent = getDateFormatter().formatTime(new Date(at));
  }
}

/**
 * Name and picture of a sender, also when they change.
 * @param {HTMLElement} li
 * @param {User} sender
 * @param {boolean} mine
 */
export function drawSender(li, sender, mine) {
  find(li, ".avatar")?.replaceWith(createAvatar(sender));
  fillFirst(li, ".msg-by b", mine ? words("name-words").writer ?? "" : sender.name);
}

/**
 * @param {HTMLElement} li
 * @param {Node} content
 * @param {string} text the same, as it was written
 * @param {number} me
 */
function drawBody(li, content, text, me) {
  const body = find(li, ".msg-text > .body");
  body?.replaceChildren(content);
  if (isEmojiOnly(text)) body?.parentElement?.classList.add("big");
  else if (isLongMessage(text)) body?.parentElement?.classList.add("long");
  if (!isLongMessage(text)) find(body?.parentElement, ".unfold")?.remove();
  const lang = getLangAttribute(text, document.documentElement.lang);
  if (lang) body?.parentElement?.setAttribute("lang", lang);
  for (const mention of findAll(body, `.mention[data-user-id="${me}"], .mention[data-user-id="all"]`)) {
    mention.classList.add("me");
  }
}

/**
 * The stub of a quoted message, as it is now.
 * @param {HTMLElement} stub
 * @param {Reply} reply
 */
export function drawReply(stub, { id, seq, sender, excerpt, deleted }) {
  const text = deleted ? stub.dataset.deleted ?? "" : excerpt;
  stub.classList.toggle("deleted", deleted);
  stub.setAttribute("href", stub.getAttribute("href")?.replace(/\/m\/\d+\//, `/m/${id}/`) ?? "");
  stub.dataset.id = String(id);
  stub.dataset.seq = String(seq);
  stub.dataset.sender = String(sender.id);
  stub.title = deleted ? "" : excerpt;
  fillFirst(stub, "b", sender.name);
  fillFirst(stub, ".clip", text);
}

/** @param {Message} message @param {number} me */
function drawSystem(message, me) {
  const { event } = message;
  if (!event) return null;
  const actor = event.actor_id ?? message.sender.id;
  const others = [...(event.by_id ? [event.by_id] : []), ...event.user_ids].filter((id) => id !== actor);
  let kind = event.name;
  if (kind === "joined" && event.by_id) kind = event.by_id === me ? "linked-mine" : "linked";
  else if (kind === "joined" && others.length) kind = "added";
  else if ((kind === "announced" || kind === "pictured") && !event.new) kind = `un${kind}`;
  else if (kind === "role") kind = event.new === "admin" ? "promoted" : "demoted";
  const li = clone(`system-${kind}-template`) ?? clone("system-changed-template");
  if (!li) return null;
  const said = words("name-words");
  stamp(li, message);
  Object.assign(li.dataset, { event: kind, actor: String(actor), users: others.join(" ") });
  fillSlot(li, "actor", actor === me ? said.you ?? "" : getUserName(actor) ?? message.sender.name);
  const names = others.map((id) => (id === me ? said.youObject ?? "" : getUserName(id) ?? "…"));
  fillSlot(li, "users", formatNameList(names, said));
  fillSlot(li, "old", event.old ?? "");
  fillSlot(li, "new", event.new ?? "");
  return li;
}

/** Whose names a line needs and this page does not know. @param {Message} message @param {number} me */
export function unnamed({ event, sender, reactions }, me) {
  const named = event
    ? [...event.user_ids, event.actor_id ?? sender.id, ...(event.by_id ? [event.by_id] : [])]
    : reactorsNamed(reactions);
  return named.filter((id) => id !== me && getUserName(id) === undefined);
}

/**
 * A text on its way out: shown at once, as it will look, but for what only the server does.
 * @param {Queued} queued
 * @param {User} me
 */
export function drawQueued(queued, me) {
  const li = clone("message-template");
  if (!li) return null;
  li.removeAttribute("id");
  for (const name of ["id", "seq", "version"]) delete li.dataset[name];
  Object.assign(li.dataset, { sender: String(me.id), clientId: queued.client_id, at: queued.written_at });
  drawTimes(li, queued.written_at);
  drawSender(li, me, true);
  const reply = find(li, ".reply");
  if (queued.reply_to && reply) drawReply(reply, queued.reply_to);
  else reply?.remove();
  for (const part of findAll(li, ".forwarded, .reactions, .more, .unblock, [data-part=pinned], [data-part=edited]")) part.remove();
  drawFiles(find(li, ".attachments"), queued.attachments ?? []);
  drawBody(li, plain(queued.body), queued.body, me.id);
  drawQueuedState(li, queued);
  return li;
}

/** Pending or failed, with the reason and what can be done. @param {HTMLElement} li @param {Queued} queued */
export function drawQueuedState(li, { failed }) {
  const state = failed ? "failed" : "pending";
  if (li.classList.contains(state)) return;
  setClasses(li, { mine: true, pending: !failed, failed: Boolean(failed) });
  find(li, ".failed-line")?.remove();
  find(li, "[data-part=mark]")?.remove();
  if (failed) {
    const line = clone("failed-template");
    if (!line) return;
    const said = words("toast-words");
    fillSlot(line, "why", failed.detail || said[failed.code] || "");
    find(li, ".msg-body")?.append(line);
  } else {
    find(li, ".tail")?.append(cloneAll("mark-pending"));
  }
}

/** Paragraphs and line ends, as the server makes them of a text without signs. @param {string} body */
function plain(body) {
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
function fillFirst(root, selector, text) {
  const element = find(root, selector);
  if (element && element.textContent !== text) element.textContent = text;
}

