/**
 * `<member-panel>`: the side panel of a conversation with the members of a group or the profile of the other user, and
 * the pinned messages.
 */
import { LiveElement, emit } from "../../realtime/events.js";
import { MemberList } from "./member-list.js";
import { find } from "../../lib/dom.js";
import { loadPageInto } from "../../ui/page-dialog.js";
import { SidePanel } from "./side-panel.js";
import { PinList } from "./pin-list.js";

export class MemberPanel extends LiveElement {
  /** @type {PinList} */
  #pinList = /** @type {any} */ (undefined);

  start() {
    if (find(this, "[data-view=members]")) new MemberList(this);
    this.#pinList = new PinList(this);
    new SidePanel(this, (view) => this.#onViewShown(view));
  }

  /** @param {string} view */
  #onViewShown(view) {
    this.#pinList.setVisible(view === "pins");
    const profilePart = find(this, "[data-part=about]");
    const opener = find(document, ".conversation-head [data-act=panel][data-view=about]");
    if (view === "about" && profilePart && opener) {
      loadPageInto(profilePart, opener.getAttribute("href") ?? "", this.signal).then(() => emit("page:content-added", {}), () => {});
    }
  }
}
