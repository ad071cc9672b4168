/**
 * `<sound-clip>`: an audio attachment. When it becomes visible, the player is loaded; if that fails, the browser's own
 * audio controls stay.
 */
import { find } from "../../lib/dom.js";

/** @type {WeakMap<Element, () => void>} */
const callbacks = new WeakMap();
/** @type {IntersectionObserver | undefined} */
let observer;

/** Calls `callback` once when the clip becomes visible. @param {Element} clip @param {() => void} callback */
function onFirstVisible(clip, callback) {
  observer ??= new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      observer?.unobserve(target);
      callbacks.get(target)?.();
    }
  });
  callbacks.set(clip, callback);
  observer.observe(clip);
}

export class SoundClip extends HTMLElement {
  /** The local file of an attachment that is not uploaded yet. @type {File | null} */
  file = null;
  /** @type {{stop(): void} | null} */
  #player = null;

  connectedCallback() {
    if (this.classList.contains("waits")) return; // not processed yet; rendered again when it can be played
    onFirstVisible(this, async () => {
      if (!this.isConnected || find(this, ".player")) return;
      const { SoundPlayer } = await import("./sound-player.js").catch(() => ({ SoundPlayer: null }));
      if (SoundPlayer && this.isConnected && !find(this, ".player")) this.#player = new SoundPlayer(this);
    });
  }

  disconnectedCallback() {
    observer?.unobserve(this);
    this.#player?.stop();
  }
}
