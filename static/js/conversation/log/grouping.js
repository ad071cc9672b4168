/**
 * Groups consecutive messages of a sender and decides where day and time separators are displayed.
 * chat/view_models/message_log.py does the same; both are tested with tests/js/shared_cases/grouping.json.
 */

/**
 * Data of an item that grouping depends on.
 * @typedef {object} ItemData
 * @property {number} sender user id
 * @property {number} at milliseconds since 1970
 * @property {string} day in the user's time zone, in any form that is equal for equal days
 * @property {boolean} text false: a system message
 * @property {boolean} [unreadBefore] the unread separator is above this item
 * @typedef {object} ItemLayout
 * @property {boolean} first first message of a group
 * @property {boolean} last last message of a group
 * @property {boolean} dayBefore a day separator is displayed above
 * @property {boolean} pauseBefore a time separator is displayed above
 */

/**
 * Returns the layout of each item.
 * @param {ItemData[]} items in the order of the log
 * @param {{group: number, separator: number}} gaps ms: a pause that ends a group, and one that gets a time separator
 * @returns {ItemLayout[]}
 */
export function groupMessages(items, gaps) {
  /** @type {ItemLayout[]} */
  const layouts = [];
  /** @type {ItemData | undefined} */
  let previous;
  for (const item of items) {
    const isNewDay = previous?.day !== item.day;
    const continuesGroup =
      previous !== undefined &&
      item.text &&
      previous.text &&
      !isNewDay &&
      !item.unreadBefore &&
      item.sender === previous.sender &&
      item.at - previous.at < gaps.group;
    if (continuesGroup) layouts[layouts.length - 1].last = false;
    const pauseBefore = previous !== undefined && !isNewDay && item.at - previous.at >= gaps.separator;
    layouts.push({ first: item.text && !continuesGroup, last: item.text, dayBefore: isNewDay, pauseBefore });
    previous = item;
  }
  return layouts;
}
