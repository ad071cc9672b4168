/** `<sound-clip>`: something to hear. Once it is in view it gets a player of ours; without that, the browser's own plays it. */
import { find } from "../../lib/dom.js";

/** @type {WeakMap<Element, () => void>} */
const waiting = new WeakMap();
/** @type {IntersectionObserver | undefined} */
let eye;

/** @param {Element} clip @param {() => void} run */
function whenSeen(clip, run) {
  eye ??= new IntersectionObserver((seen) => {
    for (const { isIntersecting, target } of seen) {
      if (!isIntersecting) continue;
      eye?.unobserve(target);
      waiting.get(target)?.();
    }
  });
  waiting.set(clip, run);
  eye.observe(clip);
}

export class SoundClip extends HTMLElement {
  /** Before it is sent: what it plays. @type {File | null} */
  file = null;
  /** @type {{stop(): void} | null} */
  #player = null;

  connectedCallback() {
    if (this.classList.contains("waits")) return; // it is drawn anew when it can be heard
    whenSeen(this, async () => {
      if (!this.isConnected || find(this, ".player")) return;
      const { SoundPlayer } = await import("./sound-player.js").catch(() => ({ SoundPlayer: null }));
      if (SoundPlayer && this.isConnected && !find(this, ".player")) this.#player = new SoundPlayer(this);
    });
  }

  disconnectedCallback() {
    eye?.unobserve(this);
    this.#player?.stop();
  }
}
