/**
 * Uploads one file with the tus protocol, in parts. It continues after an interruption or a reload. tus-js-client
 * implements the protocol; this module adds a checksum to each part and the SHA-256 of the whole file.
 */
import { DefaultHttpStack, Upload } from "../../../vendor/tus-js-client/tus.js";
import { api } from "../../realtime/api.js";
import { find } from "../../lib/dom.js";
import { ApiError } from "../../realtime/api-error.js";
import { startWorker } from "../../lib/trusted-html.js";

/** @typedef {import("../../realtime/protocol.js").Attachment} Attachment */

const PART_SIZE = 4 * 1024 * 1024;
const RETRY_DELAYS = [0, 1_000, 3_000, 5_000, 10_000, 20_000, 30_000];

/** @type {Worker | undefined} */
let worker;
let lastId = 0;
/** @type {Map<number, {resolve: (digest: string) => void, reject: (error: Error) => void}>} */
const pendingHashes = new Map();

/**
 * Returns the SHA-256 of a file or part, in Base64.
 * @param {{whole?: Blob, part?: Blob}} input
 * @returns {Promise<string>}
 */
function sha256Base64(input) {
  if (!worker) {
    worker = startWorker(import.meta.resolve("./hash-worker.js"));
    worker.onmessage = ({ data: { id, digest, error } }) => {
      const pending = pendingHashes.get(id);
      pendingHashes.delete(id);
      if (error) pending?.reject(new Error(error));
      else pending?.resolve(btoa(String.fromCharCode(...digest)));
    };
  }
  const id = ++lastId;
  return new Promise((resolve, reject) => {
    pendingHashes.set(id, { resolve, reject });
    worker?.postMessage({ id, ...input });
  });
}

/**
 * HTTP stack for tus-js-client that adds a checksum to each part, and the digest of the whole file to the last part.
 */
class ChecksumHttpStack {
  #httpStack = new DefaultHttpStack({});

  /** @param {File} file */
  constructor(file) {
    this.file = file;
    this.digest = sha256Base64({ whole: file });
    this.digest.catch(() => {}); // handled when the last part is sent
  }

  /** @param {string} method @param {string} url */
  createRequest(method, url) {
    const request = this.#httpStack.createRequest(method, url);
    if (method !== "PATCH") return request;
    const send = request.send.bind(request);
    request.send = async (/** @type {Blob} */ body) => {
      request.setHeader("Upload-Checksum", `sha256 ${await sha256Base64({ part: body })}`);
      const end = Number(request.getHeader("Upload-Offset")) + body.size;
      if (end === this.file.size) request.setHeader("Repr-Digest", `sha-256=:${await this.digest}:`);
      return send(body);
    };
    return request;
  }

  getName() {
    return "ChecksumHttpStack";
  }
}

export class FileUpload {
  /** Address of the upload on the server. */
  url = "";
  #alt = "";
  /** @type {any} */
  #upload = null;

  /**
   * @param {File} file
   * @param {{conversationId: number, url?: string, measures?: Record<string, string>,
   *   onProgress: (sent: number) => void, onStarted: (url: string) => void,
   *   onComplete: (attachment: Attachment) => void, onFailed: (error: ApiError) => void}} options
   */
  constructor(file, { conversationId, url = "", measures = {}, onProgress, onStarted, onComplete, onFailed }) {
    this.url = url;
    const token = /** @type {HTMLInputElement | null} */ (find(document, "input[name=csrfmiddlewaretoken]"))?.value ?? "";
    this.#upload = new Upload(file, {
      endpoint: "/api/v1/uploads/",
      uploadUrl: url || undefined,
      httpStack: new ChecksumHttpStack(file),
      headers: { "X-CSRFToken": token },
      metadata: { filename: file.name, conversation: String(conversationId), ...measures },
      chunkSize: PART_SIZE,
      retryDelays: RETRY_DELAYS,
      removeFingerprintOnSuccess: true,
      onUploadUrlAvailable: () => {
        this.url = new URL(this.#upload.url, location.href).pathname;
        onStarted(this.url);
      },
      onProgress,
      onShouldRetry: (/** @type {any} */ error) => isRetryable(error),
      onSuccess: async () => {
        try {
          if (this.#alt) await this.describe(this.#alt);
          const { attachment } = await api("GET", this.#apiPath);
          onComplete(attachment);
        } catch (error) {
          onFailed(error instanceof ApiError ? error : new ApiError({ code: "unavailable" }));
        }
      },
      onError: (/** @type {any} */ error) => onFailed(toApiError(error)),
    });
  }

  get #apiPath() {
    return this.url.replace("/api/v1/", "");
  }

  /** Starts or resumes the upload. A file picked again is recognised by its name, size and date. */
  async start() {
    if (!this.url) {
      const previousUploads = await this.#upload.findPreviousUploads().catch(() => []);
      if (previousUploads.length) this.#upload.resumeFromPreviousUpload(previousUploads[0]);
    }
    this.#upload.start();
  }

  pause() {
    this.#upload.abort().catch(() => {});
  }

  /** Stops the upload and deletes it on the server. */
  async cancel() {
    await this.#upload.abort().catch(() => {});
    if (this.url) await api("DELETE", this.#apiPath).catch(() => {}); // otherwise the server deletes it after a day
  }

  /** Sets the alternative text. @param {string} alt */
  async describe(alt) {
    this.#alt = alt;
    if (this.url) await api("PUT", this.#apiPath, { alt });
  }
}

/** @param {any} error of tus-js-client */
function isRetryable(error) {
  const status = error.originalResponse?.getStatus() ?? 0;
  return status === 0 || status === 409 || status === 423 || status === 429 || status === 460 || status >= 500;
}

/** @param {any} error */
function toApiError(error) {
  const response = error.originalResponse;
  if (!response) return new ApiError({ code: "disconnected" });
  try {
    return new ApiError(JSON.parse(response.getBody()));
  } catch {
    return new ApiError({ code: "unavailable" });
  }
}
