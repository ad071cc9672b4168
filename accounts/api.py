"""REST views of accounts: tokens, sign-ins and the user's own profile."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast
from uuid import UUID

from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, PolymorphicProxySerializer
from rest_framework import status
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import actions
from accounts.auth import known_devices, sign_ins, signup_links, tokens
from accounts.authentication import SessionAuthentication
from accounts.models import SignIn, User
from accounts.payloads import (
    AvatarPayload,
    LoginPayload,
    ProfileChangesPayload,
    RefreshPayload,
    SignUpPayload,
    TokenPayload,
)
from accounts.schemas import (
    NoticeSchema,
    ProfileSchema,
    SignInSchema,
    TokenPairSchema,
    VerifySchema,
    notice_schema,
    profile_schema,
    sign_in_schema,
)
from messenger.core.client_ip import request_ip
from messenger.core.errors import invalid
from messenger.rest.openapi import describe, error_responses, list_schema, no_content_schema, response_schema
from messenger.rest.pagination import paginated_response
from messenger.rest.viewsets import ApiViewSet, PublicApiViewSet, no_content, respond

TOKENS, SIGN_INS, ME = ["Signing in"], ["Sign-ins"], ["Me"]
NO_STORE = {"Cache-Control": "no-store"}
INVALID_TOKEN = "`unauthenticated`: invalid, expired or used, or its sign-in has ended."


def _sign_in(request: Request) -> SignIn:
    """Returns the `SignIn` of an authenticated request. The authentication classes store it in `request.auth`."""
    return cast(SignIn, request.auth)


def _issue_token_pair(user: User, request: Request) -> TokenPairSchema:
    return tokens.issue_token_pair(
        user, address=request_ip(request), user_agent=request.META.get("HTTP_USER_AGENT", "")
    )


def _token_response(pair: TokenPairSchema, status_code: int = status.HTTP_200_OK) -> Response:
    return respond(pair, status_code, NO_STORE)


@contextmanager
def _temporary_session(request: HttpRequest) -> Iterator[SessionBase]:
    """Replaces `request.session` by a temporary session, and restores the original one at the end.

    allauth writes to the session while it creates an account, but clients of the API must not get a session.
    """
    original = request.session
    request.session = sign_ins.session_store_class()()
    try:
        yield request.session
    finally:
        request.session = original


# ── Tokens ───────────────────────────────────────────────────────────────────────────────────────────────────────
class SignUpViewSet(PublicApiViewSet):
    @describe(
        "Sign up",
        tags=TOKENS,
        request=SignUpPayload,
        responses={
            201: PolymorphicProxySerializer(
                component_name="SignedUp",
                serializers=[TokenPairSchema, VerifySchema],  # type: ignore[list-item]  # see StructExtension
                resource_type_field_name=None,
            ),
            **error_responses(forbidden="`forbidden`: sign-up is closed."),
        },
    )
    def create(self, request: Request) -> Response:
        form = self.payload(SignUpPayload)
        with _temporary_session(request._request) as session:
            session[signup_links.INVITE_SESSION_KEY] = form.invite
            user, must_confirm = actions.sign_up(request._request, form.username, form.email, form.password)
        if user is None or must_confirm:
            return respond(VerifySchema(), status.HTTP_201_CREATED, NO_STORE)
        return _token_response(_issue_token_pair(user, request), status.HTTP_201_CREATED)


class TokenViewSet(PublicApiViewSet):
    @response_schema(
        TokenPairSchema,
        "Sign in and get a token pair",
        tags=TOKENS,
        request=LoginPayload,
        errors=error_responses(
            unauthenticated="`unauthenticated`: user name or password is wrong, or the e-mail is not confirmed. With"
            " `code` in `fields`: both are right, but a code of the second factor is required.",
            forbidden="`forbidden`: suspended.",
        ),
    )
    def create(self, request: Request) -> Response:
        form = self.payload(LoginPayload)
        device = known_devices.get_device(request._request)
        user = actions.sign_in(form.name, form.password, request_ip(request), form.code, device)
        return _token_response(_issue_token_pair(user, request))

    @response_schema(
        TokenPairSchema,
        "Exchange a refresh token for a new pair",
        tags=TOKENS,
        description="A refresh token can be used once. For 30 seconds, and until the new refresh token is used, the"
        " used one returns the same new pair again. Any other use ends its sign-in and invalidates all its tokens.",
        request=RefreshPayload,
        errors=error_responses(unauthenticated=INVALID_TOKEN),
    )
    def refresh(self, request: Request) -> Response:
        return _token_response(tokens.refresh_token_pair(self.payload(RefreshPayload).refresh))

    @describe(
        "Check whether a token is valid",
        tags=TOKENS,
        description="For an access or a refresh token. It is not used up.",
        request=TokenPayload,
        responses={
            200: OpenApiResponse(OpenApiTypes.OBJECT, "The token is valid. The object is empty."),
            **error_responses(unauthenticated=INVALID_TOKEN),
        },
    )
    def verify(self, request: Request) -> Response:
        tokens.verify_token(self.payload(TokenPayload).token)
        return Response({}, headers=NO_STORE)

    @no_content_schema(
        "Sign this client out",
        tags=TOKENS,
        request=RefreshPayload,
        errors=error_responses(unauthenticated="`unauthenticated`: not a valid refresh token."),
    )
    def revoke(self, request: Request) -> Response:
        tokens.revoke_token(self.payload(RefreshPayload).refresh)
        return no_content()


class SessionTokenViewSet(ApiViewSet):
    authentication_classes = (SessionAuthentication,)

    @response_schema(
        TokenPairSchema,
        "Get a token pair with the session cookie",
        tags=TOKENS,
        description="For a signed-in browser that needs tokens for another client, for example after Google sign-in.",
        request=None,
    )
    def create(self, request: Request) -> Response:
        return _token_response(_issue_token_pair(_sign_in(request).user, request))


# ── Sign-ins ────────────────────────────────────────────────────────────────────────────────────────────────────
class SignInViewSet(ApiViewSet):
    @list_schema(SignInSchema, "My sign-ins, last used first", tags=SIGN_INS, operation_id="sessions_retrieve")
    def list(self, request: Request) -> Response:
        rows = sign_ins.list_active_sign_ins(self.user_id)
        return paginated_response(request, [sign_in_schema(row, _sign_in(request).pk) for row in rows])

    @no_content_schema("Sign out everywhere else", tags=SIGN_INS, operation_id="sessions_destroy_others")
    def destroy_others(self, request: Request) -> Response:
        sign_ins.end_sign_ins(self.user_id, keep=_sign_in(request).pk)
        return no_content()

    @no_content_schema(
        "End a sign-in of mine",
        tags=SIGN_INS,
        parameters=[OpenApiParameter("sign_in_id", OpenApiTypes.UUID, OpenApiParameter.PATH)],
    )
    def destroy(self, request: Request, sign_in_id: UUID) -> Response:
        sign_ins.end_sign_in(self.user_id, sign_in_id)
        return no_content()


# ── Me ───────────────────────────────────────────────────────────────────────────────────────────────────────────
class ProfileViewSet(ApiViewSet):
    @response_schema(ProfileSchema, "My profile and settings", tags=ME)
    def retrieve(self, request: Request) -> Response:
        return respond(profile_schema(_sign_in(request).user))

    @response_schema(ProfileSchema, "Change my profile and settings", tags=ME, request=ProfileChangesPayload)
    def partial_update(self, request: Request) -> Response:
        changes = self.changes(ProfileChangesPayload)
        return respond(profile_schema(actions.update_profile(self.user_id, changes)))


class AvatarViewSet(ApiViewSet):
    parser_classes = (MultiPartParser,)

    @response_schema(ProfileSchema, "Set my avatar", tags=ME, request={"multipart/form-data": AvatarPayload})
    def update(self, request: Request) -> Response:
        upload = request.FILES.get("avatar")
        if upload is None:
            raise invalid(avatar=_("Upload the file as multipart/form-data."))
        return respond(profile_schema(actions.set_avatar(self.user_id, upload, upload.size)))

    @response_schema(ProfileSchema, "Remove my avatar", tags=ME)
    def destroy(self, request: Request) -> Response:
        return respond(profile_schema(actions.remove_avatar(self.user_id)))


# ── Notices ──────────────────────────────────────────────────────────────────────────────────────────────────────
class NoticeViewSet(ApiViewSet):
    @list_schema(NoticeSchema, "List the notices of the moderators that I have not read", tags=ME)
    def list(self, request):
        return paginated_response(
            request, [notice_schema(notice) for notice in actions.list_unread_notices(self.user_id)]
        )

    @no_content_schema("Mark a notice of the moderators as read", tags=ME, request=None)
    def read(self, request, notice_id: int):
        actions.acknowledge_notice(self.user_id, notice_id)
        return no_content()
