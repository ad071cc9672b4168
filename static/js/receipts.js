/** Which of my messages were sent, got and read, from the marks of the others. */

/**
 * @typedef {import("./protocol.js").Receipt} Receipt
 * @typedef {{state: "sent" | "delivered" | "read", count: number}} Mark `count`: how many have read it
 */

export class Receipts {
  /** @type {Map<number, {delivered: number, read: number}>} */
  #marks = new Map();

  /** @param {number} me my own marks say nothing */
  constructor(me) {
    this.me = me;
  }

  /** Marks only go forward, so news may come late or twice. @param {Receipt} receipt */
  add({ user_id, delivered_seq, read_seq }) {
    if (user_id === this.me) return;
    const mark = this.#marks.get(user_id) ?? { delivered: 0, read: 0 };
    mark.read = Math.max(mark.read, read_seq ?? 0);
    mark.delivered = Math.max(mark.delivered, delivered_seq ?? 0, mark.read);
    this.#marks.set(user_id, mark);
  }

  /** @param {number} userId who is no member any more */
  remove(userId) {
    this.#marks.delete(userId);
  }

  /** @param {number} seq @returns {Mark} */
  of(seq) {
    let count = 0;
    let delivered = false;
    for (const mark of this.#marks.values()) {
      if (mark.read >= seq) count += 1;
      if (mark.delivered >= seq) delivered = true;
    }
    return { state: count ? "read" : delivered ? "delivered" : "sent", count };
  }

  /**
   * Where to draw marks: on the last of each state in each group of mine.
   * @param {{seq: number, first: boolean}[]} lines mine, ascending; `first` opens a group
   * @returns {Map<number, Mark>} by seq
   */
  drawn(lines) {
    /** @type {Map<number, Mark>} */
    const drawn = new Map();
    lines.forEach(({ seq }, index) => {
      const mark = this.of(seq);
      const next = lines[index + 1];
      if (!next || next.first || this.of(next.seq).state !== mark.state) drawn.set(seq, mark);
    });
    return drawn;
  }
}
