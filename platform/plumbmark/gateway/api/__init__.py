"""Endpoints of the catalogue, deployments and the quota ledger."""
