/**
 * Groups consecutive messages of a sender and decides where day and time separators are displayed.
 * chat/view_models/message_log.py does the same; both are tested with tests/shared_cases/grouping.json.
 */

const GROUP_PAUSE = 5 * 60 * 1000; // ms: a longer pause ends a group
const LONG_PAUSE = 60 * 60 * 1000; // ms: after a longer pause on the same day a time separator is displayed

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

/** Returns the layout of each item. @param {ItemData[]} items in the order of the log @returns {ItemLayout[]} */
export function groupMessages(items) {
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
      item.at - previous.at < GROUP_PAUSE;
    if (continuesGroup) layouts[layouts.length - 1].last = false;
    const pauseBefore = previous !== undefined && !isNewDay && item.at - previous.at >= LONG_PAUSE;
    layouts.push({ first: item.text && !continuesGroup, last: item.text, dayBefore: isNewDay, pauseBefore });
    previous = item;
  }
  return layouts;
}
