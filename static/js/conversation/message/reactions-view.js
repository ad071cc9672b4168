/**
 * Renders the reactions below a message, like templates/chat/message/_reactions.html. The emoji that was used first
 * comes first; each has the names of its users.
 */
import { formatNameList } from "../../lib/wording.js";
import { find, words } from "../../lib/dom.js";
import { getUserName } from "../../realtime/state/user-cache.js";

/** @typedef {import("../../realtime/protocol.js").Reaction} Reaction */

/**
 * Fills the container with a button for each reaction; removes it if there is none.
 * @param {HTMLElement | null} container cloned from the template, with one sample of each part
 * @param {Reaction[]} reactions
 * @param {number} currentUserId
 */
export function renderReactions(container, reactions, currentUserId) {
  const sampleButton = find(container, ".reaction[data-emoji]");
  const overflow = find(container, ".rest");
  if (!container || !sampleButton || !reactions.length) return container?.remove();
  const limit = Number(words("name-words").reactions);
  for (const reaction of reactions.slice(0, limit)) {
    const { emoji, user_ids } = reaction;
    const button = /** @type {HTMLButtonElement} */ (sampleButton.cloneNode(true));
    const isOwn = user_ids.includes(currentUserId);
    button.name = isOwn ? "remove" : "add";
    button.value = button.dataset.emoji = emoji;
    button.setAttribute("aria-pressed", String(isOwn));
    button.title = formatReactors(reaction.user_ids, currentUserId);
    button.dataset.users = user_ids.slice(0, getNamedLimit()).join(" ");
    const [emojiElement, countElement] = button.children;
    emojiElement.textContent = emoji;
    countElement.textContent = String(user_ids.length);
    sampleButton.before(button);
  }
  sampleButton.remove();
  if (!overflow) return;
  if (reactions.length > limit) overflow.textContent = `+${reactions.length - limit}`;
  else overflow.remove();
}

/**
 * Returns the names of the users as a list.
 * @param {number[]} userIds 0: a user whose name is unknown
 * @param {number} currentUserId
 */
export function formatReactors(userIds, currentUserId) {
  const nameWords = words("name-words");
  return formatNameList(userIds.map((id) => (id === currentUserId ? nameWords.you ?? "" : getUserName(id) ?? "…")), nameWords);
}

/** Returns how many users a reaction lists by name at most. */
const getNamedLimit = () => Number(words("name-words").inFull);

/** Returns the ids of the users whose names are displayed. @param {Reaction[]} reactions @returns {number[]} */
export function listNamedReactorIds(reactions) {
  return reactions.flatMap(({ user_ids }) => user_ids.slice(0, getNamedLimit()));
}
