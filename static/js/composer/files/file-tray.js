/**
 * `<file-tray>`: the files that go with the next message. They come by picker, camera, drop and paste, begin to be
 * uploaded at once, and can be described, paused and taken back. What is unfinished survives a reload.
 */
import { forgetFile, keepFile, keptFiles } from "./file-store.js";
import { sizeOf } from "../../conversation/attachments/attachment-renderer.js";
import { LiveElement, later, tell } from "../../realtime/events.js";
import { clone, find, findAll, uuid, words } from "../../lib/dom.js";
import { toastRefusal } from "../../ui/toast-stack.js";
import { Refusal } from "../../realtime/api-error.js";

/** @typedef {import("../../realtime/protocol.js").Attachment} Attachment */
/** @typedef {import("./file-upload.js").FileUpload} FileUpload */
/** @typedef {{key: string, file: File, row: HTMLElement, upload: FileUpload | null, whole: Attachment | null,
 *   state: "going" | "paused" | "failed" | "whole", alt: string, tells: number, measures: Record<string, string>, preview: string}} Item */

const PREVIEWED = /^image\/(jpeg|png|gif|webp|avif)$/;
const PREVIEW_LIMIT = 30 * 1024 * 1024;

const canRecord = () => "MediaRecorder" in window && Boolean(navigator.mediaDevices) // not on pages that came without TLS;

export class FileTray extends LiveElement {
  /** @type {Item[]} */
  #items = [];
  form = /** @type {HTMLFormElement} */ (later());
  input = /** @type {HTMLInputElement} */ (later());
  rows = /** @type {HTMLElement | null} */ (null);
  conversationId = 0;
  userId = 0;
  /** The form is to be sent as soon as all are there. */
  #sends = false;
  /** While somebody speaks. @type {import("./voice-recorder.js").VoiceRecorder | null} */
  #recorder = null;
  #asksForMicrophone = false;

