/**
 * One file on its way, by tus: in parts with a checksum each, the whole compared by SHA-256, and going on where it was
 * after a cut, a reload, another day. tus-js-client does the tus; what is ours is the checksums.
 */
import { DefaultHttpStack, Upload } from "../../../vendor/tus-js-client/tus.js";
import { api } from "../../realtime/api.js";
import { find } from "../../lib/dom.js";
import { Refusal } from "../../realtime/api-error.js";
import { startWorker } from "../../lib/trusted-html.js";

/** @typedef {import("../../realtime/protocol.js").Attachment} Attachment */

const PART = 4 * 1024 * 1024;
const AGAIN = [0, 1_000, 3_000, 5_000, 10_000, 20_000, 30_000];

/** @type {Worker | undefined} */
let worker;
let asked = 0;
/** @type {Map<number, {resolve: (digest: string) => void, reject: (error: Error) => void}>} */
const waiting = new Map();

/** Base64 of a SHA-256. @param {{whole?: Blob, part?: Blob}} what @returns {Promise<string>} */
function hashed(what) {
  if (!worker) {
    worker = startWorker(new URL("./hash-worker.js", import.meta.url));
    worker.onmessage = ({ data: { id, digest, error } }) => {
      const ask = waiting.get(id);
      waiting.delete(id);
      if (error) ask?.reject(new Error(error));
      else ask?.resolve(btoa(String.fromCharCode(...digest)));
    };
  }
  const id = ++asked;
  return new Promise((resolve, reject) => {
    waiting.set(id, { resolve, reject });
    worker?.postMessage({ id, ...what });
  });
}

/** tus-js-client's own way of asking, with a checksum on each part and the digest of the whole on the last. */
class CheckedStack {
  #plain = new DefaultHttpStack({});

  /** @param {File} file */
  constructor(file) {
    this.file = file;
    this.whole = hashed({ whole: file });
    this.whole.catch(() => {}); // told with the last part
  }

  /** @param {string} method @param {string} url */
  createRequest(method, url) {
    const request = this.#plain.createRequest(method, url);
    if (method !== "PATCH") return request;
    const send = request.send.bind(request);
    request.send = async (/** @type {Blob} */ body) => {
      request.setHeader("Upload-Checksum", `sha256 ${await hashed({ part: body })}`);
      const end = Number(request.getHeader("Upload-Offset")) + body.size;
      if (end === this.file.size) request.setHeader("Repr-Digest", `sha-256=:${await this.whole}:`);
      return send(body);
    };
    return request;
  }

  getName() {
    return "CheckedStack";
  }
}

export class FileUpload {
  /** Where the server keeps it. */
  url = "";
  #alt = "";
  /** @type {any} */
  #upload = null;

  /**
   * @param {File} file
   * @param {{conversationId: number, url?: string, measures?: Record<string, string>,
   *   onProgress: (sent: number) => void, onBegun: (url: string) => void,
   *   onWhole: (attachment: Attachment) => void, onFailed: (refusal: Refusal) => void}} options
   */
  constructor(file, { conversationId, url = "", measures = {}, onProgress, onBegun, onWhole, onFailed }) {
    this.url = url;
    const token = /** @type {HTMLInputElement | null} */ (find(document, "input[name=csrfmiddlewaretoken]"))?.value ?? "";
    this.#upload = new Upload(file, {
      endpoint: "/api/v1/uploads/",
      uploadUrl: url || undefined,
      httpStack: new CheckedStack(file),
      headers: { "X-CSRFToken": token },
      metadata: { filename: file.name, conversation: String(conversationId), ...measures },
      chunkSize: PART,
      retryDelays: AGAIN,
      removeFingerprintOnSuccess: true,
      onUploadUrlAvailable: () => {
        this.url = new URL(this.#upload.url, location.href).pathname;
        onBegun(this.url);
      },
      onProgress,
      onShouldRetry: (/** @type {any} */ error) => mayPass(error),
      onSuccess: async () => {
        try {
          if (this.#alt) await this.describe(this.#alt);
          const { attachment } = await api("GET", this.#path);
          onWhole(attachment);
        } catch (error) {
          onFailed(error instanceof Refusal ? error : new Refusal({ code: "unavailable" }));
        }
      },
      onError: (/** @type {any} */ error) => onFailed(asRefusal(error)),
    });
  }

  get #path() {
    return this.url.replace("/api/v1/", "");
  }

  /** Begins, or goes on: the same file picked again is known by its name, size and date. */
  async start() {
    if (!this.url) {
      const before = await this.#upload.findPreviousUploads().catch(() => []);
      if (before.length) this.#upload.resumeFromPreviousUpload(before[0]);
    }
    this.#upload.start();
  }

  pause() {
    this.#upload.abort().catch(() => {});
  }

  /** Nothing of it is left. */
  async cancel() {
    await this.#upload.abort().catch(() => {});
    if (this.url) await api("DELETE", this.#path).catch(() => {}); // what stays is swept after a day
  }

  /** For those who cannot see it. @param {string} alt */
  async describe(alt) {
    this.#alt = alt;
    if (this.url) await api("PUT", this.#path, { alt });
  }
}

/** @param {any} error of tus-js-client */
function mayPass(error) {
  const status = error.originalResponse?.getStatus() ?? 0;
  return status === 0 || status === 409 || status === 423 || status === 429 || status === 460 || status >= 500;
}

/** @param {any} error */
function asRefusal(error) {
  const answer = error.originalResponse;
  if (!answer) return new Refusal({ code: "disconnected" });
  try {
    return new Refusal(JSON.parse(answer.getBody()));
  } catch {
    return new Refusal({ code: "unavailable" });
  }
}
