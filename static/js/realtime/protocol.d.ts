/**
 * The frames of the socket and the shapes inside them, as types for the page's scripts; docs/protocol.md has them in words.
 * What stands between the two marks is written by `manage.py protocol`, from the structs that the server uses.
 */

// generated

/** An error, in REST responses and in `error` frames. `retry_after` is in seconds. */
export interface ErrorPayload {
  code: string;
  detail: string;
  fields?: Record<string, string[]>;
  retry_after?: number;
}

/** In seconds. `interval`: between two pings. `timeout`: how long the server waits for a pong. */
export interface Heartbeat {
  interval: number;
  timeout: number;
}

/** A user as others see them. `name` is the display name, or the user name if there is none. */
export interface User {
  id: number;
  username: string;
  name: string;
  avatar_url: string | null;
}

/**
 * Your own profile and settings. `language` and `time_zone` are empty if the browser's are used. The privacy settings
 * are: who finds you by name (`find_me`), starts a direct conversation with you (`write_to_me`) or adds you to groups
 * (`add_me`); who sees that you are online (`show_presence`), when you were last online (`show_last_seen`) and what you
 * have read (`show_receipts`).
 */
export interface Profile {
  id: number;
  username: string;
  name: string;
  avatar_url: string | null;
  email: string;
  bio: string;
  language: string;
  time_zone: string;
  theme: string;
  find_me: "contacts" | "everyone" | "nobody";
  write_to_me: "contacts" | "everyone" | "nobody";
  add_me: "contacts" | "everyone" | "nobody";
  show_presence: "contacts" | "everyone" | "nobody";
  show_last_seen: "contacts" | "everyone" | "nobody";
  show_receipts: "contacts" | "everyone" | "nobody";
  me_version: number;
}

/** Your own profile and settings, after a change. */
export interface Me {
  me_version: number;
  user: Profile;
}

/**
 * Your relationship with another user. `state`: `contact` (in your contact list), `asked` (you sent a contact request
 * that is not answered), `asks` (they sent you one, which you may accept, decline or ignore) or `none`. `blocked`: you
 * have blocked them; `state` is `none` then. `since`: when `state` last changed; null for `none`.
 */
export interface Contact {
  user: User;
  state: "asked" | "asks" | "contact" | "none";
  blocked: boolean;
  since: string | null;
  me_version: number;
}

/**
 * A contact, a contact request or a block of yours, after a change. `requests`: the number of contact requests that you
 * have received.
 */
export interface ContactEvent {
  me_version: number;
  contact: Contact;
  requests: number;
}

/** A sign-in that is still active. `address`: IP address. `current`: this request uses the sign-in. */
export interface SignIn {
  id: string;
  kind: "browser" | "token";
  user_agent: string;
  address: string | null;
  created_at: string;
  last_used_at: string;
  current: boolean;
}

/** `access` authenticates requests; `refresh` can be exchanged once for a new pair. */
export interface TokenPair {
  access: string;
  refresh: string;
}

/** A mention in the body: code points from `start` up to, but not including, `end`. `user_id` is null for `@all`. */
export interface Mention {
  user_id: number | null;
  start: number;
  end: number;
}

/** The quoted message, in its state when the response or event was made. `excerpt` has no Markdown. */
export interface Reply {
  id: number;
  seq: number;
  sender: User;
  excerpt: string;
  deleted: boolean;
}

/** The original author of a forwarded message, and when it was written. */
export interface Forward {
  sender: User;
  created_at: string | null;
}

/**
 * A file of a message. `url`: path on this site; requires authorization. `kind`: image, video, audio, file. `size` is
 * in bytes, `width` and `height` in pixels, `duration` in seconds. While a file is being processed, `ready` is false
 * and its `url` responds with 503; `message.updated` follows. `preview_url`: large image; `thumbnail_url`: small image.
 * `alt`: description for users who do not see the picture.
 */
export interface Attachment {
  id: number;
  kind: string;
  name: string;
  content_type: string;
  size: number;
  url: string;
  ready: boolean;
  thumbnail_url: string | null;
  preview_url: string | null;
  width: number | null;
  height: number | null;
  duration: number | null;
  alt: string;
}

/** One emoji and the users who reacted with it, in the order of their reactions. */
export interface Reaction {
  emoji: string;
  user_ids: number[];
}

