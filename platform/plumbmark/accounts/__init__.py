"""Users, namespaces, teams, API tokens and sign-in."""
