/** `<push-settings>`: turns push messages on in this browser, or says why it is not possible. */
import { find, findAll } from "../lib/dom.js";
import { findSubscription, needsInstalledApp, subscribe, supportsPush } from "./push-registration.js";

export class PushSettings extends HTMLElement {
  connectedCallback() {
    this.addEventListener("click", (event) => {
      const button = /** @type {HTMLElement} */ (event.target).closest("[data-act=subscribe]");
      if (button instanceof HTMLButtonElement) this.#turnOn(button);
    });
    this.#render();
  }

  async #render() {
    const isSubscribed = Boolean(await findSubscription().catch(() => null));
    this.#show(supportsPush() ? (Notification.permission === "denied" ? "denied" : "") : needsInstalledApp() ? "iphone" : "unsupported");
    const button = find(this, "[data-act=subscribe]");
    if (button) button.hidden = !supportsPush() || Notification.permission === "denied" || isSubscribed;
  }

  /** Shows one of the explanations. @param {string} name */
  #show(name) {
    for (const element of findAll(this, "p[data-part]")) element.hidden = element.dataset.part !== name;
  }

  /** @param {HTMLButtonElement} button */
  async #turnOn(button) {
    button.disabled = true;
    try {
      if ((await Notification.requestPermission()) !== "granted") return await this.#render();
      await subscribe(this.dataset.key ?? "");
      location.reload(); // the list of browsers is from the server
    } catch {
      this.#show("failed");
    } finally {
      button.disabled = false;
    }
  }
}
