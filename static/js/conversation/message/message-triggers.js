/** Which way a deed is asked for: by the pointer, by press and hold, by keys. What it is stands in deeds.js. */
import { CodeCopy } from "./copy-code-button.js";
import { Deeds } from "./message-commands.js";
import { liveUpdates } from "../../realtime/events.js";
import { LogKeys } from "../log/log-keyboard.js";
import { MessageMenu } from "./message-menu.js";
import { clone, find } from "../../lib/dom.js";
import { onLongPress } from "../../ui/popup-menu.js";

/** @typedef {import("../log/message-log.js").MessageLog} MessageLog */

const LINE = ".msg[data-seq]:not(.deleted)";

export class MessageActions {
  /** @param {MessageLog} log */
  constructor(log) {
    this.log = log;
    this.deeds = new Deeds(log);
    this.menu = new MessageMenu(log, this.deeds);
    new LogKeys(log, this.deeds, this.menu);
    new CodeCopy(log);
    this.acts = clone("acts-template");
    const { list } = log;
    log.on(list, "pointerover", (event) => event.pointerType === "mouse" && this.#attach(event.target));
    log.on(list, "pointerleave", () => this.#detach());
    log.on(list, "focusin", (event) => this.#attach(event.target));
    log.on(list, "click", (event) => this.#clicked(event));
    log.on(list, "contextmenu", (event) => this.#rightClicked(event));
    log.on(list, "change", (event) => this.#folded(event.target));
    // Held, a reaction says whose it is; a link, selected words and fields are the browser's.
    onLongPress(list, ".reaction[data-emoji]", (button) => this.#details(button), log.signal);
    onLongPress(list, LINE, (line) => !line.querySelector(".reaction[data-emoji]:active") && this.menu.open(line, line, { held: true }), log.signal);
    log.on(document, "compose:edit-last", () => log.myLast && this.deeds.do("edit", log.myLast));
  }

  /** @param {EventTarget | null} target @returns {HTMLElement | null} a line with which something can be done */
  #lineOf(target) {
    return target instanceof Element ? target.closest(LINE) : null;
  }

  /** The buttons of a line stand in it as long as the pointer or the focus does. @param {EventTarget | null} target */
  #attach(target) {
    const line = this.#lineOf(target);
    if (!line || !this.acts || line === this.acts.parentElement || this.menu.isOpen) return;
    const edit = find(this.acts, "[data-act=edit]");
    if (edit) edit.hidden = !this.deeds.offers("edit", line);
    line.append(this.acts);
  }

  #detach() {
    if (!this.menu.isOpen && !this.acts?.contains(document.activeElement)) this.acts?.remove();
  }

  /** @param {HTMLElement} button */
  #details(button) {
    const line = this.#lineOf(button);
    if (line) this.deeds.do("details", line, button);
  }

  /** @param {MouseEvent} event */
  #clicked(event) {
    const target = /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest("[data-act], .reaction, [data-part=edited]"));
    const line = /** @type {HTMLElement | null} */ (target?.closest("li"));
    if (!target || !line || !liveUpdates.enabled || event.defaultPrevented || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const act = target.dataset.act ?? (target.dataset.part === "edited" ? "revisions" : "toggle");
    if (act === "retry" || act === "discard" || act === "revise") {
      event.preventDefault();
      this.log.queued.act(act, line.dataset.clientId ?? "");
    } else if (line.dataset.seq) {
      event.preventDefault();
      if (act === "toggle") this.deeds.react(line, target.dataset.emoji ?? "");
      else if (act === "more" || act === "react") this.menu.open(line, target, { only: act === "react" });
      else this.deeds.do(act, line, target);
    }
  }

  /** The browser keeps its own menu for links, selected words and fields, and with Shift. @param {MouseEvent} event */
  #rightClicked(event) {
    const line = this.#lineOf(event.target);
    const target = /** @type {Element} */ (event.target);
    if (!line || !liveUpdates.enabled || event.shiftKey || target.closest(".msg-text a[href], input, textarea, .menu")) return;
    if (String(getSelection() ?? "") && /** @type {Selection} */ (getSelection()).containsNode(line, true)) return;
    event.preventDefault();
    const button = /** @type {HTMLElement | null} */ (target.closest(".reaction[data-emoji]"));
    if (this.menu.isOpen) return; // press and hold was first
    if (button) this.#details(button);
    else this.menu.open(line, line, { at: event.clientX || event.clientY ? { x: event.clientX, y: event.clientY } : null });
  }

  /** What is folded again stays on the screen, and what is unfolded leaves the reader at its beginning. @param {EventTarget | null} target */
  #folded(target) {
    if (!(target instanceof HTMLInputElement) || !target.closest(".unfold, .unblock")) return;
    const line = target.closest("li");
    const { scroller } = this.log;
    if (!line) return;
    const view = scroller.log.getBoundingClientRect();
    const { top } = line.getBoundingClientRect();
    scroller.toLine(line, Math.max(top - view.top, target.checked ? -Infinity : 8));
  }
}