/**
 * The content of a system message; clients translate it. `name`: joined, left, removed, renamed, described, pictured,
 * announced, owner, role. `by_id`: with `joined`, the creator of the invite link. With `role`, `old` and `new` are
 * roles.
 */
export interface SystemEvent {
  name: string;
  actor_id: number | null;
  user_ids: number[];
  old: string | null;
  new: string | null;
  by_id: number | null;
}

/**
 * A message. A deleted message keeps ids, seq, kind, sender and times; its other content is empty. `event`: the content
 * of a system message, null for texts. `client_id` is null for system messages.
 */
export interface Message {
  id: number;
  conversation_id: number;
  seq: number;
  version: number;
  client_id: string | null;
  kind: string;
  sender: User;
  body: string;
  body_html: string;
  mentions: Mention[];
  reply_to: Reply | null;
  forwarded_from: Forward | null;
  attachments: Attachment[];
  reactions: Reaction[];
  pinned: boolean;
  created_at: string;
  edited_at: string | null;
  deleted_at: string | null;
  event: SystemEvent | null;
}

/**
 * The member state: what only the user sees of a conversation. `unread_count`: texts by others after `read_seq`.
 * `receipts`: the user shows receipts in this conversation, and sees those of the others. The announcement is new to
 * the user while `announcement_seen` is below the conversation's `announced_version`.
 */
export interface Mine {
  role: string;
  read_seq: number;
  unread_count: number;
  unread_mention_count: number;
  muted: boolean;
  level: string;
  favourite: boolean;
  archived: boolean;
  draft: string;
  me_version: number;
  announcement_seen: number;
  receipts: boolean;
}

/**
 * A direct conversation (`peer`: the other user) or a group. `mine` is absent in events for all members.
 * `announced_version`: the version of the last change of the announcement.
 */
export interface Conversation {
  id: number;
  kind: string;
  title: string;
  description: string;
  announcement: string;
  avatar_url: string | null;
  owner_id: number | null;
  member_count: number;
  members_may_add: boolean;
  members_may_pin: boolean;
  revisions_visible: boolean;
  peer: User | null;
  last_seq: number;
  version: number;
  last_message: Message | null;
  created_at: string;
  announced_version: number;
  mine?: Mine | null;
}

/**
 * The title of a conversation, for search. A query matches if `title` contains it or one of `keys` starts with it.
 * `keys`: how a Chinese title is typed, by pinyin and by initials, from each character on.
 */
export interface Title {
  id: number;
  kind: string;
  title: string;
  keys: string[];
  avatar_url: string | null;
  peer: User | null;
}

/** A member of a conversation. `left_at` is null for current members. */
export interface Member {
  user: User;
  role: string;
  joined_at: string;
  left_at: string | null;
  version: number;
}

/** How far a member has received and read a conversation, and when they read up to `read_seq`. */
export interface Receipt {
  user_id: number;
  delivered_seq: number;
  read_seq: number;
  read_at: string | null;
}

/** When a member received and read one message. */
export interface MessageReceipt {
  user_id: number;
  delivered_at: string | null;
  read_at: string | null;
}

/** A file of a conversation, and the message that it belongs to. */
export interface File {
  attachment: Attachment;
  message_id: number;
  seq: number;
  sender: User;
  created_at: string;
}

/**
 * An upload. `size` is in bytes. `offset`: bytes stored so far. `attachment`: null until the upload is complete; then
 * its id can be sent with a message.
 */
export interface Upload {
  id: string;
  name: string;
  size: number;
  offset: number;
  expires_at: string;
  attachment: Attachment | null;
}

/** The text of a message before an edit, and when it was written. */
export interface Revision {
  body: string;
  body_html: string;
  written_at: string;
}

/**
 * A page of messages, ascending by `seq`. `version`: of the conversation, read before the messages. They include all
 * changes up to it, and possibly newer ones.
 */
export interface History {
  results: Message[];
  has_before: boolean;
  has_after: boolean;
  version: number;
}

/**
 * The rows of a conversation that changed since a version, in their current state: all changes up to `version`.
 * `conversation` is null if its shared fields did not change. If `complete` is false, request the rest with `version`.
 */
export interface Changes {
  version: number;
  complete: boolean;
  conversation: Conversation | null;
  messages: Message[];
  members: Member[];
}

