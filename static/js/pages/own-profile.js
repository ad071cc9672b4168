/** Applies changes of the own profile made on another device: name, avatar and theme. */
import { createAvatar, find } from "../lib/dom.js";

/** Applies `me.updated` events to the page. */
export function watchOwnProfile() {
  document.addEventListener("live:me.updated", (event) => {
    const { user } = /** @type {CustomEvent} */ (event).detail;
    const socket = find(document, "live-socket");
    const link = find(document, ".rail a:has(> .avatar)");
    if (link && socket) {
      const oldName = socket.dataset.name ?? "";
      if (oldName) link.title = link.title.split(oldName).join(user.name);
      find(link, ".avatar")?.replaceWith(createAvatar(user, "s"));
      socket.dataset.name = user.name;
    }
    const { dataset } = document.documentElement;
    if (user.theme === "light" || user.theme === "dark") dataset.theme = user.theme;
    else delete dataset.theme;
  });
}
