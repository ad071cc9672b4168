"""Messages: history, sending, catching up, and what may become of a message."""

from __future__ import annotations

from chat import actions, selectors
from chat.api.base import Door, answer, does, done, lists, says
from chat.schemas import ChangesSchema, HistorySchema, MessageReceiptSchema, MessageSchema, RevisionSchema
from chat.serializers import (
    ChangesQuery,
    EditSerializer,
    EmojiSerializer,
    HistoryQuery,
    MentionsQuery,
    ReportSerializer,
    SendSerializer,
)
from messenger.api import page


class History(Door):
    @says(
        HistorySchema, "Messages of a conversation in order; the newest if nothing is said", parameters=[HistoryQuery]
    )
    def list(self, request, conversation_id: int):
        return answer(selectors.get_history(self.person_id, conversation_id, **self.asked(HistoryQuery)))

    @says(
        MessageSchema,
        "Send a message",
        created="Stored.",
        already="It was stored before under this client_id: the message as it is now.",
        conflict="`conflict`: another message was sent under this client_id.",
        request=SendSerializer,
    )
    def create(self, request, conversation_id: int):
        sent = self.given(SendSerializer)
        message, created = actions.send(
            self.person_id,
            conversation_id,
            sent["client_id"],
            sent["body"],
            reply_to_id=sent["reply_to_id"],
            forward_id=sent["forward_id"],
            attachment_ids=sent["attachment_ids"],
        )
        return answer(message, 201 if created else 200)


class Changes(Door):
    @says(ChangesSchema, "What changed in a conversation since a version", parameters=[ChangesQuery])
    def list(self, request, conversation_id: int):
        return answer(selectors.get_changes(self.person_id, conversation_id, **self.asked(ChangesQuery)))


class Messages(Door):
    @says(MessageSchema, "One message")
    def retrieve(self, request, message_id: int):
        return answer(selectors.get_message(self.person_id, message_id))

    @says(MessageSchema, "Edit a message of one's own", request=EditSerializer)
    def partial_update(self, request, message_id: int):
        return answer(actions.edit(self.person_id, message_id, self.given(EditSerializer)["body"]))

    @says(MessageSchema, "Recall a message of one's own, or delete one as owner or admin")
    def destroy(self, request, message_id: int):
        return answer(actions.delete(self.person_id, message_id))

    @lists(RevisionSchema, "What a message said before it was edited")
    def revisions(self, request, message_id: int):
        return page(request, selectors.list_revisions(self.person_id, message_id))

    @lists(MessageReceiptSchema, "Who got and who read a message, and when")
    def receipts(self, request, message_id: int):
        return page(request, selectors.list_message_receipts(self.person_id, message_id))

    @does("Report a message to the moderators", request=ReportSerializer)
    def report(self, request, message_id: int):
        actions.report(self.person_id, message_id, self.given(ReportSerializer)["reason"])
        return done()


class Reactions(Door):
    @says(MessageSchema, "Put one's reaction under a message", request=None)
    def update(self, request, message_id: int, emoji: str):
        return self._react(message_id, emoji, active=True)

    @says(MessageSchema, "Take one's reaction away")
    def destroy(self, request, message_id: int, emoji: str):
        return self._react(message_id, emoji, active=False)

    def _react(self, message_id: int, emoji: str, active: bool):
        form = EmojiSerializer(data={"emoji": emoji})
        form.is_valid(raise_exception=True)
        return answer(actions.react(self.person_id, message_id, emoji, active))


class Pin(Door):
    @says(MessageSchema, "Pin a message", request=None)
    def update(self, request, message_id: int):
        return answer(actions.pin(self.person_id, message_id, True))

    @says(MessageSchema, "Unpin a message")
    def destroy(self, request, message_id: int):
        return answer(actions.pin(self.person_id, message_id, False))


class Pins(Door):
    @lists(MessageSchema, "Pinned messages of a conversation")
    def list(self, request, conversation_id: int):
        return page(request, selectors.list_pins(self.person_id, conversation_id))


class Mentions(Door):
    @lists(MessageSchema, "Messages that mention me, newest first", parameters=[MentionsQuery])
    def list(self, request):
        return page(request, *selectors.list_mentions(self.person_id, **self.asked(MentionsQuery)))
