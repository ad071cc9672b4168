/** The classes of a line, as `templates/chat/message/_message.html` writes them. */

/** In its order; the rest come and go. */
const CLASSES = ["msg", "first", "last", "mine", "for-me", "deleted", "blocked"];

/**
 * @param {HTMLElement} li
 * @param {Record<string, boolean>} changes
 */
export function setClasses(li, changes) {
  const set = new Set(li.classList);
  for (const [name, on] of Object.entries(changes)) on ? set.add(name) : set.delete(name);
  const fixed = CLASSES.filter((name) => set.delete(name));
  const wanted = [...fixed, ...set].join(" ");
  if (li.className !== wanted) li.className = wanted;
}
