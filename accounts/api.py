"""The API's door to accounts: tokens, sign-ins, one's own profile."""

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
from accounts.auth import sign_ins, signup_links, tokens
from accounts.authentication import SessionAuthentication
from accounts.models import SignIn, User
from accounts.schemas import ProfileSchema, SignInSchema, TokenPair, profile_schema, sign_in_schema
from accounts.serializers import (
    AvatarSerializer,
    LoginSerializer,
    ProfileChangesSerializer,
    RefreshSerializer,
    SignUpSerializer,
    VerifySerializer,
)
from messenger.api import page
from messenger.core.client_ip import request_ip
from messenger.core.errors import ErrorSchema, invalid
from messenger.rest.struct_serializers import page_of, serializer_for

TOKENS, SESSIONS, ME = ["Signing in"], ["Sign-ins"], ["Me"]
REFUSAL = serializer_for(ErrorSchema)
NO_STORE = {"Cache-Control": "no-store"}


def _read(serializer_class, request: Request) -> dict:
    serializer = serializer_class(data=request.data)
    serializer.is_valid(raise_exception=True)
    return serializer.validated_data


def _row(request: Request) -> SignIn:
    """The sign-in that this request came by: both ways to sign in give it."""
    return cast(SignIn, request.auth)


def _pair_for(user: User, request: Request) -> TokenPair:
    return tokens.open_for(user, address=request_ip(request), user_agent=request.META.get("HTTP_USER_AGENT", ""))


def _answer(pair: TokenPair, status_code: int = status.HTTP_200_OK) -> Response:
    return Response(msgspec.to_builtins(pair), status=status_code, headers=NO_STORE)


@contextmanager
def _passing_session(request: HttpRequest) -> Iterator[SessionBase]:
    """allauth writes into the session as it makes an account. A token client has none, and is to get none."""
    own = request.session
    request.session = sign_ins.session_store()()
    try:
        yield request.session
    finally:
        request.session = own


class OpenView(APIView):
    """For whoever is not signed in: credentials that came along, good or bad, are not even looked at."""

    authentication_classes = ()
    permission_classes = (AllowAny,)


# ── Signing in ───────────────────────────────────────────────────────────────────────────────────────────────────
class SignUp(OpenView):
    @extend_schema(
        tags=TOKENS,
        summary="Sign up",
        request=SignUpSerializer,
        responses={
            201: PolymorphicProxySerializer(
                component_name="SignedUp",
                serializers=[serializer_for(TokenPair), VerifySerializer],
                resource_type_field_name=None,
            ),
            403: OpenApiResponse(REFUSAL, "`forbidden`: nobody can sign up here by themselves."),
        },
    )
    def post(self, request: Request) -> Response:
        data = _read(SignUpSerializer, request)
        with _passing_session(request._request) as session:
            session[signup_links.IN_SESSION] = data["invite"]
            user, verify = actions.sign_up(request._request, data["username"], data["email"], data["password"])
        if user is None or verify:
            return Response({"verify": True}, status=status.HTTP_201_CREATED, headers=NO_STORE)
        return _answer(_pair_for(user, request), status.HTTP_201_CREATED)


class Tokens(OpenView):
    @extend_schema(
        tags=TOKENS,
        summary="Sign in: a token pair",
        request=LoginSerializer,
        responses={
            200: serializer_for(TokenPair),
            401: OpenApiResponse(
                REFUSAL,
                "`unauthenticated`: the user name or the password is not right, or the e-mail is not confirmed. With"
                " `code` among its `fields`: both are right, and a code of the second factor is asked for.",
            ),
            403: OpenApiResponse(REFUSAL, "`forbidden`: suspended."),
        },
    )
    def post(self, request: Request) -> Response:
        data = _read(LoginSerializer, request)
        user = actions.sign_in(data["login"], data["password"], request_ip(request), data["code"])
        return _answer(_pair_for(user, request))


