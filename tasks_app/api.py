"""Paths below `/api/v1/`."""

from django.urls import path

from tasks_app.authoring import api as tasks
from tasks_app.code_tasks import api as programs
from tasks_app.judges import api as judging
from tasks_app.runs import api as runs

urlpatterns = [
    path("tasks", tasks.TaskList.as_view()),
    path("tasks/<str:public_id>", tasks.TaskView.as_view()),
    path("tasks/<str:public_id>/draft", tasks.DraftView.as_view()),
    path("tasks/<str:public_id>/draft/check", tasks.DraftCheckView.as_view()),
    path("tasks/<str:public_id>/draft/build", tasks.BuildView.as_view()),
    path("tasks/<str:public_id>/draft/try", tasks.DraftTryView.as_view()),
    path("tasks/<str:public_id>/publish", tasks.PublishView.as_view()),
    path("tasks/<str:public_id>/versions", tasks.VersionList.as_view()),
    path("task-versions/<str:public_id>", tasks.VersionView.as_view()),
    path("task-versions/<str:public_id>/items", tasks.ItemList.as_view()),
    path(
        "task-versions/<str:public_id>/items/<int:position>/files/<str:sha256>",
        tasks.ItemFile.as_view(),
    ),
    path("task-versions/<str:public_id>/rescore", tasks.RescoreView.as_view()),
    path("task-versions/<str:public_id>/submissions", runs.SubmissionView.as_view()),
    path("task-versions/<str:public_id>/judges", judging.JudgesView.as_view()),
    path("task-versions/<str:public_id>/label-sets", judging.LabelSetList.as_view()),
    path("label-sets/<str:public_id>", judging.LabelSetView.as_view()),
    path("label-sets/<str:public_id>/answers", judging.BlindAnswerList.as_view()),
    path("label-sets/<str:public_id>/answers/<int:position>", judging.BlindAnswerView.as_view()),
    path("label-sets/<str:public_id>/differences", judging.DifferenceList.as_view()),
    path("contenders", runs.ContenderList.as_view()),
    path("contenders/<str:public_id>", runs.ContenderView.as_view()),
    path("runs", runs.RunList.as_view()),
    path("runs/cost-bound", runs.CostBoundView.as_view()),
    path("runs/<int:run_id>", runs.RunView.as_view()),
    path("runs/<int:run_id>/pause", runs.PauseView.as_view()),
    path("runs/<int:run_id>/resume", runs.ResumeView.as_view()),
    path("runs/<int:run_id>/cancel", runs.CancelView.as_view()),
    path("runs/<int:run_id>/retry", runs.RetryView.as_view()),
    path("runs/<int:run_id>/spend-limit", runs.SpendLimitView.as_view()),
    path("runs/<int:run_id>/invalidate", runs.InvalidateView.as_view()),
    path("runs/<int:run_id>/log", programs.LogView.as_view()),
    path("runs/<int:run_id>/report", programs.ReportView.as_view()),
    path("runs/<int:run_id>/artifacts", programs.ArtifactList.as_view()),
    path("runs/<int:run_id>/artifacts.zip", programs.ArtifactZip.as_view()),
    path("runs/<int:run_id>/artifacts/<int:artifact_id>", programs.ArtifactFile.as_view()),
    path("runs/<int:run_id>/scorings", runs.ScoringList.as_view()),
    path("runs/<int:run_id>/samples", runs.SampleList.as_view()),
    path("runs/<int:run_id>/samples/<int:ordinal>", runs.SampleView.as_view()),
]
