/**
 * The frames of the socket and the shapes inside them, as types for the page's scripts; docs/protocol.md has them in words.
 * What stands between the two marks is written by `manage.py protocol`, from the structs that the server uses.
 */

// generated

/**
 * An error, in REST responses and in `error` frames. `fields` contains messages for each invalid input field.
 * `retry_after` is how many seconds the client should wait.
 */
export interface ErrorPayload {
  code: string;
  detail: string;
  fields?: Record<string, string[]>;
  retry_after?: number;
}

/**
 * The entry points of this version of the API, as absolute URLs. `endpoints` has the URL of each path without ids, by
 * its path: `conversations`, `auth/token` and so on. `socket` is the WebSocket, `schema` the OpenAPI document, `docs`
 * the page on which the API can be tried.
 */
export interface ApiRoot {
  version: string;
  schema: string;
  docs: string;
  socket: string;
  endpoints: Record<string, string>;
}

/**
 * How the server checks the connection, in seconds. It sends a WebSocket ping every `interval`. It closes the
 * connection if the pong does not come within `timeout`.
 */
export interface Heartbeat {
  interval: number;
  timeout: number;
}

/**
 * What an avatar without a picture shows. `initial` is always shown: one character, or two of a Chinese name. `second`
 * is empty or one more letter, for places where avatars have no names beside them. `lang` is the language of the
 * characters. `hue` is the number of the colour (0 to 9); it does not change with the name.
 */
export interface Initials {
  initial: string;
  second: string;
  lang: string;
  hue: number;
}

/**
 * A user as other users see them. `name` is the display name, or the user name if there is no display name. If there is
 * no picture (`avatar_url`), show the `initials`.
 */
export interface User {
  id: number;
  username: string;
  name: string;
  avatar_url: string | null;
  initials: Initials;
}

/**
 * Your own profile and settings. If `language` or `time_zone` is empty, the browser's setting is used. The privacy
 * settings are: who finds you by name (`find_me`), starts a direct conversation with you (`write_to_me`) or adds you to
 * groups (`add_me`); who sees that you are online (`show_presence`), when you were last online (`show_last_seen`) and
 * what you have read (`show_receipts`). `created_at` is when you signed up. Until `muted_until`, moderators allow you
 * to read but not to write. `notice_count` is the number of unread notices.
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
  theme: "system" | "light" | "dark";
  find_me: "everyone" | "contacts" | "nobody";
  write_to_me: "everyone" | "contacts" | "nobody";
  add_me: "everyone" | "contacts" | "nobody";
  show_presence: "everyone" | "contacts" | "nobody";
  show_last_seen: "everyone" | "contacts" | "nobody";
  show_receipts: "everyone" | "contacts" | "nobody";
  muted_until: string | null;
  notice_count: number;
  me_version: number;
  created_at: string;
  initials: Initials;
}

/** Reports that your own profile or settings have changed. `user` contains the new values. */
export interface Me {
  me_version: number;
  user: Profile;
}

/**
 * Your relationship with another user. `state` is `contact` (the user is in your contact list), `asked` (you sent the
 * user a contact request that is not answered), `asks` (the user sent you a request, which you may accept, decline or
 * ignore) or `none`. If `blocked` is true, you have blocked the user, and `state` is `none`. `since` is when `state`
 * last changed; it is null for `none`.
 */
export interface Contact {
  user: User;
  state: "none" | "asked" | "asks" | "contact";
  blocked: boolean;
  since: string | null;
  me_version: number;
}

/**
 * Reports that one of your contacts, contact requests or blocks has changed. `contact` contains the new values.
 * `requests` is the number of contact requests that you have not answered yet.
 */
export interface ContactEvent {
  me_version: number;
  contact: Contact;
  requests: number;
}

/**
 * What the moderators tell you: a warning, a mute and its end, or what came of a report of yours. `text` is the reason
 * that the moderator has given. Show it until the user has confirmed to have read it.
 */
export interface Notice {
  id: number;
  kind: "warning" | "muted" | "paused" | "unmuted" | "report_acted" | "report_dismissed";
  text: string;
  until: string | null;
  created_at: string;
}

/**
 * A browser or API client in which you are signed in. `address` is its IP address. `current` is true for the sign-in
 * that this request uses.
 */
