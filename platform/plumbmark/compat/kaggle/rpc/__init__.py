"""The remote procedures that the `kaggle` command line calls.

`POST /api/v1/{service}/{Method}` (also without `/api`) with a JSON body in camelCase. Foreign
conventions stay in here: procedures use the same queries and actions as the pages and the REST API.
docs/authors/kaggle-cli.md explains how the command line gets here.
"""
