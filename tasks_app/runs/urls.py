"""Addresses of runs, below `/runs/`."""

from django.urls import path

from tasks_app.datasets import views as files
from tasks_app.runs.views import files as run_files
from tasks_app.runs.views import runs, samples

app_name = "runs"

_SAMPLE = "<int:run_id>/samples/<int:ordinal>/"

urlpatterns = [
    path("", runs.run_list, name="list"),
    path("<int:run_id>/", runs.run_detail, name="detail"),
    path("<int:run_id>/status/", runs.run_status, name="status"),
    path("<int:run_id>/pause/", runs.run_pause, name="pause"),
    path("<int:run_id>/resume/", runs.run_resume, name="resume"),
    path("<int:run_id>/cancel/", runs.run_cancel, name="cancel"),
    path("<int:run_id>/retry/", runs.run_retry, name="retry"),
    path("<int:run_id>/spend-limit/", runs.run_spend_limit, name="spend_limit"),
    path("<int:run_id>/invalidate/", runs.run_invalidate, name="invalidate"),
    path("<int:run_id>/log/", runs.run_log, name="log"),
    path("<int:run_id>/output/", runs.run_output, name="output"),
    path("<int:run_id>/output.txt", runs.run_output_file, name="output_file"),
    path("<int:run_id>/files.zip", runs.run_artifacts, name="artifacts"),
    path("<int:run_id>/files/<int:artifact_id>/", runs.run_artifact, name="artifact"),
    path("<int:run_id>/samples.<slug:extension>", run_files.samples_file, name="samples_file"),
    path("<int:run_id>/manifest.json", run_files.manifest, name="manifest"),
    path("<int:run_id>/run.jsonl", run_files.run_file, name="run_file"),
    path(_SAMPLE, samples.sample_detail, name="sample"),
    path(_SAMPLE + "output/", samples.sample_output, name="sample_output"),
    path(_SAMPLE + "messages/<int:number>/", samples.sample_message, name="sample_message"),
    path(_SAMPLE + "files/<slug:sha256>/", files.sample_file, name="sample_file"),
    path(_SAMPLE + "calls/<int:number>/", samples.sample_exchange, name="sample_exchange"),
]