export interface SignIn {
  id: string;
  kind: "browser" | "token";
  user_agent: string;
  address: string | null;
  created_at: string;
  last_used_at: string;
  current: boolean;
}

/**
 * The tokens of an API client. `access` authenticates requests for `expires_in` seconds. `refresh` can be exchanged
 * once for a new pair.
 */
export interface TokenPair {
  access: string;
  refresh: string;
  expires_in: number;
}

/** The response to a sign-up after which the e-mail must be confirmed before signing in. The account was created. */
export interface Verify {
  verify: boolean;
}

/**
 * A mention, such as `@bob`, in the text (`body`) of a message. It begins at code point `start` of the text and ends
 * before code point `end`. `user_id` is the mentioned user, null for `@all`.
 */
export interface Mention {
  user_id: number | null;
  start: number;
  end: number;
}

/**
 * The message that a reply quotes, as it was when this response or event was built. `excerpt` is the beginning of the
 * quoted text without Markdown. Clients hide it if the user has blocked its sender.
 */
export interface Reply {
  id: number;
  seq: number;
  sender: User;
  excerpt: string;
  deleted: boolean;
}

/** The user who first sent the message that was forwarded, and the time when this user sent it. */
export interface Forward {
  sender: User;
  created_at: string | null;
}

/**
 * A file of a message. `url`: path on this site; needs authorization. `size` is in bytes, `width` and `height` in
 * pixels, `duration` in seconds. While the server processes the file (removes metadata), `ready` is false and `url`
 * responds with 503; the event `message.updated` follows when the file is ready. `preview_url`: large version of an
 * image; `thumbnail_url`: small version. `alt`: description of the image for users who cannot see it. `is_voice_note`:
 * an audio file that was recorded on this site and not chosen as a file.
 */
export interface Attachment {
  id: number;
  kind: "image" | "video" | "audio" | "file";
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
  is_voice_note: boolean;
}

/**
 * A file sent in a conversation, with the message that contains it. Clients hide it like the message, if the user has
 * blocked its sender or the author of a forwarded message.
 */
export interface File {
  attachment: Attachment;
  message_id: number;
  seq: number;
  sender: User;
  forwarded_from: Forward | null;
  created_at: string;
}

/**
 * An emoji, and the ids of the users who reacted to the message with it, in the order of their reactions. The emoji has
 * the variation selectors that Unicode recommends (`❤️`), also if it was sent without them (`❤`).
 */
export interface Reaction {
  emoji: string;
  user_ids: number[];
}

/**
 * The content of a system message, such as "Ann added Ben". Clients translate it into a sentence. `actor_id`: the user
 * who did it. `user_ids`: the users who joined, were removed and so on. `by_id`: with `joined`, the user who created
 * the invite link. `old` and `new`: the titles (with `renamed`), announcements (with `announced`, without the signs of
 * Markdown) or roles (with `role`) before and after. `sentence`: what a client says, such as `added` (users joined, and
 * another user did it), `linked` (joined with an invite link), `promoted` or `demoted` (the role), `unannounced` and
 * `unpictured` (removed). It follows from the other fields.
 */
export interface SystemEvent {
  name: "joined" | "left" | "removed" | "renamed" | "described" | "pictured" | "announced" | "owner" | "role";
  actor_id: number | null;
  user_ids: number[];
  old: string | null;
  new: string | null;
  by_id: number | null;
  sentence: "joined" | "added" | "linked" | "left" | "removed" | "renamed" | "described" | "pictured" | "unpictured" | "announced" | "unannounced" | "promoted" | "demoted" | "owner" | "changed";
}

/**
 * A message. `event` is the content of a system message (such as "Ann added Ben"); it is null for other messages.
 * `kind` is `text`, `system`, or a kind of its own for what another part of the server records, with the content in
 * `data`: `call` and `missed` are calls, with `media` (`audio` or `video`), `reason` (as in `Call`), `call_id`, and
 * `seconds` if somebody answered. `missed` counts as unread like a text. Show an unknown kind as a short notice. `seq`
 * is the number of the message in its conversation, `version` the number of its newest change. A deleted message keeps
 * its ids, `seq`, `kind`, sender and times. All its other fields are empty. `client_id` is null for system messages.
 * `excerpt` is the beginning of the text without Markdown, as in quotes; without text, the kind and name of the first
 * file. `language` is that of the text, for its `lang` attribute: `zh-Hans` for Chinese, `en` for Latin letters, `und`
 * for others, empty for a text without words. `is_long`: the text has so many lines that clients may collapse it.
 * `is_emoji_only`: it consists of one to three emoji, which clients may show large.
 */
