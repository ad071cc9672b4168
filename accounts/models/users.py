"""People."""

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
from accounts.text.usernames import KEY_LENGTH, LONGEST, capitals, skeleton, storable, tidy_username, validate_username


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
        made = super().bulk_create(people, *args, **options)
        SearchKey.objects.store(people)
        return made

    def like(self, username):
        """Whoever has a name that could be taken for this one, in small letters or in capitals."""
        return self.filter(models.Q(username_key=skeleton(username)) | models.Q(username_capitals=capitals(username)))


TAKEN = _("This user name is taken, or one that looks like it.")


class Theme(models.TextChoices):
    SYSTEM = "system", _("As the system")
    LIGHT = "light", _("Light")
    DARK = "dark", _("Dark")


class Audience(models.TextChoices):
    """Whom a setting of privacy lets in. Contacts are those in this person's own list."""

    EVERYONE = "everyone", _("Everybody")
    CONTACTS = "contacts", _("My contacts")
    NOBODY = "nobody", _("Nobody")


# The settings with an `Audience`, in the order in which forms and exports list them.
PRIVACY_FIELDS = ("find_me", "write_to_me", "add_me", "show_presence", "show_last_seen", "show_receipts")


def audience(label) -> models.CharField:
    return models.CharField(label, max_length=8, choices=Audience, default=Audience.EVERYONE)


class User(AbstractUser):
    """A person. What others may see is `accounts.schemas.UserSchema`; everything else is the person's own."""

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
    find_me = audience(_("who finds me by name"))
    write_to_me = audience(_("who may begin to write to me"))
    add_me = audience(_("who may add me to groups"))
    show_presence = audience(_("who sees that I am here"))
    show_last_seen = audience(_("who sees when I was last here"))
    show_receipts = audience(_("who sees what I have read"))
    blocked_ids = models.JSONField(default=list, editable=False)  # as in accounts_tie, at hand with each request
    request_count = models.IntegerField(default=0, editable=False)  # how many ask to be in this person's list
    search_keys = models.TextField(blank=True, editable=False)  # words; as rows of SearchKey they are looked up
    last_seen_at = models.DateTimeField(_("last seen at"), null=True, blank=True, editable=False)
    suspended_at = models.DateTimeField(_("suspended at"), null=True, blank=True, editable=False)
    deleted_at = models.DateTimeField(
        _("deleted at"), null=True, blank=True, editable=False
    )  # accounts/actions/deletion.py
    # Goes up by one with every durable change of what is this person's own: list, marks, drafts, settings.
    me_version = models.BigIntegerField(default=0, editable=False)
    hints_done = models.BooleanField(default=False, editable=False)  # the first steps were put away

    objects = UserManager()  # type: ignore[misc]

    class Meta:
        verbose_name = _("person")
        verbose_name_plural = _("people")
        permissions = [("suspend_user", _("Can suspend and restore people"))]
        indexes = [
            models.Index(fields=["email"], name="user_email"),  # kept in small letters
            models.Index(
                fields=["id"],
                condition=~models.Q(show_presence="everyone", show_receipts="everyone"),
                name="user_hides_something",
            ),
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
        self.search_keys = " ".join(pinyin.person_keys(self.username, self.name))

    def save(self, **options) -> None:
        before = None if self._state.adding else self.search_keys
        self.derive()
        fields = options.get("update_fields")
        if fields and {"username", "name"} & set(fields):
            options["update_fields"] = {*fields, "username_key", "username_capitals", "search_keys"}
        if self.search_keys == before:
            super().save(**options)
            return
        with transaction.atomic():
            super().save(**options)
            SearchKey.objects.store([self])

    def sign_in_stamp(self) -> str:
        return stamp_of(self.password)


def stamp_of(password_hash: str) -> str:
    """Changes with the password: a sign-in made under another password is over, whoever changed it and how."""
    return salted_hmac("accounts.sign_in", password_hash, algorithm="sha256").hexdigest()[:32]


class SearchKeyManager(models.Manager["SearchKey"]):
    def store(self, people: list[User]) -> None:
        """As these people are called now."""
        self.filter(user__in=[person.pk for person in people]).delete()
        self.bulk_create(
            [SearchKey(user_id=person.pk, key=key) for person in people for key in person.search_keys.split()],
            batch_size=2000,
        )


class SearchKey(models.Model):
    """One way to begin to type a person's name (accounts.text.pinyin). What was typed is the beginning of a key."""

    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    key = models.CharField(max_length=60, db_index=True)

    objects = SearchKeyManager()

    def __str__(self) -> str:
        return self.key
