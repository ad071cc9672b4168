/** Above the log: title, announcement, how many are members, who is here. */
import { formatLastSeen } from "../../lib/last-seen.js";
import { fillPlaceholders } from "../../lib/wording.js";
import { createAvatar, find, getDateFormatter, words } from "../../lib/dom.js";
import { getPresence } from "../../realtime/state/presence-cache.js";

/** @typedef {import("../../realtime/protocol.js").Conversation} Conversation */
/** @typedef {import("../../realtime/protocol.js").User} User */

export function watchTalkHead() {
  document.addEventListener("live:conversation.updated", (event) => {
    const { conversation } = /** @type {CustomEvent} */ (event).detail;
    const main = find(document, `main.conversation[data-id="${conversation.id}"]`);
    if (main) update(main, conversation);
  });
  document.addEventListener("live:member.updated", (event) => {
    const { conversation_id, member } = /** @type {CustomEvent} */ (event).detail;
    const main = find(document, `main.conversation[data-kind=direct][data-id="${conversation_id}"]`);
    if (main) updatePeer(main, member.user);
  });
  for (const type of ["page:presence-changed", "page:navigated", "page:online-count-changed"]) document.addEventListener(type, here);
  setInterval(here, 30_000); // "5 min ago" becomes six
}

/** @param {HTMLElement} main @param {Conversation} conversation */
function update(main, conversation) {
  const { kind, title, description, member_count, avatar_url } = conversation;
  if (kind !== "group") return;
  const face = find(main, ".conversation-head > .avatar");
  if (find(main, "#h-conversation")?.textContent !== title || drawn(face) !== avatar_url) face?.replaceWith(createAvatar(conversation));
  call(main, title);
  const said = words("list-words");
  const members = find(main, "[data-part=member-count]");
  if (members) members.textContent = member_count === 1 ? said.membersOne ?? "" : fillPlaceholders(said.members, { n: member_count });
  const panel = find(document, "member-panel [data-part=member-count]");
  if (panel) panel.textContent = String(member_count);
  const about = find(main, "[data-part=about-group]");
  if (about) about.textContent = description && ` · ${description}`;
}

/** The other one of a pair, as they are called now. @param {HTMLElement} main @param {User} user */
function updatePeer(main, user) {
  const face = find(main, `.conversation-head > .avatar[data-user-id="${user.id}"]`);
  if (!face) return;
  if (find(main, "#h-conversation")?.textContent !== user.name || drawn(face) !== user.avatar_url) {
    const fresh = createAvatar(user, "", true);
    const [was, dot] = [find(face, ".here"), find(fresh, ".here")];
    if (dot) dot.hidden = was?.hidden ?? true;
    face.replaceWith(fresh);
  }
  const handle = find(main, "[data-part=peer-username]");
  if (handle) handle.textContent = `@${user.username}`;
  call(main, user.name);
}

/** The address of its picture. @param {HTMLElement | null} face */
const drawn = (face) => find(face, "img")?.getAttribute("src") ?? null;

/** Another title, wherever the page says it. @param {HTMLElement} main @param {string} title */
function call(main, title) {
  const heading = find(main, "#h-conversation");
  const old = heading?.textContent ?? "";
  if (!heading || old === title) return;
  heading.textContent = heading.title = title;
  const at = document.title.indexOf(old, document.title.match(/^\(\d+\+?\) /)?.[0].length ?? 0);
  if (at >= 0) document.title = document.title.slice(0, at) + title + document.title.slice(at + old.length);
  const { message, write } = words("conversation-words");
  find(main, ".log")?.setAttribute("aria-label", title);
  find(main, ".composer")?.setAttribute("aria-label", fillPlaceholders(message, { t: title }));
  const field = find(main, ".composer textarea");
  field?.setAttribute("aria-label", fillPlaceholders(message, { t: title }));
  field?.setAttribute("placeholder", fillPlaceholders(write, { t: title }));
}

/** Of a group how many are here, of a pair whether the other is, or when they were. */
function here() {
  const main = find(document, "main.conversation[data-id]");
  const said = words("list-words");
  const count = find(main, "[data-part=here-count]");
  if (count) {
    const online = Number(find(document, "member-panel")?.dataset.here ?? 0);
    say(count, online ? fillPlaceholders(said.here, { n: online }) : "");
  }
  const peer = find(main, "[data-part=peer-here]");
  if (peer) {
    const presence = getPresence(Number(find(main, ".conversation-head > .avatar")?.dataset.userId));
    if (presence) say(peer, formatLastSeen(presence, new Date(), getDateFormatter(), said));
  }
}

/** @param {HTMLElement} element @param {string} text */
function say(element, text) {
  element.hidden = !text;
  const whole = text && ` · ${text}`;
  if (element.textContent !== whole) element.textContent = whole;
}
