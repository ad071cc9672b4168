/**
 * Sends files from browser to browser over a data channel, without the server. The receiver is asked first. A file is
 * kept in memory until it is complete, so its size is limited.
 *
 * Text frames are JSON: `{type, id, …}` with the types `offer` (name, size), `accept`, `decline`, `cancel` and `end`.
 * Binary frames are parts of the file that was accepted last.
 */
import { uuid } from "../lib/dom.js";

/**
 * @typedef {object} Transfer
 * @property {string} id
 * @property {string} name
 * @property {number} size in bytes
 * @property {number} done bytes that are sent or received
 * @property {boolean} isOutgoing
 * @property {"offered" | "running" | "complete" | "declined" | "failed"} state
 * @property {File} [file] of an outgoing transfer
 * @property {ArrayBuffer[]} [parts] of an incoming transfer
 * @property {Blob} [blob] the complete file
 */

export const MAX_SIZE = 512 * 1024 * 1024; // bytes
const PART_SIZE = 16 * 1024; // bytes; all browsers accept messages of this size
const BUFFER_SIZE = 1024 * 1024; // bytes that wait in the channel
const MAX_NAME_LENGTH = 200;
const PROGRESS_INTERVAL = 100; // ms

export class FileTransfers {
  /** @type {Transfer[]} */
  transfers = [];
  #shownAt = 0;

  /** @param {RTCDataChannel} channel @param {() => void} onChange */
  constructor(channel, onChange) {
    this.channel = channel;
    this.onChange = onChange;
    channel.binaryType = "arraybuffer";
    channel.bufferedAmountLowThreshold = BUFFER_SIZE / 2;
    channel.onmessage = ({ data }) => (typeof data === "string" ? this.#receiveText(data) : this.#receivePart(data));
    channel.onopen = onChange;
    channel.onclose = () => this.#fail();
  }

  get isOpen() {
    return this.channel.readyState === "open";
  }

  /** @param {File} file */
  offer(file) {
    const { name, size } = file;
    /** @type {Transfer} */
    const transfer = { id: uuid(), name, size, done: 0, isOutgoing: true, state: "offered", file };
    this.transfers.push(transfer);
    this.#send({ type: "offer", id: transfer.id, name, size });
    this.onChange();
  }

  /** @param {string} id of an incoming transfer */
  accept(id) {
    const transfer = this.#find(id, false);
    // Parts carry no id, so one file is received at a time.
    if (transfer?.state !== "offered" || this.transfers.some((each) => !each.isOutgoing && each.state === "running")) return;
    transfer.state = "running";
    transfer.parts = [];
    this.#send({ type: "accept", id });
    this.onChange();
  }

  /** Declines an offer, or ends a transfer on either side. @param {string} id */
  stop(id) {
    const transfer = this.transfers.find((each) => each.id === id);
    if (!transfer) return;
    if (transfer.state === "offered" || transfer.state === "running") {
      this.#send({ type: transfer.isOutgoing || transfer.state === "running" ? "cancel" : "decline", id });
    }
    this.#remove(transfer);
  }

  /** @param {Transfer} transfer */
  #remove(transfer) {
    transfer.state = "failed"; // ends the loop that sends
    this.transfers = this.transfers.filter((each) => each !== transfer);
    this.onChange();
  }

  /** @param {string} id @param {boolean} isOutgoing */
  #find(id, isOutgoing) {
    return this.transfers.find((each) => each.id === id && each.isOutgoing === isOutgoing);
  }

  /** @param {object} message */
  #send(message) {
    if (this.isOpen) this.channel.send(JSON.stringify(message));
  }

  /** @param {string} text */
  #receiveText(text) {
    let message;
    try {
      message = JSON.parse(text);
    } catch {
      return;
    }
    const { type, id, name, size } = message ?? {};
    if (type === "offer" && typeof name === "string" && Number.isInteger(size) && size >= 0 && size <= MAX_SIZE && this.transfers.length < 20) {
      this.transfers.push({ id: String(id), name: name.slice(0, MAX_NAME_LENGTH), size, done: 0, isOutgoing: false, state: "offered" });
    }
    const outgoing = this.#find(id, true);
    if (type === "accept" && outgoing?.state === "offered") this.#sendFile(outgoing);
    if (type === "decline" && outgoing?.state === "offered") outgoing.state = "declined";
    if (type === "cancel") {
      const transfer = this.transfers.find((each) => each.id === id);
      if (transfer && transfer.state !== "complete") this.#remove(transfer);
    }
    const incoming = this.#find(id, false);
    if (type === "end" && incoming?.state === "running") this.#complete(incoming);
    this.onChange();
  }

  /** @param {Transfer} transfer */
  async #sendFile(transfer) {
    transfer.state = "running";
    const { file, size } = transfer;
    while (file && transfer.done < size && transfer.state === "running") {
      const part = await file.slice(transfer.done, transfer.done + PART_SIZE).arrayBuffer().catch(() => null);
      if (part === null || !this.isOpen) return this.#remove(transfer); // the file has changed on the disk, or the call ended
      if (this.channel.bufferedAmount > BUFFER_SIZE) {
        await new Promise((resolve) => this.channel.addEventListener("bufferedamountlow", resolve, { once: true }));
      }
      if (/** @type {string} */ (transfer.state) !== "running") return;
      this.channel.send(part);
      transfer.done += part.byteLength;
      this.#showProgress();
    }
    if (transfer.state !== "running") return;
    transfer.state = "complete";
    this.#send({ type: "end", id: transfer.id });
    this.onChange();
  }

  /** @param {ArrayBuffer} part */
  #receivePart(part) {
    const transfer = this.transfers.find((each) => !each.isOutgoing && each.state === "running");
    if (!transfer) return; // cancelled here; the other side does not know it yet
    transfer.parts?.push(part);
    transfer.done += part.byteLength;
    if (transfer.done > transfer.size) return this.stop(transfer.id);
    this.#showProgress();
  }

  #showProgress() {
    if (performance.now() - this.#shownAt < PROGRESS_INTERVAL) return;
    this.#shownAt = performance.now();
    this.onChange();
  }

  /** @param {Transfer} transfer */
  #complete(transfer) {
    if (transfer.done !== transfer.size) return this.#remove(transfer);
    // As bytes without a type: the browser saves the file and never shows it as a page.
    transfer.blob = new Blob(transfer.parts, { type: "application/octet-stream" });
    transfer.parts = undefined;
    transfer.state = "complete";
  }

  #fail() {
    for (const transfer of this.transfers) if (transfer.state === "running" || transfer.state === "offered") transfer.state = "failed";
    this.onChange();
  }
}
