"""The remote procedures that the `kaggle` command line calls.

`POST /api/v1/{service}/{Method}` (also without `/api`) with a JSON body in camelCase. Foreign
manners stay in here: what a procedure does is done by the queries and actions that the pages and
the REST API use. docs/authors/kaggle-cli.md tells how the command line gets here.
"""
