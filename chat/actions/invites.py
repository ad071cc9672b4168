"""Links into a group: making one, taking it back, coming in by one.

A link is worth what its maker may do: it opens the group while its maker is a member who may add people. Whoever was
removed does not come back by a link that was made before.

Blocks close no link. It is addressed to nobody, and whoever comes by it comes of their own will; one that opened for
all but one would tell that one of the block. Inside, the block holds as in every group that two people share; whoever
leads the group may remove the guest, to whom the link then opens nothing.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from chat.actions.groups import group_only, join, tell_info
from chat.actions.transaction import changing, entering
from chat.models import Conversation, Invite, Membership, Role
from chat.models.invites import digest_of
from chat.schemas import ConversationSchema
from chat.selectors import (
    InvitePreviewSchema,
    InviteSchema,
    conversation_schemas,
    invite_preview_schema,
    invite_schema,
    open_invites,
)
from messenger.core import rate_limits
from messenger.core.errors import ApplicationError, invalid, not_found, rate_limited

MOST_OPEN = 50  # links of one group at a time
MOST_USES = 1_000_000
LONGEST = timedelta(days=366)
MADE, MADE_PER_SECOND = 10, 1 / 30  # by one person
TRIES, TRIES_PER_SECOND = 10, 1 / 10  # of one person, with links that do not work


def make_invite(
    user_id: int, conversation_id: int, *, expires_at: datetime | None = None, max_uses: int | None = None
) -> InviteSchema:
    """A new link. `expires_at` none: until it is taken back; `max_uses` none: for any number of people."""
    now = timezone.now()
    if expires_at is not None and not now < expires_at <= now + LONGEST:
        raise invalid(expires_at=_("Choose a time within a year."))
    if max_uses is not None and not 0 < max_uses <= MOST_USES:
        raise invalid(max_uses=_("Choose a number from 1 to %(most)d.") % {"most": MOST_USES})
    with changing(conversation_id, user_id) as ledger:
        group_only(ledger)
        ledger.require(
            ledger.leads or ledger.conversation.members_may_add, _("Only the owner and admins may add people here.")
        )
        if len(open_invites(conversation_id, now)) >= MOST_OPEN:
            raise invalid(max_uses=_("There are %(most)d links already. Take one back first.") % {"most": MOST_OPEN})
        if wait := rate_limits.acquire(f"invites.{user_id}", MADE, MADE_PER_SECOND):
            raise rate_limited(wait)
        assert ledger.membership
        invite = Invite.objects.create(
            conversation=ledger.conversation,
            made_by=ledger.membership.user,
            created_at=now,
            expires_at=expires_at,
            max_uses=max_uses,
        )
        return invite_schema(invite)


def revoke_invite(user_id: int, conversation_id: int, invite_id: int) -> None:
    """From now on the link opens nothing. Members take back their own, the owner and admins any."""
    with changing(conversation_id, user_id) as ledger:
        group_only(ledger)
        invite = Invite.objects.filter(pk=invite_id, conversation_id=conversation_id, revoked_at=None).first()
        if invite is None or not (ledger.leads or invite.made_by_id == user_id):
            raise not_found()
        invite.revoked_at = ledger.now
        invite.save(update_fields=["revoked_at"])


def join_by(user_id: int, token: str) -> tuple[ConversationSchema, bool]:
    """Come in by a link. The conversation, and whether one is new in it. Members are led in without using it up."""
    invite = invite_for(user_id, token)
    with entering(invite.conversation_id) as ledger:
        # Read again under the lock: whoever comes at the same moment has been counted by now.
        invite = Invite.objects.select_related("made_by").get(pk=invite.pk)
        seat = Membership.objects.filter(conversation=ledger.conversation, user_id=user_id).first()
        is_new = seat is None or seat.left_at is not None
        if is_new:
            if not _opens(invite, ledger.conversation, seat):
                raise dead()
            user = User.objects.filter(pk=user_id, is_active=True).first()
            if user is None:
                raise not_found()
            (seat,) = join(ledger, [user])
            invite.uses += 1
            invite.save(update_fields=["uses"])
            ledger.system_line(user, "joined", users=[user], by_id=invite.made_by_id)
            tell_info(ledger)
        assert seat
        seat.conversation = ledger.conversation
    return conversation_schemas([seat], user_id)[0], is_new


def invite_for(user_id: int, token: str) -> Invite:
    """The link, if it opens something to this person. Tries with links that do not are counted."""
    bucket = (f"invite.tries.{user_id}", TRIES, TRIES_PER_SECOND)
    if wait := rate_limits.acquire(*bucket):
        raise rate_limited(wait)
    found = Invite.objects.select_related("conversation", "made_by").filter(digest=digest_of(token)).first()
    if found is None or found.conversation.deleted_at is not None:
        raise dead()
    seat = Membership.objects.filter(conversation_id=found.conversation_id, user_id=user_id).first()
    if not (seat and seat.left_at is None) and not _opens(found, found.conversation, seat):
        raise dead()
    rate_limits.release([bucket])
    return found


def preview(user_id: int, token: str) -> InvitePreviewSchema:
    """What the link leads to. It changes nothing, but to know a link is to be counted among those who try."""
    invite = invite_for(user_id, token)
    seat = Membership.objects.filter(conversation_id=invite.conversation_id, user_id=user_id, left_at=None)
    return invite_preview_schema(invite, is_member=seat.exists())


def _opens(invite: Invite, conversation: Conversation, seat: Membership | None) -> bool:
    """`seat`: of who wants to come in, if they were in before."""
    if not invite.is_open() or not invite.made_by.is_active:
        return False
    if seat and seat.was_removed and seat.left_at and invite.created_at <= seat.left_at:
        return False
    maker = Membership.objects.filter(conversation=conversation, user_id=invite.made_by_id, left_at=None).first()
    return maker is not None and (maker.role != Role.MEMBER or conversation.members_may_add)


def dead() -> ApplicationError:
    """Unknown, expired, used up, taken back: one answer for all, which tells nobody what a link was."""
    return ApplicationError("not_found", _("This link does not work, or no longer. Ask for a new one."))