/** Whether a user is online. `last_seen` is null while the user is online, and if they do not show it to you. */
export interface Presence {
  user_id: number;
  online: boolean;
  last_seen: string | null;
}

/** A `Contact` with its presence, which is null for a user who is not a contact yet. */
export interface ListedContact {
  user: User;
  state: "asked" | "asks" | "contact" | "none";
  blocked: boolean;
  since: string | null;
  me_version: number;
  presence: Presence | null;
}

/** An invite link of a group. `expires_at` and `max_uses` are null without such a limit. `uses`: how many joined. */
export interface Invite {
  id: number;
  url: string;
  token: string;
  created_by: User;
  created_at: string;
  expires_at: string | null;
  max_uses: number | null;
  uses: number;
}

/** What a user sees of a group before joining by a link. `conversation_id` is null unless they are a member. */
export interface InvitePreview {
  title: string;
  description: string;
  avatar_url: string | null;
  member_count: number;
  created_by: User;
  conversation_id: number | null;
}

/** The members who are online, as far as their privacy settings show it. */
export interface OnlineMembers {
  count: number;
  user_ids: number[];
}

/** `Changes` of one conversation. One that the client did not name comes whole, without messages and members. */
export interface SyncedConversation {
  conversation_id: number;
  version: number;
  complete: boolean;
  conversation: Conversation | null;
  messages: Message[];
  members: Member[];
}

/** The current member state of the user in a conversation. */
export interface SyncedMine {
  conversation_id: number;
  mine: Mine;
}

/**
 * What a client missed. `removed`: ids of its conversations that the user is no longer a member of. `contacts`:
 * relationships that changed since `me`, including those that ended.
 */
export interface SyncAnswer {
  conversations: SyncedConversation[];
  mine: SyncedMine[];
  removed: number[];
  receipts: Receipt[];
  contacts: Contact[];
  requests: number;
  me_version: number;
  complete: boolean;
}

/** A user is typing (`active`), or stopped. Clients end the indicator 5 seconds after the last event. */
export interface Typing {
  conversation_id: number;
  user_id: number;
  active: boolean;
}

/** The read marker of a viewer: read up to the message `seq`. */
export interface Reader {
  user_id: number;
  seq: number;
}

/** The users who view a conversation, each counted once. `readers`: those who show their presence and receipts. */
export interface Viewers {
  conversation_id: number;
  count: number;
  readers: Reader[];
}

/** How many users and visitors are online. Each user counts once, and each browser without a signed-in user. */
export interface HeadCount {
  count: number;
}

/**
 * The first frame of a connection. `versions`: the current version of each of the user's conversations by id. A client
 * that has older versions sends `sync`.
 */
export interface Welcome {
  user_id: number;
  connection_id: string;
  server_time: string;
  heartbeat: Heartbeat;
  versions: Record<string, number>;
  me_version: number;
}

/** An empty object. */
export type EmptyPayload = Record<string, never>;

/** A message in its current state. A deletion is a `message.updated` with `deleted_at`. */
export interface MessagePayload {
  conversation_id: number;
  after: number;
  version: number;
  message: Message;
}

/** The current fields of a conversation that are the same for all members, without `mine`. */
export interface ConversationPayload {
  conversation_id: number;
  after: number;
  version: number;
  conversation: Conversation;
}

/** A member who joined, left (then `left_at` is set), or has a new role, name or avatar. */
export interface MemberPayload {
  conversation_id: number;
  after: number;
  version: number;
  member: Member;
}

/**
 * The user is a member of this conversation now. If the client has the conversation already, replace it with this one.
 */
export interface ConversationAdded {
  me_version: number;
  conversation: Conversation;
}

/** The user is no longer a member: they left, were removed, or the group was deleted. */
export interface ConversationRemoved {
  me_version: number;
  conversation_id: number;
}

/** The complete member state of the user in a conversation, after a change. */
export interface MineUpdated {
  me_version: number;
  conversation_id: number;
  mine: Mine;
}

/**
 * How far a member has received and read a conversation. Both numbers only increase. If both are 0, the member no
 * longer shows receipts.
 */
export interface ReceiptEvent {
  conversation_id: number;
  user_id: number;
  delivered_seq: number;
  read_seq: number;
  at: string;
}

/** A message that mentions the user, by name or with `@all`. */
export interface MentionEvent {
  message: Message;
}

