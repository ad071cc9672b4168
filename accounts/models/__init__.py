"""The nouns: people, the ways in which they are signed in, and what they are to each other."""

from accounts.models.mail import QueuedMail
from accounts.models.sign_ins import SignIn
from accounts.models.spent import SpentName
from accounts.models.ties import Tie
from accounts.models.users import TAKEN, Audience, SearchKey, Theme, User, UserManager, stamp_of

__all__ = [
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
