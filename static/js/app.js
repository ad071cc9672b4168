/** All that a signed-in page does by itself. Each part stands alone: where one cannot work, the others and the forms do. */
import { watchBlocked } from "./conversation/message/blocked-messages.js";
import "./pages/picture-field.js";
import { ConnectionBanner } from "./ui/connection-banner.js";
import { watchCounts } from "./conversation-list/unread-badges.js";
import { ConversationList } from "./conversation-list/conversation-list.js";
import { watchDraftsLeft } from "./composer/unsynced-drafts.js";
import { watchElements } from "./pages/lazy-elements.js";
import { FileTray } from "./composer/files/file-tray.js";
import { LiveSocket } from "./realtime/connection/live-socket.js";
import { MemberPanel } from "./conversation/panel/member-panel.js";
import { MessageComposer } from "./composer/message-composer.js";
import { MessageLog } from "./conversation/log/message-log.js";
import { watchMine } from "./conversation-list/conversation-menu.js";
import { watchDialogs } from "./ui/page-dialog.js";
import "./pages/password-toggle.js";
import { watchOwn } from "./pages/own-profile.js";
import { watchPresence } from "./realtime/state/presence-cache.js";
import { watchReceived } from "./realtime/connection/delivery-ack.js";
import { watchRights } from "./conversation/permissions.js";
import { watchShortcuts } from "./ui/shortcuts.js";
import { watchShots } from "./conversation/attachments/open-picture.js";
import { SoundClip } from "./conversation/attachments/sound-clip.js";
import { ConversationAnnouncement } from "./conversation/header/conversation-announcement.js";
import { watchTalkHead } from "./conversation/header/conversation-header.js";
import { ToastStack } from "./ui/toast-stack.js";
import { TypingLine } from "./conversation/header/typing-indicator.js";
import { watchView } from "./realtime/connection/viewing-report.js";
import { watchViewport } from "./ui/virtual-keyboard.js";
import { watchVisits } from "./ui/page-navigation.js";

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
  ["conversation-announcement", ConversationAnnouncement],
];
const watches = [
  watchBlocked, watchCounts, watchDialogs, watchDraftsLeft, watchElements, watchMine, watchOwn, watchPresence, watchReceived,
  watchRights, watchShortcuts, watchShots, watchTalkHead, watchView, watchViewport, watchVisits,
];
for (const watch of watches) watch();
for (const [name, element] of elements) customElements.define(name, element);
customElements.define("live-socket", LiveSocket);
