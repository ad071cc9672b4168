"""URLs for sign-in with WeChat: the login URL starts the sign-in, and WeChat redirects back to the callback URL."""

from allauth.socialaccount.providers.oauth2.urls import default_urlpatterns

from accounts.weixin.provider import WeChatProvider

urlpatterns = default_urlpatterns(WeChatProvider)
