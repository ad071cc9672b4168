/** Which line begins and ends a group and where a day begins: as `chat/view_models/message_log.py`, kept alike by tests/shared_cases/grouping.json. */

const PAUSE = 5 * 60 * 1000; // so long a silence ends a group
const LONG_PAUSE = 60 * 60 * 1000; // after so long a silence on one day the time stands between

/**
 * All that grouping asks of a line.
 * @typedef {object} Stamp
 * @property {number} sender
 * @property {number} at milliseconds since 1970
 * @property {string} day in the reader's zone, in any form that is equal for equal days
 * @property {boolean} text false: a system line
 * @property {boolean} [unreadBefore] the unread line stands above
 *
 * @typedef {object} Place
 * @property {boolean} first
 * @property {boolean} last
 * @property {boolean} dayBefore a day line stands above
 * @property {boolean} pauseBefore a time stands above
 */

/**
 * @param {Stamp[]} stamps
 * @returns {Place[]}
 */
export function grouped(stamps) {
  /** @type {Place[]} */
  const places = [];
  /** @type {Stamp | undefined} */
  let before;
  for (const stamp of stamps) {
    const newDay = before?.day !== stamp.day;
    const goesOn =
      before !== undefined &&
      stamp.text &&
      before.text &&
      !newDay &&
      !stamp.unreadBefore &&
      stamp.sender === before.sender &&
      stamp.at - before.at < PAUSE;
    if (goesOn) places[places.length - 1].last = false;
    const pauseBefore = before !== undefined && !newDay && stamp.at - before.at >= LONG_PAUSE;
    places.push({ first: stamp.text && !goesOn, last: stamp.text, dayBefore: newDay, pauseBefore });
    before = stamp;
  }
  return places;
}