export interface Message {
  id: number;
  conversation_id: number;
  seq: number;
  version: number;
  client_id: string | null;
  kind: "text" | "system" | "call" | "missed";
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
  data: Record<string, string> | null;
  excerpt: string;
  language: string;
  is_long: boolean;
  is_emoji_only: boolean;
}

/** An earlier version of an edited message: its text, and the time when it was written. */
export interface Revision {
  body: string;
  body_html: string;
  written_at: string;
}

/**
 * A page of messages, in ascending order of their numbers (`seq`). `version` is the version of the conversation (number
 * of its newest change), read before the messages. So the messages contain all changes up to `version`, and maybe later
 * changes.
 */
export interface History {
  results: Message[];
  has_before: boolean;
  has_after: boolean;
  version: number;
}

/**
 * An upload of one file, which may be unfinished. `size` is the size of the complete file in bytes, `offset` the number
 * of bytes that the server has stored so far. `attachment` is null until all bytes are stored. After that, the client
 * can send a message with the id of this attachment. At `expires_at`, an upload without further bytes is deleted, or
 * the attachment if it was not sent.
 */
export interface Upload {
  id: string;
  name: string;
  size: number;
  offset: number;
  expires_at: string;
  attachment: Attachment | null;
}

/**
 * What a conversation stores for one user only: newest message read, mute, draft and so on. `read_seq`: number (`seq`)
 * of the newest message that the user has read. `unread_count`: number of text messages of other members after it and
 * up to `last_seq`, the newest message when the server counted; clients add the messages that they know after
 * `last_seq`. `receipts`: whether the user shows to others in this conversation what he or she has read; only then the
 * user sees what others have read. The announcement is unread while `announcement_seen` is less than
 * `announced_version` of the conversation. `added_by_id`: the member who has added the user to the group; null after
 * the user has opened the group. The command `read` with any `seq`, or a message of the user, sets it to null.
 */
export interface Mine {
  role: "owner" | "admin" | "member";
  read_seq: number;
  unread_count: number;
  unread_mention_count: number;
  muted: boolean;
  level: "all" | "mentions" | "none";
  favourite: boolean;
  archived: boolean;
  draft: string;
  me_version: number;
  announcement_seen: number;
  receipts: boolean;
  last_seq: number;
  added_by_id: number | null;
}

/**
 * A direct conversation (`peer` is the other user) or a group. `mine` is what the conversation stores for the current
 * user only (unread count, mute …); it is absent in events that go to all members. `version`: number of the newest
 * change. `announced_version`: the version at the last change of the announcement. `slow_mode`: seconds that members
 * wait between two messages, 0 for none; it does not apply to the owner and admins. `joins_need_approval`: people who
 * follow an invite link wait until an admin lets them in; `join_request_count` is how many wait. `announcement` is
 * Markdown, `announcement_html` its sanitised HTML (as `body_html` of a message). `retention_days`: days after which
 * messages are removed, as the group has chosen; 0: as on the site. All messages up to number `removed_seq` have been
 * removed by age: clients remove them, and show quotes of them as deleted. A direct conversation has no picture and no
 * `initials` of its own: show those of `peer`.
 */
export interface Conversation {
  id: number;
  kind: "direct" | "group";
  title: string;
  description: string;
  announcement: string;
  avatar_url: string | null;
  owner_id: number | null;
  member_count: number;
  members_may_add: boolean;
  members_may_pin: boolean;
  revisions_visible: boolean;
  slow_mode: number;
  peer: User | null;
  last_seq: number;
  version: number;
  last_message: Message | null;
  created_at: string;
  announced_version: number;
  announcement_html: string;
  joins_need_approval: boolean;
  join_request_count: number;
  retention_days: number;
  removed_seq: number;
  initials: Initials | null;
  mine?: Mine | null;
}

