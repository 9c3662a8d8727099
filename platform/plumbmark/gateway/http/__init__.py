"""The gateway's HTTP routes: a plain ASGI callable, without Django's request cycle.

Django's handler costs several times what a call costs (docs/design/gateway.md), so these paths
never meet it; models, settings, actions and queries are used as anywhere. Nothing here touches the
database on the event loop.
"""
