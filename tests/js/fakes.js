/** Time, sockets and a database for the tests: they do what they are told, when they are told. */

export class FakeClock {
  time = 0;
  #timers = new Map();
  #next = 1;

  now = () => this.time;

  after = (ms, run) => {
    const id = this.#next++;
    this.#timers.set(id, { at: this.time + Math.max(0, ms), run });
    return id;
  };

  cancel = (id) => void this.#timers.delete(id);

  get waiting() {
    return this.#timers.size;
  }

  /** Lets `ms` pass; timers run in order, and promises settle in between. */
  async pass(ms) {
    const until = this.time + ms;
    await settle();
    for (;;) {
      const due = [...this.#timers].filter(([, timer]) => timer.at <= until).sort((a, b) => a[1].at - b[1].at)[0];
      if (!due) break;
      const [id, timer] = due;
      this.#timers.delete(id);
      this.time = Math.max(this.time, timer.at);
      timer.run();
      await settle();
    }
    this.time = until;
  }

  /** Time jumps and no timer ran: a sleeping computer, a slowed tab. Then those that are due run, late. */
  async leap(ms) {
    this.time += ms;
    await this.pass(0);
  }
}

/** Lets promises that are ready go on. */
export async function settle() {
  for (let i = 0; i < 20; i += 1) await Promise.resolve();
}

/** Make one class per test: `const Socket = fakeSockets()`; `Socket.all` are those made, `Socket.last` the newest. */
export function fakeSockets() {
  return class FakeSocket {
    static all = [];

    static get last() {
      return FakeSocket.all.at(-1);
    }

    static get living() {
      return FakeSocket.all.filter((socket) => !socket.closed);
    }

    sent = [];
    closed = false;

    constructor(url, protocols) {
      this.url = url;
      this.protocols = protocols;
      FakeSocket.all.push(this);
    }

    send(text) {
      this.sent.push(JSON.parse(text));
    }

    close() {
      this.closed = true;
    }

    // What the server does
    open() {
      this.onopen?.();
    }

    tell(type, payload = {}, ref = undefined) {
      this.onmessage?.({ data: JSON.stringify({ type, payload, ref }) });
    }

    raw(data) {
      this.onmessage?.({ data });
    }

    welcome(more = {}) {
      this.open();
      this.tell("welcome", {
        user_id: 1,
        connection_id: "c",
        server_time: "",
        heartbeat: { interval: 5, timeout: 7 },
        versions: {},
        me_version: 0,
        ...more,
      });
    }

    drop(code = 1006) {
      this.closed = true;
      this.onclose?.({ code });
    }

    pings() {
      return this.sent.filter((frame) => frame.type === "ping").length;
    }
  };
}