/**
 * The title of a conversation, with which a client can search for the conversation. A search text matches if `title`
 * contains it or if one of `keys` begins with it. `keys` are ways to type a Chinese title in Latin letters: as pinyin
 * (Latin spelling) or as the first letters of the pinyin. There are keys for the whole title and for the part that
 * begins at each later character.
 */
export interface Title {
  id: number;
  kind: "direct" | "group";
  title: string;
  keys: string[];
  avatar_url: string | null;
  peer: User | null;
  initials: Initials | null;
}

/**
 * A member of a conversation. `left_at` is the time when a former member left; it is null for current members. All
 * changes in a conversation are numbered. `version` is the number of the newest change of this member. Until
 * `muted_until`, the admins of the group let this member read, but not write.
 */
export interface Member {
  user: User;
  role: "owner" | "admin" | "member";
  joined_at: string;
  left_at: string | null;
  version: number;
  muted_until: string | null;
}

/**
 * Which messages of a conversation a member has received and read. `delivered_seq` is the number (`seq`) of the newest
 * message received, `read_seq` of the newest message read. `read_at` is the time when the member read the message
 * `read_seq`.
 */
export interface Receipt {
  user_id: number;
  delivered_seq: number;
  read_seq: number;
  read_at: string | null;
}

/** The times when a member of the conversation received and read one message. */
export interface MessageReceipt {
  user_id: number;
  delivered_at: string | null;
  read_at: string | null;
}

/**
 * All messages and members of a conversation that have changed since the version that the client sent. A version is the
 * number of a change. Each message and member is in its current state. `version` is the newest version that this answer
 * includes. If `complete` is false, there are more changes: ask again with this `version`. `conversation` has the
 * fields that do not depend on who asks, such as the title; it is null if they are unchanged.
 */
export interface Changes {
  version: number;
  complete: boolean;
  conversation: Conversation | null;
  messages: Message[];
  members: Member[];
}

/**
 * A message that was found by a search. `highlights` are the parts of its `body` that match words of the query. Each
 * part is a list of its start and end, counted in code points (characters of Python and UTF-32).
 * `attachment_highlights` has such a list of parts for the file name of each attachment, in their order.
 */
export interface SearchHit {
  message: Message;
  highlights: number[][];
  attachment_highlights: number[][][];
}

/** Messages found by a search. `next` is the URL of the next page, null on the last page. */
export interface FoundMessages {
  results: SearchHit[];
  next: string | null;
}

/** Users found by their names, best first. `next` is the URL of the next page, null on the last page. */
export interface FoundUsers {
  results: User[];
  next: string | null;
}

/** Conversations found by their titles. `next` is the URL of the next page, null on the last page. */
export interface FoundConversations {
  results: Title[];
  next: string | null;
}

/** Files found by their names. `next` is the URL of the next page, null on the last page. */
export interface FoundFiles {
  results: File[];
  next: string | null;
}

/** What a search has found, each kind in a list of its own. With `kind` in the request, the other lists are null. */
export interface SearchResults {
  messages: FoundMessages | null;
  people: FoundUsers | null;
  conversations: FoundConversations | null;
  files: FoundFiles | null;
}

/**
 * Whether a user is online, and when the user was last online. `last_seen` is null while the user is online, and if the
 * user does not show it to you.
 */
export interface Presence {
  user_id: number;
  online: boolean;
  last_seen: string | null;
}

/**
 * A user in a list of contacts. `presence` tells whether this user is online. `presence` is null if the user is not a
 * contact yet, for example after a contact request that is not accepted.
 */
export interface ListedContact {
  user: User;
  state: "none" | "asked" | "asks" | "contact";
  blocked: boolean;
  since: string | null;
  me_version: number;
  presence: Presence | null;
}

/**
 * The export of a group that I have requested: a ZIP file with its messages and files, as web pages and as JSON.
 * `percent` is how much is done while it is `building`. `url` of the file and `size` (bytes) are null until it is
 * `ready`. It is deleted at `expires_at`.
 */
export interface ConversationExport {
  state: "building" | "ready" | "failed";
  percent: number;
  url: string | null;
  size: number | null;
  asked_at: string;
  expires_at: string | null;
}

