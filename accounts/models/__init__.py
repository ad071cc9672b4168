"""The nouns: people, the ways in which they are signed in, and what they are to each other."""

from accounts.models.queued_email import QueuedMail
from accounts.models.relationships import Tie
from accounts.models.retired_usernames import SpentName
from accounts.models.sign_ins import SignIn
from accounts.models.users import PRIVACY_FIELDS, TAKEN, Audience, SearchKey, Theme, User, UserManager, stamp_of

__all__ = [
    "PRIVACY_FIELDS",
    "TAKEN",
    "Audience",
    "QueuedMail",
    "SearchKey",
    "SignIn",
    "SpentName",
    "Theme",
    "Tie",
    "User",
    "UserManager",
    "stamp_of",
]
