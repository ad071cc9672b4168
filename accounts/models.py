"""People, and the ways in which each of them is signed in."""

import uuid
from typing import cast

from django.apps import apps
from django.conf import settings
from django.contrib.auth.models import AbstractUser
from django.contrib.auth.models import UserManager as DjangoUserManager
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _

from accounts.names import KEY_LENGTH, LONGEST, capitals, skeleton, storable, tidy_username, validate_username


class UserManager(DjangoUserManager):
    def get_by_natural_key(self, username):
        """One person per look-alike: `Alice`, `alice` and `аlice` (Cyrillic а) find the same row."""
        return self.get(username_key=skeleton(storable(username)))

    def create_superuser(self, username, email=None, password=None, **extra_fields):
        """What `manage.py createsuperuser` calls. Whoever stands at the command line need not confirm an address:
        the first administrator must get in before mail is known to work."""
        person = cast(User, super().create_superuser(username, email, password, **extra_fields))
        addresses = apps.get_model("account", "EmailAddress")._default_manager.using(self._db)
        if person.email and not addresses.filter(email=person.email, verified=True).exists():
            addresses.create(user=person, email=person.email, verified=True, primary=True)
        return person

    def bulk_create(self, objs, *args, **options):
        people = list(objs)
        for person in people:
            person.derive()
        return super().bulk_create(people, *args, **options)

    def like(self, username):
        """Whoever has a name that could be taken for this one, in small letters or in capitals."""
        return self.filter(models.Q(username_key=skeleton(username)) | models.Q(username_capitals=capitals(username)))


TAKEN = _("This user name is taken, or one that looks like it.")


class Theme(models.TextChoices):
    SYSTEM = "system", _("As the system")
    LIGHT = "light", _("Light")
    DARK = "dark", _("Dark")


class User(AbstractUser):
    """A person. What others may see is `accounts.shapes.UserShape`; everything else is the person's own."""

    first_name = last_name = None  # type: ignore[assignment]
    username = models.CharField(
        _("user name"),
        max_length=LONGEST,
        unique=True,
        validators=[validate_username],
        error_messages={"unique": TAKEN},
    )
    username_key = models.CharField(max_length=KEY_LENGTH, unique=True, editable=False)
    username_capitals = models.CharField(max_length=KEY_LENGTH, unique=True, editable=False)
    email = models.EmailField(_("e-mail"), blank=True)
    name = models.CharField(_("display name"), max_length=60, blank=True)
    bio = models.CharField(_("about you"), max_length=160, blank=True)
    avatar = models.ImageField(_("picture"), upload_to="avatars/", blank=True)
    language = models.CharField(_("language"), max_length=10, blank=True, choices=settings.LANGUAGES)
    time_zone = models.CharField(_("time zone"), max_length=64, blank=True)
    theme = models.CharField(_("theme"), max_length=6, choices=Theme, default=Theme.SYSTEM)
    show_presence = models.BooleanField(_("show when I am here"), default=True)
    show_receipts = models.BooleanField(_("show what I have read"), default=True)
    last_seen_at = models.DateTimeField(_("last seen at"), null=True, blank=True, editable=False)
    suspended_at = models.DateTimeField(_("suspended at"), null=True, blank=True, editable=False)
    # Goes up by one with every durable change of what is this person's own: list, marks, drafts, settings.
    me_version = models.BigIntegerField(default=0, editable=False)

    objects = UserManager()  # type: ignore[misc]

    class Meta:
        verbose_name = _("person")
        verbose_name_plural = _("people")
        permissions = [("suspend_user", _("Can suspend and restore people"))]
        indexes = [
            models.Index(fields=["email"], name="user_email"),  # kept in small letters
            models.Index(fields=["id"], condition=models.Q(show_receipts=False), name="user_hides_receipts"),
        ]

    def __str__(self) -> str:
        return self.username

    @property
    def shown_name(self) -> str:
        return self.name or self.username

    def clean(self) -> None:
        super().clean()
        self.username = tidy_username(self.username)
        if User.objects.like(self.username).exclude(pk=self.pk).exists():
            raise ValidationError({"username": TAKEN})

    def derive(self) -> None:
        """Fill in what follows from other fields."""
        self.username_key, self.username_capitals = skeleton(self.username), capitals(self.username)
        self.email = self.email.lower()

    def save(self, **options) -> None:
        self.derive()
        if (fields := options.get("update_fields")) and "username" in fields:
            options["update_fields"] = {*fields, "username_key", "username_capitals"}
        super().save(**options)

    def sign_in_stamp(self) -> str:
        return stamp_of(self.password)


def stamp_of(password_hash: str) -> str:
    """Changes with the password: a sign-in made under another password is over, whoever changed it and how."""
    return salted_hmac("accounts.sign_in", password_hash, algorithm="sha256").hexdigest()[:32]


class SignIn(models.Model):
    """One way in that stands open: a browser's session or a token client. Its id is in both tokens."""

    class Kind(models.TextChoices):
        BROWSER = "browser", _("Browser")
        TOKEN = "token", _("Token client")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(User, models.CASCADE, related_name="sign_ins")
    kind = models.CharField(_("kind"), max_length=7, choices=Kind)
    stamp = models.CharField(max_length=32)  # User.sign_in_stamp() when it began
    session_key = models.CharField(max_length=40, blank=True, db_index=True)
    refresh_id = models.UUIDField(null=True)  # the one refresh token that is not spent
    user_agent = models.CharField(_("device"), max_length=300, blank=True)
    address = models.GenericIPAddressField(_("address"), null=True)
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)
    last_used_at = models.DateTimeField(_("last used at"), auto_now_add=True)
    ended_at = models.DateTimeField(_("ended at"), null=True)

    class Meta:
        verbose_name = _("sign-in")
        verbose_name_plural = _("sign-ins")
        ordering = ["-last_used_at"]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} · {self.created_at:%Y-%m-%d}"