  start() {
    this.form = /** @type {HTMLFormElement} */ (this.closest("form"));
    this.input = /** @type {HTMLInputElement} */ (find(this, "input[type=file]"));
    this.rows = find(this, ".tray-rows");
    this.conversationId = Number(this.dataset.conversationId);
    this.userId = Number(find(document, "live-socket")?.dataset.userId ?? 0);
    this.listen(this.form, "click", ({ target }) => {
      const act = target.closest("[data-act]")?.dataset.act;
      if (act === "attach") this.input.click();
      else if (act === "voice") this.#record();
      else if (act === "voice-stop") this.#recorder?.stop();
      else if (act === "voice-cancel") this.#recorder?.cancel();
    });
    const voice = find(this.form, "[data-act=voice]");
    if (voice) voice.hidden = !canRecord();
    this.listen(this.input, "change", () => {
      this.add([...(this.input.files ?? [])]);
      this.input.value = ""; // the form must not post them once more
    });
    this.listen(this.rows, "click", (event) => this.#clicked(event));
    this.listen(this.rows, "change", (event) => this.#described(event));
    this.listen(this.rows, "keydown", (event) => {
      if (event.key !== "Enter" || !(event.target instanceof HTMLInputElement)) return;
      event.preventDefault();
      event.target.blur();
      find(this.form, "textarea")?.focus();
    });
    this.#listenForDrops();
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

  /** What a message can name now, in order. */
  get whole() {
    return this.#items.flatMap(({ whole, alt }) => (whole ? [{ ...whole, alt }] : []));
  }

  get isEmpty() {
    return this.#items.length === 0 && !this.#recorder;
  }

  /** Whether some are not there yet. Then the form is sent when they are. */
  get holds() {
    for (const item of this.#items) this.#readAlt(item);
    this.#sends = this.#recorder !== null || this.#items.some(({ state, tells }) => state !== "whole" || tells > 0);
    this.#recorder?.stop(); // what was said goes along
    this.classList.toggle("sends", this.#sends);
    return this.#sends;
  }

  /** They belong to a message now. */
  clear() {
    for (const item of [...this.#items]) this.#remove(item);
  }

  /** From the clipboard or a drop. @param {DataTransfer} clip @returns {boolean} whether there were files */
  take(clip) {
    const files = [...clip.files];
    // What is copied from a text processor comes as words and as their picture: the words are meant.
    if (!files.length || clip.types.includes("text/plain")) return false;
    this.add(files);
    return true;
  }

  async #record() {
    if (this.#recorder || this.#asksForMicrophone) return this.#recorder?.stop();
    const row = clone("voice-row-template");
    if (!row) return;
    this.#asksForMicrophone = true;
    try {
      const { VoiceRecorder } = await import("./voice-recorder.js");
      const recorder = await VoiceRecorder.begin(row, (file, seconds) => {
        this.#recorder = null;
        row.remove();
        if (file) this.add([file], { duration: seconds.toFixed(2) });
        else this.#sends = false;
        this.form.classList.toggle("has-files", !this.isEmpty);
      });
      if (this.gone.aborted) return recorder.cancel();
      this.#recorder = recorder;
      this.rows?.append(row);
      this.form.classList.add("has-files");
      find(row, "[data-act=voice-stop]")?.focus();
    } catch {
      tell("page:toast", { text: this.dataset.noMicrophone, bad: true });
    } finally {
      this.#asksForMicrophone = false;
    }
  }

  /** @param {File[]} files @param {Record<string, string>} [measures] what the page knows of them, as their upload says it */
  add(files, measures = {}) {
    const most = Number(this.dataset.most ?? 10);
    const limit = Number(this.dataset.limit ?? Infinity);
    for (const file of files) {
      if (this.#items.length >= most) return tell("page:toast", { text: this.dataset.tooMany, bad: true });
      if (file.size > limit) tell("page:toast", { text: this.dataset.tooLarge, bad: true });
      else this.#begin({ key: uuid(), file, url: "", alt: "", measures }, true);
    }
    find(this.form, "textarea")?.focus({ preventScroll: true });
  }

  async #restore() {
    for (const kept of await keptFiles(this.userId, this.conversationId)) {
      if (this.gone.aborted) return;
      if (!this.#items.some(({ key }) => key === kept.key)) this.#begin(kept, false);
    }
  }

  /** @param {{key: string, file: File, url: string, alt: string, measures?: Record<string, string>}} kept @param {boolean} isNew */
  async #begin(kept, isNew) {
    const { key, file, alt, measures = {} } = kept;
    const row = clone("file-row-template");
    if (!row) return;
    row.dataset.key = key;
    const preview = PREVIEWED.test(file.type) && file.size < PREVIEW_LIMIT ? URL.createObjectURL(file) : "";
    /** @type {Item} */
    const item = { key, file, row, upload: null, whole: null, state: "going", alt, tells: 0, measures, preview };
    this.#items.push(item);
    this.#draw(item);
    this.rows?.append(row);
    this.form.classList.add("has-files");
    const keep = (/** @type {string} */ url) =>
      keepFile({ key, file, url, alt: item.alt, measures, conversation_id: this.conversationId, user_id: this.userId });
    if (isNew) keep("");
    try {
      const { FileUpload } = await import("./file-upload.js");
      if (!this.#items.includes(item)) return;
      item.upload = new FileUpload(file, {
        conversationId: this.conversationId,
        url: kept.url,
        measures,
        onBegun: keep,
        onProgress: (sent) => this.#progress(item, sent),
        onWhole: (attachment) => this.#whole(item, attachment),
        onFailed: (refusal) => this.#failed(item, refusal),
      });
      if (alt) item.upload.describe(alt).catch(() => {});
      await item.upload.start();
    } catch {
      this.#failed(item, new Refusal({ code: "disconnected" }));
    }
  }

  /** @param {Item} item */
  #draw({ row, file, preview, alt }) {
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
    if (file.type.startsWith("audio/")) this.#toHear(row, file);
    const bar = find(row, "progress");
    bar?.setAttribute("aria-label", file.name);
    this.#said(row, sizeOf(file.size));
  }

  /** It can be heard before it is sent. @param {HTMLElement} row @param {File} file */
  #toHear(row, file) {
    const clip = /** @type {import("../../conversation/attachments/sound-clip.js").SoundClip | null} */ (clone("file-audio-template"));
    if (!clip) return;
    find(clip, "audio")?.remove();
    clip.file = file;
    find(row, ".tray-acts")?.before(clip);
  }

  /** @param {HTMLElement} row @param {string} text */
  #said(row, text) {
    const note = find(row, ".tray-note");
    if (note && note.textContent !== text) note.textContent = text;
  }

  /** @param {Item} item @param {number} sent bytes */
  #progress({ row, file }, sent) {
    const percent = file.size ? Math.floor((sent / file.size) * 100) : 100;
    const bar = /** @type {HTMLProgressElement | null} */ (find(row, "progress"));
    if (bar) bar.value = percent;
    this.#said(row, `${sizeOf(file.size)} · ${percent}%`);
  }

  /** @param {Item} item @param {Item["state"]} state */
  #set(item, state) {
    item.state = state;
    item.row.dataset.state = state;
  }

  /** @param {Item} item @param {Attachment} attachment */
  #whole(item, attachment) {
    if (!this.#items.includes(item)) return;
    item.whole = attachment;
    this.#set(item, "whole");
    this.#said(item.row, sizeOf(item.file.size));
    if (this.#sends && !this.holds) this.form.requestSubmit();
  }

  /** @param {Item} item @param {Refusal} refusal */
  #failed(item, refusal) {
    if (!this.#items.includes(item) || item.state === "paused") return;
    this.#set(item, "failed");
    const said = words("toast-words");
    this.#said(item.row, refusal.detail || said[refusal.code] || said.unavailable || "");
  }

  /** @param {MouseEvent} event */
  #clicked({ target }) {
    const button = /** @type {Element} */ (target).closest("button[data-act]");
    const key = /** @type {HTMLElement | null} */ (button?.closest("[data-key]") ?? null)?.dataset.key;
    const item = this.#items.find((each) => each.key === key);
    if (!(button instanceof HTMLElement) || !item) return;
    if (button.dataset.act === "remove") {
      item.upload?.cancel();
      this.#remove(item);
      find(this.form, "textarea")?.focus({ preventScroll: true });
    } else if (button.dataset.act === "pause") {
      this.#set(item, "paused");
      item.upload?.pause();
    } else {
      this.#set(item, "going");
      item.upload?.start();
    }
  }

  /** @param {Event} event */
  #described({ target }) {
    const key = /** @type {HTMLElement | null} */ (/** @type {Element} */ (target).closest("[data-key]"))?.dataset.key;
    const item = this.#items.find((each) => each.key === key);
    if (item) this.#readAlt(item);
  }

  /** What stands in its field, also where one is still in it. @param {Item} item */
  #readAlt(item) {
    const input = /** @type {HTMLInputElement | null} */ (find(item.row, ".tray-alt"));
    const alt = input?.value.trim() ?? item.alt;
    if (alt === item.alt) return;
    item.alt = alt;
    if (item.upload) this.#tell(item, item.upload.describe(alt));
    const { key, file, measures } = item;
    const url = item.upload?.url ?? "";
    keepFile({ key, file, url, alt, measures, conversation_id: this.conversationId, user_id: this.userId });
  }

  /** The message waits for it: what is sent can be described no more. @param {Item} item @param {Promise<void>} told */
  async #tell(item, told) {
    item.tells += 1;
    await told.catch(toastRefusal);
    item.tells -= 1;
    if (this.#sends && !this.holds) this.form.requestSubmit();
  }

  /** @param {Item} item */
  #remove(item) {
    this.#items = this.#items.filter((each) => each !== item);
    item.row.remove();
    if (item.preview) URL.revokeObjectURL(item.preview);
    forgetFile(item.key);
    if (this.isEmpty) this.form.classList.remove("has-files");
    if (this.isEmpty) this.#sends = false;
    this.classList.toggle("sends", this.#sends);
  }

  /** Anywhere on the conversation. */
  #listenForDrops() {
    const place = this.closest(".conversation, main") ?? document.body;
    const hasFiles = (/** @type {DragEvent} */ { dataTransfer }) => dataTransfer?.types.includes("Files") ?? false;
    this.listen(place, "dragover", (event) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      place.classList.add("dropping");
    });
    this.listen(place, "dragleave", (event) => {
      if (!place.contains(event.relatedTarget)) place.classList.remove("dropping");
    });
    this.listen(place, "drop", (event) => {
      place.classList.remove("dropping");
      if (!hasFiles(event)) return;
      event.preventDefault();
      this.add([...(event.dataTransfer?.files ?? [])]);
    });
  }
}