/** A changed value of the group or of a member, as text. `label` names it in the language of the reader. */
export interface FieldChange {
  label: string;
  before: string;
  after: string;
}

/**
 * An act of the owner or an admin of a group. `action` is its name, such as `member.remove`, and `label` describes it
 * in the language of the reader. `target` is the user it was done to.
 */
export interface GroupAct {
  id: number;
  action: string;
  label: string;
  actor: User;
  target: User | null;
  changes: FieldChange[];
  created_at: string;
}

/**
 * An invite link of a group. `uses` is the number of users who have joined with the link. `expires_at` is null if the
 * link does not expire. `max_uses` is null if any number of users may join.
 */
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

/**
 * The data of a group that a user sees before joining by an invite link. `conversation_id` is null unless the user is a
 * member of the group already. `needs_approval`: who joins waits until an admin decides; `asked_at` is the time since
 * when the user waits, or null.
 */
export interface InvitePreview {
  title: string;
  description: string;
  avatar_url: string | null;
  member_count: number;
  created_by: User;
  conversation_id: number | null;
  needs_approval: boolean;
  asked_at: string | null;
}

/** A user who waits for the owner or an admin of a group, and who created the invite link that the user followed. */
export interface JoinRequest {
  user: User;
  invited_by: User | null;
  asked_at: string;
}

/**
 * The members of a conversation who are online. Members whose privacy settings hide from the current user that they are
 * online are left out.
 */
export interface OnlineMembers {
  count: number;
  user_ids: number[];
}

/**
 * The messages and members of one conversation that changed after the version that the client has named in `sync`.
 * `version` is the number of the newest change that is included. If the client has not named this conversation, the
 * whole conversation is included, but no messages and members.
 */
export interface SyncedConversation {
  conversation_id: number;
  version: number;
  complete: boolean;
  conversation: Conversation | null;
  messages: Message[];
  members: Member[];
}

/** What a conversation stores for the user only: newest message read, mute, draft and so on. */
export interface SyncedMine {
  conversation_id: number;
  mine: Mine;
}

/**
 * The changes that a client has missed. If `complete` is false, there are more changes: send `sync` again. `removed`
 * has the ids of conversations that the client has named in the request, but of which the user is no longer a member.
 * `contacts` has all contacts, requests and blocks that changed after the version (number of a change) `me` of the
 * request, including those that have ended.
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

/** Quiet hours that begin on a weekday (0: Monday). An `end` that is not after `start` is on the next day. */
export interface QuietHours {
  day: number;
  start: string;
  end: string;
}

/**
 * What you have chosen about notifications. `allowed_user_ids`: people who may notify you during quiet hours and do not
 * disturb. `quiet_time_zone`: the time zone of the quiet hours; empty: your own. `email`: whether unread messages that
 * concern you are e-mailed, after `email_minutes` (`away`) or once a day at `digest_hour` (`daily`). `public_key`: the
 * key with which a browser subscribes to push messages of this site (`applicationServerKey`); empty if the site sends
 * none.
 */
export interface NotificationPreferences {
  show_text: boolean;
  sound: boolean;
  keywords: string[];
  quiet_hours: QuietHours[];
  quiet_time_zone: string;
  allowed_user_ids: number[];
  do_not_disturb_until: string | null;
  email: "never" | "away" | "daily";
  email_minutes: number;
  digest_hour: number;
  public_key: string;
}

/** A browser that gets your push messages. `last_error`: why the last one failed, such as `HTTP 503`. */
export interface PushSubscription {
  id: number;
  device: string;
  current: boolean;
  created_at: string;
  last_success_at: string | null;
  last_error: string;
}

/**
 * Whether and why you were notified of a message. `detail` says it in your language. `outcome`: `push`, `email` (later,
 * if it stays unread), `badge` (only counted as unread) or `nothing`. `concern`: in which way the message concerns you.
 * `is_recorded`: whether this was decided when the message was sent; otherwise it is computed from your settings of
 * today.
 */
