/** `<toast-stack>`: short words that go by themselves. */
import { LiveElement, tell } from "../realtime/events.js";
import { clone, find, findAll, words } from "../lib/dom.js";
import { Refusal } from "../realtime/api-error.js";

const STAY = 5_000; // ms, and more for what takes longer to read or can be undone
const PER_LETTER = 60; // ms

export class ToastStack extends LiveElement {
  start() {
    this.listen(document, "page:toast", ({ detail }) => this.show(detail.text, detail.bad, detail.undo));
    this.listen(this, "click", (event) => {
      if (event.target.closest("[data-act=close]")) event.target.closest(".toast")?.remove();
    });
    for (const toast of findAll(this, ".toast")) this.#goes(toast);
  }

  /**
   * @param {string} text
   * @param {boolean} bad it is said at once, over what is being read out
   * @param {() => Promise<unknown>} [undo]
   */
  show(text, bad, undo) {
    const toast = clone("toast-template");
    const say = find(toast, "span");
    if (!toast || !say || !text) return;
    say.textContent = text;
    if (bad) {
      toast.setAttribute("role", "alert");
      find(toast, ".icon")?.remove();
    }
    const back = find(toast, "[data-act=undo]");
    if (back && undo) {
      back.hidden = false;
      back.addEventListener("click", () => {
        toast.remove();
        undo().catch(toastRefusal);
      });
    }
    for (const old of findAll(this, ".toast").slice(0, -2)) old.remove();
    this.append(toast);
    this.#goes(toast);
  }

  /** @param {HTMLElement} toast */
  #goes(toast) {
    const stay = STAY + PER_LETTER * (toast.textContent?.length ?? 0);
    const go = () => (toast.matches(":hover, :focus-within") ? setTimeout(go, STAY) : toast.remove());
    setTimeout(go, stay);
  }
}

/**
 * @param {string} word of `<template id="toast-words">`, as in `dataset`
 * @param {() => Promise<unknown>} [undo] offered beside it
 */
export function toast(word, undo) {
  tell("page:toast", { text: words("toast-words")[word] ?? "", bad: false, undo });
}

/** Says why something did not happen, in the page's words, else in the server's. @param {unknown} error */
export function toastRefusal(error) {
  const said = words("toast-words");
  const code = error instanceof Refusal ? error.code : "failed";
  const key = { disconnected: "unavailable", timeout: "unavailable" }[code] ?? code.replace(/_(\w)/g, (_, c) => c.toUpperCase());
  const detail = error instanceof Refusal ? error.detail : "";
  tell("page:toast", { text: said[key] ?? (detail || said.failed) ?? "", bad: true });
}
