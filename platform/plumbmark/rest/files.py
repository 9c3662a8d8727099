"""Files among the answers of the API, as the OpenAPI document describes them."""

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter

TABLE_FILE = {
    (200, "text/csv"): OpenApiTypes.STR,
    (200, "application/json"): OpenApiTypes.OBJECT,
    (200, "application/vnd.apache.parquet"): OpenApiTypes.BINARY,
}
EXTENSION = OpenApiParameter(
    "extension",
    str,
    OpenApiParameter.PATH,
    enum=["csv", "json", "parquet"],
    description="The format. Not every server writes Parquet.",
)
BOM = OpenApiParameter(
    "bom",
    str,
    enum=["1"],
    description="1: begin a CSV file with a byte order mark, which some spreadsheets need.",
)