export interface MessageAnswer {
  message: Message;
}

export interface MineAnswer {
  mine: Mine;
}

/**
 * Send a message. If the `client_id` was used before, no message is created: the answer is the existing message as it
 * is now.
 */
export interface SendPayload {
  conversation_id: number;
  client_id: string;
  body?: string;
  reply_to_id?: number | null;
  forward_id?: number | null;
  attachment_ids?: number[];
}

/** Edit one of your own messages. */
export interface EditPayload {
  message_id: number;
  body: string;
}

/** Delete your own message; an owner or admin of a group may delete any message. */
export interface DeletePayload {
  message_id: number;
}

/** Add (`active`: true) or remove your reaction to a message. */
export interface ReactionPayload {
  message_id: number;
  emoji: string;
  active: boolean;
}

/** Set your read marker: everything up to `seq` is read. With `back`, everything from `seq` on is unread again. */
export interface ReadPayload {
  conversation_id: number;
  seq: number;
  back?: boolean;
}

/** Messages that this device received: the newest `seq` of each conversation, which includes all before it. */
export interface ReceivedPayload {
  marks: Record<string, number>;
}

/**
 * Ask for missed changes. `cursors`: the version of each conversation that this client has; `me`: its version of the
 * user's own state; `open`: the conversation on the screen.
 */
export interface SyncPayload {
  cursors?: Record<string, number>;
  me?: number;
  open?: number | null;
}

/** The user is typing in a conversation (`active`), or stopped. */
export interface TypingPayload {
  conversation_id: number;
  active: boolean;
}

/** The conversation that this client shows; null: none. */
export interface ViewPayload {
  conversation_id: number | null;
}

/** The payload and the answer of each command type. */
export interface Commands {
  "message.send": { payload: SendPayload; answer: MessageAnswer };
  "message.edit": { payload: EditPayload; answer: MessageAnswer };
  "message.delete": { payload: DeletePayload; answer: MessageAnswer };
  "reaction.set": { payload: ReactionPayload; answer: MessageAnswer };
  "read": { payload: ReadPayload; answer: MineAnswer };
  "received": { payload: ReceivedPayload; answer: null };
  "sync": { payload: SyncPayload; answer: SyncAnswer };
  "typing": { payload: TypingPayload; answer: null };
  "view": { payload: ViewPayload; answer: null };
  "ping": { payload: EmptyPayload; answer: EmptyPayload };
}

/** The payload of each event type. */
export interface Events {
  "welcome": Welcome;
  "pong": EmptyPayload;
  "error": ErrorPayload;
  "message.created": MessagePayload;
  "message.updated": MessagePayload;
  "conversation.updated": ConversationPayload;
  "member.updated": MemberPayload;
  "conversation.added": ConversationAdded;
  "conversation.removed": ConversationRemoved;
  "mine.updated": MineUpdated;
  "receipt": ReceiptEvent;
  "mention": MentionEvent;
  "me.updated": Me;
  "contact.updated": ContactEvent;
  "typing": Typing;
  "presence": Presence;
  "viewers": Viewers;
  "online": HeadCount;
}

// end of generated

// ── What only the scripts make of it ──────────────────────────────────────────────────────────────────────────────

export interface Frame {
  type: string;
  payload: any;
  ref?: string;
}

/** A durable change of a conversation: it follows version `after`. One of the last three is there. */
export interface Durable {
  conversation_id: number;
  after: number;
  version: number;
  message?: Message;
  conversation?: Conversation;
  member?: Member;
}

/** What is one's own: told live with its `me_version`, in a catch-up without. */
export interface MineChange {
  me_version?: number;
  conversation_id: number;
  mine: Mine;
}

/** A text on its way out, as the outbox keeps it. */
export interface Queued {
  client_id: string;
  conversation_id: number;
  body: string;
  reply_to_id: number | null;
  forward_id: number | null;
  attachment_ids?: number[];
  /** The same files, for showing them meanwhile. */
  attachments?: Attachment[];
  /** What it answers, for showing it meanwhile. */
  reply_to?: Reply | null;
  /** When it was written: ISO 8601, this machine's clock. */
  written_at: string;
  /** Its place in the queue, given by the store. */
  order?: number;
  /** Why the server refused it, in the server's words; it then waits for the person. */
  failed?: { code: string; detail: string };
}
