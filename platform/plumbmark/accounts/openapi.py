"""Tokens in the OpenAPI description. Imported with the endpoints: only who serves them needs
drf-spectacular.
"""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension

from plumbmark.accounts.authentication import scope_of_method


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "plumbmark.accounts.authentication.TokenAuthentication"
    name = "personalToken"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "pmk_…",
            "description": "A personal token, created in the settings of your account. An "
            "operation names the scope that the token needs: `read` or `write`.",
        }

    def get_security_requirement(self, auto_schema: Any) -> dict[str, list[str]]:
        return {str(self.name): [scope_of_method(auto_schema.view, auto_schema.method)]}
