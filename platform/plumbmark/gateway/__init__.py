"""The one component that calls models: deployments, prices, grants, ledger, recorded calls."""
