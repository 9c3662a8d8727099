"""URLs of accounts besides allauth's own."""

from django.urls import path

from plumbmark.accounts.views import administrator, profile, settings

app_name = "accounts"

urlpatterns = [
    path("people/me/", profile.me, name="me"),
    path("people/<slug:handle>/", profile.profile, name="profile"),
    path("settings/", settings.index, name="settings"),
    path("settings/profile/", settings.profile, name="settings_profile"),
    path("settings/theme/", settings.theme, name="settings_theme"),
    path("settings/tokens/", settings.token_list, name="tokens"),
    path("settings/tokens/new/", settings.token_create, name="token_create"),
    path("settings/tokens/<slug:public_id>/revoke/", settings.token_revoke, name="token_revoke"),
    path("settings/usage/", settings.usage, name="usage"),
    path("settings/sessions/", settings.session_list, name="sessions"),
    path("settings/sessions/end-others/", settings.session_end_others, name="session_end_others"),
    path("settings/sessions/<slug:public_id>/end/", settings.session_end, name="session_end"),
    path("setup/administrator/<str:token>/", administrator.administrator, name="administrator"),
]
