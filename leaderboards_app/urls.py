"""Addresses of boards, models, the search and the home page."""

from django.urls import path

from leaderboards_app.board import views
from leaderboards_app.citations import views as citations
from leaderboards_app.comparisons.board_views import compare_rows_of_board
from leaderboards_app.comparisons.views import compare, compare_item
from leaderboards_app.embeds import views as embeds
from leaderboards_app.exports import figure_files
from leaderboards_app.exports import views as files
from leaderboards_app.history.feeds import BenchmarkFeed, ModelFeed, PersonFeed, TaskFeed
from leaderboards_app.history.views import changes, history, timeline
from leaderboards_app.home.views import home
from leaderboards_app.model_pages.views import model_detail, model_list
from leaderboards_app.scorings.views import scorings
from leaderboards_app.search.views import search_page, suggestions
from leaderboards_app.slices.views import slices
from leaderboards_app.weights.views import weights

app_name = "leaderboards"

urlpatterns = [
    path("", home, name="home"),
    path("compare/", compare, name="compare"),
    path("compare/items/<int:position>/", compare_item, name="compare_item"),
    path("search/", search_page, name="search"),
    path("search/suggestions/", suggestions, name="search_suggestions"),
    path("models/", model_list, name="models"),
    path("models/<path:slug>/feed.atom", ModelFeed(), name="model_feed"),
    path("models/<path:slug>/", model_detail, name="model"),
    path("standings/<str:public_id>/", views.snapshot, name="snapshot"),
    path("standings/<str:public_id>/compare/", compare_rows_of_board, name="compare_rows"),
    path(
        "standings/<str:public_id>/standings.<slug:extension>",
        files.standings_file,
        name="standings_file",
    ),
    path("standings/<str:public_id>/items.<slug:extension>", files.items_file, name="items_file"),
    path("standings/<str:public_id>/figure.svg", views.figure, name="figure"),
    path("standings/<str:public_id>/figures/<slug:name>.svg", views.figure, name="named_figure"),
    path(
        "standings/<str:public_id>/figures/<slug:name>.png",
        figure_files.figure_png,
        name="figure_png",
    ),
    path(
        "standings/<str:public_id>/figures/<slug:name>.csv",
        figure_files.figure_csv,
        name="figure_csv",
    ),
    path("standings/<str:public_id>/cite/", citations.cite, name="cite"),
    path(
        "standings/<str:public_id>/citation.<slug:extension>",
        citations.citation_file,
        name="citation_file",
    ),
    path("standings/<str:public_id>/embed/", embeds.embed, name="embed"),
    path("standings/<str:public_id>/badges/<slug:contender_id>.svg", embeds.badge, name="badge"),
    path("standings/<str:public_id>/card.png", embeds.card, name="card"),
    path("benchmarks/<slug:handle>/<slug:slug>/", views.board, name="board"),
    path("standings/<str:public_id>/changes/", changes, name="changes"),
    path("standings/<str:public_id>/slices/", slices, name="slices"),
    path("standings/<str:public_id>/weights/", weights, name="weights"),
    path("standings/<str:public_id>/scorings/", scorings, name="scorings"),
    path("benchmarks/<slug:handle>/<slug:slug>/history/", history, name="history"),
    path("benchmarks/<slug:handle>/<slug:slug>/embed/", embeds.embed_newest, name="embed_newest"),
    path(
        "benchmarks/<slug:handle>/<slug:slug>/badges/<slug:contender_id>.svg",
        embeds.badge_newest,
        name="badge_newest",
    ),
    path("benchmarks/<slug:handle>/<slug:slug>/history/<slug:name>.svg", timeline, name="timeline"),
    path("benchmarks/<slug:handle>/<slug:slug>/feed.atom", BenchmarkFeed(), name="benchmark_feed"),
    path("tasks/<slug:handle>/<slug:slug>/feed.atom", TaskFeed(), name="task_feed"),
    path("people/<slug:handle>/feed.atom", PersonFeed(), name="person_feed"),
    path(
        "benchmarks/<slug:handle>/<slug:slug>/versions/<int:number>/",
        views.board_of_version,
        name="board_of_version",
    ),
]
