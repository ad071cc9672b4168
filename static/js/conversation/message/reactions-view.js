/** Draws what people put under a message, as `templates/chat/message/_reactions.html` does: first come first, and by whom. */
import { formatNameList } from "../../lib/wording.js";
import { find, words } from "../../lib/dom.js";
import { getUserName } from "../../realtime/state/user-cache.js";

/** @typedef {import("../../realtime/protocol.js").Reaction} Reaction */

/** @param {HTMLElement | null} group of the template, with one sample of each part @param {Reaction[]} reactions @param {number} me */
export function drawReactions(group, reactions, me) {
  const sample = find(group, ".reaction[data-emoji]");
  const rest = find(group, ".rest");
  if (!group || !sample || !reactions.length) return group?.remove();
  const shown = Number(words("name-words").reactions ?? 24);
  for (const reaction of reactions.slice(0, shown)) {
    const { emoji, user_ids } = reaction;
    const button = /** @type {HTMLButtonElement} */ (sample.cloneNode(true));
    const mine = user_ids.includes(me);
    button.name = mine ? "remove" : "add";
    button.value = button.dataset.emoji = emoji;
    button.setAttribute("aria-pressed", String(mine));
    button.title = reactors(reaction.user_ids, me);
    button.dataset.users = user_ids.slice(0, full()).join(" ");
    const [face, count] = button.children;
    face.textContent = emoji;
    count.textContent = String(user_ids.length);
    sample.before(button);
  }
  sample.remove();
  if (!rest) return;
  if (reactions.length > shown) rest.textContent = `+${reactions.length - shown}`;
  else rest.remove();
}

/** Who put it there. @param {number[]} ids @param {number} me */
export function reactors(ids, me) {
  const said = words("name-words");
  return formatNameList(ids.map((id) => (id === me ? said.you ?? "" : getUserName(id) ?? "…")), said);
}

/** So many are named at most. */
const full = () => Number(words("name-words").inFull ?? 4);

/** Whose names that needs. @param {Reaction[]} reactions @returns {number[]} */
export function reactorsNamed(reactions) {
  return reactions.flatMap(({ user_ids }) => user_ids.slice(0, full()));
}
