/** What I change about myself on another device: my name and face among the places, and light or dark. */
import { avatar, find } from "../lib/dom.js";

export function watchOwn() {
  document.addEventListener("live:me.updated", (event) => {
    const { user } = /** @type {CustomEvent} */ (event).detail;
    const socket = find(document, "live-socket");
    const link = find(document, ".rail a:has(> .avatar)");
    if (link && socket) {
      const old = socket.dataset.name ?? "";
      if (old) link.title = link.title.split(old).join(user.name);
      find(link, ".avatar")?.replaceWith(avatar(user, "s"));
      socket.dataset.name = user.name;
    }
    const { dataset } = document.documentElement;
    if (user.theme === "light" || user.theme === "dark") dataset.theme = user.theme;
    else delete dataset.theme;
  });
}
