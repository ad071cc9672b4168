/** Sets CSS classes of a message in the same order as templates/chat/message/_message.html. */

/** Classes in the order of the template; other classes follow. */
const FIXED_ORDER = ["msg", "first", "last", "mine", "for-me", "deleted", "blocked"];

/**
 * Adds and removes classes.
 * @param {HTMLElement} item
 * @param {Record<string, boolean>} changes
 */
export function setClasses(item, changes) {
  const classes = new Set(item.classList);
  for (const [name, isOn] of Object.entries(changes)) isOn ? classes.add(name) : classes.delete(name);
  const ordered = FIXED_ORDER.filter((name) => classes.delete(name));
  const className = [...ordered, ...classes].join(" ");
  if (item.className !== className) item.className = className;
}
