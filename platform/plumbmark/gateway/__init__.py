"""The one component that calls models: catalogue, deployments, prices, grants, ledger, recorded calls."""
