/**
 * The socket: connecting, welcome, heartbeat, coming back, commands and their answers. It knows no page; the element
 * `<live-socket>` tells it what the browser says (online, visible) and listens to what it hears.
 */
import { clock as realClock } from "../clock.js";
import { Refusal } from "../api-error.js";

/** @typedef {import("../protocol.js").Welcome} Welcome */
/** @typedef {import("../clock.js").Clock} Clock */

/**
 * connecting: an attempt is under way · open: all is well · shaky: a ping went unanswered · waiting: for the next
 * attempt, at `retryAt` · offline: the same, and the system says that there is no network · ended: it will not come back.
 * @typedef {"connecting" | "open" | "shaky" | "waiting" | "offline" | "ended"} State
 *
 * @typedef {object} Status
 * @property {State} state
 * @property {number} attempts failures since it was open last
 * @property {number | null} retryAt in the clock's milliseconds
 * @property {number | null} code of the last close
 *
 * @typedef {object} Options
 * @property {string} url
 * @property {string[]} [protocols]
 * @property {(status: Status) => void} onState
 * @property {(welcome: Welcome) => void} onWelcome
 * @property {(type: string, payload: any) => void} onEvent
 * @property {new (url: string, protocols: string[]) => WebSocket} [Socket]
 * @property {Clock} [clock]
 * @property {() => number} [random]
 */

const CONNECT = 5_000; // until the handshake is answered
const WELCOME = 10_000; // until the first frame: the server may have many to greet
const ANSWER = 10_000; // until a command is given up
const EARLY = 0.95; // of an interval: a ping is there when it is due, and a dead line is said within two intervals
const NETWORK_BACK = 2_000; // an old socket must answer within this after the network came back

const NOT_SIGNED_IN = 4401;
/** Seconds to wait after these close codes: suspended, and too many connections or violations. */
const LONG = new Map([
  [4403, 300],
  [4429, 60],
]);

/**
 * Seconds until attempt number `attempts` + 1: 1, 2, 4 … 30, each up to a fifth more or less.
 * @param {number} attempts
 * @param {number} chance from 0 to 1
 */
export function backoff(attempts, chance) {
  return Math.min(30, 2 ** Math.min(attempts, 5) * (0.8 + 0.4 * chance));
}

export class Connection {
  /** @type {WebSocket | null} */
  #socket = null;
  /** @type {Status} */
  #status = { state: "waiting", attempts: 0, retryAt: null, code: null };
  /** @type {Map<string, {resolve: (payload: any) => void, reject: (refusal: Refusal) => void, timer: any}>} */
  #asked = new Map();
  #asking = 0;
  /** Milliseconds until a ping. */
  #interval = 5_000 * EARLY;
  #heard = 0;
  #sent = 0;
  #due = 0;
  /** Pings since anything was heard. */
  #unanswered = 0;
  /** A late timer has already been given its second chance. */
  #excused = false;
  #networkGone = false;
  /** The server asked for a long pause: only the person shortens it. */
  #patient = false;
  /** @type {any} */
  #beat;
  /** @type {any} */
  #deadline;
  /** @type {any} */
  #retry;

  /** @param {Options} options */
  constructor({ url, protocols = ["messenger.v1"], onState, onWelcome, onEvent, Socket, clock, random }) {
    this.url = url;
    this.protocols = protocols;
    this.onState = onState;
    this.onWelcome = onWelcome;
    this.onEvent = onEvent;
    this.Socket = Socket ?? WebSocket;
    this.clock = clock ?? realClock;
    this.random = random ?? Math.random;
  }

  get status() {
    return this.#status;
  }

  /** Commands can be given. */
  get isOpen() {
    return this.#status.state === "open" || this.#status.state === "shaky";
  }

