/** Updates the header of the conversation: title, picture, member count, description and presence. */
import { formatLastSeen } from "../../lib/last-seen.js";
import { fillPlaceholders } from "../../lib/wording.js";
import { createAvatar, find, getDateFormatter, words } from "../../lib/dom.js";
import { navigate } from "../../ui/page-navigation.js";
import { getPresence } from "../../realtime/state/presence-cache.js";

/** @typedef {import("../../realtime/protocol.js").Conversation} Conversation */
/** @typedef {import("../../realtime/protocol.js").User} User */

export function watchConversationHeader() {
  document.addEventListener("live:conversation.updated", (event) => {
    const { conversation } = /** @type {CustomEvent} */ (event).detail;
    const main = find(document, `main.conversation[data-id="${conversation.id}"]`);
    if (main) updateGroup(main, conversation);
  });
  document.addEventListener("live:member.updated", (event) => {
    const { conversation_id, member } = /** @type {CustomEvent} */ (event).detail;
    const main = find(document, `main.conversation[data-kind=direct][data-id="${conversation_id}"]`);
    if (main) updatePeer(main, member.user);
  });
  // Who has blocked the other user sees no composer.
  document.addEventListener("page:block-changed", (event) => {
    const { user_id } = /** @type {CustomEvent} */ (event).detail;
    const isOpen = find(document, `main.conversation[data-kind=direct] .conversation-head > .avatar[data-user-id="${user_id}"]`);
    if (isOpen) void navigate(location.href, { replace: true });
  });
  for (const type of ["page:presence-changed", "page:navigated", "page:online-count-changed"]) document.addEventListener(type, updatePresence);
  setInterval(updatePresence, 30_000); // updates "5 min ago"
}

/** Updates the header of a group. @param {HTMLElement} main @param {Conversation} conversation */
function updateGroup(main, conversation) {
  const { kind, title, description, member_count, avatar_url } = conversation;
  if (kind !== "group") return;
  const avatar = find(main, ".conversation-head > .avatar");
  if (find(main, "#h-conversation")?.textContent !== title || getPictureUrl(avatar) !== avatar_url) {
    avatar?.replaceWith(createAvatar(conversation));
  }
  updateTitle(main, title);
  const listWords = words("list-words");
  const countElement = find(main, "[data-part=member-count]");
  if (countElement) {
    const isOne = member_count === 1;
    countElement.textContent = isOne ? listWords.membersOne ?? "" : fillPlaceholders(listWords.members, { n: member_count });
  }
  const panelCount = find(document, "member-panel [data-part=member-count]");
  if (panelCount) panelCount.textContent = String(member_count);
  const descriptionElement = find(main, "[data-part=about-group]");
  if (descriptionElement) descriptionElement.textContent = description && ` · ${description}`;
}

/**
 * Updates name, username and picture of the other user in a direct conversation.
 * @param {HTMLElement} main
 * @param {User} user
 */
function updatePeer(main, user) {
  const avatar = find(main, `.conversation-head > .avatar[data-user-id="${user.id}"]`);
  if (!avatar) return;
  if (find(main, "#h-conversation")?.textContent !== user.name || getPictureUrl(avatar) !== user.avatar_url) {
    const newAvatar = createAvatar(user, "", true);
    const [oldDot, dot] = [find(avatar, ".here"), find(newAvatar, ".here")];
    if (dot) dot.hidden = oldDot?.hidden ?? true;
    avatar.replaceWith(newAvatar);
  }
  updateTitle(main, user.name);
  const usernameElement = find(main, "[data-part=peer-username]");
  if (!usernameElement || usernameElement.textContent === `@${user.username}`) return;
  usernameElement.textContent = `@${user.username}`;
  // The account may have been deleted: then it has a new username, and the page has no composer.
  void navigate(location.href, { replace: true });
}

/** Returns the URL of the displayed picture; null if initials are displayed. @param {HTMLElement | null} avatar */
const getPictureUrl = (avatar) => find(avatar, "img")?.getAttribute("src") ?? null;

/**
 * Replaces the title in the heading, the document title and the labels.
 * @param {HTMLElement} main
 * @param {string} title
 */
function updateTitle(main, title) {
  const heading = find(main, "#h-conversation");
  const oldTitle = heading?.textContent ?? "";
  if (!heading || oldTitle === title) return;
  heading.textContent = heading.title = title;
  const titleIndex = document.title.indexOf(oldTitle, document.title.match(/^\(\d+\+?\) /)?.[0].length ?? 0);
  if (titleIndex >= 0) document.title = document.title.slice(0, titleIndex) + title + document.title.slice(titleIndex + oldTitle.length);
  const { message, write } = words("conversation-words");
  find(main, ".log")?.setAttribute("aria-label", title);
  find(main, ".composer")?.setAttribute("aria-label", fillPlaceholders(message, { t: title }));
  const field = find(main, ".composer textarea");
  field?.setAttribute("aria-label", fillPlaceholders(message, { t: title }));
  field?.setAttribute("placeholder", fillPlaceholders(write, { t: title }));
}

/** Displays how many members of a group are online, or the presence of the other user. */
function updatePresence() {
  const main = find(document, "main.conversation[data-id]");
  const listWords = words("list-words");
  const count = find(main, "[data-part=here-count]");
  if (count) {
    const online = Number(find(document, "member-panel")?.dataset.here ?? 0);
    setDetail(count, online ? fillPlaceholders(listWords.here, { n: online }) : "");
  }
  const peerElement = find(main, "[data-part=peer-here]");
  if (peerElement) {
    const presence = getPresence(Number(find(main, ".conversation-head > .avatar")?.dataset.userId));
    if (presence) setDetail(peerElement, formatLastSeen(presence, new Date(), getDateFormatter(), listWords));
  }
}

/** Sets a detail of the header; hides it if the text is empty. @param {HTMLElement} element @param {string} text */
function setDetail(element, text) {
  element.hidden = !text;
  const textWithSeparator = text && ` · ${text}`;
  if (element.textContent !== textWithSeparator) element.textContent = textWithSeparator;
}