export interface Explanation {
  message_id: number;
  outcome: "push" | "email" | "badge" | "nothing";
  reason: "own" | "not_member" | "deleted" | "system" | "blocked" | "level_none" | "muted" | "mentions_only" | "read" | "viewing" | "do_not_disturb" | "quiet_hours" | "no_device" | "allowed" | "notified";
  concern: "mention" | "direct" | "reply" | "everyone" | "keyword" | "message";
  detail: string;
  is_recorded: boolean;
  decided_at: string | null;
  pushed_at: string | null;
  cleared_at: string | null;
  email_due_at: string | null;
  emailed_at: string | null;
}

/** Settings of a group for the notifications of all members. `hides_text`: they contain no text of messages. */
export interface GroupNotification {
  hides_text: boolean;
}

/**
 * A message that you have scheduled. When it is sent, it is no longer in the list. `failure`: why it was not sent, or
 * empty. You are no longer a member (`not_member`), your account was suspended at that time (`suspended`), you have
 * blocked the person (`blocked`), you may not write to the person any more (`not_allowed`), or the message was not
 * accepted (`refused`). `is_sending`: it is being sent, and cannot be changed.
 */
export interface ScheduledMessage {
  id: number;
  conversation_id: number;
  client_id: string;
  body: string;
  reply_to_id: number | null;
  attachment_ids: number[];
  send_at: string;
  created_at: string;
  is_sending: boolean;
  failure: "" | "not_member" | "suspended" | "blocked" | "not_allowed" | "refused";
  detail: string;
}

/** You want to be reminded of `message` at `remind_at`. `notified_at`: when you were reminded. */
export interface Reminder {
  id: number;
  remind_at: string;
  created_at: string;
  notified_at: string | null;
  message: Message;
}

/** The time of a reminder has come. */
export interface ReminderEvent {
  id: number;
  message_id: number;
  conversation_id: number;
  seq: number;
}

/**
 * A user is typing in a conversation (`active` is true) or has stopped (`active` is false). Clients must hide the
 * typing indicator 5 seconds after the last event, even if no event with `active` false came.
 */
export interface Typing {
  conversation_id: number;
  user_id: number;
  active: boolean;
}

/**
 * A user who views the conversation now, and what this user has read. `seq` is the number (within the conversation) of
 * the newest message that the user has read.
 */
export interface Reader {
  user_id: number;
  seq: number;
}

/**
 * The users who view a conversation now. A user who views it on several devices is counted once. `count` is the number
 * of those users who show you that they are online. `readers` contains those who also show you what they have read.
 */
export interface Viewers {
  conversation_id: number;
  count: number;
  readers: Reader[];
}

/**
 * How many users and visitors are online. A visitor is a browser without a signed-in user. A user or visitor with
 * several connections is counted once.
 */
export interface HeadCount {
  count: number;
}

/**
 * A user in a call, or whom the call rings. `device` is the client that takes part; empty unless `joined`. `rang` is
 * true if a device of the user has reported that it rings. `silent`: show the ring of this user without a sound,
 * because of quiet hours, do not disturb or a muted chat.
 */
export interface CallParticipant {
  user: User;
  state: "ringing" | "joined" | "declined" | "busy" | "missed" | "left";
  device: string;
  rang: boolean;
  silent: boolean;
}

/**
 * A voice or video call. `version` grows with each change; ignore a call with a lower or equal version. `state` is
 * `ringing` until somebody answers, then `active`, then `ended`. `reason` says why it has ended: it was answered
 * (`completed`), nobody answered (`no_answer`), the caller gave up (`cancelled`), the other person declined
 * (`declined`) or is in another call (`busy`).
 */
export interface Call {
  id: number;
  conversation_id: number;
  caller_id: number;
  media: "audio" | "video";
  state: "ringing" | "active" | "ended";
  reason: "" | "completed" | "no_answer" | "cancelled" | "declined" | "busy";
  version: number;
  started_at: string;
  answered_at: string | null;
  ended_at: string | null;
  participants: CallParticipant[];
}

/** A call that has begun, has changed or has ended. */
export interface CallEvent {
  call: Call;
}

/** A WebRTC session description (an offer or an answer) of another participant, for your device `to_device`. */
export interface SessionDescriptionEvent {
  call_id: number;
  from_user_id: number;
  from_device: string;
  to_device: string;
  sdp: string;
}

