/**
 * Button that copies a code block. There is one button for the whole log; it moves to the code block that is under the
 * pointer or has the focus.
 */
import { copyText } from "../../ui/clipboard.js";
import { clone } from "../../lib/dom.js";
import { showToast, showErrorToast } from "../../ui/toast-stack.js";

export class CopyCodeButton {
  /** @param {import("../log/message-log.js").MessageLog} log */
  constructor(log) {
    this.button = clone("copy-code-template");
    if (!this.button) return;
    for (const type of ["pointerover", "focusin"]) log.on(log.list, type, (event) => this.#attach(event.target));
    log.on(this.button, "click", (event) => {
      event.stopPropagation();
      this.#copy();
    });
  }

  /** @param {EventTarget | null} target */
  #attach(target) {
    const block = target instanceof Element ? target.closest(".msg-text pre") : null;
    if (block && this.button && this.button.parentElement !== block) block.append(this.button);
  }

  async #copy() {
    const code = this.button?.parentElement?.querySelector(":scope > code");
    try {
      await copyText(code?.textContent?.replace(/\n$/, "") ?? "");
      showToast("copied");
    } catch (error) {
      showErrorToast(error);
    }
  }
}