class SessionTokens(APIView):
    authentication_classes = (SessionAuthentication,)

    @extend_schema(
        tags=TOKENS,
        summary="A token pair for whoever has a session",
        description="For a browser that is signed in, with Google for example, and wants tokens for another client.",
        request=None,
        responses=serializer_for(TokenPair),
    )
    def post(self, request: Request) -> Response:
        return _answer(_pair_for(_row(request).user, request))


class Refresh(OpenView):
    @extend_schema(
        tags=TOKENS,
        summary="A new pair for a refresh token",
        description="The refresh token is spent by this. Using a spent one ends its sign-in and all its tokens.",
        request=RefreshSerializer,
        responses={
            200: serializer_for(TokenPair),
            401: OpenApiResponse(REFUSAL, "`unauthenticated`: not valid, spent, or its sign-in is over."),
        },
    )
    def post(self, request: Request) -> Response:
        return _answer(tokens.refresh(_read(RefreshSerializer, request)["refresh"]))


class Revoke(OpenView):
    @extend_schema(
        tags=TOKENS,
        summary="Sign this client out",
        request=RefreshSerializer,
        responses={
            204: None,
            401: OpenApiResponse(REFUSAL, "`unauthenticated`: this is no refresh token of ours."),
        },
    )
    def post(self, request: Request) -> Response:
        tokens.revoke(_read(RefreshSerializer, request)["refresh"])
        return Response(status=status.HTTP_204_NO_CONTENT)


# ── Where one is signed in ───────────────────────────────────────────────────────────────────────────────────────
class Sessions(APIView):
    @extend_schema(tags=SESSIONS, summary="My sign-ins, last used first", responses=page_of(SignInSchema))
    def get(self, request: Request) -> Response:
        rows = sign_ins.open_ones(_row(request).user_id)
        return page(request, [sign_in_schema(row, _row(request).pk) for row in rows])

    @extend_schema(
        tags=SESSIONS,
        operation_id="sessions_destroy_others",
        summary="Sign out everywhere else",
        responses={204: None},
    )
    def delete(self, request: Request) -> Response:
        sign_ins.end(_row(request).user_id, keep=_row(request).pk)
        return Response(status=status.HTTP_204_NO_CONTENT)


class Session(APIView):
    @extend_schema(
        tags=SESSIONS,
        summary="End a sign-in of mine",
        parameters=[OpenApiParameter("sign_in_id", OpenApiTypes.UUID, OpenApiParameter.PATH)],
        responses={204: None},
    )
    def delete(self, request: Request, sign_in_id: UUID) -> Response:
        sign_ins.end_one(_row(request).user_id, sign_in_id)
        return Response(status=status.HTTP_204_NO_CONTENT)


# ── Me ───────────────────────────────────────────────────────────────────────────────────────────────────────────
class Me(APIView):
    @extend_schema(tags=ME, summary="My profile and settings", responses=serializer_for(ProfileSchema))
    def get(self, request: Request) -> Response:
        return Response(msgspec.to_builtins(profile_schema(_row(request).user)))

    @extend_schema(
        tags=ME,
        summary="Change my profile and settings",
        request=ProfileChangesSerializer,
        responses=serializer_for(ProfileSchema),
    )
    def patch(self, request: Request) -> Response:
        user = actions.update_profile(_row(request).user_id, _read(ProfileChangesSerializer, request))
        return Response(msgspec.to_builtins(profile_schema(user)))


class Avatar(APIView):
    parser_classes = (MultiPartParser,)

    @extend_schema(
        tags=ME,
        summary="Give me a picture",
        request={"multipart/form-data": AvatarSerializer},
        responses=serializer_for(ProfileSchema),
    )
    def put(self, request: Request) -> Response:
        upload = request.FILES.get("avatar")
        if upload is None:
            raise invalid(avatar="A file is expected here, as multipart/form-data.")
        user = actions.set_avatar(_row(request).user_id, upload, upload.size)
        return Response(msgspec.to_builtins(profile_schema(user)))

    @extend_schema(tags=ME, summary="Take my picture away", responses={200: serializer_for(ProfileSchema)})
    def delete(self, request: Request) -> Response:
        user = actions.remove_avatar(_row(request).user_id)
        return Response(msgspec.to_builtins(profile_schema(user)))
