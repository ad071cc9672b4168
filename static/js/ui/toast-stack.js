/** `<toast-stack>`: short messages that disappear by themselves. */
import { LiveElement, emit } from "../realtime/events.js";
import { clone, find, findAll, words } from "../lib/dom.js";
import { ApiError } from "../realtime/api-error.js";

const DURATION = 5_000; // ms; longer for more text
const DURATION_PER_CHARACTER = 60; // ms

export class ToastStack extends LiveElement {
  start() {
    this.on(document, "page:toast", ({ detail }) => this.show(detail.text, detail.isError, detail.undo));
    this.on(this, "click", (event) => {
      if (event.target.closest("[data-act=close]")) event.target.closest(".toast")?.remove();
    });
    for (const toast of findAll(this, ".toast")) this.#scheduleRemoval(toast);
  }

  /**
   * Shows a toast.
   * @param {string} text
   * @param {boolean} isError announced at once by screen readers
   * @param {() => Promise<unknown>} [undo] adds an "Undo" button
   */
  show(text, isError, undo) {
    const toast = clone("toast-template");
    const textElement = find(toast, "span");
    if (!toast || !textElement || !text) return;
    textElement.textContent = text;
    if (isError) {
      toast.setAttribute("role", "alert");
      find(toast, ".icon")?.remove();
    }
    const undoButton = find(toast, "[data-act=undo]");
    if (undoButton && undo) {
      undoButton.hidden = false;
      undoButton.addEventListener("click", () => {
        toast.remove();
        undo().catch(showErrorToast);
      });
    }
    for (const oldToast of findAll(this, ".toast").slice(0, -2)) oldToast.remove();
    this.append(toast);
    this.#scheduleRemoval(toast);
  }

  /** @param {HTMLElement} toast */
  #scheduleRemoval(toast) {
    const duration = DURATION + DURATION_PER_CHARACTER * (toast.textContent?.length ?? 0);
    const removeUnlessHovered = () => (toast.matches(":hover, :focus-within") ? setTimeout(removeUnlessHovered, DURATION) : toast.remove());
    setTimeout(removeUnlessHovered, duration);
  }
}

/**
 * Shows a toast with a text that the page contains in a template.
 * @param {string} key of `<template id="toast-words">`, as in `dataset`
 * @param {() => Promise<unknown>} [undo] adds an "Undo" button
 */
export function showToast(key, undo) {
  emit("page:toast", { text: words("toast-words")[key] ?? "", isError: false, undo });
}

/** Shows a toast with this text. @param {string} text @param {boolean} [isError] */
export function showTextToast(text, isError = false) {
  emit("page:toast", { text, isError });
}

/**
 * Shows why an action failed. Uses the page's text for the error code, otherwise the text that the server sent.
 * @param {unknown} error
 */
export function showErrorToast(error) {
  const texts = words("toast-words");
  const code = error instanceof ApiError ? error.code : "failed";
  const textKey = { disconnected: "unavailable", timeout: "unavailable" }[code] ?? code.replace(/_(\w)/g, (_, letter) => letter.toUpperCase());
  const detail = error instanceof ApiError ? error.detail : "";
  emit("page:toast", { text: texts[textKey] ?? (detail || texts.failed) ?? "", isError: true });
}
