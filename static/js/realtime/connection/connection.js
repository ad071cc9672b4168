/**
 * WebSocket connection: handshake, heartbeat, reconnecting, and commands with their answers. It does not use the page.
 * The element `<live-socket>` tells it when the browser is online or the page visible, and receives its events and
 * changes of state.
 */
import { clock as realClock } from "../clock.js";
import { ApiError } from "../api-error.js";

/** @typedef {import("../protocol.js").Welcome} Welcome */
/** @typedef {import("../clock.js").Clock} Clock */

/**
 * `connecting`: an attempt is in progress. `open`: the connection works. `shaky`: it is open, but a ping was not
 * answered. `waiting`: the next attempt is at `retryAt`. `offline`: like `waiting`, and the browser reports that there
 * is no network. `ended`: there are no more attempts.
 * @typedef {"connecting" | "open" | "shaky" | "waiting" | "offline" | "ended"} State
 *
 * @typedef {object} Status
 * @property {State} state
 * @property {number} attempts failed attempts since the connection was open
 * @property {number | null} retryAt time of the next attempt, in ms of the clock
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

const CONNECT_TIMEOUT = 5_000; // ms until the socket is open
// ms until the first frame: after a restart the server may have many connections to greet
const WELCOME_TIMEOUT = 10_000;
const ANSWER_TIMEOUT = 10_000; // ms until a command fails with the code `timeout`
// Part of the server's interval: so pings arrive in time, and a dead connection is detected within two intervals.
const PING_FACTOR = 0.95;
// ms; an existing socket must answer within this time after the network is restored
const NETWORK_RESTORED_TIMEOUT = 2_000;

const CLOSE_NOT_SIGNED_IN = 4401;
/** Seconds to wait after these close codes: account suspended; too many connections or violations. */
const LONG_PAUSES = new Map([
  [4403, 300],
  [4429, 60],
]);

const FIRST_MINUTE_ATTEMPTS = 20; // so many attempts take about a minute
const FIRST_MINUTE_DELAY = 3; // seconds; a restart of the server takes less than the first minute
const MAX_DELAY = 30; // seconds

/**
 * Returns the seconds until attempt number `attempts` + 1: 1, 2, then 3 for about a minute, then 6, 12, 24 and 30. Each has
 * a jitter of ±20 %.
 * @param {number} attempts
 * @param {number} random from 0 to 1
 */
export function backoffSeconds(attempts, random) {
  const doublings = Math.min(Math.max(0, attempts - FIRST_MINUTE_ATTEMPTS + 1), 5);
  const delay = Math.min(2 ** Math.min(attempts, 2), FIRST_MINUTE_DELAY) * 2 ** doublings;
  return Math.min(MAX_DELAY, delay * (0.8 + 0.4 * random));
}

export class Connection {
  /** @type {WebSocket | null} */
  #socket = null;
  /** @type {Status} */
  #status = { state: "waiting", attempts: 0, retryAt: null, code: null };
  /**
   * Commands without an answer yet, by `ref`.
   * @type {Map<string, {resolve: (payload: any) => void, reject: (error: ApiError) => void, timer: any}>}
   */
  #pending = new Map();
  #lastRef = 0;
  /** Time between pings, in ms. */
  #interval = 5_000 * PING_FACTOR;
  #lastReceivedAt = 0;
  #lastSentAt = 0;
  #pingDueAt = 0;
  /** Pings since the last received frame. */
  #unanswered = 0;
  /** Whether a late ping timer was ignored once already. A late timer says nothing about the connection. */
  #isGraceUsed = false;
  #isNetworkLost = false;
  /** Whether the server asked for a long pause, which only the user may end early. */
  #isLongPause = false;
  /** @type {any} */
  #pingTimer;
  /** @type {any} */
  #handshakeTimer;
  /** @type {any} */
  #retryTimer;

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

  /** Whether commands can be sent. */
  get isOpen() {
    return this.#status.state === "open" || this.#status.state === "shaky";
  }

