"""The one component that calls models: catalogue, prices, grants, ledger, recorded calls."""
