/** Above the log: title, announcement, how many are members, who is here. */
import { whenHere } from "./last-seen.js";
import { fill } from "./names.js";
import { avatar, find, findAll, pageTimes, words } from "./page.js";
import { presenceOf } from "./presence-book.js";

/** @typedef {import("./protocol.js").Conversation} Conversation */

export function watchTalkHead() {
  document.addEventListener("live:conversation.updated", (event) => {
    const { conversation } = /** @type {CustomEvent} */ (event).detail;
    const main = find(document, `main.talk[data-id="${conversation.id}"]`);
    if (main) update(main, conversation);
  });
  for (const type of ["page:presence", "page:visited", "page:here"]) document.addEventListener(type, here);
  setInterval(here, 30_000); // "5 min ago" becomes six
}

/** @param {HTMLElement} main @param {Conversation} conversation */
function update(main, conversation) {
  const { kind, title, description, member_count, avatar_url } = conversation;
  if (kind !== "group") return;
  const heading = find(main, "#h-talk");
  const old = heading?.textContent ?? "";
  const face = find(main, ".talk-head > .avatar");
  const drawn = face?.querySelector("img")?.getAttribute("src") ?? null;
  if (old !== title || drawn !== avatar_url) face?.replaceWith(avatar(conversation));
  if (heading && old !== title) {
    heading.textContent = heading.title = title;
    document.title = document.title.replace(old, title);
    for (const part of [...findAll(main, ".log[aria-label], .composer[aria-label], .composer textarea")]) {
      for (const name of ["aria-label", "placeholder"]) {
        const text = part.getAttribute(name);
        if (text) part.setAttribute(name, text.replace(old, title));
      }
    }
  }
  const said = words("list-words");
  const members = find(main, "[data-part=member-count]");
  if (members) members.textContent = member_count === 1 ? said.membersOne ?? "" : fill(said.members, { n: member_count });
  const panel = find(document, "member-panel [data-part=member-count]");
  if (panel) panel.textContent = String(member_count);
  const about = find(main, "[data-part=about-group]");
  if (about) about.textContent = description && ` · ${description}`;
}

/** Of a group how many are here, of a pair whether the other is, or when they were. */
function here() {
  const main = find(document, "main.talk[data-id]");
  const said = words("list-words");
  const count = find(main, "[data-part=here-count]");
  if (count) {
    const online = Number(find(document, "member-panel")?.dataset.here ?? 0);
    say(count, online ? fill(said.here, { n: online }) : "");
  }
  const peer = find(main, "[data-part=peer-here]");
  if (peer) {
    const presence = presenceOf(Number(find(main, ".talk-head > .avatar")?.dataset.userId));
    if (presence) say(peer, whenHere(presence, new Date(), pageTimes(), said));
  }
}

/** @param {HTMLElement} element @param {string} text */
function say(element, text) {
  element.hidden = !text;
  const whole = text && ` · ${text}`;
  if (element.textContent !== whole) element.textContent = whole;
}