  /** Connects now, unless there is a socket already: never two at a time. */
  connect() {
    if (this.#socket || this.#status.state === "ended") return;
    this.clock.cancel(this.#retry);
    this.#patient = false;
    if (!this.#networkGone) this.#become("connecting");
    /** @type {WebSocket} */
    let socket;
    try {
      socket = new this.Socket(this.url, this.protocols);
    } catch {
      this.#lost(1006);
      return;
    }
    this.#socket = socket;
    this.#deadline = this.clock.after(CONNECT, () => this.#drop());
    socket.onopen = () => {
      this.clock.cancel(this.#deadline);
      this.#deadline = this.clock.after(WELCOME, () => this.#drop());
    };
    socket.onmessage = (event) => this.#hear(event.data);
    socket.onclose = (event) => this.#lost(event.code);
  }

  /** For good: the page goes. */
  end() {
    this.#become("ended");
    this.#letGo();
  }

  /**
   * Gives a command that is answered. Resolves with the payload of `ack`.
   * @param {string} type
   * @param {object} payload
   * @param {number} [patience] milliseconds
   * @returns {Promise<any>} rejects with a `Refusal`
   */
  ask(type, payload, patience = ANSWER) {
    return new Promise((resolve, reject) => {
      if (!this.isOpen) return reject(new Refusal({ code: "disconnected" }));
      const ref = String(++this.#asking);
      const timer = this.clock.after(patience, () => {
        this.#asked.delete(ref);
        reject(new Refusal({ code: "timeout" }));
      });
      this.#asked.set(ref, { resolve, reject, timer });
      this.#send({ type, payload, ref });
    });
  }

  /**
   * Gives a command that is not answered (typing, view, received). Without a line it is dropped.
   * @param {string} type
   * @param {object} payload
   */
  say(type, payload) {
    if (this.isOpen) this.#send({ type, payload });
  }

  /** The page became visible or woke from sleep: timers meant nothing meanwhile, so ask whether the line lives. */
  wake() {
    if (!this.#socket) {
      if (!this.#patient) this.connect();
    } else if (this.isOpen) {
      this.#probe(this.#interval, false);
    }
  }

  /** The system says that the network is gone. What works all the same (a server on this machine) is found again. */
  networkGone() {
    if (this.#status.state === "ended") return;
    this.#networkGone = true;
    if (this.#socket) this.#drop();
    else this.#become("offline", { retryAt: this.#status.retryAt });
  }

  /** The system says that the network is back. An attempt made without it is not waited for. */
  networkBack() {
    this.#networkGone = false;
    if (this.isOpen) {
      this.#probe(NETWORK_BACK, true);
    } else if (!this.#patient) {
      this.#letGo();
      this.connect();
    }
  }

  /** The person presses "try now". */
  tryNow() {
    this.connect();
  }

  /**
   * @param {State} state
   * @param {Partial<Status>} [more]
   */
  #become(state, more = {}) {
    const next = { ...this.#status, retryAt: null, ...more, state };
    if (JSON.stringify(next) === JSON.stringify(this.#status)) return;
    this.#status = next;
    this.onState(next);
  }

  /** @param {object} frame */
  #send(frame) {
    this.#sent = this.clock.now();
    this.#socket?.send(JSON.stringify(frame));
  }

  /** @param {unknown} data */
  #hear(data) {
    this.#heard = this.clock.now();
    this.#unanswered = 0;
    this.#excused = false;
    if (this.#status.state === "shaky") this.#become("open");
    const frame = parse(data);
    if (!frame) return;
    const { type, payload, ref } = frame;
    if (type === "welcome") {
      this.#welcomed(payload);
    } else if ((type === "ack" || type === "error") && ref !== undefined) {
      this.#answered(ref, type, payload);
    } else if (type !== "pong") {
      this.onEvent(type, payload);
    }
  }

  /** @param {Welcome} welcome */
  #welcomed(welcome) {
    this.clock.cancel(this.#deadline);
    this.#interval = (welcome.heartbeat?.interval || 5) * 1000 * EARLY;
    this.#networkGone = false;
    this.#sent = this.clock.now();
    this.#become("open", { attempts: 0, code: null });
    this.#nextBeat();
    this.onWelcome(welcome);
  }

  /**
   * @param {string} ref
   * @param {string} type
   * @param {any} payload
   */
  #answered(ref, type, payload) {
    const asked = this.#asked.get(ref);
    if (!asked) return;
    this.#asked.delete(ref);
    this.clock.cancel(asked.timer);
    if (type === "ack") asked.resolve(payload);
    else asked.reject(new Refusal(payload));
  }

  /** A ping is due when nothing was sent, or nothing was heard, for one interval. */
  #nextBeat() {
    this.clock.cancel(this.#beat);
    this.#due = Math.max(Math.min(this.#sent, this.#heard) + this.#interval, this.clock.now());
    this.#beat = this.clock.after(this.#due - this.clock.now(), () => this.#tick());
  }

  #tick() {
    const quiet = this.clock.now() - Math.min(this.#sent, this.#heard);
    if (this.#unanswered === 0 && quiet < this.#interval) return this.#nextBeat(); // both sides spoke meanwhile
    // A slowed or sleeping timer says nothing about the line: what has arrived meanwhile may be waiting behind it.
    const late = this.clock.now() - this.#due > this.#interval / 2;
    if (this.#unanswered > 0 && late && !this.#excused) {
      this.#excused = true;
    } else if (this.#unanswered >= 2) {
      this.#drop(true);
      return;
    } else {
      if (this.#unanswered === 1) this.#become("shaky");
      this.#unanswered += 1;
    }
    this.#ping(this.#interval);
  }

  /** @param {number} patience milliseconds until the next look */
  #ping(patience) {
    this.#send({ type: "ping", payload: {} });
    this.clock.cancel(this.#beat);
    this.#due = this.clock.now() + patience;
    this.#beat = this.clock.after(patience, () => this.#tick());
  }

  /**
   * Forgets what was unanswered before and asks anew.
   * @param {number} patience milliseconds until the next look
   * @param {boolean} last silence until then is the end of this socket
   */
  #probe(patience, last) {
    this.#unanswered = last ? 2 : 1;
    this.#excused = true;
    this.#ping(patience);
  }

  /** Gives the present socket up without waiting for its close frame. @param {boolean} [atOnce] */
  #drop(atOnce = false) {
    this.#letGo();
    this.#lost(1006, atOnce);
  }

  #letGo() {
    const socket = this.#socket;
    this.#socket = null;
    this.clock.cancel(this.#retry);
    this.clock.cancel(this.#beat);
    this.clock.cancel(this.#deadline);
    if (socket) {
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close();
    }
    for (const { reject, timer } of this.#asked.values()) {
      this.clock.cancel(timer);
      reject(new Refusal({ code: "disconnected" }));
    }
    this.#asked.clear();
  }

  /**
   * @param {number} code
   * @param {boolean} [atOnce]
   */
  #lost(code, atOnce = false) {
    this.#letGo();
    if (code === NOT_SIGNED_IN) return this.#become("ended", { code });
    const { attempts } = this.#status;
    const seconds = LONG.get(code) ?? (atOnce ? 0 : backoff(attempts, this.random()));
    this.#patient = LONG.has(code);
    const wait = seconds * 1000;
    this.#become(this.#networkGone ? "offline" : "waiting", {
      attempts: attempts + 1,
      code,
      retryAt: this.clock.now() + wait,
    });
    this.#retry = this.clock.after(wait, () => this.connect());
  }
}

/**
 * @param {unknown} data
 * @returns {import("../protocol.js").Frame | null} null for what is no frame
 */
function parse(data) {
  if (typeof data !== "string") return null;
  try {
    const frame = JSON.parse(data);
    return typeof frame?.type === "string" ? frame : null;
  } catch {
    return null;
  }
}
