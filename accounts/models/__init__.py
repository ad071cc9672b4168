"""Models of users, their sign-ins, the relationships between users, and queued e-mails."""

from accounts.models.address_bans import AddressBan
from accounts.models.notices import Notice
from accounts.models.queued_email import QueuedMail
from accounts.models.relationships import Relationship
from accounts.models.retired_usernames import RetiredUsername
from accounts.models.sign_ins import SignIn
from accounts.models.suspensions import Suspension
from accounts.models.users import (
    PRIVACY_FIELDS,
    USERNAME_TAKEN,
    Audience,
    SearchKey,
    Theme,
    User,
    UserManager,
    password_stamp,
)

__all__ = [
    "PRIVACY_FIELDS",
    "USERNAME_TAKEN",
    "AddressBan",
    "Audience",
    "Notice",
    "QueuedMail",
    "Relationship",
    "RetiredUsername",
    "SearchKey",
    "SignIn",
    "Suspension",
    "Theme",
    "User",
    "UserManager",
    "password_stamp",
]
