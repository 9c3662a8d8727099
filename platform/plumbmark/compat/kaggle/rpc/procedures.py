"""Every procedure by the name that the command line calls it by."""

from collections.abc import Mapping

from plumbmark.accounts.models import ApiToken
from plumbmark.compat.kaggle.rpc import (
    accounts,
    boards,
    downloads,
    logs,
    pushing,
    runs,
    tasks,
)
from plumbmark.compat.kaggle.rpc.calls import Procedure

_READ, _WRITE, _GATEWAY = (
    ApiToken.Scope.READ.value,
    ApiToken.Scope.WRITE.value,
    ApiToken.Scope.GATEWAY.value,
)
_TASKS = "benchmarks.BenchmarkTasksApiService"
_BOARDS = "benchmarks.BenchmarksApiService"
_PROXY = "models.ModelProxyApiService"

PROCEDURES: Mapping[tuple[str, str], Procedure] = {
    # The token in its message is the credential.
    ("security.OAuthService", "IntrospectToken"): Procedure(None, accounts.introspect_token),
    (_PROXY, "CreateDefaultModelProxyToken"): Procedure(
        _GATEWAY, accounts.create_default_model_proxy_token
    ),
    (_PROXY, "GetModelProxyQuotas"): Procedure(_READ, accounts.get_model_proxy_quotas),
    (_BOARDS, "ListBenchmarkModels"): Procedure(_READ, boards.list_benchmark_models),
    (_BOARDS, "GetBenchmarkLeaderboard"): Procedure(_READ, boards.get_benchmark_leaderboard),
    (_TASKS, "GetBenchmarkTask"): Procedure(_READ, tasks.get_benchmark_task),
    (_TASKS, "ListBenchmarkTasks"): Procedure(_READ, tasks.list_benchmark_tasks),
    (_TASKS, "CreateBenchmarkTask"): Procedure(_WRITE, pushing.create_benchmark_task),
    (_TASKS, "PublishBenchmarkTask"): Procedure(_WRITE, tasks.publish_benchmark_task),
    (_TASKS, "BatchScheduleBenchmarkTaskRuns"): Procedure(
        _WRITE, runs.batch_schedule_benchmark_task_runs
    ),
    (_TASKS, "ListBenchmarkTaskRuns"): Procedure(_READ, runs.list_benchmark_task_runs),
    (_TASKS, "GetBenchmarkTaskRunLogs"): Procedure(_READ, logs.get_benchmark_task_run_logs),
    (_TASKS, "DownloadBenchmarkTaskRunOutput"): Procedure(
        _READ, downloads.download_benchmark_task_run_output
    ),
}
