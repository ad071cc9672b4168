/** Which line begins and ends a group and where a day begins: as `chat/lines.py`, kept alike by tests/grouping_cases.json. */

const PAUSE = 5 * 60 * 1000; // so long a silence ends a group

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
    places.push({ first: stamp.text && !goesOn, last: stamp.text, dayBefore: newDay });
    before = stamp;
  }
  return places;
}
