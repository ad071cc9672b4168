"""Reads conversations and memberships. The query that loads a row also checks that the current user may see the row."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from django.db.models import Case, F, Q, Value, When
from django.db.models.fields.files import FieldFile

from accounts.models import User
from accounts.selectors import privacy
from accounts.text import pinyin
from chat import permissions
from chat.models import Conversation, Membership
from chat.schemas import ConversationSchema, TitleSchema, group_avatar_url, group_initials
from chat.selectors.prefetch import conversation_schemas
from chat.selectors.summaries import (
    ConversationSummary,
    filter_summaries_after,
    get_titles_by_conversation,
    list_conversation_summaries,
)
from messenger.core.errors import ApplicationError, forbidden, not_found

PAGE, PAGE_MAX = 50, 100


def get_membership(user_id: int, conversation_id: int) -> Membership:
    """Returns the membership of a user in a conversation, with the conversation loaded. One query.

    If the user is not a member, raises `not_found`, the same error as for a conversation that does not exist.
    """
    membership = (
        Membership.objects.select_related("conversation")
        .filter(conversation_id=conversation_id, user_id=user_id, left_at=None, conversation__deleted_at=None)
        .first()
    )
    if membership is None:
        raise not_found()
    return membership


def get_allowed_membership(user_id: int, conversation_id: int, action: str) -> Membership:
    """Returns the membership of a user who may do an action of chat.permissions in the conversation.

    Raises `not_found` for non-members, and `forbidden` for members who may not do it.
    """
    membership = get_membership(user_id, conversation_id)
    facts = permissions.conversation_facts(membership.conversation, membership.role)
    if (refusal := permissions.find_refusal(action, facts)) is not None:
        raise forbidden(refusal)
    return membership


def list_conversations(
    user_id: int, *, before: tuple[str, int] | None = None, limit: int = PAGE
) -> tuple[list[ConversationSchema], tuple[str, int] | None]:
    """Returns a page of a user's conversations, newest activity first, and the cursor of the next page.

    The cursor is the (time, id) of the last conversation on the page, or None on the last page. `before` is the cursor
    that was returned with the previous page.
    """
    rows = (
        Membership.objects.filter(user_id=user_id, left_at=None, conversation__deleted_at=None)
        .select_related("conversation")
        .order_by("-conversation__active_at", "-conversation_id")
    )
    if before:
        active_at, pk = before
        rows = rows.filter(
            Q(conversation__active_at__lt=active_at) | Q(conversation__active_at=active_at, conversation_id__lt=pk)
        )
    page = list(rows[: limit + 1])
    has_more, page = len(page) > limit, page[:limit]
    cursor = None
    if has_more:
        last = page[-1].conversation
        cursor = (last.active_at.isoformat(), last.pk)
    return conversation_schemas(page, user_id), cursor


def list_conversations_by_id(user_id: int, ids: Sequence[int]) -> list[ConversationSchema]:
    """Returns the conversations with these ids, in this order.

    Leaves out conversations of which the user `user_id` is not a member.
    """
    if not ids:
        return []
    memberships = Membership.objects.filter(
        user_id=user_id, conversation__in=ids, left_at=None, conversation__deleted_at=None
    ).select_related("conversation")
    schemas = {schema.id: schema for schema in conversation_schemas(list(memberships), user_id)}
    return [schemas[pk] for pk in ids if pk in schemas]


def list_conversation_titles(user_id: int) -> list[TitleSchema]:
    """Returns id, title and avatar of all conversations of a user, newest activity first. Two queries."""
    return [title for _summary, title in list_titled_summaries(user_id)]


def list_titled_summaries(
    user_id: int, before: tuple[str, int] | None = None
) -> list[tuple[ConversationSummary, TitleSchema]]:
    """Returns the summary and the title of all conversations of a user, newest activity first. Two queries.

    `before` is the cursor of the previous page, as in `list_conversations`.
    """
    titles = get_titles_by_conversation(user_id)
    return [
        (
            summary,
            TitleSchema(
                id=title.id,
                kind=title.kind,
                title=title.name,
                keys=list(pinyin.pinyin_keys(title.name)),
                avatar_url=group_avatar_url(title.id, title.avatar),
                peer=title.peer,
                initials=group_initials(title.id, title.kind, title.title),
            ),
        )
        for summary in filter_summaries_after(list_conversation_summaries(user_id), before)
        if (title := titles.get(summary.id))
    ]


def get_conversation(user_id: int, conversation_id: int) -> ConversationSchema:
    return conversation_schemas([get_membership(user_id, conversation_id)], user_id)[0]


_IS_NEW_PAIR = Q(conversation__kind=Conversation.Kind.DIRECT, conversation__last_seq=0)


def list_conversation_ids(user_ids: Iterable[int]) -> dict[int, tuple[int, ...]]:
    """Returns, by user id, the ids of the conversations in which the user is seen by other members. Makes one query.

    Those of `list_new_pair_ids` are left out.
    """
    memberships = Membership.objects.filter(
        ~_IS_NEW_PAIR, user_id__in=user_ids, left_at=None, conversation__deleted_at=None
    )
    conversation_ids: defaultdict[int, tuple[int, ...]] = defaultdict(tuple)
    for user_id, conversation_id in memberships.values_list("user_id", "conversation_id"):
        conversation_ids[user_id] += (conversation_id,)
    return conversation_ids


def list_new_pair_ids(user_id: int) -> set[int]:
    """Returns the ids of the direct conversations that the user has opened and that have no message yet.

    Before the first message neither user learns that the other one has opened the conversation.
    """
    memberships = Membership.objects.filter(_IS_NEW_PAIR, user_id=user_id, left_at=None)
    return set(memberships.values_list("conversation_id", flat=True))


def filter_users_sharing_conversations(user_id: int, user_ids: list[int]) -> set[int]:
    """Returns the ids from `user_ids` of the users who are in at least one conversation with the user `user_id`."""
    memberships = Membership.objects.filter(
        ~_IS_NEW_PAIR, conversation__in=Conversation.objects.visible_to(user_id), user_id__in=user_ids, left_at=None
    )
    return set(memberships.values_list("user_id", flat=True))


def get_direct_conversation_id(user_id: int, other_id: int) -> int | None:
    """Returns the id of the direct conversation of two users, or None if it does not exist for the user `user_id`.

    If only the other user has opened the conversation, it does not exist for the user `user_id` before its first
    message.
    """
    pair = "{}:{}".format(*sorted((user_id, other_id)))
    return Conversation.objects.visible_to(user_id).filter(pair=pair).values_list("pk", flat=True).first()


def find_message_refusals(user_id: int, people: Iterable[User]) -> dict[int, ApplicationError]:
    """Returns the users in `people` with whom the user may not begin a direct conversation: the error by user id.

    Users who have a direct conversation with the user already are not in the result, because it can always be opened.
    """
    refusals = privacy.find_refusals(user_id, people, "write_to_me")
    pairs = {"{}:{}".format(*sorted((user_id, other_id))): other_id for other_id in refusals}
    for pair in Conversation.objects.filter(pair__in=pairs, deleted_at=None).values_list("pair", flat=True):
        del refusals[pairs[pair]]
    return refusals


MAX_PARTNERS = 100  # of direct conversations, for ranking search results


def list_direct_partner_ids(user_id: int) -> list[int]:
    """Returns the ids of the users with whom `user_id` has a direct conversation, newest activity first, at most 100.

    Conversations without any text message are left out.
    """
    pairs = (
        Membership.objects.filter(
            user_id=user_id,
            left_at=None,
            conversation__kind=Conversation.Kind.DIRECT,
            conversation__text_count__gt=0,
        )
        .order_by("-conversation__active_at")
        .values_list("conversation__pair", flat=True)[:MAX_PARTNERS]
    )
    return [int(pk) for pair in pairs for pk in (pair or "").split(":") if pk and int(pk) != user_id]


MAX_SUGGESTED_GROUPS, MAX_GROUP_MATES = 20, 100


def list_group_mate_ids(user_id: int) -> list[int]:
    """Returns the ids of users who are in a group with the user `user_id`, at most 100.

    Only the 20 groups with the newest activity are searched. Users who have written in a group come first, ordered by
    how many messages were sent in the group after theirs.
    """
    groups = (
        Membership.objects.filter(
            user_id=user_id,
            left_at=None,
            conversation__kind=Conversation.Kind.GROUP,
            conversation__deleted_at=None,
        )
        .order_by("-conversation__active_at")
        .values_list("conversation_id", flat=True)[:MAX_SUGGESTED_GROUPS]
    )
    members = Membership.objects.filter(conversation_id__in=list(groups), left_at=None).exclude(user_id=user_id)
    has_written = Case(When(sent_seq__gt=0, then=Value(0)), default=Value(1))
    silence = F("conversation__last_seq") - F("sent_seq")  # messages since the member's own newest one
    ids = members.order_by(has_written, silence, "user_id").values_list("user_id", flat=True)[: 3 * MAX_GROUP_MATES]
    return list(dict.fromkeys(ids))[:MAX_GROUP_MATES]


def find_group_avatar(user_id: int, conversation_id: int, filename: str) -> FieldFile | None:
    """Returns the avatar file of a group, or None if the user is not a member of the group.

    Also returns None if `filename` is not the name of the current avatar file, because the avatar was replaced.
    """
    conversation = Conversation.objects.visible_to(user_id).filter(pk=conversation_id).first()
    if conversation is None or (conversation.avatar.name or "").rpartition("/")[2] != filename:
        return None
    return conversation.avatar
