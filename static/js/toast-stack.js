/** `<toast-stack>`: short words that go by themselves. */
import { LiveElement, tell } from "./live.js";
import { clone, find, findAll, words } from "./page.js";
import { Refusal } from "./refusal.js";

const STAY = 5_000;

export class ToastStack extends LiveElement {
  start() {
    this.listen(document, "page:toast", ({ detail }) => this.show(detail.text, detail.bad));
    this.listen(this, "click", (event) => {
      if (event.target.closest("[data-act=close]")) event.target.closest(".toast")?.remove();
    });
    for (const toast of findAll(this, ".toast")) this.#goes(toast);
  }

  /** @param {string} text @param {boolean} bad it is said at once, over what is being read out */
  show(text, bad) {
    const toast = clone("toast-template");
    const say = find(toast, "span");
    if (!toast || !say || !text) return;
    say.textContent = text;
    if (bad) {
      toast.setAttribute("role", "alert");
      find(toast, ".icon")?.remove();
    }
    for (const old of findAll(this, ".toast").slice(0, -2)) old.remove();
    this.append(toast);
    this.#goes(toast);
  }

  /** @param {HTMLElement} toast */
  #goes(toast) {
    const go = () => (toast.matches(":hover, :focus-within") ? setTimeout(go, STAY) : toast.remove());
    setTimeout(go, STAY);
  }
}

/** @param {string} word of `<template id="toast-words">`, as in `dataset` */
export function toast(word) {
  tell("page:toast", { text: words("toast-words")[word] ?? "", bad: false });
}

/** Says why something did not happen, in the page's words, else in the server's. @param {unknown} error */
export function toastRefusal(error) {
  const said = words("toast-words");
  const code = error instanceof Refusal ? error.code : "failed";
  const key = { disconnected: "unavailable", timeout: "unavailable" }[code] ?? code.replace(/_(\w)/g, (_, c) => c.toUpperCase());
  const detail = error instanceof Refusal ? error.detail : "";
  tell("page:toast", { text: said[key] ?? (detail || said.failed) ?? "", bad: true });
}
