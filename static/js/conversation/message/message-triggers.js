/**
 * Calls the message commands (message-commands.js) when the user clicks, presses long, or uses the keyboard.
 */
import { CopyCodeButton } from "./copy-code-button.js";
import { watchCopying } from "./copy-selection.js";
import { MessageCommands } from "./message-commands.js";
import { liveUpdates } from "../../realtime/events.js";
import { LogKeyboard } from "../log/log-keyboard.js";
import { MessageMenu } from "./message-menu.js";
import { clone, find, findAll } from "../../lib/dom.js";
import { openPageDialog } from "../../ui/page-dialog.js";
import { onLongPress } from "../../ui/popup-menu.js";

/** @typedef {import("../log/message-log.js").MessageLog} MessageLog */

const MESSAGE_SELECTOR = ".msg[data-seq]:not(.deleted)";

export class MessageTriggers {
  /** @param {MessageLog} log */
  constructor(log) {
    this.log = log;
    this.commands = new MessageCommands(log);
    this.menu = new MessageMenu(log, this.commands);
    new LogKeyboard(log, this.commands, this.menu);
    new CopyCodeButton(log);
    watchCopying(log);
    this.actionButtons = clone("acts-template");
    const { list } = log;
    log.on(list, "pointerover", (event) => event.pointerType === "mouse" && this.#attachButtons(event.target));
    log.on(list, "pointerleave", () => this.#detachButtons());
    log.on(list, "focusin", (event) => this.#attachButtons(event.target));
    log.on(list, "click", (event) => this.#onClick(event));
    log.on(list, "click", (event) => this.#openSender(event));
    log.on(list, "contextmenu", (event) => this.#onContextMenu(event));
    log.on(list, "change", (event) => this.#onFoldToggle(event.target));
    // A long press on a reaction opens the details; links, selected text and fields keep the behaviour of the browser.
    onLongPress(list, ".reaction[data-emoji]", (button) => this.#openDetails(button), log.signal);
    onLongPress(list, MESSAGE_SELECTOR, (item) => !item.querySelector(".reaction[data-emoji]:active") && this.menu.open(item, item, { isHeld: true }), log.signal);
    log.on(document, "compose:edit-last", () => {
      const item = log.myMessages.findLast((each) => this.commands.isAvailable("edit", each)); // not a forwarded one
      if (item) this.commands.run("edit", item);
    });
  }

  /** @param {EventTarget | null} target @returns {HTMLElement | null} the message, if it has commands */
  #findItem(target) {
    return target instanceof Element ? target.closest(MESSAGE_SELECTOR) : null;
  }

  /** Moves the action buttons into the message with the pointer or the focus. @param {EventTarget | null} target */
  #attachButtons(target) {
    const item = this.#findItem(target);
    if (!item || !this.actionButtons || item === this.actionButtons.parentElement || this.menu.isOpen) return;
    for (const button of findAll(this.actionButtons, "[data-act]")) button.hidden = !this.commands.isAvailable(button.dataset.act ?? "", item);
    item.append(this.actionButtons);
  }

  #detachButtons() {
    if (!this.menu.isOpen && !this.actionButtons?.contains(document.activeElement)) this.actionButtons?.remove();
  }

  /** @param {HTMLElement} button */
  #openDetails(button) {
    const item = this.#findItem(button);
    if (item) this.commands.run("details", item, button);
  }

  /** @param {MouseEvent} event */
  #onClick(event) {
    const target = /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest("[data-act], .reaction, [data-part=edited]"));
    const item = /** @type {HTMLElement | null} */ (target?.closest("li"));
    if (!target || !item || !liveUpdates.enabled || event.defaultPrevented || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const command = target.dataset.act ?? (target.dataset.part === "edited" ? "revisions" : "toggle");
    if (command === "retry" || command === "discard" || command === "revise") {
      event.preventDefault();
      this.log.pendingMessages.runCommand(command, item.dataset.clientId ?? "");
    } else if (item.dataset.seq) {
      event.preventDefault();
      if (command === "toggle") this.commands.react(item, target.dataset.emoji ?? "");
      else if (command === "more" || command === "react") this.menu.open(item, target, { emojiOnly: command === "react" });
      else this.commands.run(command, item, target);
    }
  }

  /** Opens the card of the sender whose face is clicked. Names and mentions are links. @param {MouseEvent} event */
  #openSender(event) {
    const avatar = /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest(".msg > .avatar"));
    if (!avatar || !liveUpdates.enabled || event.defaultPrevented || event.ctrlKey || event.metaKey || event.shiftKey) return;
    if (this.menu.isOpen) return;
    const userId = Number(avatar.parentElement?.dataset.sender);
    if (!userId || userId === this.log.me) return;
    event.preventDefault();
    openPageDialog(`/people/${userId}/`);
  }

  /**
   * Opens the message menu. The browser's context menu is kept for links, selected text and fields, and with Shift.
   * @param {MouseEvent} event
   */
  #onContextMenu(event) {
    const item = this.#findItem(event.target);
    const target = /** @type {Element} */ (event.target);
    if (!item || !liveUpdates.enabled || event.shiftKey || target.closest(".msg-text a[href]:not(.mention), input, textarea, .menu")) return;
    if (String(getSelection() ?? "") && /** @type {Selection} */ (getSelection()).containsNode(item, true)) return;
    event.preventDefault();
    const button = /** @type {HTMLElement | null} */ (target.closest(".reaction[data-emoji]"));
    if (this.menu.isOpen) return; // a long press has opened it already
    if (button) this.#openDetails(button);
    else this.menu.open(item, item, { position: event.clientX || event.clientY ? { x: event.clientX, y: event.clientY } : null });
  }

  /**
   * Keeps a message in view when it is collapsed, and its beginning in view when it is expanded.
   * @param {EventTarget | null} target
   */
  #onFoldToggle(target) {
    if (!(target instanceof HTMLInputElement) || !target.closest(".unfold, .unblock")) return;
    const item = target.closest("li");
    const { scrollKeeper } = this.log;
    if (!item) return;
    if (target.closest(".unblock")) toggleFollowing(item, target.checked);
    const viewBox = scrollKeeper.view.getBoundingClientRect();
    const { top } = item.getBoundingClientRect();
    scrollKeeper.scrollToItem(item, Math.max(top - viewBox.top, target.checked ? -Infinity : 8));
  }
}

/**
 * Expands or collapses the messages of blocked users directly after a message: they are one line together.
 * @param {HTMLElement} item
 * @param {boolean} isExpanded
 */
function toggleFollowing(item, isExpanded) {
  for (let next = item.nextElementSibling; next?.matches(".msg.blocked"); next = next.nextElementSibling) {
    const toggle = /** @type {HTMLInputElement | null} */ (find(next, ".unblock input"));
    if (toggle) toggle.checked = isExpanded;
  }
}
