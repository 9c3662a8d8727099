"""What deployments are called: their slugs, and the names that their models have elsewhere."""

from collections.abc import Container, Iterable, Mapping

from plumbmark.gateway.models import Deployment

_DEFAULT_VARIANT = "@default"


def other_names(deployments: Iterable[Deployment]) -> dict[str, tuple[str, ...]]:
    """Return the slugs by maker/name, by the provider's own name, and by the slug's last part."""
    found: dict[str, list[str]] = {}
    for each in deployments:
        for name in {each.model.slug, each.upstream_id, each.slug.rpartition("/")[2]}:
            found.setdefault(name, []).append(each.slug)
    return {name: tuple(slugs) for name, slugs in found.items()}


def slugs_named(
    name: str, slugs: Container[str], others: Mapping[str, tuple[str, ...]]
) -> tuple[str, ...]:
    """Return the slugs that a name may mean: one if it is clear, none if it is unknown."""
    if name in slugs:
        return (name,)
    bare = name.removesuffix(_DEFAULT_VARIANT)
    return (bare,) if bare in slugs else others.get(bare, ())
