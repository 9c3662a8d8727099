"""The two places at which providers are connected: by staff for the platform, by people for
themselves and their teams.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ProviderPages:
    """One of the places, with the names of its addresses for templates."""

    name: str
    layout: str

    @property
    def is_staff(self) -> bool:
        return self.name == "staff"

    @property
    def list_url(self) -> str:
        return f"gateway:{self.name}_providers"

    @property
    def kinds_url(self) -> str:
        return f"gateway:{self.name}_provider_kinds"

    @property
    def add_url(self) -> str:
        return f"gateway:{self.name}_provider_add"

    @property
    def detail_url(self) -> str:
        return f"gateway:{self.name}_provider"

    @property
    def models_url(self) -> str:
        return f"gateway:{self.name}_provider_models"

    @property
    def prices_url(self) -> str:
        return f"gateway:{self.name}_provider_prices"

    @property
    def key_url(self) -> str:
        return f"gateway:{self.name}_provider_key"

    @property
    def act_url(self) -> str:
        return f"gateway:{self.name}_provider_act"


STAFF = ProviderPages("staff", "gateway/providers/staff_base.html")
OWN = ProviderPages("own", "gateway/providers/own_base.html")
