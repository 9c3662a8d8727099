"""Models and deployments: names, prices, base URLs and credentials."""
