from django.apps import AppConfig


class KaggleConfig(AppConfig):
    name = "plumbmark.compat.kaggle"
    label = "kaggle"

    def ready(self) -> None:
        from plumbmark.compat.kaggle import sdk_files
        from tasks_app.code_tasks.output.run_files import register_run_file_reader

        register_run_file_reader(sdk_files)
