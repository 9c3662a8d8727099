"""The REST API: router and OpenAPI description. Endpoints live in their apps."""
