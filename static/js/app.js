/**
 * Entry script of the pages for signed-in users: starts all modules and defines the custom elements. The modules are
 * independent: if one fails, the others and the forms still work.
 */
import { watchBlockForms } from "./pages/block-form.js";
import { watchBlockedUsers } from "./conversation/message/blocked-messages.js";
import { ConnectionBanner } from "./ui/connection-banner.js";
import { watchUnreadCounts } from "./conversation-list/unread-badges.js";
import { ConversationList } from "./conversation-list/conversation-list.js";
import { watchUnsyncedDrafts } from "./composer/unsynced-drafts.js";
import { watchLazyElements } from "./pages/lazy-elements.js";
import { FileTray } from "./composer/files/file-tray.js";
import { LiveSocket } from "./realtime/connection/live-socket.js";
import { MemberPanel } from "./conversation/panel/member-panel.js";
import { MessageComposer } from "./composer/message-composer.js";
import { MessageLog } from "./conversation/log/message-log.js";
import { watchConversationMenu } from "./conversation-list/conversation-menu.js";
import { watchPageDialogs } from "./ui/page-dialog.js";
import { watchOwnProfile } from "./pages/own-profile.js";
import { watchPresence } from "./realtime/state/presence-cache.js";
import { watchDeliveries } from "./realtime/connection/delivery-ack.js";
import { watchPermissions } from "./conversation/permissions.js";
import { watchShortcuts } from "./ui/shortcuts.js";
import { watchPictures } from "./conversation/attachments/open-picture.js";
import { SoundClip } from "./conversation/attachments/sound-clip.js";
import { ConversationAnnouncement } from "./conversation/header/conversation-announcement.js";
import { watchConversationHeader } from "./conversation/header/conversation-header.js";
import { watchConversationSearch } from "./conversation/search/open-search.js";
import { ToastStack } from "./ui/toast-stack.js";
import { TypingIndicator } from "./conversation/header/typing-indicator.js";
import { watchViewing } from "./realtime/connection/viewing-report.js";
import { watchVirtualKeyboard } from "./ui/virtual-keyboard.js";
import "./calls/call-entry.js";
import { watchCalls } from "./calls/calls.js";
import { watchNavigation } from "./ui/page-navigation.js";

// `live-socket` comes last, so that all listeners are registered before it dispatches events.
/** @type {[string, CustomElementConstructor][]} */
const elements = [
  ["toast-stack", ToastStack],
  ["connection-banner", ConnectionBanner],
  ["conversation-list", ConversationList],
  ["message-log", MessageLog],
  ["message-composer", MessageComposer],
  ["file-tray", FileTray],
  ["sound-clip", SoundClip],
  ["typing-line", TypingIndicator],
  ["member-panel", MemberPanel],
  ["conversation-announcement", ConversationAnnouncement],
];
const watchers = [
  watchBlockForms, watchBlockedUsers, watchUnreadCounts, watchPageDialogs, watchUnsyncedDrafts, watchLazyElements,
  watchConversationMenu, watchOwnProfile, watchPresence, watchDeliveries, watchPermissions, watchShortcuts,
  watchPictures, watchConversationHeader, watchConversationSearch, watchViewing, watchVirtualKeyboard, watchNavigation,
  watchCalls,
];
for (const startWatching of watchers) startWatching();
for (const [name, element] of elements) customElements.define(name, element);
customElements.define("live-socket", LiveSocket);

// Modules that few pages need are loaded when they are used first.
if (document.querySelector("[data-act=peek]")) void import("./pages/password-toggle.js");
document.addEventListener("change", ({ target: field }) => {
  if (!(field instanceof HTMLInputElement) || !field.matches(".file input")) return;
  import("./pages/picture-field.js").then((module) => module.cropChosenPicture(field), () => {});
});
document.addEventListener("live:me.updated", (event) => {
  const { user } = /** @type {CustomEvent} */ (event).detail;
  const notices = /** @type {HTMLElement | null} */ (document.querySelector("moderation-notices"));
  if (!notices || Number(notices.dataset.count) === user.notice_count) return;
  notices.dataset.count = String(user.notice_count);
  import("./pages/moderation-notices.js").then((module) => module.showNotices(notices), () => {}); // the next page shows them
});
document.addEventListener("live:reminder.due", (event) => {
  const { detail } = /** @type {CustomEvent} */ (event);
  import("./scheduling/reminders.js").then((module) => module.showReminder(detail), () => {});
});

const NOTIFICATIONS_DELAY = 2_000; // ms after the page has loaded: notifications are not needed to read it
const startNotifications = () =>
  setTimeout(() => import("./notifications/page-notifications.js").then((module) => module.watchNotifications(), () => {}), NOTIFICATIONS_DELAY);
if (document.readyState === "complete") startNotifications();
else addEventListener("load", startNotifications, { once: true });
