/** All that a signed-in page does by itself. Each part stands alone: where one cannot work, the others and the forms do. */
import { watchBlocked } from "./blocked.js";
import "./chosen-file.js";
import { ConnectionBanner } from "./connection-banner.js";
import { watchCounts } from "./counts.js";
import { ConversationList } from "./conversation-list.js";
import { watchDraftsLeft } from "./drafts-left.js";
import { FileTray } from "./file-tray.js";
import { GroupSettings } from "./group-settings.js";
import { LiveSocket } from "./live-socket.js";
import { MemberPanel } from "./member-panel.js";
import { MentionList } from "./mention-list.js";
import { MessageComposer } from "./message-composer.js";
import { MessageLog } from "./message-log.js";
import { watchMine } from "./mine-menu.js";
import { watchDialogs } from "./page-dialog.js";
import "./peek.js";
import { PeoplePicker } from "./people-picker.js";
import { PeoplePage, watchRequests } from "./people-page.js";
import { watchPresence } from "./presence-book.js";
import { watchReceived } from "./received.js";
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
  ["people-picker", PeoplePicker],
  ["people-page", PeoplePage],
  ["talk-announcement", TalkAnnouncement],
  ["group-settings", GroupSettings],
  ["mention-list", MentionList],
];
const watches = [
  watchBlocked, watchCounts, watchDialogs, watchDraftsLeft, watchMine, watchPresence, watchReceived, watchRequests, watchShortcuts, watchShots, watchTalkHead, watchView, watchViewport, watchVisits,
];
for (const watch of watches) watch();
for (const [name, element] of elements) customElements.define(name, element);
customElements.define("live-socket", LiveSocket);
