"""The table of the response status of every route for every role, and the requests with which it is tested."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.utils import timezone

from accounts.models import PRIVACY_FIELDS

ROLES = ("nobody", "stranger", "member", "admin", "owner")
TOMORROW = (timezone.now() + timedelta(days=1)).isoformat()

# A cell is a status, `in` for a redirect to the sign-in page, or `-` if the role cannot be tested.
# After the bar: a note, or `name=value` for an id in the path. By default the path contains ids of the group and of wolf.
TABLE = """
                                                                 nobody strngr member  admin  owner
-- the API: public
GET    api/schema/                                                  200    200    200    200    200
GET    api/docs/                                                    200    200    200    200    200
GET    api/v1/                                                      200    200    200    200    200
POST   api/v1/auth/signup/                                          201    201    201    201    201
POST   api/v1/auth/token/                                           200    200    200    200    200
POST   api/v1/auth/token/refresh/                                   401    401    401    401    401
POST   api/v1/auth/token/verify/                                    401    401    401    401    401
POST   api/v1/auth/token/revoke/                                    401    401    401    401    401
GET    api/v1/presence/online/                                      200    200    200    200    200
POST   api/v1/presence/beat/                                        200    200    200    200    200
*      ^api/                                                        404    404    404    404    404
-- the API: own account
POST   api/v1/auth/token/session/                                   401    401    401    401    401 | by token
GET    api/v1/sessions/                                             401    200    200    200    200
DELETE api/v1/sessions/                                             401    204    204    204    204
DELETE api/v1/sessions/<sign_in_id>/                                401    404    404    404    404
DELETE api/v1/sessions/<sign_in_id>/                                401    204    204    204    204 | sign_in=own
GET    api/v1/me/notices/                                           401    200    200    200    200
POST   api/v1/me/notices/<notice_id>/read/                           401    404    404    404    404
GET    api/v1/me/                                                   401    200    200    200    200
PATCH  api/v1/me/                                                   401    200    200    200    200
PUT    api/v1/me/avatar/                                            401    415    415    415    415 | JSON is no picture
DELETE api/v1/me/avatar/                                            401    200    200    200    200
GET    api/v1/presence/                                             401    200    200    200    200
GET    api/v1/calls/                                                401    200    200    200    200
GET    api/v1/calls/ice/                                            401    200    200    200    200
POST   api/v1/calls/<call_id>/leaving/                              401    404    404    404    404 | not in the call
POST   api/v1/calls/<call_id>/decline/                              401    404    200    200    200
GET    api/v1/mentions/                                             401    200    200    200    200
GET    api/v1/search/                                               401    400    400    400    400 | without a query
GET    api/v1/users/                                                401    200    200    200    200
GET    api/v1/contacts/                                             401    200    200    200    200
GET    api/v1/contacts/<user_id>/                                   401    404    404    404    404
PUT    api/v1/contacts/<user_id>/                                   401    200    200    200    200
PUT    api/v1/contacts/<user_id>/                                   401    400    400    400    400 | user=own
DELETE api/v1/contacts/<user_id>/                                   401    404    404    404    404
PUT    api/v1/contacts/<user_id>/ignore/                            401    404    404    404    404
GET    api/v1/blocks/                                               401    200    200    200    200
GET    api/v1/blocks/<user_id>/                                     401    404    404    404    404
PUT    api/v1/blocks/<user_id>/                                     401    200    200    200    200
PUT    api/v1/blocks/<user_id>/                                     401    400    400    400    400 | user=own
DELETE api/v1/blocks/<user_id>/                                     401    404    404    404    404
GET    api/v1/notifications/                                        401    200    200    200    200
GET    api/v1/notifications/preferences/                            401    200    200    200    200
PATCH  api/v1/notifications/preferences/                            401    200    200    200    200
GET    api/v1/notifications/subscriptions/                          401    200    200    200    200
POST   api/v1/notifications/subscriptions/                          401    400    400    400    400 | a private address
DELETE api/v1/notifications/subscriptions/<subscription_id>/        401    404    404    404    404 | of wolf
POST   api/v1/notifications/subscriptions/<subscription_id>/test/   401    404    404    404    404 | of wolf
GET    api/v1/scheduled-messages/                                   401    200    200    200    200
GET    api/v1/scheduled-messages/<scheduled_id>/                    401    404    404    404    404 | of wolf
PATCH  api/v1/scheduled-messages/<scheduled_id>/                    401    404    404    404    404 | of wolf
DELETE api/v1/scheduled-messages/<scheduled_id>/                    401    404    404    404    404 | of wolf
GET    api/v1/reminders/                                            401    200    200    200    200
DELETE api/v1/reminders/<reminder_id>/                              401    404    404    404    404 | of wolf
-- the API: conversations
GET    api/v1/conversations/                                        401    200    200    200    200
POST   api/v1/conversations/                                        401    201    201    201    201
GET    api/v1/conversations/titles/                                 401    200    200    200    200
GET    api/v1/conversations/<conversation_id>/                      401    404    200    200    200
PATCH  api/v1/conversations/<conversation_id>/                      401    404    403    200    200
DELETE api/v1/conversations/<conversation_id>/                      401    404    403    403    204
GET    api/v1/conversations/<conversation_id>/                      401    404    200    404    404 | conversation=direct
PATCH  api/v1/conversations/<conversation_id>/                      401    404    403    404    404 | conversation=direct
DELETE api/v1/conversations/<conversation_id>/                      401    404    403    404    404 | conversation=direct
PATCH  api/v1/conversations/<conversation_id>/mine/                 401    404    200    200    200
GET    api/v1/conversations/<conversation_id>/members/              401    404    200    200    200
POST   api/v1/conversations/<conversation_id>/members/              401    404    403    200    200
POST   api/v1/conversations/<conversation_id>/members/              401    404    403    404    404 | conversation=direct
PATCH  api/v1/conversations/<conversation_id>/members/<user_id>/    401    404    403    403    200
PATCH  api/v1/conversations/<conversation_id>/members/<user_id>/    401    404    403    403    403 | user=own
PATCH  api/v1/conversations/<conversation_id>/members/<user_id>/    401    404    404    404    404 | user=stan
DELETE api/v1/conversations/<conversation_id>/members/<user_id>/    401    404    403    204    204
DELETE api/v1/conversations/<conversation_id>/members/<user_id>/    401    404    204    204    403 | user=own
DELETE api/v1/conversations/<conversation_id>/members/<user_id>/    401    404    403    204    204 | user=adam
DELETE api/v1/conversations/<conversation_id>/members/<user_id>/    401    404    403    403    403 | user=olga
DELETE api/v1/conversations/<conversation_id>/members/<user_id>/    401    404    404    404    404 | user=stan
PUT    api/v1/conversations/<conversation_id>/avatar/               401    415    415    415    415 | JSON is no picture
DELETE api/v1/conversations/<conversation_id>/avatar/               401    404    403    200    200
DELETE api/v1/conversations/<conversation_id>/avatar/               401    404    403    404    404 | conversation=direct
GET    api/v1/conversations/<conversation_id>/here/                 401    404    200    200    200
GET    api/v1/conversations/<conversation_id>/invites/              401    404    403    200    200
POST   api/v1/conversations/<conversation_id>/invites/              401    404    403    201    201
POST   api/v1/conversations/<conversation_id>/invites/              401    404    403    404    404 | conversation=direct
DELETE api/v1/conversations/<conversation_id>/invites/<invite_id>/  401    404    404    204    204
GET    api/v1/conversations/<conversation_id>/log/                   401    404    403    200    200
GET    api/v1/conversations/<conversation_id>/export/                401    404    403    404    404
POST   api/v1/conversations/<conversation_id>/export/                401    404    403    201    201
PUT    api/v1/conversations/<conversation_id>/members/<user_id>/mute/ 401    404    403    200    200
GET    api/v1/conversations/<conversation_id>/join-requests/         401    404    403    200    200
PUT    api/v1/conversations/<conversation_id>/join-requests/<user_id>/ 401    404    403    200    200 | user=newt
DELETE api/v1/conversations/<conversation_id>/join-requests/<user_id>/ 401    404    403    204    204 | user=newt
PUT    api/v1/conversations/<conversation_id>/join-requests/<user_id>/ 401    404    403    404    404 | user=stan
DELETE api/v1/invites/<token>/                                      401    404    404    404    404
DELETE api/v1/invites/<token>/                                      401    404    404    404    404 | token=link
GET    api/v1/invites/<token>/                                      401    404    404    404    404 | no such link
POST   api/v1/invites/<token>/                                      401    404    404    404    404
GET    api/v1/invites/<token>/                                      401    200    200    200    200 | token=link
POST   api/v1/invites/<token>/                                      401    201    200    200    200 | token=link
GET    api/v1/conversations/<conversation_id>/messages/             401    404    200    200    200
POST   api/v1/conversations/<conversation_id>/messages/             401    404    201    201    201
GET    api/v1/conversations/<conversation_id>/changes/              401    404    200    200    200
POST   api/v1/conversations/<conversation_id>/read/                 401    404    200    200    200
GET    api/v1/conversations/<conversation_id>/receipts/             401    404    200    200    200
GET    api/v1/conversations/<conversation_id>/pins/                 401    404    200    200    200
POST   api/v1/conversations/<conversation_id>/typing/               401    404    204    204    204
GET    api/v1/conversations/<conversation_id>/files/                401    404    200    200    200
GET    api/v1/conversations/<conversation_id>/notifications/        401    404    200    200    200
PATCH  api/v1/conversations/<conversation_id>/notifications/        401    404    403    200    200
POST   api/v1/conversations/<conversation_id>/scheduled-messages/   401    404    201    201    201
-- the API: own uploads (the bytes of one, PATCH: tests/attachments/test_tus_uploads.py)
POST   api/v1/uploads/                                              401    412    412    412    412 | without tus headers
GET    api/v1/uploads/<upload_id>/                                  401    404    404    404    404
GET    api/v1/uploads/<upload_id>/                                  401    200    200    200    200 | upload=own
PUT    api/v1/uploads/<upload_id>/                                  401    404    404    404    404
PUT    api/v1/uploads/<upload_id>/                                  401    200    200    200    200 | upload=own
DELETE api/v1/uploads/<upload_id>/                                  401    404    404    404    404
DELETE api/v1/uploads/<upload_id>/                                  401    204    204    204    204 | upload=own
-- the API: messages
GET    api/v1/messages/<message_id>/                                401    404    200    200    200
PATCH  api/v1/messages/<message_id>/                                401    404    403    403    403
PATCH  api/v1/messages/<message_id>/                                401      -    200    200    200 | message=own
DELETE api/v1/messages/<message_id>/                                401    404    403    200    200
DELETE api/v1/messages/<message_id>/                                401      -    200    200    200 | message=own
DELETE api/v1/messages/<message_id>/                                401    404    403    404    404 | message=in_direct
GET    api/v1/messages/<message_id>/receipts/                       401    404    200    200    200
GET    api/v1/messages/<message_id>/revisions/                      401    404    403    200    200
POST   api/v1/messages/<message_id>/report/                         401    404    204    204    204
POST   api/v1/users/<user_id>/report/                               401    204    204    204    204
PUT    api/v1/messages/<message_id>/reactions/<emoji>/              401    404    200    200    200
DELETE api/v1/messages/<message_id>/reactions/<emoji>/              401    404    200    200    200
PUT    api/v1/messages/<message_id>/pin/                            401    404    403    200    200
DELETE api/v1/messages/<message_id>/pin/                            401    404    403    200    200
PUT    api/v1/messages/<message_id>/pin/                            401    404    200    404    404 | message=in_direct
POST   api/v1/sync/                                                 401    200    200    200    200
GET    api/v1/messages/<message_id>/notification/                   401    404    200    200    200
PUT    api/v1/messages/<message_id>/reminder/                       401    404    200    200    200
-- pages: conversations
GET                                                                  in    200    200    200    200
GET    list/                                                         in    200    200    200    200
POST   hints/done/                                                   in    302    302    302    302
GET    new/                                                          in    200    200    200    200
POST   new/direct/                                                   in    302    302    302    302
POST   new/group/                                                    in    302    302    302    302
GET    people/                                                       in    200    200    200    200
GET    people/<user_id>/                                             in    200    200    200    200
GET    people/<user_id>/block/                                       in    200    200    200    200
POST   people/<user_id>/do/                                          in    302    302    302    302
GET    search/                                                       in    200    200    200    200
GET    mentions/                                                     in    200    200    200    200
POST   mentions/read/                                                in    302    302    302    302
GET    c/<conversation_id>/                                          in    404    200    200    200
POST   c/<conversation_id>/send/                                     in    404    302    302    302
POST   c/<conversation_id>/read/                                     in    404    302    302    302
POST   c/<conversation_id>/mine/                                     in    404    302    302    302
GET    c/<conversation_id>/settings/                                 in    404    200    200    200
POST   c/<conversation_id>/settings/                                 in    404    403    302    302
POST   c/<conversation_id>/settings/calls/                           in    404    403    302    302
POST   c/<conversation_id>/members/add/                              in    404    403    302    302
POST   c/<conversation_id>/members/<user_id>/remove/                 in    404    403    302    302
POST   c/<conversation_id>/members/<user_id>/remove/                 in    404    302    302    403 | user=own
GET    c/<conversation_id>/words/                                     in    404    403    200    200
POST   c/<conversation_id>/words/                                     in    404    403    302    302
POST   c/<conversation_id>/members/<user_id>/mute/                   in    404    403    302    302
POST   c/<conversation_id>/members/<user_id>/role/                   in    404    403    403    302
GET    c/<conversation_id>/members/<user_id>/                        in    404    200    200    200
GET    c/<conversation_id>/members/<user_id>/                        in    404    404    404    404 | user=stan
GET    c/<conversation_id>/members/<user_id>/remove/                 in    404    403    200    200
GET    c/<conversation_id>/members/<user_id>/give/                   in    404    403    403    200
GET    c/<conversation_id>/leave/                                    in    404    200    200    200
GET    c/<conversation_id>/log/                                      in    404    403    200    200
GET    c/<conversation_id>/export/                                   in    404    403    200    200
POST   c/<conversation_id>/export/                                   in    404    403    302    302
GET    c/<conversation_id>/export/archive/                          404    404    403    404    404 | none is ready
GET    c/<conversation_id>/requests/                                 in    404    403    200    200
POST   c/<conversation_id>/requests/<user_id>/                       in    404    403    302    302 | user=newt
GET    c/<conversation_id>/delete/                                   in    404    403    403    200
POST   c/<conversation_id>/delete/                                   in    404    403    403    302
GET    c/<conversation_id>/pins/                                     in    404    200    200    200
GET    c/<conversation_id>/files/                                    in    404    200    200    200
POST   c/<conversation_id>/invites/                                  in    404    403    302    302
POST   c/<conversation_id>/invites/<invite_id>/revoke/               in    404    404    302    302
GET    i/<token>/                                                   404    404    404    404    404
POST   i/<token>/                                                    in    404    404    404    404
GET    i/<token>/                                                   200    200    302    302    302 | token=link
POST   i/<token>/                                                    in    302    302    302    302 | token=link
GET    i/<token>/picture/                                           404    404    404    404    404
GET    avatars/rooms/<conversation_id>/<name>                       401    404    404    404    404
GET    files/<attachment_id>/<name>                                 404    404    200    200    200
GET    files/<attachment_id>/thumbnails/<width>                     404    404    404    404    404 | a text has none
-- pages: messages
GET    m/<message_id>/                                               in    404    302    302    302
GET    m/<message_id>/act/                                           in    404    200    200    200
POST   m/<message_id>/edit/                                          in    404    403    403    403
POST   m/<message_id>/edit/                                          in      -    302    302    302 | message=own
POST   m/<message_id>/delete/                                        in    404    403    302    302
POST   m/<message_id>/react/                                         in    404    302    302    302
POST   m/<message_id>/pin/                                           in    404    403    302    302
GET    m/<message_id>/forward/                                       in    404    200    200    200
POST   m/<message_id>/forward/                                       in    404    302    302    302
POST   m/<message_id>/report/                                        in    404    302    302    302
GET    people/<user_id>/report/                                      in    200    200    200    200
POST   people/<user_id>/report/                                      in    302    302    302    302
GET    notices/                                                      in    200    200    200    200
POST   notices/<notice_id>/read/                                     in    404    404    404    404
GET    m/<message_id>/details/                                       in    404    200    200    200
GET    m/<message_id>/revisions/                                     in    404    403    200    200
GET    c/<conversation_id>/notifications/                            in    404    200    200    200
POST   c/<conversation_id>/notifications/                            in    404    302    302    302
GET    m/<message_id>/notification/                                  in    404    200    200    200
GET    c/<conversation_id>/send-later/                               in    404    200    200    200
POST   c/<conversation_id>/send-later/                               in    404    302    302    302
GET    m/<message_id>/remind/                                        in    404    200    200    200
POST   m/<message_id>/remind/                                        in    404    302    302    302
-- pages: scheduled messages and reminders
GET    later/                                                        in    200    200    200    200
GET    later/<scheduled_id>/                                         in    404    404    404    404 | of wolf
POST   later/<scheduled_id>/                                         in    404    404    404    404 | of wolf
POST   later/<scheduled_id>/send/                                    in    404    404    404    404 | of wolf
POST   later/<scheduled_id>/cancel/                                  in    404    404    404    404 | of wolf
POST   reminders/<reminder_id>/                                      in    404    404    404    404 | of wolf
-- pages: accounts
GET    settings/notifications/                                       in    200    200    200    200
POST   settings/notifications/                                       in    302    302    302    302
POST   settings/notifications/quiet/                                 in    302    302    302    302
POST   settings/notifications/<subscription_id>/test/                in    404    404    404    404 | of wolf
POST   settings/notifications/<subscription_id>/delete/              in    404    404    404    404 | of wolf
GET    notifications/unsubscribe/<token>/                           404    404    404    404    404 | a wrong token
POST   notifications/unsubscribe/<token>/                           404    404    404    404    404 | a wrong token
GET    service-worker/token/                                        401    200    200    200    200
GET    service-worker.js                                            200    200    200    200    200
GET    manifest.webmanifest                                         200    200    200    200    200
GET    settings/privacy/                                             in    200    200    200    200
POST   settings/privacy/                                             in    302    302    302    302
GET    calls/templates/                                             in    200    200    200    200
GET    settings/calls/                                               in    200    200    200    200
POST   settings/calls/                                               in    302    302    302    302
GET    settings/                                                     in    200    200    200    200
POST   settings/                                                     in    302    302    302    302
GET    settings/data/                                               in    200    200    200    200
POST   settings/data/                                               in    302    302    302    302 | first the password
GET    settings/data/archive/                                       in    404    404    404    404 | none was asked for
GET    settings/delete/                                             in    302    302    302    302 | first the password
POST   settings/delete/                                             in    302    302    302    302 | first the password
GET    goodbye/                                                    200    302    302    302    302
GET    settings/sessions/                                            in    200    200    200    200
POST   settings/sessions/end/                                        in    302    302    302    302
POST   settings/sessions/<sign_in_id>/end/                           in    404    404    404    404
POST   settings/sessions/<sign_in_id>/end/                           in    302    302    302    302 | sign_in=own
GET    avatars/<user_id>/<name>                                     401    404    404    404    404
GET    join/<token>/                                                302    302    302    302    302
POST   language/                                                    302    302    302    302    302
*      favicon.ico                                                  301    301    301    301    301
-- pages: signing in (allauth)
GET    accounts/login/                                              200    302    302    302    302
POST   accounts/login/                                              200    302    302    302    302
GET    accounts/signup/                                             200    302    302    302    302
POST   accounts/signup/                                             200    302    302    302    302
GET    accounts/logout/                                              in    200    200    200    200
POST   accounts/logout/                                              in     in     in     in     in
GET    accounts/inactive/                                           302    302    302    302    302
GET    accounts/suspended/                                           in     in     in     in     in
POST   accounts/suspended/                                           in     in     in     in     in
GET    accounts/reauthenticate/                                      in    200    200    200    200
POST   accounts/reauthenticate/                                      in    200    200    200    200
GET    accounts/login/code/confirm/                                  in    302    302    302    302
POST   accounts/login/code/confirm/                                  in    302    302    302    302
GET    accounts/password/change/                                     in    200    200    200    200
POST   accounts/password/change/                                     in    200    200    200    200
GET    accounts/password/set/                                        in    302    302    302    302
POST   accounts/password/set/                                        in    302    302    302    302
GET    accounts/password/reset/                                     200    200    200    200    200
POST   accounts/password/reset/                                     200    200    200    200    200
GET    accounts/password/reset/done/                                200    200    200    200    200
GET    accounts/^password/reset/key/<uidb36>-<key>/$                200    200    200    200    200
POST   accounts/^password/reset/key/<uidb36>-<key>/$                200    200    200    200    200
GET    accounts/password/reset/key/done/                            200    200    200    200    200
GET    accounts/email/                                               in    200    200    200    200
POST   accounts/email/                                               in    302    302    302    302
GET    accounts/confirm-email/                                      200    200    200    200    200
GET    accounts/confirm-email/<key>/                                200    200    200    200    200
POST   accounts/confirm-email/<key>/                                404    404    404    404    404
GET    accounts/^confirm-email/<key>/$                              200    200    200    200    200
POST   accounts/^confirm-email/<key>/$                              404    404    404    404    404
GET    accounts/3rdparty/                                            in    200    200    200    200
POST   accounts/3rdparty/                                            in    200    200    200    200
GET    accounts/3rdparty/login/cancelled/                           200    200    200    200    200
GET    accounts/3rdparty/login/error/                               401    401    401    401    401
GET    accounts/3rdparty/signup/                                     in     in     in     in     in
POST   accounts/3rdparty/signup/                                     in     in     in     in     in
*      accounts/social/connections/                                 301    301    301    301    301
*      accounts/social/login/cancelled/                             301    301    301    301    301
*      accounts/social/login/error/                                 301    301    301    301    301
*      accounts/social/signup/                                      301    301    301    301    301
*      accounts/google/login/                                       404    404    404    404    404 | no keys here
*      accounts/google/login/callback/                              404    404    404    404    404
*      accounts/google/login/token/                                 404    404    404    404    404
*      accounts/github/login/                                       404    404    404    404    404
*      accounts/github/login/callback/                              404    404    404    404    404
*      accounts/weixin/login/                                         404    404    404    404    404
*      accounts/weixin/login/callback/                                404    404    404    404    404
GET    accounts/2fa/                                                   in    200    200    200    200
GET    accounts/2fa/authenticate/                                      in    302    302    302    302 | nobody is half way in
POST   accounts/2fa/authenticate/                                      in    302    302    302    302
GET    accounts/2fa/reauthenticate/                                    in    302    302    302    302
POST   accounts/2fa/reauthenticate/                                    in    302    302    302    302
GET    accounts/2fa/recovery-codes/                                    in    404    404    404    404 | there are none
GET    accounts/2fa/recovery-codes/download/                           in    404    404    404    404
GET    accounts/2fa/recovery-codes/generate/                           in    302    302    302    302 | is it you?
POST   accounts/2fa/recovery-codes/generate/                           in    302    302    302    302
GET    accounts/2fa/totp/activate/                                     in    302    302    302    302
POST   accounts/2fa/totp/activate/                                     in    302    302    302    302
GET    accounts/2fa/totp/deactivate/                                   in    404    404    404    404
POST   accounts/2fa/totp/deactivate/                                   in    404    404    404    404
GET    accounts/2fa/webauthn/                                         302    302    302    302    302 | to accounts/2fa/
GET    accounts/2fa/webauthn/add/                                      in    302    302    302    302
POST   accounts/2fa/webauthn/add/                                      in    302    302    302    302
GET    accounts/2fa/webauthn/login/                                    in    302    302    302    302 | to the sign-in page: scripts ask for JSON
POST   accounts/2fa/webauthn/login/                                    in    302    302    302    302
GET    accounts/2fa/webauthn/reauthenticate/                           in    302    302    302    302
POST   accounts/2fa/webauthn/reauthenticate/                           in    302    302    302    302
--- first the password again (302), then 404 for a key of another user: tests/accounts/test_mfa.py
GET    accounts/2fa/webauthn/keys/<pk>/edit/                           in    302    302    302    302
GET    accounts/2fa/webauthn/keys/<pk>/remove/                         in    302    302    302    302
POST   accounts/2fa/webauthn/keys/<pk>/edit/                           in    302    302    302    302
POST   accounts/2fa/webauthn/keys/<pk>/remove/                         in    302    302    302    302
-- the admin's own permissions are tested with the admin
GET    admin/**                                                      in     in     in     in     in
"""

# Bodies of valid requests, by method and route. `@name` is replaced by an id in `Environment.ids` (environment.py).
BODIES: dict[str, dict[str, Any]] = {
    "POST api/v1/auth/signup/": {"username": "newcomer", "email": "new@example.org", "password": "let-me-talk"},
    "POST api/v1/auth/token/": {"login": "newt", "password": "let-me-talk"},
    "POST api/v1/auth/token/refresh/": {"refresh": "x"},
    "POST api/v1/auth/token/verify/": {"token": "x"},
    "POST api/v1/auth/token/revoke/": {"refresh": "x"},
    "PATCH api/v1/me/": {"bio": "here"},
    "PATCH api/v1/notifications/preferences/": {"sound": True},
    "POST api/v1/notifications/subscriptions/": {"endpoint": "https://10.0.0.1/x", "p256dh": "x", "auth": "x"},
    "PATCH api/v1/conversations/<conversation_id>/notifications/": {"hides_text": True},
    "POST api/v1/conversations/<conversation_id>/scheduled-messages/": {
        "client_id": str(uuid.uuid4()),
        "body": "later",
        "send_at": TOMORROW,
    },
    "POST api/v1/calls/<call_id>/leaving/": {"device": "phone-0001"},
    "PATCH api/v1/scheduled-messages/<scheduled_id>/": {"body": "other words"},
    "PUT api/v1/messages/<message_id>/reminder/": {"remind_at": TOMORROW},
    "POST c/<conversation_id>/send-later/": {"client_id": str(uuid.uuid4()), "body": "later", "choice": TOMORROW},
    "POST m/<message_id>/remind/": {"choice": TOMORROW},
    "POST later/<scheduled_id>/": {"body": "other words", "choice": TOMORROW},
    "POST reminders/<reminder_id>/": {"do": "remove"},
    "POST c/<conversation_id>/notifications/": {"level": "mentions", "muted": "on"},
    "POST settings/notifications/": {"email": "never", "email_minutes": "15", "digest_hour": "8"},
    "POST settings/notifications/quiet/": {"until": "hour"},
    "POST api/v1/conversations/": {"kind": "group", "title": "New"},
    "PATCH api/v1/conversations/<conversation_id>/": {"title": "New"},
    "PATCH api/v1/conversations/<conversation_id>/mine/": {"muted": True},
    "POST api/v1/conversations/<conversation_id>/members/": {"user_ids": ["@newt"]},
    "PATCH api/v1/conversations/<conversation_id>/members/<user_id>/": {"role": "admin"},
    "POST api/v1/conversations/<conversation_id>/messages/": {"client_id": str(uuid.uuid4()), "body": "hi"},
    "POST api/v1/conversations/<conversation_id>/read/": {"seq": 1},
    "POST api/v1/conversations/<conversation_id>/typing/": {"active": True},
    "PATCH api/v1/messages/<message_id>/": {"body": "other words"},
    "PUT api/v1/uploads/<upload_id>/": {"alt": "a boat"},
    "POST new/direct/": {"user_id": "@newt"},
    "POST new/group/": {"title": "New"},
    "POST c/<conversation_id>/send/": {"client_id": str(uuid.uuid4()), "body": "hi"},
    "POST c/<conversation_id>/read/": {"seq": 1},
    "POST c/<conversation_id>/mine/": {"muted": "on"},
    "POST c/<conversation_id>/settings/": {"title": "New"},
    "POST api/v1/conversations/<conversation_id>/invites/": {"max_uses": 5},
    "POST c/<conversation_id>/invites/": {"days": "7"},
    "POST c/<conversation_id>/delete/": {"title": "Room"},
    "POST c/<conversation_id>/members/add/": {"user_ids": "@newt"},
    "POST c/<conversation_id>/words/": {"words": "spam", "effect": "mask"},
    "POST c/<conversation_id>/members/<user_id>/mute/": {"seconds": 3600},
    "PUT api/v1/conversations/<conversation_id>/members/<user_id>/mute/": {"seconds": 3600},
    "POST c/<conversation_id>/members/<user_id>/role/": {"role": "admin"},
    "POST m/<message_id>/edit/": {"body": "other words"},
    "POST m/<message_id>/react/": {"add": "👍"},
    "POST m/<message_id>/pin/": {"active": "on"},
    "POST m/<message_id>/forward/": {"conversation_id": "@notes", "client_id": str(uuid.uuid4())},
    "POST m/<message_id>/report/": {"reason": "spam"},
    "POST people/<user_id>/do/": {"do": "add"},
    "POST people/<user_id>/report/": {"kind": "spam", "reason": "lamps"},
    "POST api/v1/users/<user_id>/report/": {"kind": "spam"},
    "POST settings/privacy/": dict.fromkeys(PRIVACY_FIELDS, "everyone"),
    "POST c/<conversation_id>/settings/calls/": {"calls_allowed": "on"},
    "POST settings/calls/": {"call_me": "contacts"},
    "POST settings/": {"username": "@own", "theme": "system"},
    "POST language/": {"language": "en"},
}
QUERIES = {"api/v1/presence/": {"user_ids": "1"}}


@dataclass(frozen=True)
class TableRow:
    method: str
    route: str
    cells: dict[str, str]
    ids: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        ids = ",".join(f"{name}={value}" for name, value in self.ids.items())
        return f"{self.method} {self.route or '/'} {ids}".strip()


def _parse_table() -> list[TableRow]:
    rows = []
    for line in TABLE.strip().splitlines()[1:]:
        if line.startswith("--"):
            continue
        columns, _bar, note = line.partition("|")
        method, *route, nobody, stranger, member, admin, owner = columns.split()
        ids = dict(re.findall(r"(\w+)=(\w+)", note))
        cells = dict(zip(ROLES, (nobody, stranger, member, admin, owner), strict=True))
        rows.append(TableRow(method, "".join(route), cells, ids))
    return rows


ROWS = _parse_table()
