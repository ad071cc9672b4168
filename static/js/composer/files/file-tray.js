/**
 * `<file-tray>`: the files that the next message will contain. The user adds files by file picker, camera, drag and
 * drop, or paste. Uploads start at once and continue after a reload. Each file can be described, paused and removed.
 */
import { deleteStoredFile, storeFile, listStoredFiles } from "./file-store.js";
import { formatFileSize } from "../../conversation/attachments/attachment-renderer.js";
import { LiveElement, emit } from "../../realtime/events.js";
import { clone, find, findAll, uuid, words } from "../../lib/dom.js";
import { showErrorToast } from "../../ui/toast-stack.js";
import { ApiError } from "../../realtime/api-error.js";

/** @typedef {import("../../realtime/protocol.js").Attachment} Attachment */
/** @typedef {import("./file-upload.js").FileUpload} FileUpload */
/**
 * @typedef {{key: string, file: File, row: HTMLElement, upload: FileUpload | null, attachment: Attachment | null,
 *   state: "going" | "paused" | "failed" | "whole", alt: string, pendingUpdates: number, measures: Record<string,
 *   string>, preview: string}} Item `state` is also the `data-state` of the row
 */

const PREVIEW_TYPES = /^image\/(jpeg|png|gif|webp|avif)$/;
const MAX_PREVIEW_SIZE = 30 * 1024 * 1024;

// Not available on pages without TLS.
const canRecord = () => "MediaRecorder" in window && Boolean(navigator.mediaDevices)

export class FileTray extends LiveElement {
  /** @type {Item[]} */
  #items = [];
  form = /** @type {HTMLFormElement} */ (/** @type {unknown} */ (undefined));
  input = /** @type {HTMLInputElement} */ (/** @type {unknown} */ (undefined));
  rows = /** @type {HTMLElement | null} */ (null);
  conversationId = 0;
  userId = 0;
  /** Whether the form is submitted when all files are uploaded. */
  #submitsWhenUploaded = false;
  /** Set while recording. @type {import("./voice-recorder.js").VoiceRecorder | null} */
  #recorder = null;
  #isRequestingMicrophone = false;