/** An ICE candidate, with the fields of `RTCIceCandidateInit`. An empty `candidate` ends the candidates. */
export interface Candidate {
  candidate: string;
  sdpMid: string | null;
  sdpMLineIndex: number | null;
  usernameFragment: string | null;
}

/** ICE candidates of another participant, for your device `to_device`. */
export interface CandidatesEvent {
  call_id: number;
  from_user_id: number;
  from_device: string;
  to_device: string;
  candidates: Candidate[];
}

/** STUN or TURN servers, in the form of `RTCIceServer`. STUN servers need no credentials: these are empty then. */
export interface IceServer {
  urls: string[];
  username: string;
  credential: string;
}

/** The STUN and TURN servers of this site. The credentials are valid for `ttl` seconds; then request them again. */
export interface IceServers {
  ice_servers: IceServer[];
  ttl: number;
}

/**
 * The first frame of a connection. `versions` maps the id of each conversation of the user to its version, the number
 * of its last change. A client that has an older version of a conversation sends `sync` to get what it has missed.
 * `epoch` changes when the database was restored from a backup. A client that knew another epoch forgets all that it
 * has received, except messages that it has yet to send, and reads everything afresh.
 */
export interface Welcome {
  user_id: number;
  connection_id: string;
  server_time: string;
  heartbeat: Heartbeat;
  versions: Record<string, number>;
  me_version: number;
  epoch: string;
}

/** A payload without fields: `{}`. */
export type EmptyPayload = Record<string, never>;

/** A message in its current state. A deleted message comes as the event `message.updated` with `deleted_at` set. */
export interface MessagePayload {
  conversation_id: number;
  after: number;
  version: number;
  message: Message;
}

/**
 * The current fields of a conversation that are the same for all members. The field `mine` is absent, because it is
 * different for each member (unread count, mute …).
 */
export interface ConversationPayload {
  conversation_id: number;
  after: number;
  version: number;
  conversation: Conversation;
}

/** A member who has joined the conversation, has left it (`left_at` is set), or has a new role, name or avatar. */
export interface MemberPayload {
  conversation_id: number;
  after: number;
  version: number;
  member: Member;
}

/**
 * The user who receives this event is a member of this conversation now. If the client already has the conversation, it
 * must replace its copy by this one.
 */
export interface ConversationAdded {
  me_version: number;
  conversation: Conversation;
}

/**
 * The user who receives this event is no longer a member of the conversation. The user left or was removed, or the
 * group was deleted.
 */
export interface ConversationRemoved {
  me_version: number;
  conversation_id: number;
}

/** All that a conversation stores for this user only (unread count, mute, draft …), after some of it has changed. */
export interface MineUpdated {
  me_version: number;
  conversation_id: number;
  mine: Mine;
}

/**
 * Which messages of a conversation a member has received and read. `delivered_seq` is the number (`seq`) of the newest
 * message received, `read_seq` of the newest message read. They only increase. But if both are 0, the member no longer
 * shows to others what he or she has received and read.
 */
export interface ReceiptEvent {
  conversation_id: number;
  user_id: number;
  delivered_seq: number;
  read_seq: number;
  at: string;
}

/** A message that mentions the user who receives this event, by name or with `@all`. */
export interface MentionEvent {
  message: Message;
}

export interface MessageAnswer {
  message: Message;
}

export interface MineAnswer {
  mine: Mine;
}

export interface CallsAnswer {
  calls: Call[];
}

export interface CallAnswer {
  call: Call;
}

/**
 * Send a message. The client creates the UUID `client_id` for it. If your message with this `client_id` is stored
 * already, no second message is created, and the answer contains the stored message in its current state.
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

/** Delete one of your own messages. Owners and admins of a group can delete any message of the group. */
export interface DeletePayload {
  message_id: number;
}

/** Add your reaction to a message (`active`: true) or remove it (`active`: false). */
export interface ReactionPayload {
  message_id: number;
  emoji: string;
  active: boolean;
}

/**
 * Mark all messages of a conversation up to the message number `seq` as read. With `back`: true, mark the message `seq`
 * and all later messages as unread. Then `seq` may be left out: the default is the newest message of others.
 */
