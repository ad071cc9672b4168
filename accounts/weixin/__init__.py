"""Sign-in with WeChat (微信). Extends allauth's provider with what WeChat requires and allauth does not do."""