  start() {
    this.form = /** @type {HTMLFormElement} */ (this.closest("form"));
    this.input = /** @type {HTMLInputElement} */ (find(this, "input[type=file]"));
    this.rows = find(this, ".tray-rows");
    this.conversationId = Number(this.dataset.conversationId);
    this.userId = Number(find(document, "live-socket")?.dataset.userId ?? 0);
    this.on(this.form, "click", ({ target }) => {
      const act = target.closest("[data-act]")?.dataset.act;
      if (act === "attach") this.input.click();
      else if (act === "voice") this.#startRecording();
      else if (act === "voice-stop") this.#recorder?.stop();
      else if (act === "voice-cancel") this.#recorder?.cancel();
    });
    const voice = find(this.form, "[data-act=voice]");
    if (voice) voice.hidden = !canRecord();
    this.on(this.input, "change", () => {
      this.add([...(this.input.files ?? [])]);
      this.input.value = ""; // the form must not upload them again
    });
    this.on(this.rows, "click", (event) => this.#handleClick(event));
    this.on(this.rows, "change", (event) => this.#handleAltChange(event));
    this.on(this.rows, "keydown", (event) => {
      if (event.key !== "Enter" || !(event.target instanceof HTMLInputElement)) return;
      event.preventDefault();
      event.target.blur();
      find(this.form, "textarea")?.focus();
    });
    this.#addDropListeners();
    this.#restore();
  }

  stop() {
    this.#recorder?.cancel();
    for (const item of this.#items) {
      item.upload?.pause();
      if (item.preview) URL.revokeObjectURL(item.preview);
    }
    this.#items = [];
  }

  /** The uploaded files, in order. Pictures have their local file, so that they are visible without a connection. */
  get attachments() {
    return this.#items.flatMap(({ attachment, alt, file, preview }) => (attachment ? [{ ...attachment, alt, ...(preview && { local: file }) }] : []));
  }

  get isEmpty() {
    return this.#items.length === 0 && !this.#recorder;
  }

  /** Whether nothing has to be uploaded or recorded any more. */
  get isComplete() {
    for (const item of this.#items) this.#readAlt(item);
    return !this.#recorder && this.#items.every(({ state, pendingUpdates }) => state === "whole" && pendingUpdates === 0);
  }

  /**
   * Returns whether the message must wait for files. If so, the form is submitted when all files are uploaded. A
   * running recording is stopped and becomes one of the files.
   */
  waitForUploads() {
    for (const item of this.#items) this.#readAlt(item);
    this.#submitsWhenUploaded = this.#recorder !== null || this.#items.some(({ state, pendingUpdates }) => state !== "whole" || pendingUpdates > 0);
    this.#recorder?.stop(); // the recording becomes one of the files
    this.classList.toggle("sends", this.#submitsWhenUploaded);
    return this.#submitsWhenUploaded;
  }

  /** Removes all files from the tray after they were sent. */
  clear() {
    for (const item of [...this.#items]) this.#remove(item);
  }

  /** Adds files from a paste or drop. @param {DataTransfer} clipboard @returns {boolean} whether there were files */
  acceptFiles(clipboard) {
    const files = [...clipboard.files];
    // Text from a word processor comes with a picture of the text: paste only the text then.
    if (!files.length || clipboard.types.includes("text/plain")) return false;
    this.add(files);
    return true;
  }

  async #startRecording() {
    if (this.#recorder || this.#isRequestingMicrophone) return this.#recorder?.stop();
    const row = clone("voice-row-template");
    if (!row) return;
    this.#isRequestingMicrophone = true;
    try {
      const { VoiceRecorder } = await import("./voice-recorder.js");
      const recorder = await VoiceRecorder.begin(row, (file, seconds) => {
        this.#recorder = null;
        row.remove();
        if (file) this.add([file], { duration: seconds.toFixed(2) });
        else this.#submitsWhenUploaded = false;
        this.form.classList.toggle("has-files", !this.isEmpty);
      });
      if (this.signal.aborted) return recorder.cancel();
      this.#recorder = recorder;
      this.rows?.append(row);
      this.form.classList.add("has-files");
      find(row, "[data-act=voice-stop]")?.focus();
    } catch {
      emit("page:toast", { text: this.dataset.noMicrophone, isError: true });
    } finally {
      this.#isRequestingMicrophone = false;
    }
  }

  /**
   * @param {File[]} files
   * @param {Record<string, string>} [measures] metadata for the upload, for example the duration
   */
  add(files, measures = {}) {
    const maxFiles = Number(this.dataset.most);
    const maxSize = Number(this.dataset.limit);
    for (const file of files) {
      if (this.#items.length >= maxFiles) return emit("page:toast", { text: this.dataset.tooMany, isError: true });
      if (file.size > maxSize) emit("page:toast", { text: this.dataset.tooLarge, isError: true });
      else this.#startUpload({ key: uuid(), file, url: "", alt: "", measures }, true);
    }
    find(this.form, "textarea")?.focus({ preventScroll: true });
  }

  async #restore() {
    for (const record of await listStoredFiles(this.userId, this.conversationId)) {
      if (this.signal.aborted) return;
      if (!this.#items.some(({ key }) => key === record.key)) this.#startUpload(record, false);
    }
  }

  /**
   * @param {{key: string, file: File, url: string, alt: string, measures?: Record<string, string>}} record
   * @param {boolean} isNew
   */
  async #startUpload(record, isNew) {
    const { key, file, alt, measures = {} } = record;
    const row = clone("file-row-template");
    if (!row) return;
    row.dataset.key = key;
    const preview = PREVIEW_TYPES.test(file.type) && file.size < MAX_PREVIEW_SIZE ? URL.createObjectURL(file) : "";
    /** @type {Item} */
    const item = { key, file, row, upload: null, attachment: null, state: "going", alt, pendingUpdates: 0, measures, preview };
    this.#items.push(item);
    this.#render(item);
    this.rows?.append(row);
    this.form.classList.add("has-files");
    const store = (/** @type {string} */ url) =>
      storeFile({ key, file, url, alt: item.alt, measures, conversation_id: this.conversationId, user_id: this.userId });
    if (isNew) store("");
    try {
      const { FileUpload } = await import("./file-upload.js");
      if (!this.#items.includes(item)) return;
      item.upload = new FileUpload(file, {
        conversationId: this.conversationId,
        url: record.url,
        measures,
        onStarted: store,
        onProgress: (sent) => this.#showProgress(item, sent),
        onComplete: (attachment) => this.#handleComplete(item, attachment),
        onFailed: (error) => this.#handleError(item, error),
      });
      if (alt) item.upload.describe(alt).catch(() => {});
      await item.upload.start();
    } catch {
      this.#handleError(item, new ApiError({ code: "disconnected" }));
    }
  }

  /** @param {Item} item */
  #render({ row, file, preview, alt }) {
    const name = find(row, ".tray-name");
    if (name) [name.textContent, name.title] = [file.name, file.name];
    const picture = find(row, "img");
    if (preview) picture?.setAttribute("src", preview);
    (preview ? find(row, ".tray-mark") : picture)?.remove();
    const input = /** @type {HTMLInputElement | null} */ (find(row, "input"));
    if (!file.type.startsWith("image/")) input?.remove();
    else if (input) input.value = alt;
    for (const button of findAll(row, "button[data-label]")) {
      button.setAttribute("aria-label", (button.dataset.label ?? "").replace("%a", file.name));
    }
    if (file.type.startsWith("audio/")) this.#addPlayer(row, file);
    const bar = find(row, "progress");
    bar?.setAttribute("aria-label", file.name);
    this.#setNote(row, formatFileSize(file.size));
  }

  /** Adds a player for an audio file. @param {HTMLElement} row @param {File} file */
  #addPlayer(row, file) {
    const player = /** @type {import("../../conversation/attachments/sound-clip.js").SoundClip | null} */ (clone("file-audio-template"));
    if (!player) return;
    find(player, "audio")?.remove();
    player.file = file;
    find(row, ".tray-acts")?.before(player);
  }

  /** @param {HTMLElement} row @param {string} text */
  #setNote(row, text) {
    const note = find(row, ".tray-note");
    if (note && note.textContent !== text) note.textContent = text;
  }

  /** @param {Item} item @param {number} sent bytes */
  #showProgress({ row, file }, sent) {
    const percent = file.size ? Math.floor((sent / file.size) * 100) : 100;
    const bar = /** @type {HTMLProgressElement | null} */ (find(row, "progress"));
    if (bar) bar.value = percent;
    this.#setNote(row, `${formatFileSize(file.size)} · ${percent}%`);
  }

  /** @param {Item} item @param {Item["state"]} state */
  #setState(item, state) {
    item.state = state;
    item.row.dataset.state = state;
  }

  /** @param {Item} item @param {Attachment} attachment */
  #handleComplete(item, attachment) {
    if (!this.#items.includes(item)) return;
    item.attachment = attachment;
    this.#setState(item, "whole");
    this.#setNote(item.row, formatFileSize(item.file.size));
    if (this.#submitsWhenUploaded && !this.waitForUploads()) this.form.requestSubmit();
  }

  /** @param {Item} item @param {ApiError} error */
  #handleError(item, error) {
    if (!this.#items.includes(item) || item.state === "paused") return;
    this.#setState(item, "failed");
    const texts = words("toast-words");
    this.#setNote(item.row, error.detail || texts[error.code] || texts.unavailable || "");
  }

  /** @param {MouseEvent} event */
  #handleClick({ target }) {
    const button = /** @type {Element} */ (target).closest("button[data-act]");
    const key = /** @type {HTMLElement | null} */ (button?.closest("[data-key]") ?? null)?.dataset.key;
    const item = this.#items.find((other) => other.key === key);
    if (!(button instanceof HTMLElement) || !item) return;
    if (button.dataset.act === "remove") {
      item.upload?.cancel();
      this.#remove(item);
      find(this.form, "textarea")?.focus({ preventScroll: true });
    } else if (button.dataset.act === "pause") {
      this.#setState(item, "paused");
      item.upload?.pause();
    } else {
      this.#setState(item, "going");
      item.upload?.start();
    }
  }

  /** @param {Event} event */
  #handleAltChange({ target }) {
    const key = /** @type {HTMLElement | null} */ (/** @type {Element} */ (target).closest("[data-key]"))?.dataset.key;
    const item = this.#items.find((other) => other.key === key);
    if (item) this.#readAlt(item);
  }

  /** Reads the alternative text from its field, which may still have the focus. @param {Item} item */
  #readAlt(item) {
    const input = /** @type {HTMLInputElement | null} */ (find(item.row, ".tray-alt"));
    const alt = input?.value.trim() ?? item.alt;
    if (alt === item.alt) return;
    item.alt = alt;
    if (item.upload) this.#trackUpdate(item, item.upload.describe(alt));
    const { key, file, measures } = item;
    const url = item.upload?.url ?? "";
    storeFile({ key, file, url, alt, measures, conversation_id: this.conversationId, user_id: this.userId });
  }

  /**
   * Delays sending until an update of the file is done, because a sent attachment cannot be changed.
   * @param {Item} item
   * @param {Promise<void>} pendingUpdate
   */
  async #trackUpdate(item, pendingUpdate) {
    item.pendingUpdates += 1;
    await pendingUpdate.catch(showErrorToast);
    item.pendingUpdates -= 1;
    if (this.#submitsWhenUploaded && !this.waitForUploads()) this.form.requestSubmit();
  }

  /** @param {Item} item */
  #remove(item) {
    this.#items = this.#items.filter((other) => other !== item);
    item.row.remove();
    if (item.preview) URL.revokeObjectURL(item.preview);
    deleteStoredFile(item.key);
    if (this.isEmpty) this.form.classList.remove("has-files");
    if (this.isEmpty) this.#submitsWhenUploaded = false;
    this.classList.toggle("sends", this.#submitsWhenUploaded);
  }

  /** Accepts drops anywhere on the conversation. */
  #addDropListeners() {
    const dropZone = this.closest(".conversation, main") ?? document.body;
    const hasFiles = (/** @type {DragEvent} */ { dataTransfer }) => dataTransfer?.types.includes("Files") ?? false;
    this.on(dropZone, "dragover", (event) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      dropZone.classList.add("dropping");
    });
    this.on(dropZone, "dragleave", (event) => {
      if (!dropZone.contains(event.relatedTarget)) dropZone.classList.remove("dropping");
    });
    this.on(dropZone, "drop", (event) => {
      dropZone.classList.remove("dropping");
      if (!hasFiles(event)) return;
      event.preventDefault();
      this.add([...(event.dataTransfer?.files ?? [])]);
    });
  }
}