export interface ReadPayload {
  conversation_id: number;
  seq?: number;
  back?: boolean;
}

/**
 * Report which messages this device has received. `marks` has, for each conversation id, the number (`seq`) of the
 * newest received message. All earlier messages count as received too.
 */
export interface ReceivedPayload {
  marks: Record<string, number>;
}

/**
 * Ask for the changes that this client has missed. `cursors`: the version (number of the newest change) that the client
 * knows of each conversation, by conversation id. `me`: the version of the user's own data that the client knows.
 * `open`: id of the conversation on the screen.
 */
export interface SyncPayload {
  cursors?: Record<string, number>;
  me?: number;
  open?: number | null;
}

/** Reports that the user is typing in a conversation (`active` is true) or has stopped (`active` is false). */
export interface TypingPayload {
  conversation_id: number;
  active: boolean;
}

/** Reports which conversation this client shows now. `conversation_id` is null if it shows no conversation. */
export interface ViewPayload {
  conversation_id: number | null;
}

/** List the calls in progress in your conversations. Send it after each connect. */
export type ListCallsPayload = Record<string, never>;

/** Call the other members of a conversation. If a call is in progress there, join it. */
export interface InvitePayload {
  conversation_id: number;
  device: string;
  media: "audio" | "video";
}

/** Report that this device rings, so that the caller sees it. */
export interface RingingPayload {
  call_id: number;
}

/**
 * Answer a call, join it, or return to it within 20 seconds, for example after a reload. If you are in the call with
 * another device, that device leaves it.
 */
export interface AcceptPayload {
  call_id: number;
  device: string;
}

/** Decline a call that rings. It stops ringing on all your devices. */
export interface DeclinePayload {
  call_id: number;
}

/**
 * Leave a call. A direct call ends then, a group call when nobody is left. Does nothing if you are in the call with
 * another device.
 */
export interface HangUpPayload {
  call_id: number;
  device: string;
}

/**
 * Report every few seconds that this device is still in the call. After 20 seconds without it, you leave the call. The
 * error `not_found` means that this device is no longer in the call.
 */
export interface AlivePayload {
  call_id: number;
  device: string;
}

/** Send a WebRTC offer to another participant of a call. Both must be in the call with these devices. */
export interface OfferPayload {
  call_id: number;
  device: string;
  to_user_id: number;
  to_device: string;
  sdp: string;
}

/** Answer the offer of another participant of a call. */
export interface AnswerPayload {
  call_id: number;
  device: string;
  to_user_id: number;
  to_device: string;
  sdp: string;
}

/** Send ICE candidates to another participant of a call, as many at once as are known. */
export interface CandidatePayload {
  call_id: number;
  device: string;
  to_user_id: number;
  to_device: string;
  candidates: Candidate[];
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
  "call.list": { payload: ListCallsPayload; answer: CallsAnswer };
  "call.invite": { payload: InvitePayload; answer: CallAnswer };
  "call.ringing": { payload: RingingPayload; answer: CallAnswer };
  "call.accept": { payload: AcceptPayload; answer: CallAnswer };
  "call.decline": { payload: DeclinePayload; answer: CallAnswer };
  "call.hangup": { payload: HangUpPayload; answer: CallAnswer };
  "call.alive": { payload: AlivePayload; answer: EmptyPayload };
  "call.offer": { payload: OfferPayload; answer: EmptyPayload };
  "call.answer": { payload: AnswerPayload; answer: EmptyPayload };
  "call.candidate": { payload: CandidatePayload; answer: EmptyPayload };
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
  "call.updated": CallEvent;
  "call.offer": SessionDescriptionEvent;
  "call.answer": SessionDescriptionEvent;
  "call.candidate": CandidatesEvent;
  "reminder.due": ReminderEvent;
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
  /** The same files, for showing them meanwhile; pictures with their local file. */
  attachments?: (Attachment & { local?: Blob })[];
  /** What it answers, for showing it meanwhile. */
  reply_to?: Reply | null;
  /** When it was written: ISO 8601, this machine's clock. */
  written_at: string;
  /** Its place in the queue, given by the store. */
  order?: number;
  /** Why the server refused it, in the server's words; it then waits for the person. */
  failed?: { code: string; detail: string };
}
