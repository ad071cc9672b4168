/** All that a signed-in page does by itself. Each part stands alone: where one cannot work, the others and the forms do. */
import "./chosen-file.js";
import { ConnectionBanner } from "./connection-banner.js";
import { ConversationList } from "./conversation-list.js";
import { LiveSocket } from "./live-socket.js";
import { MemberPanel } from "./member-panel.js";
import { MessageComposer } from "./message-composer.js";
import { MessageLog } from "./message-log.js";
import "./peek.js";
import { PeoplePicker } from "./people-picker.js";
import { watchPresence } from "./presence-book.js";
import { watchReceived } from "./received.js";
import { watchTalkHead } from "./talk-head.js";
import { ToastStack } from "./toast-stack.js";
import { TypingLine } from "./typing-line.js";
import { watchView } from "./view.js";
import { watchVisits } from "./visit.js";

// The socket last: whoever listens is there when it begins to tell.
/** @type {[string, CustomElementConstructor][]} */
const elements = [
  ["toast-stack", ToastStack],
  ["connection-banner", ConnectionBanner],
  ["conversation-list", ConversationList],
  ["message-log", MessageLog],
  ["message-composer", MessageComposer],
  ["typing-line", TypingLine],
  ["member-panel", MemberPanel],
  ["people-picker", PeoplePicker],
];
for (const watch of [watchPresence, watchReceived, watchTalkHead, watchView, watchVisits]) watch();
for (const [name, element] of elements) customElements.define(name, element);
customElements.define("live-socket", LiveSocket);
