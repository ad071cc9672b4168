"""Models of users, and of the search keys by which users are found."""

from typing import cast

from django.apps import apps
from django.conf import settings
from django.contrib.auth.models import AbstractUser
from django.contrib.auth.models import UserManager as DjangoUserManager
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _

from accounts.text import pinyin
from accounts.text.cleaning import strip_unstorable
from accounts.usernames.rules import (
    MAX_KEY_LENGTH,
    MAX_USERNAME_LENGTH,
    normalize_username,
    skeleton,
    uppercase_skeleton,
    validate_username,
)


class UserManager(DjangoUserManager):
    def get_by_natural_key(self, username):
        """Returns the user whose name looks like this name, or raises `DoesNotExist`.

        For example, `Alice`, `alice` and `аlice` (Cyrillic а) find the same user.
        """
        return self.get(username_key=skeleton(strip_unstorable(username)))

    def create_superuser(self, username, email=None, password=None, **extra_fields):
        """Creates a superuser for `manage.py createsuperuser`. The e-mail address counts as confirmed at once.

        So the first administrator can sign in even if the site cannot send e-mails yet.
        """
        user = cast(User, super().create_superuser(username, email, password, **extra_fields))
        addresses = apps.get_model("account", "EmailAddress")._default_manager.using(self._db)
        if user.email and not addresses.filter(email=user.email, verified=True).exists():
            addresses.create(user=user, email=user.email, verified=True, primary=True)
        return user

    def bulk_create(self, objs, *args, **options):
        users = list(objs)
        for user in users:
            user.update_derived_fields()
        created = super().bulk_create(users, *args, **options)
        SearchKey.objects.replace_keys(users)
        return created

    def find_lookalikes(self, username):
        """Returns the users whose names look like this user name, in lowercase or in uppercase."""
        return self.filter(
            models.Q(username_key=skeleton(username)) | models.Q(username_capitals=uppercase_skeleton(username))
        )


USERNAME_TAKEN = _("This username is taken, or too similar to one that is.")


class Theme(models.TextChoices):
    SYSTEM = "system", _("Same as system")
    LIGHT = "light", _("Light")
    DARK = "dark", _("Dark")


class Audience(models.TextChoices):
    """The values of a privacy setting: which other users are allowed something, such as to see the user online.

    CONTACTS are the people in the user's own contact list.
    """

    EVERYONE = "everyone", _("Everyone")
    CONTACTS = "contacts", _("My contacts")
    NOBODY = "nobody", _("Nobody")


# The privacy settings, in the order of forms and exports.
PRIVACY_FIELDS = ("find_me", "write_to_me", "add_me", "show_presence", "show_last_seen", "show_receipts")


def _audience_field(label) -> models.CharField:
    return models.CharField(label, max_length=8, choices=Audience, default=Audience.EVERYONE)