  /** Connects now. Does nothing if there is a socket already, so that there are never two. */
  connect() {
    if (this.#socket || this.#status.state === "ended") return;
    this.clock.cancel(this.#retryTimer);
    this.#isLongPause = false;
    if (!this.#isNetworkLost) this.#setStatus("connecting");
    /** @type {WebSocket} */
    let socket;
    try {
      socket = new this.Socket(this.url, this.protocols);
    } catch {
      this.#handleClose(1006);
      return;
    }
    this.#socket = socket;
    this.#handshakeTimer = this.clock.after(CONNECT_TIMEOUT, () => this.#dropSocket());
    socket.onopen = () => {
      this.clock.cancel(this.#handshakeTimer);
      this.#handshakeTimer = this.clock.after(WELCOME_TIMEOUT, () => this.#dropSocket());
    };
    socket.onmessage = (event) => this.#receive(event.data);
    socket.onclose = (event) => this.#handleClose(event.code);
  }

  /** Closes the connection for good, because the page is left. */
  close() {
    this.#setStatus("ended");
    this.#discardSocket();
  }

  /** Ends the connection as close code 4401 does, because an HTTP request was answered that the sign-in has ended. */
  signedOut() {
    this.#discardSocket();
    this.#setStatus("ended", { code: CLOSE_NOT_SIGNED_IN });
  }

  /**
   * Sends a command and waits for its answer. Resolves with the payload of `ack`.
   * @param {string} type
   * @param {object} payload
   * @param {number} [timeout] in ms
   * @returns {Promise<any>} rejects with an `ApiError`
   */
  request(type, payload, timeout = ANSWER_TIMEOUT) {
    return new Promise((resolve, reject) => {
      if (!this.isOpen) return reject(new ApiError({ code: "disconnected" }));
      const ref = String(++this.#lastRef);
      const timer = this.clock.after(timeout, () => {
        this.#pending.delete(ref);
        reject(new ApiError({ code: "timeout" }));
      });
      this.#pending.set(ref, { resolve, reject, timer });
      this.#send({ type, payload, ref });
    });
  }

  /**
   * Sends a command that has no answer (typing, view, received). Without a connection it is dropped.
   * @param {string} type
   * @param {object} payload
   */
  sendAndForget(type, payload) {
    if (this.isOpen) this.#send({ type, payload });
  }

  /**
   * Checks the connection after the page became visible or the computer woke up. Before that, timers did not run
   * reliably.
   */
  wake() {
    if (!this.#socket) {
      if (!this.#isLongPause) this.connect();
    } else if (this.isOpen) {
      this.#probe(this.#interval, false);
    }
  }

  /**
   * Handles the browser's report that there is no network. Attempts continue, because a server on this machine may
   * still be reachable.
   */
  networkLost() {
    if (this.#status.state === "ended") return;
    this.#isNetworkLost = true;
    if (this.#socket) this.#dropSocket();
    else this.#setStatus("offline", { retryAt: this.#status.retryAt });
  }

  /** Handles the browser's report that the network is back. Restarts an attempt that began without a network. */
  networkRestored() {
    this.#isNetworkLost = false;
    if (this.isOpen) {
      this.#probe(NETWORK_RESTORED_TIMEOUT, true);
    } else if (!this.#isLongPause) {
      this.#discardSocket();
      this.connect();
    }
  }

  /** Connects now, because the user pressed "Try now". */
  retryNow() {
    this.connect();
  }

  /**
   * @param {State} state
   * @param {Partial<Status>} [changes]
   */
  #setStatus(state, changes = {}) {
    const next = { ...this.#status, retryAt: null, ...changes, state };
    if (JSON.stringify(next) === JSON.stringify(this.#status)) return;
    this.#status = next;
    this.onState(next);
  }

  /** @param {object} frame */
  #send(frame) {
    this.#lastSentAt = this.clock.now();
    this.#socket?.send(JSON.stringify(frame));
  }

  /** @param {unknown} data */
  #receive(data) {
    this.#lastReceivedAt = this.clock.now();
    this.#unanswered = 0;
    this.#isGraceUsed = false;
    if (this.#status.state === "shaky") this.#setStatus("open");
    const frame = parseFrame(data);
    if (!frame) return;
    const { type, payload, ref } = frame;
    if (type === "welcome") {
      this.#handleWelcome(payload);
    } else if ((type === "ack" || type === "error") && ref !== undefined) {
      this.#handleAnswer(ref, type, payload);
    } else if (type !== "pong") {
      this.onEvent(type, payload);
    }
  }

  /** @param {Welcome} welcome */
  #handleWelcome(welcome) {
    this.clock.cancel(this.#handshakeTimer);
    this.#interval = (welcome.heartbeat?.interval || 5) * 1000 * PING_FACTOR;
    this.#isNetworkLost = false;
    this.#lastSentAt = this.clock.now();
    this.#setStatus("open", { attempts: 0, code: null });
    this.#schedulePing();
    this.onWelcome(welcome);
  }

  /**
   * @param {string} ref
   * @param {string} type
   * @param {any} payload
   */
  #handleAnswer(ref, type, payload) {
    const request = this.#pending.get(ref);
    if (!request) return;
    this.#pending.delete(ref);
    this.clock.cancel(request.timer);
    if (type === "ack") request.resolve(payload);
    else request.reject(new ApiError(payload));
  }

  /** Schedules the next ping: one interval after the last sent or the last received frame, whichever is older. */
  #schedulePing() {
    this.clock.cancel(this.#pingTimer);
    this.#pingDueAt = Math.max(Math.min(this.#lastSentAt, this.#lastReceivedAt) + this.#interval, this.clock.now());
    this.#pingTimer = this.clock.after(this.#pingDueAt - this.clock.now(), () => this.#checkPing());
  }

  #checkPing() {
    const silentFor = this.clock.now() - Math.min(this.#lastSentAt, this.#lastReceivedAt);
    // Frames were sent and received meanwhile.
    if (this.#unanswered === 0 && silentFor < this.#interval) return this.#schedulePing();
    // A throttled or sleeping timer says nothing about the connection: received frames may be waiting behind it.
    const isLate = this.clock.now() - this.#pingDueAt > this.#interval / 2;
    if (this.#unanswered > 0 && isLate && !this.#isGraceUsed) {
      this.#isGraceUsed = true;
    } else if (this.#unanswered >= 2) {
      this.#dropSocket(true);
      return;
    } else {
      if (this.#unanswered === 1) this.#setStatus("shaky");
      this.#unanswered += 1;
    }
    this.#ping(this.#interval);
  }

  /** @param {number} timeout in ms until the next check */
  #ping(timeout) {
    this.#send({ type: "ping", payload: {} });
    this.clock.cancel(this.#pingTimer);
    this.#pingDueAt = this.clock.now() + timeout;
    this.#pingTimer = this.clock.after(timeout, () => this.#checkPing());
  }

  /**
   * Sends a ping and ignores pings that were unanswered before.
   * @param {number} timeout in ms until the next check
   * @param {boolean} isLastChance without an answer until then the socket is dropped
   */
  #probe(timeout, isLastChance) {
    this.#unanswered = isLastChance ? 2 : 1;
    this.#isGraceUsed = true;
    this.#ping(timeout);
  }

  /** Drops the current socket without waiting for its close frame. @param {boolean} [reconnectNow] */
  #dropSocket(reconnectNow = false) {
    /** Discards the current socket and rejects all pending commands with the code `disconnected`. */
    this.#discardSocket();
    this.#handleClose(1006, reconnectNow);
  }

  #discardSocket() {
    const socket = this.#socket;
    this.#socket = null;
    this.clock.cancel(this.#retryTimer);
    this.clock.cancel(this.#pingTimer);
    this.clock.cancel(this.#handshakeTimer);
    if (socket) {
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close();
    }
    for (const { reject, timer } of this.#pending.values()) {
      this.clock.cancel(timer);
      reject(new ApiError({ code: "disconnected" }));
    }
    this.#pending.clear();
  }

  /**
   * @param {number} code
   * @param {boolean} [reconnectNow]
   */
  #handleClose(code, reconnectNow = false) {
    this.#discardSocket();
    if (code === CLOSE_NOT_SIGNED_IN) return this.#setStatus("ended", { code });
    const { attempts } = this.#status;
    const seconds = LONG_PAUSES.get(code) ?? (reconnectNow ? 0 : backoffSeconds(attempts, this.random()));
    this.#isLongPause = LONG_PAUSES.has(code);
    const delay = seconds * 1000;
    this.#setStatus(this.#isNetworkLost ? "offline" : "waiting", {
      attempts: attempts + 1,
      code,
      retryAt: this.clock.now() + delay,
    });
    this.#retryTimer = this.clock.after(delay, () => this.connect());
  }
}

/**
 * @param {unknown} data
 * @returns {import("../protocol.js").Frame | null} null for an invalid frame
 */
function parseFrame(data) {
  if (typeof data !== "string") return null;
  try {
    const frame = JSON.parse(data);
    return typeof frame?.type === "string" ? frame : null;
  } catch {
    return null;
  }
}
