/** All that a signed-in page does by itself. Each part stands alone: where one cannot work, the others and the forms do. */
import { watchBlocked } from "./blocked.js";
import "./chosen-file.js";
import { ConnectionBanner } from "./connection-banner.js";
import { watchCounts } from "./counts.js";
import { ConversationList } from "./conversation-list.js";
import { watchDraftsLeft } from "./drafts-left.js";
import { watchElements } from "./elements-later.js";
import { FileTray } from "./file-tray.js";
import { LiveSocket } from "./live-socket.js";
import { MemberPanel } from "./member-panel.js";
import { MessageComposer } from "./message-composer.js";
import { MessageLog } from "./message-log.js";
import { watchMine } from "./mine-menu.js";
import { watchDialogs } from "./page-dialog.js";
import "./peek.js";
import { watchOwn } from "./own.js";
import { watchPresence } from "./presence-book.js";
import { watchReceived } from "./received.js";
import { watchRights } from "./rights.js";
import { watchShortcuts } from "./shortcuts.js";
import { watchShots } from "./shots.js";
import { SoundClip } from "./sound-clip.js";
import { TalkAnnouncement } from "./talk-announcement.js";
import { watchTalkHead } from "./talk-head.js";
import { ToastStack } from "./toast-stack.js";
import { TypingLine } from "./typing-line.js";
import { watchView } from "./view.js";
import { watchViewport } from "./viewport.js";
import { watchVisits } from "./visit.js";

// The socket last: whoever listens is there when it begins to tell.
/** @type {[string, CustomElementConstructor][]} */
const elements = [
  ["toast-stack", ToastStack],
  ["connection-banner", ConnectionBanner],
  ["conversation-list", ConversationList],
  ["message-log", MessageLog],
  ["message-composer", MessageComposer],
  ["file-tray", FileTray],
  ["sound-clip", SoundClip],
  ["typing-line", TypingLine],
  ["member-panel", MemberPanel],
  ["talk-announcement", TalkAnnouncement],
];
const watches = [
  watchBlocked, watchCounts, watchDialogs, watchDraftsLeft, watchElements, watchMine, watchOwn, watchPresence, watchReceived,
  watchRights, watchShortcuts, watchShots, watchTalkHead, watchView, watchViewport, watchVisits,
];
for (const watch of watches) watch();
for (const [name, element] of elements) customElements.define(name, element);
customElements.define("live-socket", LiveSocket);