class User(AbstractUser):
    """A user account. Other users may see only the fields of `accounts.schemas.UserSchema`."""

    first_name = last_name = None  # type: ignore[assignment]
    username = models.CharField(
        _("username"),
        max_length=MAX_USERNAME_LENGTH,
        unique=True,
        validators=[validate_username],
        error_messages={"unique": USERNAME_TAKEN},
    )
    username_key = models.CharField(max_length=MAX_KEY_LENGTH, unique=True, editable=False)
    username_capitals = models.CharField(max_length=MAX_KEY_LENGTH, unique=True, editable=False)
    email = models.EmailField(_("email"), blank=True)
    name = models.CharField(_("display name"), max_length=60, blank=True)
    bio = models.CharField(_("bio"), max_length=160, blank=True)
    avatar = models.ImageField(_("photo"), upload_to="avatars/", blank=True)
    language = models.CharField(_("language"), max_length=10, blank=True, choices=settings.LANGUAGES)
    time_zone = models.CharField(_("time zone"), max_length=64, blank=True)
    # Those of the browser that this user used last: for e-mails, push messages and exports. The time zone is also for
    # browsers without scripts.
    browser_language = models.CharField(max_length=10, blank=True, editable=False)
    browser_time_zone = models.CharField(max_length=64, blank=True, editable=False)
    theme = models.CharField(_("theme"), max_length=6, choices=Theme, default=Theme.SYSTEM)
    find_me = _audience_field(_("who can find me by name"))
    write_to_me = _audience_field(_("who can message me first"))
    add_me = _audience_field(_("who can add me to groups"))
    show_presence = _audience_field(_("who can see when I’m online"))
    show_last_seen = _audience_field(_("who can see when I was last online"))
    show_receipts = _audience_field(_("who can see what I have read"))
    blocked_ids = models.JSONField(
        default=list, editable=False
    )  # copy of the blocks in Relationship: read with the user
    request_count = models.IntegerField(default=0, editable=False)  # number of contact requests received
    search_keys = models.TextField(blank=True, editable=False)  # separated by spaces; SearchKey has a row for each
    last_seen_at = models.DateTimeField(_("last seen at"), null=True, blank=True, editable=False)
    suspended_at = models.DateTimeField(_("suspended at"), null=True, blank=True, editable=False)
    # Until then the user may read, but not write. See accounts/actions/mutes.py.
    muted_until = models.DateTimeField(_("muted until"), null=True, blank=True, editable=False)
    notice_count = models.IntegerField(
        default=0, db_default=0, editable=False
    )  # notices of moderators that the user has not read
    deleted_at = models.DateTimeField(
        _("deleted at"), null=True, blank=True, editable=False
    )  # accounts/actions/deletion.py
    # Incremented by each stored change of the user's own state: conversation list, read markers, drafts, settings.
    me_version = models.BigIntegerField(default=0, editable=False)
    hints_done = models.BooleanField(default=False, editable=False)  # the hints for new users were dismissed

    objects = UserManager()  # type: ignore[misc]

    class Meta:
        verbose_name = _("user")
        verbose_name_plural = _("users")
        permissions = [("suspend_user", _("Can suspend and restore users"))]
        indexes = [
            models.Index(fields=["email"], name="user_email"),  # stored in lowercase
            models.Index(
                fields=["id"],
                condition=~models.Q(show_presence="everyone", show_receipts="everyone"),
                name="user_hides_something",
            ),
        ]

    def __str__(self) -> str:
        return self.username

    @property
    def display_name(self) -> str:
        """The name shown to others: the display name, or the user name if there is none."""
        return self.name or self.username

    def clean(self) -> None:
        super().clean()
        self.username = normalize_username(self.username)
        if User.objects.find_lookalikes(self.username).exclude(pk=self.pk).exists():
            raise ValidationError({"username": USERNAME_TAKEN})

    def update_derived_fields(self) -> None:
        """Sets the fields that are computed from other fields.

        These are the keys by which names that look alike are found, the e-mail in lowercase, and the search keys.
        """
        self.username_key, self.username_capitals = skeleton(self.username), uppercase_skeleton(self.username)
        self.email = self.email.lower()
        self.search_keys = " ".join(pinyin.user_search_keys(self.username, self.name))

    def save(self, **options) -> None:
        """Saves the user with the fields that depend on other fields. If the search keys changed, saves them, too."""
        old_keys = None if self._state.adding else self.search_keys
        self.update_derived_fields()
        fields = options.get("update_fields")
        if fields and {"username", "name"} & set(fields):
            options["update_fields"] = {*fields, "username_key", "username_capitals", "search_keys"}
        if self.search_keys == old_keys:
            super().save(**options)
            return
        with transaction.atomic():
            super().save(**options)
            SearchKey.objects.replace_keys([self])

    def sign_in_stamp(self) -> str:
        return password_stamp(self.password)


def password_stamp(password_hash: str) -> str:
    """Returns a digest of the password hash. A sign-in stores it as `stamp` when it begins.

    The sign-in is valid only while its stamp is equal to the digest of the present password hash. So it ends when the
    password changes, no matter how.
    """
    return salted_hmac("accounts.sign_in", password_hash, algorithm="sha256").hexdigest()[:32]


class SearchKeyManager(models.Manager["SearchKey"]):
    def replace_keys(self, users: list[User]) -> None:
        """Deletes the rows of these users, and creates a row for each key in their field `User.search_keys`."""
        self.filter(user__in=[user.pk for user in users]).delete()
        self.bulk_create(
            [SearchKey(user_id=user.pk, key=key) for user in users for key in user.search_keys.split()],
            batch_size=2000,
        )


class SearchKey(models.Model):
    """A text by which a user is found: part of the user's name in lowercase, or its pinyin (Latin letters).

    A search finds the user if this key begins with the search text.
    """

    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    key = models.CharField(max_length=60, db_index=True)

    objects = SearchKeyManager()

    def __str__(self) -> str:
        return self.key
