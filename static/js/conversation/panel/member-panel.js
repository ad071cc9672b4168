/** `<member-panel>`: what stands beside a conversation: of a group its members, of a pair the other person; what is pinned. */
import { LiveElement, emit } from "../../realtime/events.js";
import { MemberList } from "./member-list.js";
import { find } from "../../lib/dom.js";
import { loadPageInto } from "../../ui/page-dialog.js";
import { PanelFrame } from "./side-panel.js";
import { PinList } from "./pin-list.js";

export class MemberPanel extends LiveElement {
  /** @type {PinList} */
  #pins = /** @type {any} */ (undefined);

  start() {
    if (find(this, "[data-view=members]")) new MemberList(this);
    this.#pins = new PinList(this);
    new PanelFrame(this, (view) => this.#shown(view));
  }

  /** @param {string} view */
  #shown(view) {
    this.#pins.show(view === "pins");
    const about = find(this, "[data-part=about]");
    const opener = find(document, ".conversation-head [data-act=panel][data-view=about]");
    if (view === "about" && about && opener) {
      loadPageInto(about, opener.getAttribute("href") ?? "", this.signal).then(() => emit("page:content-added", {}), () => {});
    }
  }
}
