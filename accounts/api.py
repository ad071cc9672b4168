"""REST API views of accounts: tokens, sign-ins and the user's own profile."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast
from uuid import UUID

import msgspec
from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, PolymorphicProxySerializer, extend_schema
from rest_framework import status
from rest_framework.parsers import MultiPartParser
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import actions
from accounts.auth import known_devices, sign_ins, signup_links, tokens
from accounts.authentication import SessionAuthentication
from accounts.models import SignIn, User
from accounts.schemas import ProfileSchema, SignInSchema, TokenPairSchema, profile_schema, sign_in_schema
from accounts.serializers import (
    AvatarSerializer,
    LoginSerializer,
    ProfileChangesSerializer,
    RefreshSerializer,
    SignUpSerializer,
    TokenSerializer,
    VerifySerializer,
)
from messenger.core.client_ip import request_ip
from messenger.core.errors import ErrorSchema, invalid
from messenger.rest.pagination import paginated_response
from messenger.rest.struct_serializers import page_serializer_for, serializer_for

TOKENS, SIGN_INS, ME = ["Signing in"], ["Sign-ins"], ["Me"]
ERROR = serializer_for(ErrorSchema)
NO_STORE = {"Cache-Control": "no-store"}


def _validated_data(serializer_class, request: Request) -> dict:
    serializer = serializer_class(data=request.data)
    serializer.is_valid(raise_exception=True)
    return serializer.validated_data


def _sign_in(request: Request) -> SignIn:
    """Returns the `SignIn` of an authenticated request. The authentication classes store it in `request.auth`."""
    return cast(SignIn, request.auth)


def _issue_token_pair(user: User, request: Request) -> TokenPairSchema:
    return tokens.issue_token_pair(
        user, address=request_ip(request), user_agent=request.META.get("HTTP_USER_AGENT", "")
    )


def _token_response(pair: TokenPairSchema, status_code: int = status.HTTP_200_OK) -> Response:
    return Response(msgspec.to_builtins(pair), status=status_code, headers=NO_STORE)


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


class PublicAPIView(APIView):
    """Base class of API views that need no sign-in. Tokens and cookies of the request are ignored, even if invalid."""

    authentication_classes = ()
    permission_classes = (AllowAny,)


# ── Tokens ───────────────────────────────────────────────────────────────────────────────────────────────────────
class SignUpView(PublicAPIView):
    @extend_schema(
        tags=TOKENS,
        summary="Sign up",
        request=SignUpSerializer,
        responses={
            201: PolymorphicProxySerializer(
                component_name="SignedUp",
                serializers=[serializer_for(TokenPairSchema), VerifySerializer],
                resource_type_field_name=None,
            ),
            403: OpenApiResponse(ERROR, "`forbidden`: sign-up is closed."),
        },
    )
    def post(self, request: Request) -> Response:
        data = _validated_data(SignUpSerializer, request)
        with _temporary_session(request._request) as session:
            session[signup_links.INVITE_SESSION_KEY] = data["invite"]
            user, must_confirm = actions.sign_up(request._request, data["username"], data["email"], data["password"])
        if user is None or must_confirm:
            return Response({"verify": True}, status=status.HTTP_201_CREATED, headers=NO_STORE)
        return _token_response(_issue_token_pair(user, request), status.HTTP_201_CREATED)


class TokenObtainView(PublicAPIView):
    @extend_schema(
        tags=TOKENS,
        summary="Sign in and get a token pair",
        request=LoginSerializer,
        responses={
            200: serializer_for(TokenPairSchema),
            401: OpenApiResponse(
                ERROR,
                "`unauthenticated`: user name or password is wrong, or the e-mail is not confirmed. With `code` in"
                " `fields`: both are right, but a code of the second factor is required.",
            ),
            403: OpenApiResponse(ERROR, "`forbidden`: suspended."),
        },
    )
    def post(self, request: Request) -> Response:
        data = _validated_data(LoginSerializer, request)
        device = known_devices.get_device(request._request)
        user = actions.sign_in(data["login"], data["password"], request_ip(request), data["code"], device)
        return _token_response(_issue_token_pair(user, request))


class SessionTokenView(APIView):
    authentication_classes = (SessionAuthentication,)

    @extend_schema(
        tags=TOKENS,
        summary="Get a token pair with the session cookie",
        description="For a signed-in browser that needs tokens for another client, for example after Google sign-in.",
        request=None,
        responses=serializer_for(TokenPairSchema),
    )
    def post(self, request: Request) -> Response:
        return _token_response(_issue_token_pair(_sign_in(request).user, request))


class TokenRefreshView(PublicAPIView):
    @extend_schema(
        tags=TOKENS,
        summary="Exchange a refresh token for a new pair",
        description="A refresh token can be used once. For 30 seconds, and until the new refresh token is used, the"
        " used one returns the same new pair again. Any other use ends its sign-in and invalidates all its tokens.",
        request=RefreshSerializer,
        responses={
            200: serializer_for(TokenPairSchema),
            401: OpenApiResponse(ERROR, "`unauthenticated`: invalid, expired or used, or its sign-in has ended."),
        },
    )
    def post(self, request: Request) -> Response:
        return _token_response(tokens.refresh_token_pair(_validated_data(RefreshSerializer, request)["refresh"]))


class TokenVerifyView(PublicAPIView):
    @extend_schema(
        tags=TOKENS,
        summary="Check whether a token is valid",
        description="For an access or a refresh token. It is not used up.",
        request=TokenSerializer,
        responses={
            200: OpenApiResponse(OpenApiTypes.OBJECT, "The token is valid. The object is empty."),
            401: OpenApiResponse(ERROR, "`unauthenticated`: invalid, expired or used, or its sign-in has ended."),
        },
    )
    def post(self, request: Request) -> Response:
        tokens.verify_token(_validated_data(TokenSerializer, request)["token"])
        return Response({}, headers=NO_STORE)


class TokenRevokeView(PublicAPIView):
    @extend_schema(
        tags=TOKENS,
        summary="Sign this client out",
        request=RefreshSerializer,
        responses={
            204: None,
            401: OpenApiResponse(ERROR, "`unauthenticated`: not a valid refresh token."),
        },
    )
    def post(self, request: Request) -> Response:
        tokens.revoke_token(_validated_data(RefreshSerializer, request)["refresh"])
        return Response(status=status.HTTP_204_NO_CONTENT)


# ── Sign-ins ────────────────────────────────────────────────────────────────────────────────────────────────────
class SignInListView(APIView):
    @extend_schema(tags=SIGN_INS, summary="My sign-ins, last used first", responses=page_serializer_for(SignInSchema))
    def get(self, request: Request) -> Response:
        rows = sign_ins.list_active_sign_ins(_sign_in(request).user_id)
        return paginated_response(request, [sign_in_schema(row, _sign_in(request).pk) for row in rows])

    @extend_schema(
        tags=SIGN_INS,
        operation_id="sessions_destroy_others",
        summary="Sign out everywhere else",
        responses={204: None},
    )
    def delete(self, request: Request) -> Response:
        sign_ins.end_sign_ins(_sign_in(request).user_id, keep=_sign_in(request).pk)
        return Response(status=status.HTTP_204_NO_CONTENT)


class SignInDetailView(APIView):
    @extend_schema(
        tags=SIGN_INS,
        summary="End a sign-in of mine",
        parameters=[OpenApiParameter("sign_in_id", OpenApiTypes.UUID, OpenApiParameter.PATH)],
        responses={204: None},
    )
    def delete(self, request: Request, sign_in_id: UUID) -> Response:
        sign_ins.end_sign_in(_sign_in(request).user_id, sign_in_id)
        return Response(status=status.HTTP_204_NO_CONTENT)


# ── Me ───────────────────────────────────────────────────────────────────────────────────────────────────────────
class MeView(APIView):
    @extend_schema(tags=ME, summary="My profile and settings", responses=serializer_for(ProfileSchema))
    def get(self, request: Request) -> Response:
        return Response(msgspec.to_builtins(profile_schema(_sign_in(request).user)))

    @extend_schema(
        tags=ME,
        summary="Change my profile and settings",
        request=ProfileChangesSerializer,
        responses=serializer_for(ProfileSchema),
    )
    def patch(self, request: Request) -> Response:
        user = actions.update_profile(_sign_in(request).user_id, _validated_data(ProfileChangesSerializer, request))
        return Response(msgspec.to_builtins(profile_schema(user)))


class AvatarView(APIView):
    parser_classes = (MultiPartParser,)

    @extend_schema(
        tags=ME,
        summary="Set my avatar",
        request={"multipart/form-data": AvatarSerializer},
        responses=serializer_for(ProfileSchema),
    )
    def put(self, request: Request) -> Response:
        upload = request.FILES.get("avatar")
        if upload is None:
            raise invalid(avatar="A file is expected here, as multipart/form-data.")
        user = actions.set_avatar(_sign_in(request).user_id, upload, upload.size)
        return Response(msgspec.to_builtins(profile_schema(user)))

    @extend_schema(tags=ME, summary="Remove my avatar", responses={200: serializer_for(ProfileSchema)})
    def delete(self, request: Request) -> Response:
        user = actions.remove_avatar(_sign_in(request).user_id)
        return Response(msgspec.to_builtins(profile_schema(user)))
