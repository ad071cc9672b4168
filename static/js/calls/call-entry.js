/** Renders the entries of calls in the history, like templates/calls/_call_entry.html and calls/entries.py. */
import { registerMessageKind } from "../conversation/message/message-kind-views.js";
import { clone, fillSlot, find, words } from "../lib/dom.js";
import { isCounted } from "../lib/message-kinds.js";
import { formatDuration } from "./duration.js";

/** @typedef {import("../realtime/protocol.js").Message} Message */

/** @param {Message} message @param {number} currentUserId */
function describeCall({ kind, data, sender }, currentUserId) {
  const media = data?.media === "video" ? "video" : "audio";
  let key = media;
  if (kind === "missed") key += sender.id === currentUserId ? "Unanswered" : "Missed";
  else if (data?.reason === "declined") key += "Declined";
  const text = words("call-entry-words")[key] ?? "";
  const seconds = Number(data?.seconds ?? 0);
  return seconds ? `${text} · ${formatDuration(seconds * 1000)}` : text;
}

/** @param {Message} message @param {number} currentUserId */
function renderCall(message, currentUserId) {
  const { id, seq, version, created_at, conversation_id, kind, data, sender } = message;
  const media = data?.media === "video" ? "video" : "audio";
  const item = clone(`call-entry-${media}-template`);
  if (!item) return null;
  const isOwn = sender.id === currentUserId;
  if (isCounted(message) && !isOwn) item.classList.add("missed", "counted"); // `counted`: it can be unread
  item.id = `m-${seq}`;
  Object.assign(item.dataset, { id: String(id), seq: String(seq), version: String(version), at: created_at, kind });
  fillSlot(item, "actor", isOwn ? words("name-words").you ?? "" : sender.name);
  fillSlot(item, "action", words("call-entry-words")[isOwn ? "again" : "back"] ?? "");
  fillSlot(item, "text", describeCall(message, currentUserId));
  const button = find(item, "[data-act=call]");
  if (button) Object.assign(button.dataset, { media, id: String(conversation_id) });
  return item;
}

for (const kind of ["call", "missed"]) registerMessageKind(kind, { render: renderCall, describe: describeCall });
